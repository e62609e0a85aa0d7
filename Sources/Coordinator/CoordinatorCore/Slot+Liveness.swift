import JSON
package import Wire

// Who is there. Unknown is not dead: nothing destructive follows from silence alone.
extension Slot {
    /// A host reported. Returns the commands that it is to obey now.
    package mutating func hear(_ heartbeat: Heartbeat, _ turn: inout Turn) -> [Command] {
        let instance = heartbeat.instance
        guard let before = host(instance) else { return [] }
        guard heartbeat.status != .offline else {
            // A restart or an upgrade says this, too: it is silent from now on, and the time-out decides.
            change(instance) { $0.isFresh = false }
            if before.role.isInUse, deletedAt == nil {
                turn.note(.hostSilent, "\(instance) says that it stops", instance: instance)
            }
            settle(&turn)
            return []
        }
        let isContrary = Slot.isContrary(heartbeat, to: before.role, epoch)
        learn(heartbeat.epoch, from: instance, &turn)
        if isContrary { contest(by: instance, &turn) }
        change(instance) { $0.facts = $0.facts.updated(by: HostFacts(heartbeat)) }
        noteLacks(heartbeat, &turn)
        noteLease(of: instance, knowing: heartbeat.configVersion)
        noteHeard(instance, &turn)
        noteSight(of: instance, isBlind: heartbeat.health?.blind ?? before.isBlind, &turn)
        judgeReadiness(of: instance, &turn)
        guard !before.isTokenless else {
            settle(&turn)
            return []
        }
        renewLeases(of: instance, running: heartbeat.running, at: turn.now)
        settle(&turn)
        return deliver(to: instance, at: turn.now)
    }

    /// By something else than a heartbeat. What it said of its readiness is from before it was away.
    mutating func noteHeardBesides(_ instance: InstanceID, _ turn: inout Turn) {
        if let host = host(instance), host.role == .replica, !host.isFresh || host.inspectedAt != nil {
            change(instance) { $0.lacking = nil }
        }
        noteHeard(instance, &turn)
    }

    /// It speaks, so it runs: what was concluded from its silence is taken back.
    mutating func noteHeard(_ instance: InstanceID, _ turn: inout Turn) {
        guard let before = host(instance) else { return }
        change(instance) { host in
            host.isFresh = true
            host.isOffline = false
            host.isProvenDead = false
            host.inspectedAt = nil
            host.lastHeardAt = turn.now
            host.inspections = Attempts()
            // It has no other way to prove it.
            if host.isTokenless, host.role == .primary { host.service = .proven }
            // It was away, and may have found its way out of what kept it.
            if before.isOffline || before.isSilent { host.tryAgain() }
        }
        if before.isOffline && before.role != .terminated {
            turn.note(.hostBack, "\(instance) is heard again", instance: instance)
        }
        switch before.role {
        case .launching:
            change(instance) { $0.become(.replica, at: turn.now) }
            noteArrival(of: instance, at: turn.now)
            if let replica = replica(of: instance), replica.status == .launching {
                changeReplica(replica.id) { $0.status = .syncing }
            }
        // A machine says its last words while it is being terminated; one that still speaks now was not.
        case .terminated where turn.now - before.roleSince >= Rules.terminationRetry:
            change(instance) { $0.become(.zombie, at: turn.now) }
            turn.note(.hostRefused, "\(instance) was reported terminated and runs", instance: instance)
        // What it has to do it may only begin now, or have done and not been able to say.
        case .promoting where before.isSilent || before.lastHeardAt == nil: change(instance) { $0.roleSince = turn.now }
        case .primary, .replica, .promoting, .zombie, .terminating, .terminated: break
        }
    }

    /// A host learns of a configuration by an answer, which grants the lease of that configuration, too; but not to one that
    /// was replaced.
    private mutating func noteLease(of instance: InstanceID, knowing version: ConfigVersion?) {
        guard version == configVersion, host(instance)?.role.isInUse == true else { return }
        let granted = settings.leaseSeconds
        change(instance) { $0.leaseSeconds = granted > 0 ? granted : nil }
    }

    private mutating func noteSight(of instance: InstanceID, isBlind: Bool, _ turn: inout Turn) {
        guard host(instance)?.isBlind != isBlind else { return }
        change(instance) { $0.isBlind = isBlind }
        let words = isBlind ? "cannot see its metadata service, and so no notice" : "sees its metadata service again"
        turn.note(isBlind ? .hostBlind : .hostSighted, "\(instance) \(words)", instance: instance)
    }

