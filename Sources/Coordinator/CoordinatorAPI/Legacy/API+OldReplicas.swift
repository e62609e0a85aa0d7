import CoordinatorHeart
import HTTPServer
import JSON
import Wire

// Replicas that old hosts launch and end by asking for them, and machines that they end.
extension API {
    func oldReplicas(_ old: OldVisit) {
        switch old.visit.request.parameter("status") {
        case ReplicaStatus.launching.rawValue: launches(old)
        case ReplicaStatus.terminated.rawValue: endings(old)
        case let text:
            let status = text.flatMap(ReplicaStatus.init(rawValue:))
            guard text == nil || status != nil else { return old.visit.answer(.replicas([], at: heart.wall)) }
            old.later({ heart.replicas(of: old.slot, with: status, answer: $0) }) { [heart] in
                .replicas($0.replicas, at: heart.wall)
            }
        }
    }

    /// Whoever reads this launches a machine for every entry, each time that it reads it: so each order stands here once.
    private func launches(_ old: OldVisit) {
        ask(.launches, old, as: old.spokesman) { [heart] errand in
            let replicas = errand.commands.compactMap { command -> Replica? in
                guard case .createReplica(let order) = command.order else { return nil }
                var replica = Replica(
                    id: order.replica, type: .automaticRebalance, status: .launching, createdAt: command.createdAt)
                replica.pool = order.pool ?? errand.place
                return replica
            }
            return .replicas(replicas, at: heart.wall)
        }
    }

    /// Those whose machine has not been seen ended. Whoever reads this tries each once: where that fails the machine stands in
    /// `instances-to-terminate`.
    private func endings(_ old: OldVisit) {
        guard let line = old.spokesman, line.role == .primary else {
            return old.visit.answer(.replicas([], at: heart.wall))
        }
        if old.isSlowed(line, isNameless: true) { return }
        old.later({ heart.unendedReplicas(of: old.slot, answer: $0) }) { [heart] in
            .replicas($0.replicas, at: heart.wall)
        }
    }

    func oldTerminations(_ old: OldVisit) {
        guard let line = old.spokesman, old.visit.request.method != "HEAD" else {
            return old.visit.answer(.terminations(nil, [], of: [], at: heart.wall))
        }
        if old.isSlowed(line, isNameless: true) { return }
        old.later({ answer in
            heart.errand(for: line, about: .terminations) { [heart] outcome in
                guard case .done(let errand) = outcome else { return answer(outcome.map { ($0, nil, []) }) }
                if errand.commands.isEmpty {
                    heart.configuration(of: old.slot) { found in answer(found.map { (errand, $0, []) }) }
                } else {
                    heart.agent(old.slot) { found in answer(found.map { (errand, $0.configuration, $0.hosts) }) }
                }
            }
        }) { [heart] (found: (Heart.Errand, Configuration?, [InstanceSummary])) in
            .terminations(found.1, found.0.commands, of: found.2, at: heart.wall)
        }
    }

    /// What came of ending a machine.
    func termination(_ old: OldVisit) {
        guard let target: InstanceID = old.body.name("instance_id") else { return refuseMachine(old) }
        // Its own name is not in it: the machine is another one.
        guard let line = old.spokesman else { return old.answerStale() }
        let time = heart.wall
        var report = TerminationReport(
            stamp: .old(time, target.text, line.instance), target: target,
            success: old.body.flag("success") ?? false)
        report.error = old.body.text("error")
        report.terminatedAt = old.body.time("terminated_at")
        old.report { heart.take(report, on: line, answer: $0) }
    }

    // MARK: One replica

    /// With a machine's name it says that it runs already: it is taken in, and no other is made.
    func oldReplica(_ old: OldVisit) {
        if let text = old.body.text("instance_id"), (try? InstanceID(text)) == nil { return refuseMachine(old) }
        var creation = ReplicaCreation(type: old.body.word("replica_type") ?? .manual)
        if old.body.text("replica_type") == "emergency" { creation.type = .automaticTermination }
        creation.instance = old.body.name("instance_id")
        creation.parent = old.body.name("parent_instance_id")
        creation.pool = old.body.pool("pool_id", "target_pool_id", "target_pool")
        creation.status = old.body.word("status")
        let maker = old.speaker(named: creation.parent)?.instance
        changed(old) { heart.createReplica(creation, of: old.slot, by: maker, answer: $0) }
    }

