import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// What old hosts announce, some of them every few seconds. All of it becomes one incident of the machine.
extension API {
    /// `launches` says what such a host does with the answer.
    func announceEnd(_ old: OldVisit, launches: Heart.Launching) {
        let time = old.body.time("termination_time", "notice_time", "time")
        announce(old, old.body.word("action") ?? .terminate, at: time, launches: launches)
    }

    func announceRebalance(_ old: OldVisit) { announce(old, nil) }

    /// One path, and two matters: the recommendation that has this name, and a notice of the end.
    func rebalanceRecommendation(_ old: OldVisit) {
        if old.body.has("instance_id") {
            announceRebalance(old)
        } else if old.body.has("notice_type") {
            // Who sends this never looks for recommendations: EC2 stops the machine.
            announce(old, .stop, at: old.body.time("notice_time"))
        } else if old.body.has("notice_time") {
            // Its time is that of each sending.
            announce(old, old.body.flag("immediate") == true ? .terminate : .stop)
        } else {
            announceRebalance(old)
        }
    }

    /// One path, and three matters, told apart by their keys.
    func terminationReport(_ old: OldVisit) {
        if old.body.has("notice_type") {
            announce(old, .terminate, at: old.body.time("termination_time"))
        } else if old.body.has("success") {
            termination(old)
        } else {
            old.answer { $0.field("message", "noted") }
        }
    }

    func createEmergencyReplica(_ old: OldVisit) {
        // It has launched one, and tells of it.
        if old.body.has("replica_type") { return oldReplica(old) }
        let isEnd = old.body.text("signal_type") == "termination-notice"
        let time = old.body.time("termination_time", "notice_time")
        guard let line = old.speaker else {
            return old.visit.answer(.noReplica("this host is not the one that serves"))
        }
        if old.isSlowed(line, isNotice: true) { return }
        old.later({
            heart.announce(
                isEnd ? .terminate : nil, at: time, on: line, launches: .whenAsking, answer: $0)
        }) { .emergencyReplica($0, urgency: old.body.text("urgency")) }
    }

    private func announce(
        _ old: OldVisit, _ action: Notice.InterruptionAction?, at time: Timestamp? = nil,
        launches: Heart.Launching = .never
    ) {
        guard let line = old.announcer else { return old.visit.answer(.notedNotice) }
        if old.isSlowed(line, isNotice: true) { return }
        old.later({
            heart.announce(
                action, at: time, detectedAt: old.body.detectedAt, on: line, launches: launches, answer: $0)
        }) { .notice($0, isEnd: action != nil) }
    }
}

extension Response {
    /// A refusal would not be read: what could not be done is told in an answer.
    fileprivate static func notice(_ reply: NoticeReply, isEnd: Bool) -> Response {
        let isPromoted = reply.action == .replicaPromoted
        let failure = isEnd && !isPromoted ? reply.message ?? "no replica is ready" : nil
        let launches = reply.commands.contains { if case .createReplica = $0.order { true } else { false } }
        return .old(failure: failure) {
            $0.field("action", isEnd ? reply.endAction : isPromoted ? "switch" : "monitor")
            $0.field("incident_id", reply.incident)
            $0.known("message", reply.message)
            $0.known("reason", reply.message)
            // Whoever reads this launches one machine for each time that it stands here.
            $0.field("create_emergency_replica", launches)
            $0.known("replica_id", reply.replica)
            $0.known("emergency_replica_id", reply.replica)
            $0.known("new_instance_id", reply.successor)
            for unknown in ["risk_score", "target_mode", "target_pool_id", "target_pool_name"] { $0.null(unknown) }
            $0.known("instructions", reply.message)
            $0.known("failover_time_ms", Int?.none)
            $0.known("deadline", reply.deadline)
        } data: {
            $0.field("status", "acknowledged")
        }
    }

    /// From a host that cannot be told from another: nothing follows from it.
    fileprivate static var notedNotice: Response {
        .old(failure: "it is not clear which host of this agent says so") {
            $0.field("action", "monitor")
            $0.field("create_emergency_replica", false)
        }
    }

    /// The host that asks launches it itself, when it looks for orders the next time.
    fileprivate static func emergencyReplica(_ reply: NoticeReply, urgency: String?) -> Response {
        guard let replica = reply.replica else { return .noReplica(reply.message ?? "no replica can be made") }
        let placeholder = reply.successor?.text ?? "emergency-\(replica.text.suffix(12))"
        return .old {
            $0.field("replica_id", replica)
            $0.field("instance_id", placeholder)
            $0.field("replica_instance_id", placeholder)
            $0.field("incident_id", reply.incident)
            $0.known("message", reply.message)
            // The place is its host's own, which that finds with the order.
            for unknown in ["pool", "hourly_cost"] { $0.null(unknown) }
            $0.known("urgency", urgency)
        }
    }

    fileprivate static func noReplica(_ reason: String) -> Response {
        .old(failure: reason) { $0.known("replica_id", ReplicaID?.none) }
    }
}

extension NoticeReply {
    fileprivate var endAction: String {
        switch action {
        case .replicaPromoted: "replica_promoted"
        case .replicaCreated: "emergency_replica_created"
        case .noSuccessor: "emergency_snapshot_required"
        case .monitor: "monitor"
        }
    }
}
