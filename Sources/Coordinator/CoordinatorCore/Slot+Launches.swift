import JSON
import Wire

// Replicas that are ordered, from the order to the machine, and their end.
extension Slot {
    /// Has a host of the slot launch a replica; nil when none can.
    @discardableResult
    mutating func orderReplica(
        _ type: ReplicaType, pool: PoolID? = nil, incident: IncidentID? = nil, _ turn: inout Turn
    ) -> ReplicaID? {
        // Of those that are not heard nobody knows whether they are there when they are needed.
        let inTheWay = type == .manual ? activeReplicas.count : activeReplicas.count(where: isHeardOrComing)
        guard let maker = maker(at: turn.now), inTheWay < Rules.replicasMax else {
            if let incident, let record = self.incident(incident), !record.isBlocked {
                changeIncident(incident) { $0.isBlocked = true }
                turn.note(.noSuccessor, "no host can launch a replica", incident: incident)
            }
            return nil
        }
        let pool = pool ?? (maker.isTokenless ? maker.facts.place : nil)
        var replica = Replica(id: turn.makeID(), type: type, status: .launching, createdAt: turn.now)
        replica.parent = maker.instance
        replica.pool = pool
        replicas.append(replica)
        let isEmergency = type != .manual
        turn.note(
            .replicaOrdered, "a replica was ordered (\(type.rawValue))", instance: maker.instance, incident: incident)
        let zone = (primary ?? maker).facts.zone
        queue(
            .createReplica(
                Order.CreateReplica(
                    replica: replica.id, mode: .spot, pool: pool,
                    avoidedZones: pool == nil && isEmergency ? zone.map { [$0] } ?? [] : [])),
            to: maker.instance, priority: isEmergency ? Rules.emergencyPriority : Rules.manualPriority,
            life: Rules.launchLife, incident: incident, &turn)
        if let incident { changeIncident(incident) { $0.ordered = replica.id } }
        return replica.id
    }

    private func isHeardOrComing(_ replica: Replica) -> Bool {
        guard let instance = replica.instance, let host = host(instance) else { return true }
        return host.isFresh || host.role == .launching
    }

    /// The primary when it is heard; else whoever is; else a primary that may only have missed a beat.
    private func maker(at now: Timestamp) -> Host? {
        let able = hosts.filter { canLaunch($0, at: now) }
        let primary = able.first { $0.role == .primary }
        if let primary, primary.isFresh { return primary }
        let heard = able.filter { $0.isFresh && ($0.role.isInUse || $0.role == .zombie) }
        return heard.first { $0.role.isInUse } ?? heard.first ?? primary.flatMap { $0.isOffline ? nil : $0 }
    }

    /// Without `id` it was launched for something else, which is over.
    mutating func noteLaunch(_ launched: CommandResult.LaunchedInstance, for id: ReplicaID?, _ turn: inout Turn) {
        var facts = HostFacts()
        facts.region = primary?.facts.region
        facts.instanceType = launched.instanceType
        facts.zone = launched.zone
        facts.mode = launched.mode
        facts.image = launched.image
        bind(id, to: launched.instance, facts, &turn)
    }

    /// A machine that runs is never forgotten: one whose order was taken back is ended, unless it is wanted after all.
    mutating func bind(_ id: ReplicaID?, to instance: InstanceID, _ facts: HostFacts, _ turn: inout Turn) {
        guard !isOnlyElsewhere(instance) else {
            if let id { failOrder(of: id, "\(instance) is a host of another agent", &turn) }
            return
        }
        let ordered = replicas.first { $0.id == id }
        if host(instance) == nil {
            let maker = ordered?.parent.flatMap { host($0) }
            hosts.append(machine(instance, facts, of: maker, at: turn.now))
        }
        if let known = replica(of: instance) {
            // It joined as a stranger, and is none.
            let maker = ordered?.parent ?? primary?.instance
            changeReplica(known.id) { $0.parent = $0.parent ?? maker }
            if let ordered, ordered.id != known.id, ordered.instance != nil { disown(ordered, for: known.id) }
            return
        }
        guard let role = host(instance)?.role, [.launching, .replica].contains(role) else { return }
        if let ordered, ordered.isWithoutMachine || ordered.status.isActive {
            give(ordered.id, the: instance)
            if let guessed = ordered.instance { bindReplica(guessed, &turn) }
        } else if isReplicaMissing {
            addReplica(for: instance, parent: primary?.instance, &turn)
        } else {
            change(instance) { $0.become(.terminating, at: turn.now) }
            turn.note(.replicaTerminated, "\(instance) was launched for nothing", instance: instance)
        }
    }

    /// The machine that was taken for the one of an order is a stranger, and `replica` is what was ordered.
    private mutating func disown(_ guessed: Replica, for replica: ReplicaID) {
        changeReplica(guessed.id) { $0.parent = nil }
        for record in incidents where record.ordered == guessed.id {
            changeIncident(record.id) { $0.ordered = replica }
        }
    }

    /// Orders whose replica is no longer wanted, and that no host is working on.
    mutating func withdrawLaunches(_ turn: inout Turn) {
        let wanted = Set(activeReplicas.map(\.id))
        let tokenless = Set(hosts.filter(\.isTokenless).map(\.instance))
        cancel(
            where: { command in
                // A host without a token that was handed it tells of what it launched when it is asked again, and only then.
                let mayBeBegun = command.attempt > 0 && tokenless.contains(command.instance)
                guard command.state == .pending, !mayBeBegun, case .createReplica(let order) = command.order else {
                    return false
                }
                return !wanted.contains(order.replica)
            }, &turn)
    }