    func oldLaunch(_ old: OldVisit) {
        guard let replica = old.name(1, of: ReplicaKind.self) else { return }
        guard let instance: InstanceID = old.body.name("instance_id") else { return refuseMachine(old) }
        let launch = ReplicaLaunch(instance: instance, status: old.body.word("status") ?? .syncing)
        changed(old) { heart.take(launch, for: replica, of: old.slot, answer: $0) }
    }

    func oldProgress(_ old: OldVisit) {
        guard let replica = old.name(1, of: ReplicaKind.self) else { return }
        guard let status: ReplicaStatus = old.body.word("status") else {
            return old.visit.refuse(.validation, "status: expected launching, syncing, ready, failed or terminated")
        }
        var progress = ReplicaProgress(status: status)
        progress.syncStartedAt = old.body.time("sync_started_at")
        progress.syncCompletedAt = old.body.time("sync_completed_at")
        progress.terminatedAt = old.body.time("terminated_at")
        progress.errorMessage = old.body.text("error_message")
        changed(old) { [progress] in heart.take(progress, of: replica, of: old.slot, answer: $0) }
    }

    func syncStatus(_ old: OldVisit) {
        guard let replica = old.name(1, of: ReplicaKind.self) else { return }
        let isWhole = old.body.number("state_transfer_progress").map { $0 >= 100 } ?? false
        // How quick it is says nothing of how far it is.
        guard let status: ReplicaStatus = isWhole ? .ready : old.body.word("status") else {
            return old.answer { $0.field("replica_id", replica) }
        }
        let progress = ReplicaProgress(status: status)
        changed(old) { heart.take(progress, of: replica, of: old.slot, answer: $0) }
    }

    func oldPromotion(_ old: OldVisit) {
        guard let replica = old.name(1, of: ReplicaKind.self) else { return }
        old.later({ answer in
            heart.promote(replica, of: old.slot) { [heart] outcome in
                guard case .done(let queued) = outcome else { return answer(outcome.map { ($0, nil) }) }
                heart.agent(old.slot) { detail in answer(detail.map { (queued, $0) }) }
            }
        }) { (found: (QueuedCommand, AgentDetail?)) in .promoted(found.0, found.1) }
    }

    func oldDeletion(_ old: OldVisit) {
        guard let replica = old.name(1, of: ReplicaKind.self) else { return }
        changed(old, endedAt: heart.wall) { heart.deleteReplica(replica, of: old.slot, answer: $0) }
    }

    private func changed(
        _ old: OldVisit, endedAt: Timestamp? = nil,
        _ ask: (@escaping @Sendable (Outcome<ReplicaReply>) -> Void) -> Void
    ) {
        old.later(ask) { reply in
            .old {
                $0.field("replica_id", reply.replica)
                $0.known("instance_id", reply.instance)
                $0.field("replica_status", reply.status)
                if let endedAt {
                    $0.field("message", "its machine is ended")
                    $0.field("terminated_at", endedAt)
                }
            } data: {
                $0.field("status", reply.status)
            }
        }
    }

    func replicaConfig(_ old: OldVisit) {
        old.later({ heart.configuration(of: old.slot, answer: $0) }) { configuration in
            let settings = configuration.settings
            return .old {
                $0.field("enabled", settings.manualReplicaEnabled)
                $0.field("manual_replica_enabled", settings.manualReplicaEnabled)
                $0.field("count", settings.replicaCount)
                $0.field("auto_create_replica", settings.manualReplicaEnabled)
                $0.array("preferred_replica_pools") { _ in }
                // Nobody tells the coordinator how far a replica's data is.
                $0.field("replica_sync_required", false)
                $0.field("min_sync_percentage", 0)
            }
        }
    }
}

