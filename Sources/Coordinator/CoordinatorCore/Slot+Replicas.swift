import JSON
package import Wire

extension Slot {
    private var activeReplicas: [Replica] { replicas.filter(\.status.isActive) }

    /// How many replicas a person wants to be kept.
    private var replicasWanted: Int { settings.manualReplicaEnabled ? max(1, settings.replicaCount) : 0 }

    // MARK: Asked for by a person or an agent

    /// Makes a replica, or, when the machine runs already, takes it in: a running machine that nobody knows costs money.
    package mutating func take(_ creation: ReplicaCreation, _ turn: inout Turn) throws(Refusal) -> ReplicaReply {
        if let instance = creation.instance {
            let replica = try adopt(instance, creation, &turn)
            settle(&turn)
            return reply(replica)
        }
        guard settings.manualReplicaEnabled else {
            throw Refusal(.validation, "agent \(id) keeps no replicas: set manual_replica_enabled first")
        }
        guard activeReplicas.count < replicasWanted else {
            throw Refusal(.conflict, "agent \(id) has its \(replicasWanted) replicas: raise replica_count for more")
        }
        guard let ordered = orderReplica(creation.type, pool: creation.pool, &turn) else {
            throw Refusal(.conflict, "agent \(id) has no host that could launch a replica: none was heard lately")
        }
        settle(&turn)
        return reply(ordered)
    }

    private func reply(_ id: ReplicaID) -> ReplicaReply {
        guard let replica = replicas.first(where: { $0.id == id }) else {
            preconditionFailure("\(id) was made a moment ago")
        }
        return ReplicaReply(replica: id, instance: replica.instance, status: replica.status)
    }

