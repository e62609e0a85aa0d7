package import JSON

/// `POST /api/agents/{agent_id}/termination-imminent` and `…/rebalance-recommendation`: something announced the end of a
/// machine, or that it may come.
///
/// Sent before anything is written to the local disk. It needs no report id: the instance and the interruption's time
/// are the incident's key, and all signals for one interruption fold into one incident.
package struct Notice: WireObject {
    package var instance: InstanceID
    package var signal: Signal
    package var detectedAt: Timestamp
    /// The same by the coordinator's clock, as far as the host knows it: what is told late is late all the same.
    package var seenAt: Timestamp?
    package var epoch: Epoch?
    /// Nobody takes the machine: somebody rehearses that. Refused where the slot would not survive it.
    package var drill = false

    package init(instance: InstanceID, signal: Signal, detectedAt: Timestamp, epoch: Epoch? = nil) {
        self.instance = instance
        self.signal = signal
        self.detectedAt = detectedAt
        self.epoch = epoch
    }

    package enum Signal: Hashable, Sendable {
        /// EC2 takes the spot instance back at this time.
        case interruption(InterruptionAction, at: Timestamp)
        /// EC2 expects to, some day.
        case rebalance
        /// EC2 plans work on the machine, or has called it off.
        case maintenance(Maintenance)
        /// The Auto Scaling group moves the machine to this life-cycle state.
        case lifecycle(target: String)
        /// The host is going down, and nobody announced why.
        case shutdown
    }

    package enum InterruptionAction: String, WireWord { case terminate, stop, hibernate }

    /// The path that this notice is sent to.
    package var route: Route {
        switch signal {
        case .interruption, .lifecycle, .shutdown: .terminationImminent
        case .rebalance, .maintenance: .rebalanceRecommendation
        }
    }

    private enum Kind: String, WireWord { case interruption, rebalance, maintenance, lifecycle, shutdown }

    package init(_ fields: Fields) throws(JSONError) {
        instance = try fields.need("instance_id")
        detectedAt = try fields.need("detected_at")
        seenAt = try fields.maybe("seen_at")
        epoch = try fields.maybe("epoch")
        drill = try fields.maybe("drill") ?? false
        let kind: Kind = try fields.need("signal")
        switch kind {
        case .interruption:
            signal = .interruption(try fields.need("action"), at: try fields.need("termination_time"))
        case .rebalance: signal = .rebalance
        case .maintenance: signal = .maintenance(try fields.need("maintenance"))
        case .lifecycle: signal = .lifecycle(target: try fields.text("target_state"))
        case .shutdown: signal = .shutdown
        }
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("instance_id", instance)
        fields.put("detected_at", detectedAt)
        fields.put("seen_at", seenAt)
        fields.put("epoch", epoch)
        fields.put("drill", drill ? true : nil)
        switch signal {
        case .interruption(let action, let time):
            fields.put("signal", Kind.interruption)
            fields.put("action", action)
            fields.put("termination_time", time)
        case .rebalance: fields.put("signal", Kind.rebalance)
        case .maintenance(let maintenance):
            fields.put("signal", Kind.maintenance)
            fields.put("maintenance", maintenance)
        case .lifecycle(let target):
            fields.put("signal", Kind.lifecycle)
            fields.put("target_state", target)
        case .shutdown: fields.put("signal", Kind.shutdown)
        }
    }
}

/// A scheduled event of EC2, as the metadata service tells it.
package struct Maintenance: WireObject, Hashable {
    package var event: String
    /// `instance-stop`, `system-reboot` and the like: EC2's word.
    package var code: String
    package var notBefore: Timestamp
    package var notAfter: Timestamp?
    /// It will not happen: an incident that it opened is closed.
    package var cancelled: Bool

    package init(event: String, code: String, notBefore: Timestamp, notAfter: Timestamp? = nil, cancelled: Bool = false)
    {
        self.event = event
        self.code = code
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.cancelled = cancelled
    }

    package init(_ fields: Fields) throws(JSONError) {
        event = try fields.text("event_id")
        code = try fields.text("code")
        notBefore = try fields.need("not_before")
        notAfter = try fields.maybe("not_after")
        cancelled = try fields.maybe("cancelled") ?? false
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("event_id", event)
        fields.put("code", code)
        fields.put("not_before", notBefore)
        fields.put("not_after", notAfter)
        fields.put("cancelled", cancelled)
    }
}

/// The answer to a notice: the incident that it belongs to, and what the announcing host shall do about it.
package struct NoticeReply: WireObject {
    package var incident: IncidentID
    package var action: Action
    package var role: Role
    package var epoch: Epoch
    /// By when a new primary must be proven to serve.
    package var deadline: Timestamp?
    package var replica: ReplicaID?
    package var successor: InstanceID?
    /// For the announcing host, so that it need not wait for its next heartbeat.
    package var commands: [Command] = []
    package var message: String?

    package enum Action: String, WireWord {
        /// Recorded; nothing is to be done now.
        case monitor
        /// A successor is committed under `epoch`.
        case replicaPromoted = "replica_promoted"
        /// A replica is being made; the host goes on serving.
        case replicaCreated = "replica_created"
        /// There is none and none can be made: the host serves to the last moment.
        case noSuccessor = "no_successor"
    }

    package init(incident: IncidentID, action: Action, role: Role, epoch: Epoch) {
        self.incident = incident
        self.action = action
        self.role = role
        self.epoch = epoch
    }

    package init(_ fields: Fields) throws(JSONError) {
        incident = try fields.need("incident_id")
        action = try fields.need("action")
        role = try fields.need("role")
        epoch = try fields.need("epoch")
        deadline = try fields.maybe("deadline")
        replica = try fields.maybe("replica_id")
        successor = try fields.maybe("new_instance_id")
        commands = try fields.list("commands", upTo: Limits.commandsMax)
        message = try fields.maybeText("message", upTo: Limits.sentenceBytes)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("incident_id", incident)
        fields.put("action", action)
        fields.put("role", role)
        fields.put("epoch", epoch)
        fields.put("deadline", deadline)
        fields.put("replica_id", replica)
        fields.put("new_instance_id", successor)
        fields.put("commands", commands)
        fields.putSentence("message", message)
    }
}

/// The answer to `GET /api/agents/{agent_id}/emergency-status`: what is announced for the slot, and what stands ready.
package struct EmergencyStatus: WireObject {
    package var slot: SlotID
    package var noticeStatus: NoticeStatus
    package var noticeReceivedAt: Timestamp?
    package var noticeDeadline: Timestamp?
    package var incident: IncidentID?
    package var replica: Replica?

    package enum NoticeStatus: String, WireWord { case none, rebalance, termination }

    package init(slot: SlotID, noticeStatus: NoticeStatus) {
        self.slot = slot
        self.noticeStatus = noticeStatus
    }

    package init(_ fields: Fields) throws(JSONError) {
        slot = try fields.need("agent_id")
        noticeStatus = try fields.need("notice_status")
        noticeReceivedAt = try fields.maybe("notice_received_at")
        noticeDeadline = try fields.maybe("notice_deadline")
        incident = try fields.maybe("incident_id")
        replica = try fields.maybe("emergency_replica")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agent_id", slot)
        fields.put("notice_status", noticeStatus)
        fields.put("notice_received_at", noticeReceivedAt)
        fields.put("notice_deadline", noticeDeadline)
        fields.put("incident_id", incident)
        fields.put("emergency_replica", replica)
    }
}
