import JSON
package import Wire

extension Slot {
    /// A host presents itself. What it is follows from what it was, and from who serves now; what it takes itself for does
    /// not count.
    package mutating func register(_ registration: Registration, _ turn: inout Turn) throws(Refusal) -> Host {
        let facts = HostFacts(registration)
        if let known = host(registration.instance) {
            change(known.instance) { host in
                host.facts = host.facts.updated(by: facts)
                host.isFresh = true
                host.isOffline = false
                host.isProvenDead = false
                // It runs, whatever was reported of it: so somebody must end it.
                if [.terminating, .terminated].contains(host.role) { host.become(.zombie, at: turn.now) }
                if host.role == .launching { host.become(.replica, at: turn.now) }
            }
            if known.role == .zombie || known.role == .terminated {
                turn.note(.hostRefused, "\(known.instance) was replaced and stays so", instance: known.instance)
            } else if known.isOffline {
                turn.note(.hostBack, "\(known.instance) registered again", instance: known.instance)
            }
        } else {
            guard hosts.count(where: { $0.role != .terminated }) < Rules.hostsMax else {
                throw Refusal(.conflict, "agent \(id) has \(Rules.hostsMax) hosts already: end some of them first")
            }
            join(registration.instance, facts, &turn)
        }
        settle(&turn)
        guard let host = host(registration.instance) else { preconditionFailure("a registered host is there") }
        return host
    }

    private mutating func join(_ instance: InstanceID, _ facts: HostFacts, _ turn: inout Turn) {
        let predecessor = primary
        var newcomer = Host(instance: instance, role: .replica, facts: facts, at: turn.now)
        newcomer.isFresh = true
        hosts.append(newcomer)
        guard takesOver(from: predecessor) else {
            bindReplica(instance, &turn)
            turn.note(
                .hostJoined, "\(instance) joined as replica of \(predecessor?.instance.text ?? "nobody")",
                instance: instance)
            return
        }
        let isFirst = hosts.count == 1
        install(instance, &turn)
        let why = predecessor.map { "takes over from \($0.instance), which is gone" } ?? "is the primary"
        turn.note(isFirst ? .agentRegistered : .hostJoined, "\(instance) \(why)", instance: instance)
    }

    /// Silence alone is no proof, so where two must never serve only proof will do.
    private func takesOver(from predecessor: Host?) -> Bool {
        guard promoting == nil else { return false }
        guard let predecessor else { return true }
        return predecessor.isProvenDead || (settings.handOver == .overlap && predecessor.presence == .offline)
    }

    /// The newcomer is the machine of the oldest order that has none yet, or a replica that nobody ordered.
    private mutating func bindReplica(_ instance: InstanceID, _ turn: inout Turn) {
        if replica(of: instance) != nil { return }
        if let ordered = replicas.filter({ $0.status == .launching && $0.instance == nil }).min(by: Slot.isOlder) {
            changeReplica(ordered.id) { replica in
                replica.instance = instance
                replica.status = .syncing
            }
        } else {
            var replica = Replica(id: turn.makeID(), type: .manual, status: .syncing, createdAt: turn.now)
            replica.instance = instance
            replica.pool = host(instance)?.facts.pool
            replicas.append(replica)
        }
    }

    static func isOlder(_ left: Replica, _ right: Replica) -> Bool {
        (left.createdAt, left.id) < (right.createdAt, right.id)
    }

    /// Makes `instance` the one primary, under a new epoch.
    mutating func install(_ instance: InstanceID, _ turn: inout Turn) {
        for host in hosts where host.role == .primary && host.instance != instance {
            change(host.instance) { $0.become(.zombie, at: turn.now) }
        }
        raiseEpoch(&turn)
        change(instance) { host in
            host.become(.primary, at: turn.now)
            host.lacking = nil
        }
        if let replica = replica(of: instance) {
            changeReplica(replica.id) { $0.status = .promoted }
        }
    }

    /// Orders of the old world that would move the workload are void; the others are still wanted.
    mutating func raiseEpoch(_ turn: inout Turn) {
        let next = epoch.next
        epoch = next
        for command in commands where command.state.isOpen {
            if command.order.movesTheWorkload {
                finish(command.id, as: .cancelled, &turn)
            } else {
                changeCommand(command.id) { $0.epoch = next }
            }
        }
    }
}

extension Order {
    /// Whether obeying it changes who serves.
    var movesTheWorkload: Bool {
        switch self {
        case .switch, .promote, .activate, .demote: true
        case .createReplica, .terminateInstance, .inspectInstance, .applyConfig, .cleanup, .unknown, .malformed: false
        }
    }
}