    private mutating func judgeReadiness(of instance: InstanceID, _ turn: inout Turn) {
        guard let host = host(instance), host.role == .replica, let lacking = host.lacking,
            let replica = replica(of: instance), replica.status.isActive
        else { return }
        if lacking.isEmpty && replica.status != .ready {
            changeReplica(replica.id) { replica in
                replica.status = .ready
                replica.readyAt = turn.now
            }
            turn.note(.replicaReady, "\(instance) is ready to take over", instance: instance)
        } else if !lacking.isEmpty && replica.status != .syncing {
            changeReplica(replica.id) { $0.status = .syncing }
        }
    }

    /// A host missed several heartbeats in a row.
    package mutating func noteSilence(of instance: InstanceID, _ turn: inout Turn) {
        guard let host = host(instance), !host.isOffline else { return }
        fallSilent(instance, &turn)
        // A deleted agent's hosts are told to stay away.
        if host.role.isInUse, deletedAt == nil {
            turn.note(.hostSilent, "\(instance) is not heard", instance: instance)
        }
        settle(&turn)
    }

    /// A host was silent for the whole time-out.
    package mutating func noteOffline(_ instance: InstanceID, after silence: Duration, _ turn: inout Turn) {
        guard let host = host(instance), !host.isOffline else { return }
        fallSilent(instance, &turn)
        change(instance) { $0.isOffline = true }
        if host.role.isInUse, deletedAt == nil {
            turn.note(
                .hostOffline, "\(instance) was not heard for \(silence.components.seconds) s", instance: instance)
        }
        concludeSwitchOfDeadHost(instance, &turn)
        giveUpOrders(to: instance, &turn)
        settle(&turn)
    }

    /// Nobody parks for a machine that never enrolled, so time tells that it is silent.
    mutating func missFirstWord(_ turn: inout Turn) {
        for (due, isLast) in firstWordMoments where due <= turn.now {
            guard let primary, isLast ? !primary.isOffline : primary.inspectedAt == nil else { continue }
            if isLast {
                change(primary.instance) { $0.isOffline = true }
            } else {
                fallSilent(primary.instance, &turn)
            }
            turn.note(
                isLast ? .hostOffline : .hostSilent,
                "nothing was heard of \(primary.instance), which serves by its maker's word",
                instance: primary.instance)
        }
    }

    /// When a primary that never spoke is taken for silent, and then for offline.
    var firstWordMoments: [(due: Timestamp, isLast: Bool)] {
        guard let primary, !primary.isFresh, primary.lastHeardAt == nil else { return [] }
        return [
            (primary.roleSince + Rules.firstWordTime, false), (primary.roleSince + Rules.replicaLaunchTime, true),
        ]
    }

    private mutating func fallSilent(_ instance: InstanceID, _ turn: inout Turn) {
        let now = turn.now
        change(instance) { host in
            host.isFresh = false
            // As if it had last been asked about just long enough ago to ask now.
            if host.role != .terminated { host.inspectedAt = host.inspectedAt ?? now - host.inspectionPause }
        }
        // Another witness may be heard.
        cancel(where: { $0.instance == instance && $0.order.inspected != nil }, &turn)
    }

    /// Another host may launch what this one no longer will; should it have, the machine presents itself.
    private mutating func giveUpOrders(to instance: InstanceID, _ turn: inout Turn) {
        cancel(
            where: { command in
                if case .createReplica = command.order { command.instance == instance } else { false }
            }, &turn)
    }

    /// There is evidence that the machine no longer runs.
    mutating func proveDead(_ instance: InstanceID, _ evidence: String, _ turn: inout Turn) {
        guard let host = host(instance), !host.isProvenDead else { return }
        change(instance) { host in
            host.isProvenDead = true
            host.isOffline = true
            host.isFresh = false
        }
        // One that was replaced is meant to end.
        let kind = host.role.isReplaced ? EventKind.instanceTerminated : .hostDead
        turn.note(kind, "\(instance) is gone: \(evidence)", instance: instance)
        switch host.role {
        case .primary:
            if promoting != nil {
                noteVacancy(of: instance, evidence, &turn)
            } else {
                openSilence(of: instance, &turn)
                concludeSwitchOfDeadHost(instance, &turn)
            }
        case .promoting: failHandOver(to: instance, incident: promotionIncident, evidence, &turn)
        case .launching, .replica: loseReplica(instance, evidence, &turn)
        case .zombie, .terminating, .terminated: break
        }
        giveUpOrders(to: instance, &turn)
    }

    /// The incident that the hand-over under way belongs to; none when a person asked for it.
    var promotionIncident: IncidentID? {
        guard let promoting else { return nil }
        let its = incidents.filter { $0.isOpen && $0.incident.successor == promoting.instance }
        // What becomes of a drill matters less than what becomes of the real thing that came over it.
        return (its.first { !$0.incident.drill } ?? its.first)?.id
    }
}

extension Role {
    /// Serves, or may be chosen to.
    package var isInUse: Bool { [.primary, .promoting, .replica].contains(self) }
}