    private var isReplicaMissing: Bool {
        activeReplicas.count < replicasWanted || (activeReplicas.isEmpty && incidents.contains(where: \.isOpen))
    }

    /// The newcomer is taken for the machine of the oldest order that has none yet, or for a replica that nobody ordered. An
    /// order that was given up does not count: what we take for ours we may end.
    mutating func bindReplica(_ instance: InstanceID, _ turn: inout Turn) {
        if replica(of: instance) != nil { return }
        let open = replicas.filter { $0.isWithoutMachine && $0.status == .launching }
        if let order = open.min(by: Slot.isOlder) {
            give(order.id, the: instance)
        } else {
            addReplica(for: instance, parent: nil, &turn)
        }
    }

    private mutating func give(_ id: ReplicaID, the instance: InstanceID) {
        let pool = host(instance)?.facts.pool
        changeReplica(id) { replica in
            replica.instance = instance
            replica.status = .syncing
            replica.readyAt = nil
            replica.pool = replica.pool ?? pool
        }
    }

    @discardableResult
    mutating func addReplica(for instance: InstanceID, parent: InstanceID?, _ turn: inout Turn) -> ReplicaID {
        var replica = Replica(id: turn.makeID(), type: .manual, status: .syncing, createdAt: turn.now)
        replica.instance = instance
        replica.parent = parent
        replica.pool = host(instance)?.facts.pool
        replicas.append(replica)
        return replica.id
    }

    static func isOlder(_ left: Replica, _ right: Replica) -> Bool {
        (left.createdAt, left.id) < (right.createdAt, right.id)
    }

    // MARK: The end of one

    /// The order ends, and nobody has told of a machine. One that came meanwhile is not its failure.
    mutating func failOrder(of id: ReplicaID, _ reason: String, _ turn: inout Turn) {
        if let replica = replicas.first(where: { $0.id == id }) { letGo(of: replica, &turn) }
        failReplica(id, reason, &turn)
    }

    /// Ends one that is needed no longer, but no machine that may be another's.
    mutating func dismiss(_ replica: Replica, _ reason: String, _ turn: inout Turn) {
        if mayBeAnothers(replica) { letGo(of: replica, &turn) }
        removeReplica(replica.id, reason, &turn)
    }

    /// Its machine may be a stranger: it was only taken for the one of the order, and another one came that nobody ordered.
    func mayBeAnothers(_ replica: Replica) -> Bool {
        activeReplicas.contains { $0.parent == nil } && isGuessed(replica)
    }

    /// The launch that was ordered is still to be told of, and the machine that came meanwhile was taken for the one of it.
    func isGuessed(_ replica: Replica) -> Bool {
        replica.instance != nil
            && openCommand { order in
                if case .createReplica(let launch) = order { launch.replica == replica.id } else { false }
            } != nil
    }

    /// The machine that was taken for the one of an order, and speaks, becomes a replica that nobody ordered.
    private mutating func letGo(of guessed: Replica, _ turn: inout Turn) {
        guard guessed.status.isActive, let instance = guessed.instance, let role = host(instance)?.role,
            [.replica, .promoting].contains(role)
        else { return }
        changeReplica(guessed.id) { replica in
            (replica.instance, replica.status, replica.readyAt) = (nil, .launching, nil)
        }
        let own = addReplica(for: instance, parent: nil, &turn)
        changeReplica(own) { replica in (replica.status, replica.readyAt) = (guessed.status, guessed.readyAt) }
    }

    mutating func failReplica(_ id: ReplicaID, _ reason: String, _ turn: inout Turn) {
        guard let replica = replicas.first(where: { $0.id == id }), replica.status.isActive else { return }
        forgetIfOnlyClaimed(replica, at: turn.now)
        noteFailedLaunch(of: replica, at: turn.now)
        changeReplica(id) { $0.status = .failed }
        if let instance = replica.instance, let host = host(instance), [.launching, .replica].contains(host.role) {
            change(instance) { $0.become(.zombie, at: turn.now) }
        }
        turn.note(.replicaFailed, "replica \(id) failed: \(reason)", instance: replica.instance)
    }

    /// The record ends, and nobody is asked to end the machine: it may be anybody's.
    private mutating func forgetIfOnlyClaimed(_ replica: Replica, at now: Timestamp) {
        guard isOnlyClaimed(replica), let instance = replica.instance else { return }
        change(instance) { $0.become(.terminated, at: now) }
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

    /// Ends a replica and asks for the termination of its machine. One that is only claimed ends by a person's order for it
    /// alone, `isOrder`.
    mutating func removeReplica(_ id: ReplicaID, _ reason: String, isOrder: Bool = false, _ turn: inout Turn) {
        guard let replica = replicas.first(where: { $0.id == id }) else { return }
        if !isOrder { forgetIfOnlyClaimed(replica, at: turn.now) }
        endReplica(id, at: turn.now)
        turn.note(.replicaTerminated, "replica \(id) ends: \(reason)", instance: replica.instance)
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
        dismiss(replica, "what it was ordered for is over", &turn)
    }
}

extension Replica {
    /// Ordered, and no machine is known that came of it.
    fileprivate var isWithoutMachine: Bool { instance == nil && (status == .launching || status == .failed) }
}
