package import JSON

/// One typed order to one instance of a slot, as it stands in the answer to a heartbeat or a notice.
///
/// The parameters of a type are keys beside these, not an object of their own, as in the original (`target_mode` …).
/// It is delivered again under its lease until a result comes; `attempt` tells the deliveries apart.
package struct Command: WireObject {
    package var id: CommandID
    /// The host that shall act; another one ignores the command.
    package var instance: InstanceID
    package var order: Order
    /// Higher goes first: 100 emergency, 75 a person, 50 urgent advice, 25 advice, 10 scheduled.
    package var priority: Int
    package var createdAt: Timestamp
    /// Not to be started before; absent means at once.
    package var notBefore: Timestamp?
    /// Not to be started after.
    package var expiresAt: Timestamp
    /// How long this delivery belongs to the host; each heartbeat that names the command starts it anew.
    package var leaseSeconds: Int
    /// Counts deliveries, from 1.
    package var attempt: Int
    /// A host that knows a newer one refuses the command.
    package var epoch: Epoch
    /// The interruption that this command is a part of.
    package var incident: IncidentID?

    package init(
        id: CommandID, instance: InstanceID, order: Order, priority: Int, createdAt: Timestamp, expiresAt: Timestamp,
        leaseSeconds: Int, attempt: Int, epoch: Epoch
    ) {
        self.id = id
        self.instance = instance
        self.order = order
        self.priority = priority
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.leaseSeconds = leaseSeconds
        self.attempt = attempt
        self.epoch = epoch
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("id")
        instance = try fields.need("instance_id")
        priority = try fields.needWhole("priority", in: 0...100)
        createdAt = try fields.need("created_at")
        notBefore = try fields.maybe("not_before")
        expiresAt = try fields.need("expires_at")
        leaseSeconds = try fields.needWhole("lease_seconds", in: 1...Limits.settingSecondsMax)
        attempt = try fields.needWhole("attempt", in: 1...Int(Int32.max))
        epoch = try fields.need("epoch")
        incident = try fields.maybe("incident_id")
        order = try Order(fields)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", id)
        fields.put("instance_id", instance)
        fields.put("priority", priority)
        fields.put("created_at", createdAt)
        fields.put("not_before", notBefore)
        fields.put("expires_at", expiresAt)
        fields.put("lease_seconds", leaseSeconds)
        fields.put("attempt", attempt)
        fields.put("epoch", epoch)
        fields.put("incident_id", incident)
        order.write(&fields)
    }
}
