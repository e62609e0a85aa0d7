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
        instances[index].notice = nil
        instances[index].moves = now.time + (isDown ? .zero : rules.haltTime)
        tell(instances[index].id, "\(instances[index].state.rawValue): \(reason)")
        if instances[index].hasBooted, before == .running, !isDown {
            effects.append(.halt(boot(instances[index]), state: instances[index].state.rawValue))
        }
        if isDown { moveOn(index, at: now) }
    }

    /// What time brings to one of them.
    mutating func moveOn(_ index: Int, at now: Moment) {
        if let notice = instances[index].notice, notice.due <= now.time, instances[index].state.isUp {
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
        instances[index].tokens = SessionTokens()
        instances[index].moves = state == .terminated ? now.time + Self.memory : nil
        tell(instance.id, state.rawValue)
        if instance.hasBooted { effects.append(.kill(boot(instance), state: state.rawValue)) }
        guard state == .terminated else { return }
        releaseAddresses(of: instance.id)
        leaveGroups(instance.id)
        for volume in volumes.indices where volumes[volume].attachment?.instance == instance.id {
            volumes[volume].attachment = nil
        }
    }

    /// EC2 describes what has ended for about an hour.
    private static let memory = Duration.seconds(3_600)

    mutating func forgetTheDead() {
        for instance in instances where instance.state == .terminated && instance.moves == nil {
            tags[instance.id] = nil
        }
        instances.removeAll { $0.state == .terminated && $0.moves == nil }
    }

    func boot(_ instance: Instance) -> Boot {
        Boot(
            instance: instance.id, address: instance.address, metadata: rules.metadata(of: instance),
            endpoint: rules.endpoint, zone: instance.zone, type: instance.type, userData: instance.userData)
    }
}
