import JSON
package import Wire

// Replicas that a person or an agent asks for.
extension Slot {
    /// Makes a replica, or, when the machine runs already, takes it in: a running machine that nobody knows costs money.
    /// `maker` is the host that says so, where that is known.
    package mutating func take(
        _ creation: ReplicaCreation, by maker: InstanceID? = nil, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaReply {
        if let instance = creation.instance {
            let replica: ReplicaID
            if let answered = try answerLaunch(by: maker, instance, creation.status, &turn) {
                replica = answered
            } else {
                try requireInUse()
                replica = try adopt(instance, creation, by: maker, &turn)
            }
            settle(&turn)
            return reply(replica)
        }
        try requireInUse()
        guard settings.manualReplicaEnabled else {
            throw Refusal(.validation, "agent \(id) keeps no replicas: set manual_replica_enabled first")
        }
        guard activeReplicas.count < replicasWanted else {
            throw Refusal(.conflict, "agent \(id) has its \(replicasWanted) replicas: raise replica_count for more")
        }
        try requireRoomForCommands()
        tryAgain()
        guard let ordered = orderReplica(creation.type, pool: creation.pool, &turn) else {
            throw Refusal(.conflict, "agent \(id) has no host that could launch a replica: none was heard lately")
        }
        settle(&turn)
        return reply(ordered)
    }

    /// One that was deleted while its machine was launched is loaded no longer.
    private func reply(_ id: ReplicaID) -> ReplicaReply {
        let replica = replicas.first { $0.id == id }
        return ReplicaReply(replica: id, instance: replica?.instance, status: replica?.status ?? .terminated)
    }

    private mutating func adopt(
        _ instance: InstanceID, _ creation: ReplicaCreation, by maker: InstanceID?, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaID {
        if let known = replica(of: instance) { return known.id }
        if let role = host(instance)?.role, role != .launching, role != .replica {
            throw Refusal(.conflict, "\(instance) is \(role.rawValue) of agent \(id), not a replica")
        }
        try requireNotElsewhere(instance)
        guard activeReplicas.count < Rules.replicasMax else {
            throw Refusal(.conflict, "agent \(id) has \(Rules.replicasMax) replicas already")
        }
        // Whoever says so may be wrong about the machine: how far it is it says itself, and a parent would make it ours to end.
        var replica = Replica(id: turn.makeID(), type: creation.type, status: .launching, createdAt: turn.now)
        replica.instance = instance
        replica.pool = creation.pool
        replicas.append(replica)
        if host(instance) == nil {
            let claimed = machine(instance, facts(in: creation.pool), of: maker.flatMap { host($0) }, at: turn.now)
            hosts.append(claimed)
        }
        turn.note(.replicaOrdered, "\(instance) was taken in as replica", instance: instance)
        return replica.id
    }

    /// An agent's word does not make the machine of another one ours. That it is another tenant's is not told: it is taken for
    /// what it is said to be, and neither heard nor ended.
    func requireNotElsewhere(_ instance: InstanceID) throws(Refusal) {
        guard liveElsewhere[instance] != .own else {
            throw Refusal(.conflict, "\(instance) is a host of another agent")
        }
    }

    /// It has enrolled in another agent of the client, and would never be heard here.
    func isOnlyElsewhere(_ instance: InstanceID) -> Bool {
        host(instance) == nil && liveElsewhere[instance] == .own
    }

    /// Taken in on somebody's word, and not heard since: nothing proves that it is a machine of this slot.
    func isOnlyClaimed(_ replica: Replica) -> Bool {
        replica.parent == nil && replica.instance.map { host($0)?.role == .launching } ?? false
    }

    func facts(in pool: PoolID?) -> HostFacts {
        var facts = HostFacts()
        facts.region = primary?.facts.region
        facts.instanceType = pool?.instanceType
        facts.zone = pool?.zone
        facts.mode = pool == nil ? nil : .spot
        return facts
    }

    /// The machine that was launched for a replica.
    package mutating func take(
        _ launch: ReplicaLaunch, for id: ReplicaID, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaReply {
        let replica = try requireReplica(id)
        // Until its maker names the machine of an order, which machine that is was a guess.
        if let known = replica.instance, known != launch.instance, openLaunch(of: id) == nil {
            throw Refusal(.conflict, "replica \(id) is \(known) already")
        }
        try requireNotElsewhere(launch.instance)
        bind(id, to: launch.instance, facts(in: replica.pool), &turn)
        finishLaunch(of: id, .done, "\(launch.instance) was launched", &turn)
        settle(&turn)
        return reply(id)
    }

    /// How far a replica is, as its maker tells. What a host says of itself in its heartbeats counts more.
    package mutating func take(
        _ progress: ReplicaProgress, of id: ReplicaID, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaReply {
        let replica = try requireReplica(id)
        switch progress.status {
        case .failed:
            let reason = progress.errorMessage ?? "it could not be made"
            let isGuessed = isGuessed(replica)
            finishLaunch(of: id, .failed, reason, &turn)
            if isGuessed { failOrder(of: id, reason, &turn) } else { failReplica(id, reason, &turn) }
            endUnheard(replica, &turn)
        case .terminated:
            if let instance = replica.instance { noteTermination(of: instance, by: nil, &turn) }
            if self.replicas.contains(where: { $0.id == id && $0.status.isActive }) { endReplica(id, at: turn.now) }
        case .promoted: throw Refusal(.conflict, "a replica is promoted by the coordinator, not by a report")
        case .launching, .syncing, .ready:
            // Without a machine it is not ready, whoever says so: its maker's word of the machine was lost.
            guard replica.status.isActive, replica.instance != nil, !isOnlyClaimed(replica) else { break }
            // That it runs is an answer, too, where the one that named the machine was lost.
            if progress.status != .launching, isGuessed(replica) {
                finishLaunch(of: id, .done, "\(replica.instance?.text ?? "it") runs", &turn)
            }
            changeReplica(id) { replica in
                replica.status = progress.status
                if progress.status == .ready { replica.readyAt = replica.readyAt ?? turn.now }
            }
        }
        settle(&turn)
        return reply(id)
    }

    func requireReplica(_ id: ReplicaID) throws(Refusal) -> Replica {
        guard let replica = replicas.first(where: { $0.id == id }) else {
            throw Refusal(.notFound, "agent \(self.id) has no replica \(id)")
        }
        return replica
    }

    /// A person wants it gone.
    package mutating func deleteReplica(_ id: ReplicaID, _ turn: inout Turn) throws(Refusal) -> ReplicaReply {
        let replica = try requireReplica(id)
        guard replica.status.isActive || replica.status == .failed else {
            throw Refusal(.validation, "replica \(id) is \(replica.status.rawValue): there is nothing to terminate")
        }
        if let instance = replica.instance, host(instance)?.role == .promoting {
            throw Refusal(.conflict, "replica \(id) is taking over just now")
        }
        if contestedBy == replica.instance { contestedBy = nil }
        tryAgain()
        removeReplica(id, "a person asked for it", isOrder: true, &turn)
        settle(&turn)
        return reply(id)
    }

    /// A person wants it to serve.
    package mutating func promote(_ id: ReplicaID, _ turn: inout Turn) throws(Refusal) -> CommandRecord {
        let replica = try requireReplica(id)
        guard let instance = replica.instance, let host = host(instance) else {
            throw Refusal(.conflict, "replica \(id) has no machine yet: wait until it is ready")
        }
        return try promote(host, &turn)
    }

    package mutating func promote(instance: InstanceID, _ turn: inout Turn) throws(Refusal) -> CommandRecord {
        guard let host = host(instance) else { throw Refusal(.notFound, "agent \(id) has no host \(instance)") }
        return try promote(host, &turn)
    }

    private mutating func promote(_ host: Host, _ turn: inout Turn) throws(Refusal) -> CommandRecord {
        if let promoting {
            throw Refusal(.conflict, "\(promoting.instance) is taking over just now: wait for its outcome")
        }
        guard (host.role == .replica && host.isFresh) || isTakenForReady(host) else {
            let state = host.role == .replica ? host.presence.rawValue : host.role.rawValue
            throw Refusal(.conflict, "\(host.instance) is \(state): only a replica that is heard can be promoted")
        }
        let incident = incidents.first { $0.isOpen && $0.incident.isUrgent(at: turn.now) }?.id
        tryAgain()
        beginHandOver(to: host.instance, incident: incident, because: "a person asked for it", &turn)
        guard let command = commands.last(where: { $0.instance == host.instance && $0.order.movesTheWorkload }) else {
            preconditionFailure("a hand-over begins with an order")
        }
        settle(&turn)
        return command
    }
}
