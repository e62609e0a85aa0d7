import JSON

extension World {
    func index(of id: String) -> Int? { instances.firstIndex { $0.id == id } }

    /// Takes a machine in whose place, image and the like are known to be there.
    mutating func launch(_ prototype: (inout Instance) -> Void, token: String? = nil, at now: Moment)
        throws(Refusal) -> Instance
    {
        guard instances.count(where: \.state.isThere) < Rules.instancesMax else {
            throw Refusal("InstanceLimitExceeded", "The sandbox runs at most \(Rules.instancesMax) instances at once")
        }
        let taken = Set(instances.filter(\.state.isThere).map(\.metadata))
        guard let metadata = rules.network.next(behind: lastAddress, free: { !taken.contains($0) }) else {
            throw Refusal("InsufficientFreeAddressesInSubnet", "\(rules.network) has no free address")
        }
        lastAddress = metadata
        var instance = Instance(
            id: chance.identifier("i"), token: token, metadata: metadata, launchedAt: now.wall.inSeconds,
            foundFrom: now.time + rules.settleTime)
        instance.address = metadata.description
        prototype(&instance)
        instance.moves = now.time + rules.launchTime
        instances.append(instance)
        tell(instance.id, "launched: \(instance.type) in \(instance.zone), \(instance.address)")
        return instance
    }

    /// Its end begins. At once: as when the machine under it fails.
    mutating func end(_ index: Int, _ reason: String, stops: Bool = false, atOnce: Bool = false, at now: Moment) {
        let before = instances[index].state
        guard before.isThere, before != .shuttingDown || atOnce else { return }
        let isDown = atOnce || before == .stopped
        instances[index].state = stops ? .stopping : .shuttingDown
        instances[index].reason = reason
        instances[index].moves = now.time + (isDown ? .zero : rules.haltTime)
        tell(instances[index].id, "\(instances[index].state.rawValue): \(reason)")
        if instances[index].hasBooted, before == .running, !isDown {
            effects.append(.halt(boot(instances[index]), state: instances[index].state.rawValue))
        }
        if isDown { moveOn(index, at: now) }
    }

    /// What time brings to one of them.
    mutating func moveOn(_ index: Int, at now: Moment) {
        if let notice = instances[index].notice, notice.due <= now.time,
            [.pending, .running].contains(instances[index].state)
        {
            let stops = notice.action != .terminate
            end(
                index, stops ? "Server.SpotInstanceShutdown" : "Server.SpotInstanceTermination", stops: stops,
                at: Moment(time: notice.due, wall: notice.at))
        }
        guard let moves = instances[index].moves, moves <= now.time else { return }
        instances[index].moves = nil
        switch instances[index].state {
        case .pending:
            instances[index].state = .running
            tell(instances[index].id, "running")
            instances[index].hasBooted = instances[index].boots
            if instances[index].boots { effects.append(.boot(boot(instances[index]))) }
        case .shuttingDown: bury(index, as: .terminated, at: now)
        case .stopping: bury(index, as: .stopped, at: now)
        case .running, .terminated, .stopped: break
        }
    }

    private mutating func bury(_ index: Int, as state: Instance.State, at now: Moment) {
        let instance = instances[index]
        instances[index].state = state
        // Until here its metadata say what they said, whoever still runs to read them.
        instances[index].notice = nil
        instances[index].tokens = SessionTokens()
        instances[index].moves = state == .terminated ? now.time + Self.memory : nil
        tell(instance.id, state.rawValue)
        if instance.hasBooted { effects.append(.kill(boot(instance), state: state.rawValue)) }
        leaveGroups(instance.id, isTerminated: state == .terminated)
        guard state == .terminated else { return }
        releaseAddresses(of: instance.id)
        for volume in volumes.indices where volumes[volume].attachment?.instance == instance.id {
            volumes[volume].attachment = nil
        }
    }

    /// EC2 describes what has ended for about an hour.
    private static let memory = Duration.seconds(3_600)
    /// Of the dead no more are remembered: each question goes through them.
    private static let deadMax = 2 * Rules.instancesMax

    mutating func forgetTheDead() {
        let dead = instances.filter { $0.state == .terminated }
        let oldest = dead.prefix(max(0, dead.count - Self.deadMax)).map(\.id)
        let forgotten = Set(dead.filter { $0.moves == nil }.map(\.id) + oldest)
        guard !forgotten.isEmpty else { return }
        for id in forgotten { tags[id] = nil }
        instances.removeAll { forgotten.contains($0.id) }
    }

    func boot(_ instance: Instance) -> Boot {
        Boot(
            instance: instance.id, address: instance.address, metadata: rules.metadata(of: instance),
            endpoint: rules.endpoint, region: rules.region, zone: instance.zone, type: instance.type,
            userData: instance.userData)
    }
}