    private mutating func adopt(
        _ instance: InstanceID, _ creation: ReplicaCreation, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaID {
        if let known = replica(of: instance) { return known.id }
        if let role = host(instance)?.role, role != .launching, role != .replica {
            throw Refusal(.conflict, "\(instance) is \(role.rawValue) of agent \(id), not a replica")
        }
        guard activeReplicas.count < Rules.replicasMax else {
            throw Refusal(.conflict, "agent \(id) has \(Rules.replicasMax) replicas already")
        }
        var replica = Replica(id: turn.makeID(), type: creation.type, status: .launching, createdAt: turn.now)
        replica.instance = instance
        replica.parent = creation.parent ?? primary?.instance
        replica.pool = creation.pool
        if let status = creation.status, status.isActive { replica.status = status }
        replicas.append(replica)
        if host(instance) == nil {
            hosts.append(Host(instance: instance, role: .launching, facts: facts(in: creation.pool), at: turn.now))
        }
        turn.note(.replicaOrdered, "\(instance) was taken in as replica", instance: instance)
        return replica.id
    }

    private func facts(in pool: PoolID?) -> HostFacts {
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
        if let known = replica.instance, known != launch.instance {
            throw Refusal(.conflict, "replica \(id) is \(known) already")
        }
        bind(id, to: launch.instance, facts(in: replica.pool), &turn)
        settle(&turn)
        return reply(id)
    }

    /// How far a replica is, as its maker tells. What a host says of itself in its heartbeats counts more.
    package mutating func take(
        _ progress: ReplicaProgress, of id: ReplicaID, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaReply {
        let replica = try requireReplica(id)
        switch progress.status {
        case .failed: failReplica(id, progress.errorMessage ?? "it could not be made", &turn)
        case .terminated:
            if let instance = replica.instance { noteTermination(of: instance, by: nil, &turn) }
            if self.replicas.contains(where: { $0.id == id && $0.status.isActive }) { endReplica(id, at: turn.now) }
        case .promoted: throw Refusal(.conflict, "a replica is promoted by the coordinator, not by a report")
        case .launching, .syncing, .ready:
            guard replica.status.isActive else { break }
            changeReplica(id) { replica in
                replica.status = progress.status
                if progress.status == .ready { replica.readyAt = replica.readyAt ?? turn.now }
            }
        }
        settle(&turn)
        return reply(id)
    }

    private func requireReplica(_ id: ReplicaID) throws(Refusal) -> Replica {
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
        removeReplica(id, "a person asked for it", &turn)
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
        guard host.role == .replica, host.isFresh else {
            let state = host.role == .replica ? host.presence.rawValue : host.role.rawValue
            throw Refusal(.conflict, "\(host.instance) is \(state): only a replica that is heard can be promoted")
        }
        let incident = incidents.first { $0.isOpen && $0.incident.isUrgent(at: turn.now) }?.id
        beginHandOver(to: host.instance, incident: incident, because: "a person asked for it", &turn)
        settle(&turn)
        guard let command = openCommand(to: host.instance, where: \.movesTheWorkload) else {
            preconditionFailure("a hand-over begins with an order")
        }
        return command
    }

    // MARK: Ordered by ourselves

    /// Has a host of the slot launch a replica; nil when none can.
    @discardableResult
    mutating func orderReplica(
        _ type: ReplicaType, pool: PoolID? = nil, incident: IncidentID? = nil, _ turn: inout Turn
    ) -> ReplicaID? {
        let maker =
            [primary].compactMap { $0 }.first { $0.presence != .offline }
            ?? hosts.first { $0.isFresh && $0.role != .terminated }
        guard let maker, activeReplicas.count < Rules.replicasMax else {
            if let incident, let record = self.incident(incident), !record.isBlocked {
                changeIncident(incident) { $0.isBlocked = true }
                turn.note(.noSuccessor, "no host can launch a replica", incident: incident)
            }
            return nil
        }
        var replica = Replica(id: turn.makeID(), type: type, status: .launching, createdAt: turn.now)
        replica.parent = maker.instance
        replica.pool = pool
        replicas.append(replica)
        let isEmergency = type != .manual
        turn.note(
            .replicaOrdered, "a replica was ordered (\(type.rawValue))", instance: maker.instance, incident: incident)
        queue(
            .createReplica(
                Order.CreateReplica(
                    replica: replica.id, mode: .spot, pool: pool,
                    avoidedZones: pool == nil && isEmergency ? maker.facts.zone.map { [$0] } ?? [] : [])),
            to: maker.instance, priority: isEmergency ? Rules.emergencyPriority : Rules.manualPriority,
            life: Rules.launchLife, incident: incident, &turn)
        if let incident { changeIncident(incident) { $0.ordered = replica.id } }
        return replica.id
    }

    mutating func noteLaunch(
        _ launched: CommandResult.LaunchedInstance, for id: ReplicaID, _ turn: inout Turn
    ) {
        var facts = HostFacts()
        facts.region = primary?.facts.region
        facts.instanceType = launched.instanceType
        facts.zone = launched.zone
        facts.mode = launched.mode
        facts.image = launched.image
        bind(id, to: launched.instance, facts, &turn)
    }

    /// A machine that runs is never forgotten: where its order is gone or became another machine, it gets a record of its own.
    private mutating func bind(
        _ id: ReplicaID, to instance: InstanceID, _ facts: HostFacts, _ turn: inout Turn
    ) {
        if host(instance) == nil {
            hosts.append(Host(instance: instance, role: .launching, facts: facts, at: turn.now))
        }
        if replica(of: instance) != nil { return }
        if let ordered = replicas.first(where: { $0.id == id }), ordered.status.isActive, ordered.instance == nil {
            changeReplica(id) { replica in
                replica.instance = instance
                replica.status = .syncing
                replica.pool = replica.pool ?? facts.pool
            }
        } else {
            var replica = Replica(id: turn.makeID(), type: .manual, status: .syncing, createdAt: turn.now)
            replica.instance = instance
            replica.parent = primary?.instance
            replica.pool = facts.pool
            replicas.append(replica)
        }
    }

    mutating func failReplica(_ id: ReplicaID, _ reason: String, _ turn: inout Turn) {
        guard let replica = replicas.first(where: { $0.id == id }), replica.status.isActive else { return }
        changeReplica(id) { $0.status = .failed }
        if let instance = replica.instance, let host = host(instance), [.launching, .replica].contains(host.role) {
            change(instance) { $0.become(.zombie, at: turn.now) }
        }
        turn.note(.replicaFailed, "replica \(id) failed: \(reason)", instance: replica.instance)
    }

    /// Its machine is gone, or about to be.
    mutating func loseReplica(_ instance: InstanceID, _ reason: String, _ turn: inout Turn) {
        if let replica = replica(of: instance) { failReplica(replica.id, reason, &turn) }
        if let host = host(instance), [.launching, .replica].contains(host.role) {
            change(instance) { $0.become(.zombie, at: turn.now) }
        }
    }

    mutating func endReplica(_ id: ReplicaID, at now: Timestamp) {
        changeReplica(id) { replica in
            replica.status = .terminated
            replica.terminatedAt = replica.terminatedAt ?? now
        }
    }

    /// Ends a replica and asks for the termination of its machine.
    mutating func removeReplica(_ id: ReplicaID, _ reason: String, _ turn: inout Turn) {
        guard let replica = replicas.first(where: { $0.id == id }) else { return }
        endReplica(id, at: turn.now)
        turn.note(.replicaTerminated, "replica \(id) ends: \(reason)", instance: replica.instance)
        cancel(
            where: { command in
                if case .createReplica(let order) = command.order {
                    order.replica == id && command.state == .pending
                } else {
                    false
                }
            }, &turn)
        guard let instance = replica.instance, let host = host(instance),
            [.launching, .replica, .zombie].contains(host.role)
        else { return }
        change(instance) { $0.become(.terminating, at: turn.now) }
    }

    /// Nothing followed: the replica that was ordered just in case goes again, unless it is wanted anyway.
    mutating func undoOrder(of id: ReplicaID, _ turn: inout Turn) {
        guard let replica = replicas.first(where: { $0.id == id }), replica.status.isActive,
            activeReplicas.count > replicasWanted
        else { return }
        removeReplica(id, "what it was ordered for did not come", &turn)
    }

    /// As many replicas as a person wants to be kept: the missing are ordered, of too many the oldest stay.
    mutating func keepReplicas(_ turn: inout Turn) {
        guard settings.manualReplicaEnabled, settings.enabled, deletedAt == nil, promoting == nil,
            let primary, primary.isFresh, !incidents.contains(where: \.isOpen)
        else { return }
        let isRecentFailure = replicas.contains { replica in
            replica.status == .failed && turn.now - replica.createdAt < Rules.terminationRetry
        }
        if activeReplicas.count < replicasWanted && !isRecentFailure {
            for _ in activeReplicas.count..<replicasWanted { orderReplica(.manual, &turn) }
        }
        // Those that joined by themselves (no parent) somebody else started, and somebody else ends.
        let ours = activeReplicas.filter { $0.type == .manual && $0.parent != nil }.sorted(by: Slot.isOlder)
        let surplus = activeReplicas.count - replicasWanted
        guard surplus > 0, openCommand(where: { if case .switch = $0 { true } else { false } }) == nil else { return }
        for replica in ours.suffix(surplus) { removeReplica(replica.id, "there are more than are wanted", &turn) }
    }

    /// Orders that never became a replica.
    mutating func giveUpLaunches(_ turn: inout Turn) {
        for replica in replicas where replica.status == .launching {
            if turn.now - replica.createdAt >= Rules.replicaLaunchTime {
                failReplica(
                    replica.id, "nothing was heard of it for \(Rules.replicaLaunchTime.components.seconds) s", &turn)
            }
        }
    }
}
