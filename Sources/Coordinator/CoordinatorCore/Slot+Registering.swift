import JSON
package import Wire

extension Slot {
    /// A host presents itself. What it is follows from what it was, and from who serves now; what it takes itself for does
    /// not count.
    package mutating func register(
        _ registration: Registration, withToken hasToken: Bool = true, _ turn: inout Turn
    ) throws(Refusal) -> Host {
        try requireInUse()
        if !hasToken { try requireNoFence(of: registration.instance) }
        let facts = HostFacts(registration)
        if let known = host(registration.instance) {
            // It would be handed to the new program, which did not begin it.
            if known.isTokenless, hasToken { endBegun(by: known.instance, &turn) }
            change(known.instance) { host in
                host.facts = host.facts.updated(by: facts)
                if host.isTokenless == hasToken { host.abilities = hasToken ? .all : [] }
            }
            noteRestart(of: known.instance, &turn)
            noteHeardBesides(known.instance, &turn)
            if known.role == .zombie || known.role == .terminated {
                turn.note(.hostRefused, "\(known.instance) was replaced and stays so", instance: known.instance)
            }
            // It runs, whatever was reported of it: so somebody must end it.
            if known.role == .terminated { change(known.instance) { $0.become(.zombie, at: turn.now) } }
        } else {
            try requireRoomForHost(&turn)
            join(registration.instance, facts, hasToken ? .all : [], &turn)
        }
        noteArrival(of: registration.instance, at: turn.now)
        change(registration.instance) { $0.tryAgain() }
        settle(&turn)
        guard let host = host(registration.instance) else { preconditionFailure("a registered host is there") }
        return host
    }

    func requireInUse() throws(Refusal) {
        guard deletedAt == nil else { throw Refusal(.notFound, "agent \(id) was deleted") }
    }

    private mutating func requireRoomForHost(_ turn: inout Turn) throws(Refusal) {
        let inUse = hosts.count { ($0.role.isInUse || $0.role == .launching) && !$0.isOffline }
        let running = hosts.count { $0.role != .terminated }
        guard inUse < Rules.hostsMax, makeRoomForHost(&turn) else {
            throw Refusal(
                .conflict,
                "agent \(id) has \(inUse) hosts, and \(running - inUse) that were replaced: end some of them first"
            )
        }
    }

    /// Takes a machine that nobody knew before into the slot.
    private mutating func join(
        _ instance: InstanceID, _ facts: HostFacts, _ abilities: Abilities, _ turn: inout Turn
    ) {
        let predecessor = primary
        let takesOver = takesOver(from: predecessor, at: turn.now)
        let isFirst = hosts.isEmpty
        var newcomer = Host(instance: instance, role: .replica, facts: facts, at: turn.now)
        newcomer.abilities = abilities
        newcomer.isFresh = true
        newcomer.lastHeardAt = turn.now
        hosts.append(newcomer)
        guard takesOver else {
            bindReplica(instance, &turn)
            turn.note(
                .hostJoined, "\(instance) joined as replica of \(predecessor?.instance.text ?? "nobody")",
                instance: instance)
            return
        }
        let isSwitched = predecessor.map(isSwitchedAway) ?? false
        replace(predecessor, by: instance, &turn)
        let why =
            predecessor.map { "takes over from \($0.instance), which \(isSwitched ? "switched to it" : "is gone")" }
            ?? "is the primary"
        turn.note(isFirst ? .agentRegistered : .hostJoined, "\(instance) \(why)", instance: instance)
    }

    /// Silence alone is no proof, so where two must never serve only proof will do. A machine that was ordered as replica
    /// starts its workload when it is promoted and not before: it joins as what it was ordered for.
    private func takesOver(from predecessor: Host?, at now: Timestamp) -> Bool {
        guard promoting == nil, !replicas.contains(where: { $0.status == .launching && $0.instance == nil }) else {
            return false
        }
        if settings.handOver == .exclusive { return unfenced(at: now).isEmpty }
        guard let predecessor else { return true }
        return isFenced(predecessor, at: now) || predecessor.presence == .offline || isSwitchedAway(predecessor)
    }

    private mutating func replace(_ predecessor: Host?, by instance: InstanceID, _ turn: inout Turn) {
        let asked = openSwitch
        if let asked { finish(asked.id, as: .done, &turn) }
        install(instance, &turn)
        guard let predecessor else { return }
        if asked != nil {
            turn.note(.switchCompleted, "\(instance) serves in place of \(predecessor.instance)", instance: instance)
        }
        noteSwitch(from: predecessor, to: instance, trigger: asked == nil ? .emergency : .manual, &turn)
        let urgent = incidents.first {
            $0.isOpen && $0.incident.instance == predecessor.instance && $0.incident.isUrgent(at: turn.now)
        }
        if let urgent { conclude(urgent.id, isProven: false, &turn) }
    }

    /// Makes `instance` the one primary, under a new epoch.
    mutating func install(_ instance: InstanceID, _ turn: inout Turn) {
        for host in hosts where host.role == .primary && host.instance != instance {
            change(host.instance) { $0.become(.zombie, at: turn.now) }
        }
        raiseEpoch(to: epoch.next, &turn)
        contestedBy = nil
        launches = Attempts()
        resumeTerminations()
        change(instance) { host in
            host.become(.primary, at: turn.now)
            host.service = .proven
            host.lacking = nil
        }
        if let replica = replica(of: instance) { changeReplica(replica.id) { $0.status = .promoted } }
    }

    /// Orders of the old world that would move the workload are void; the others are still wanted.
    mutating func raiseEpoch(to next: Epoch, _ turn: inout Turn) {
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
    /// Whether whoever obeys it serves.
    package var letsServe: Bool {
        switch self {
        case .activate: true
        case .promote(let order): !order.awaitsFence
        default: false
        }
    }

    /// Whether obeying it changes who serves.
    var movesTheWorkload: Bool {
        switch self {
        case .switch, .promote, .activate, .demote: true
        case .createReplica, .terminateInstance, .inspectInstance, .applyConfig, .cleanup, .unknown, .malformed: false
        }
    }
}