extension Response {
    /// Where one takes over that proves nothing it is done at once. Else none is demoted before the new one has proven to serve.
    fileprivate static func promoted(_ queued: QueuedCommand, _ detail: AgentDetail?) -> Response {
        let replica = detail?.replicas.first { $0.status == .promoted && $0.instance == detail?.agent.instance }
        let new = replica == nil ? nil : detail?.agent.instance
        let old = detail?.hosts.filter { $0.role == (new == nil ? .primary : .zombie) }.max {
            $0.roleSince < $1.roleSince
        }
        return .old {
            $0.field("command_id", queued.command)
            $0.known("message", queued.message)
            $0.field("demoted", new != nil)
            $0.known("new_instance_id", new)
            $0.known("old_instance_id", old?.instance)
            $0.known("switch_time", new == nil ? nil : old?.roleSince)
        }
    }

    fileprivate static func replicas(_ replicas: [Replica], at now: Timestamp) -> Response {
        .old { reply in
            reply.array("replicas") { list in
                for replica in replicas { list.object { replica.writeOld(at: now, &$0) } }
            }
            reply.field("total", replicas.count)
        }
    }

    /// With the switch off the host would pass over the list; what stands in it is to end all the same.
    fileprivate static func terminations(
        _ configuration: Configuration?, _ commands: [Command], of hosts: [InstanceSummary], at now: Timestamp
    ) -> Response {
        .old { reply in
            reply.array("instances") { list in
                for command in commands {
                    guard case .terminateInstance(let order) = command.order else { continue }
                    let host = hosts.first { $0.instance == order.target }
                    let waited = max(0, (now - command.createdAt).components.seconds)
                    list.object { entry in
                        entry.field("instance_id", order.target)
                        entry.known("instance_type", host?.instanceType)
                        entry.known("az", host?.zone)
                        entry.field("reason", order.reason)
                        for name in ["seconds_waiting", "seconds_since_marked"] { entry.field(name, waited) }
                    }
                }
            }
            let isOn = configuration?.settings.autoTerminateEnabled ?? false
            reply.field("auto_terminate_enabled", isOn || !commands.isEmpty)
            reply.field("terminate_wait_seconds", configuration?.settings.terminateWaitSeconds ?? 0)
        }
    }
}

extension Replica {
    /// Its pool twice, in each of the two ways in which it is read.
    fileprivate func writeOld(at now: Timestamp, _ fields: inout JSONObjectWriter) {
        fields.field("id", id)
        fields.known("instance_id", instance)
        fields.field("type", type)
        fields.field("replica_type", type)
        fields.field("status", status)
        fields.field("is_active", [.launching, .syncing, .ready].contains(status))
        fields.known("parent_instance_id", parent)
        fields.known("pool_id", pool)
        fields.known("az", pool?.zone)
        if let pool { fields.place("pool", pool) }
        fields.field("created_at", createdAt)
        fields.field("age_seconds", max(0, (now - createdAt).components.seconds))
        fields.known("ready_at", readyAt)
        fields.known("terminated_at", terminatedAt)
        writeUnknown(&fields)
    }

    /// What pages ask for and nobody tells the coordinator: what a machine costs, and how far its data is.
    private func writeUnknown(_ fields: inout JSONObjectWriter) {
        for name in ["sync_status", "sync_latency_ms", "state_transfer_progress", "created_by"] { fields.null(name) }
        fields.object("cost") { cost in for name in ["hourly", "total"] { cost.null(name) } }
        fields.object("tags") { _ in }
    }
}

extension ReportStamp {
    /// Old hosts give their reports no names: what one is about is its name.
    static func old(_ time: Timestamp, _ matter: String, _ instance: InstanceID) -> ReportStamp {
        guard let report = try? ReportID("\(matter)-\(time.nanosecondsSinceEpoch)") else {
            preconditionFailure("a time and a name are a name: \(matter)")
        }
        return ReportStamp(report: report, instance: instance)
    }
}
