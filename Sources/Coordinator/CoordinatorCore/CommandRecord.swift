package import JSON
package import Wire

/// A command from the moment it is decided until it is forgotten.
///
/// ```
/// pending ──▶ delivered ──▶ done · failed · refused
///    ▲  └──────────│──────▶ expired · cancelled
///    └─ lease ends─┘
/// ```
package struct CommandRecord: Equatable, Sendable {
    package let id: CommandID
    package let instance: InstanceID
    package let order: Order
    package let priority: Int
    package let createdAt: Timestamp
    package let notBefore: Timestamp?
    package let expiresAt: Timestamp
    package let leaseSeconds: Int
    package var epoch: Epoch
    package let incident: IncidentID?
    package var state = CommandState.pending
    /// Counts deliveries.
    package var attempt = 0
    /// When it was first handed out.
    package var deliveredAt: Timestamp?
    /// Until when the delivery belongs to the host.
    package var leaseUntil: Timestamp?
    package var finishedAt: Timestamp?
    package var result: CommandResult?

    package init(
        id: CommandID, instance: InstanceID, order: Order, priority: Int, createdAt: Timestamp, notBefore: Timestamp?,
        expiresAt: Timestamp, leaseSeconds: Int, epoch: Epoch, incident: IncidentID?
    ) {
        self.id = id
        self.instance = instance
        self.order = order
        self.priority = priority
        self.createdAt = createdAt
        self.notBefore = notBefore
        self.expiresAt = expiresAt
        self.leaseSeconds = leaseSeconds
        self.epoch = epoch
        self.incident = incident
    }

    /// May be handed out at `now`.
    package func isDue(at now: Timestamp) -> Bool {
        state == .pending && (notBefore ?? createdAt) <= max(now, createdAt) && now < expiresAt
    }

    /// As it goes over the wire; only for one that was delivered at least once.
    package var onTheWire: Command {
        var command = Command(
            id: id, instance: instance, order: order, priority: priority, createdAt: createdAt, expiresAt: expiresAt,
            leaseSeconds: leaseSeconds, attempt: attempt, epoch: epoch)
        command.notBefore = notBefore
        command.incident = incident
        return command
    }
}
