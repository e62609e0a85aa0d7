package import JSON
package import Wire

// A machine is terminated only by a command for it, whose slot has another primary that is heard, and after its wait.
extension Slot {
    private var wait: Duration { .seconds(settings.terminateWaitSeconds) }

    /// When a machine's termination may be asked for, if ever: at once for one that is no longer wanted, after the wait for
    /// one that was replaced and only when that is switched on. Never for one that another agent has as its host: that one may
    /// serve there, or be kept for the wait of that agent, which is to end it.
    func terminationDue(_ host: Host) -> Timestamp? {
        if contestedBy != nil || liveElsewhere[host.instance] != nil || host.terminations.isGivenUp { return nil }
        let due: Timestamp
        switch host.role {
        case .terminating: due = host.roleSince
        case .zombie where settings.autoTerminateEnabled && isSafelyReplaced(host): due = host.roleSince + wait
        default: return nil
        }
        let pause = host.terminations.pause(from: Rules.terminationRetry)
        return max(due, host.terminationAskedAt.map { $0 + pause } ?? due)
    }

    /// Whether nothing is lost with it. What served before is kept until another is proven to; and one of which only silence
    /// is known, since it was told to serve, may be doing so.
    private func isSafelyReplaced(_ host: Host) -> Bool {
        guard let primary, primary.failingSince == nil else { return false }
        let isFallback = replica(of: host.instance)?.status != .failed
        guard primary.service == .proven || !isFallback else { return false }
        return !host.mayServe || host.isProvenDead || primary.roleSince >= host.roleSince
    }

    mutating func askTerminations(_ turn: inout Turn) {
        withdrawTerminations(&turn)
        guard let primary, primary.isFresh else { return }
        guard primary.abilities.contains(.terminates) else { return noteUnended(beside: primary, &turn) }
        let due = hosts.filter { host in
            (terminationDue(host).map { $0 <= turn.now } ?? false) && !isUnderTermination(host.instance)
        }
        let room = Rules.terminationsMax - commands.count { $0.state.isOpen && $0.order.target != nil }
        for host in due.sorted(by: { $0.roleSince < $1.roleSince }).prefix(max(0, room)) {
            guard !host.terminations.isSpent else {
                change(host.instance) { $0.terminations.giveUp() }
                noteGivenUp("the termination of \(host.instance) was asked for", instance: host.instance, &turn)
                continue
            }
            change(host.instance) { host in
                host.terminationAskedAt = turn.now
                host.terminations.note()
            }
            let reason: TerminationReason = host.role == .terminating ? .replicaTerminated : .zombieTimeout
            queue(
                .terminateInstance(
                    Order.TerminateInstance(
                        target: host.instance, reason: reason, replica: replica(of: host.instance)?.id)),
                to: primary.instance, priority: Rules.scheduledPriority, life: Rules.terminationRetry, &turn)
        }
    }

    /// Told once of each; of those of a deleted agent it was told at its deletion.
    private mutating func noteUnended(beside primary: Host, _ turn: inout Turn) {
        guard deletedAt == nil else { return }
        for host in hosts where unendedAt(host).map({ $0 <= turn.now }) ?? false {
            change(host.instance) { $0.terminations.giveUp() }
            noteFailedTermination(of: host.instance, "\(primary.instance) ends no machines: end it by hand", &turn)
        }
    }

    /// When a person is needed, because the primary ends no machines: not before it has had time to ask which. What was replaced, and
    /// is not heard, has mostly ended itself.
    func unendedAt(_ host: Host) -> Timestamp? {
        guard let primary, !primary.endsOthers, host.role == .terminating || host.isFresh else {
            return nil
        }
        return terminationDue(host).map { $0 + Rules.terminationRetry }
    }

    private func isUnderTermination(_ instance: InstanceID) -> Bool {
        openCommand { $0.target == instance } != nil
    }

    /// Whoever switches termination off, or hears that it is done, saves what nobody has taken up yet.
    private mutating func withdrawTerminations(_ turn: inout Turn) {
        let due = Set(hosts.filter { terminationDue($0) != nil }.map(\.instance))
        cancel(where: { $0.order.target.map { !due.contains($0) } ?? false }, &turn)
    }

    mutating func noteTermination(of instance: InstanceID, by reporter: InstanceID?, _ turn: inout Turn) {
        guard let host = host(instance), host.role != .terminated else { return }
        let mayServe = host.mayServe && !host.isProvenDead && (primary == nil || settings.handOver == .exclusive)
        guard host.role != .primary && host.role != .promoting && !mayServe else {
            // It is being ended, which takes a while and may have failed: only where two may serve is that enough.
            guard !host.isFresh, settings.handOver == .overlap else { return }
            return proveDead(instance, "\(reporter?.text ?? "somebody") reported its termination", &turn)
        }
        change(instance) { host in
            host.become(.terminated, at: turn.now)
            host.isOffline = true
            host.isFresh = false
        }
        if contestedBy == instance { contestedBy = nil }
        if let replica = replica(of: instance), replica.status != .promoted { endReplica(replica.id, at: turn.now) }
        cancel(where: { $0.instance == instance }, &turn)
        turn.note(.instanceTerminated, "\(instance) is terminated", instance: instance)
    }

    mutating func noteFailedTermination(of instance: InstanceID, _ reason: String, _ turn: inout Turn) {
        guard host(instance) != nil else { return }
        change(instance) { $0.terminationAskedAt = turn.now }
        turn.note(.terminationFailed, "\(instance) could not be terminated: \(reason)", instance: instance)
    }

    package mutating func take(_ report: TerminationReport, _ turn: inout Turn) -> ReportReply.Outcome {
        if turn.isRepeat { return .duplicate }
        guard !isStale(report.stamp) else { return .stale }
        guard host(report.target) != nil else { return .stale }
        answerTermination(report, &turn)
        if report.success {
            noteTermination(of: report.target, by: report.stamp.instance, &turn)
        } else {
            noteFailedTermination(of: report.target, report.error ?? "no reason given", &turn)
        }
        settle(&turn)
        return .accepted
    }

    /// An older epoch, or none from a host that does not serve.
    package func isStale(_ stamp: ReportStamp) -> Bool {
        stamp.epoch.map { $0 < epoch } ?? (primary?.instance != stamp.instance)
    }

    /// The machines whose wait is over.
    package func terminationList(at now: Timestamp) -> TerminationList {
        let due = hosts.filter { terminationDue($0).map { $0 <= now } ?? false }
        let entries = due.prefix(Limits.hostsMax).map { host in
            var entry = TerminationList.Entry(
                instance: host.instance, reason: host.role == .terminating ? .replicaTerminated : .zombieTimeout,
                secondsWaiting: max(0, (now - host.roleSince).components.seconds))
            entry.instanceType = host.facts.instanceType
            entry.zone = host.facts.zone
            return entry
        }
        return TerminationList(
            instances: primary == nil ? [] : entries, autoTerminateEnabled: settings.autoTerminateEnabled,
            terminateWaitSeconds: settings.terminateWaitSeconds)
    }
}

extension Order {
    /// The machine that it ends.
    fileprivate var target: InstanceID? {
        if case .terminateInstance(let order) = self { order.target } else { nil }
    }
}
