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
            turn.note(.hostSilent, "\(instance) says that it stops", instance: instance)
            settle(&turn)
            return []
        }
        change(instance) { host in
            host.facts = host.facts.updated(by: HostFacts(heartbeat))
            host.isFresh = true
            host.isOffline = false
            host.isProvenDead = false
            host.lacking = heartbeat.lacking ?? host.lacking
            host.lastHeardAt = turn.now
            if host.role == .launching { host.become(.replica, at: turn.now) }
        }
        if before.isOffline { turn.note(.hostBack, "\(instance) is heard again", instance: instance) }
        noteSight(of: instance, isBlind: heartbeat.health?.blind ?? before.isBlind, &turn)
        judgeReadiness(of: instance, &turn)
        renewLeases(of: instance, running: heartbeat.running, at: turn.now)
        settle(&turn)
        return deliver(to: instance, at: turn.now)
    }

    private mutating func noteSight(of instance: InstanceID, isBlind: Bool, _ turn: inout Turn) {
        guard host(instance)?.isBlind != isBlind else { return }
        change(instance) { $0.isBlind = isBlind }
        let words = isBlind ? "cannot see its metadata service, and so no notice" : "sees its metadata service again"
        turn.note(isBlind ? .hostBlind : .hostSighted, "\(instance) \(words)", instance: instance)
    }

    private mutating func judgeReadiness(of instance: InstanceID, _ turn: inout Turn) {
        guard let host = host(instance), host.role == .replica, let lacking = host.lacking,
            let replica = replica(of: instance), [.launching, .syncing, .ready].contains(replica.status)
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
        change(instance) { $0.isFresh = false }
        if host.role.isInUse { turn.note(.hostSilent, "\(instance) is not heard", instance: instance) }
        settle(&turn)
    }

    /// A host was silent for the whole time-out.
    package mutating func noteOffline(_ instance: InstanceID, after silence: Duration, _ turn: inout Turn) {
        guard let host = host(instance), !host.isOffline else { return }
        change(instance) { host in
            host.isFresh = false
            host.isOffline = true
        }
        if host.role.isInUse {
            turn.note(
                .hostOffline, "\(instance) was not heard for \(silence.components.seconds) s", instance: instance)
        }
        concludeSwitchOfDeadHost(instance, &turn)
        settle(&turn)
    }

    /// There is evidence that the machine no longer runs.
    mutating func proveDead(_ instance: InstanceID, _ evidence: String, _ turn: inout Turn) {
        guard let host = host(instance), !host.isProvenDead else { return }
        change(instance) { host in
            host.isProvenDead = true
            host.isOffline = true
            host.isFresh = false
        }
        turn.note(.hostDead, "\(instance) is gone: \(evidence)", instance: instance)
        switch host.role {
        case .primary:
            if promoting != nil { noteFence(of: instance, evidence, &turn) } else { openSilence(of: instance, &turn) }
        case .promoting: failHandOver(to: instance, incident: promotionIncident, evidence, &turn)
        case .launching, .replica: loseReplica(instance, evidence, &turn)
        case .zombie, .terminating: noteTermination(of: instance, by: nil, &turn)
        case .terminated: break
        }
    }

    /// The incident that the hand-over under way belongs to; none when a person asked for it.
    var promotionIncident: IncidentID? {
        guard let promoting else { return nil }
        return incidents.first { $0.isOpen && $0.incident.successor == promoting.instance }?.id
    }

    /// Asks EC2 through another host of the slot, unless that is being asked or was a moment ago.
    mutating func inspect(_ target: InstanceID, through instance: InstanceID, _ turn: inout Turn) {
        if let asked = host(target)?.inspectedAt, turn.now - asked < Rules.inspectionPause { return }
        change(target) { $0.inspectedAt = turn.now }
        queue(
            .inspectInstance(target), to: instance, priority: Rules.emergencyPriority, life: Rules.inspectionLife,
            &turn)
    }

    /// A silent primary beside a host that is heard: let that one ask EC2.
    mutating func examineSilence(_ turn: inout Turn) {
        guard let primary, !primary.isFresh, !primary.isProvenDead,
            let witness = hosts.first(where: { $0.isFresh && [.replica, .promoting].contains($0.role) })
        else { return }
        inspect(primary.instance, through: witness.instance, &turn)
    }
}

extension Role {
    /// Serves, or may be chosen to.
    package var isInUse: Bool { [.primary, .promoting, .replica].contains(self) }
}
