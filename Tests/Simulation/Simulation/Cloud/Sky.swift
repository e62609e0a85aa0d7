import AgentCore
import JSON
import PretendCloud
import Wire

/// EC2 as its callers meet it: the pretend cloud, behind a network that loses answers, and an API that throttles and has no room.
final class Sky {
    static let zones: [AvailabilityZone] = ["us-east-1a", "us-east-1b", "us-east-1c"]
    static let types: [InstanceType] = ["m5.large", "c5.large"]

    private unowned let world: World
    private(set) var cloud = PretendCloud()
    private let faults: Faults
    var areFaultsOn = true

    init(_ world: World) {
        self.world = world
        faults = world.faults
        cloud.epoch = Clocks.epoch
        cloud.runsAfter = faults.slowLaunches ? world.chance.seconds(20...120) : world.chance.seconds(5...30)
        cloud.showsAfter = faults.cloudShowsLate ? world.chance.seconds(1...20) : .zero
        cloud.imagesTake = world.chance.seconds(30...120)
        cloud.onDemandPrice = JSONNumber(Int64(1))
        for zone in Self.zones {
            for type in Self.types {
                cloud.spotPrices.append(
                    PoolPrice(pool: PoolID(type, zone), price: JSONNumber(Int64(world.chance.whole(1...3)))))
            }
        }
        for (index, zone) in Self.zones.enumerated() {
            cloud.subnets.append(
                CloudAnswer.Subnet(id: Self.name("subnet-\(index + 1)"), zone: zone, freeAddresses: 100 + index))
        }
    }

    private static func name(_ text: String) -> ResourceID { ResourceID(stringLiteral: text) }

    /// The first machine of a workload, or one that its owner starts anew.
    func start(in place: Place) -> CloudInstance {
        // Whoever has data in a zone starts his machines there.
        let data = place.workload.takeOver.volumes.first.flatMap { cloud.volumes[$0.id]?.zone }
        let index = data.flatMap(Self.zones.firstIndex) ?? world.chance.whole(0...Self.zones.count - 1)
        var instance = CloudInstance(id: world.makeInstanceID(), state: .running)
        instance.instanceType = Self.types[0]
        instance.zone = Self.zones[index]
        instance.image = place.oldBuild == nil ? "ami-1" : OldSky.image
        instance.mode = world.chance.happens(0.7) ? .spot : .ondemand
        instance.network = PretendCloud.network
        instance.subnet = Self.name("subnet-\(index + 1)")
        cloud.add(instance, at: world.agenda.now)
        return instance
    }

    /// EC2, or somebody, ends a machine.
    func end(_ id: InstanceID, because reason: String) { cloud.end(id, because: reason, at: world.agenda.now) }

    /// Whether it runs or is on its way to or from that.
    func mayRun(_ id: InstanceID) -> Bool { state(of: id).map { $0 != .terminated } ?? false }

    func state(of id: InstanceID) -> InstanceState? {
        cloud.machines.first { $0.instance.id == id }.map { cloud.state(of: $0, at: world.agenda.now).state }
    }

    // MARK: Where a workload's traffic goes

    func addAddress(_ number: Int) -> ResourceID {
        let address = Self.name("eipalloc-\(number + 1)")
        cloud.add(address: address, at: nil)
        return address
    }

    func addTargetGroup(_ number: Int) -> TargetGroup {
        let name = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-\(number + 1)/1"
        guard let group = TargetGroup(name) else { preconditionFailure("\(name) is none") }
        cloud.add(group)
        return group
    }

    func addVolume(_ number: Int) -> DataVolume {
        let volume = DataVolume(id: Self.name("vol-\(number + 1)"), device: "/dev/sdf")
        cloud.add(volume: volume.id, in: world.chance.pick(Self.zones) ?? Self.zones[0])
        return volume
    }

    /// Whether all traffic of its workload comes to this machine; nil: as far as anybody takes it anywhere.
    func lacksTraffic(_ machine: Machine) -> String? {
        let takeOver = machine.place.workload.takeOver
        if let address = takeOver.address {
            let holder = cloud.holder(ofAddress: address)
            guard holder == machine.id else { return "its address is at \(holder?.short ?? "nobody")" }
        }
        for volume in takeOver.volumes {
            let holder = cloud.holder(of: volume.id, at: world.agenda.now)?.instance
            guard holder == machine.id else { return "its volume is at \(holder?.short ?? "nobody")" }
        }
        let missing = takeOver.targetGroups.first { !cloud.isMember(machine.id, of: $0) }
        return missing.map { "it is not in \($0)" }
    }

    func fill(_ zones: Set<AvailabilityZone>) { cloud.fullZones = zones }

    // MARK: Calls

    func call(
        _ request: CloudRequest, by machine: Machine, within deadline: Duration,
        _ completion: @escaping (Result<CloudAnswer, CloudFault>) -> Void
    ) {
        let chance = world.chance
        let takes = chance.tailed(.milliseconds(80))
        guard takes < deadline else { return fail(.unreachable, after: deadline, completion) }
        if areFaultsOn, chance.happens(faults.cloud) {
            return fail(
                chance.happens(0.5) ? .busy : .unreachable, after: chance.happens(0.5) ? takes : deadline, completion)
        }
        // What was launched is there, and whoever asks under its token hears that, room or not.
        if areFaultsOn, chance.happens(faults.noCapacity), case .run(let launch) = request,
            !cloud.machines.contains(where: { $0.token == launch.token })
        {
            return fail(.noCapacity, after: takes, completion)
        }
        let isLost = areFaultsOn && chance.happens(faults.cloudLosesAnswers)
        world.agenda.plan(after: takes / 2) { [self] in
            let answer = serve(request, by: machine)
            if isLost { return fail(.unreachable, after: deadline, completion) }
            world.agenda.plan(after: takes / 2) { completion(answer) }
        }
    }

    /// For who waits for it and asks nobody meanwhile. Nil: it was not done, or nobody heard that it was.
    func answer(_ request: CloudRequest, to machine: Machine) -> CloudAnswer? {
        let chance = world.chance
        if areFaultsOn, chance.happens(faults.cloud) { return nil }
        if areFaultsOn, case .run = request, chance.happens(faults.noCapacity) { return nil }
        let isLost = areFaultsOn && chance.happens(faults.cloudLosesAnswers)
        guard case .success(let answer) = serve(request, by: machine), !isLost else { return nil }
        return answer
    }

    private func fail(
        _ kind: CloudFault.Kind, after delay: Duration,
        _ completion: @escaping (Result<CloudAnswer, CloudFault>) -> Void
    ) {
        world.agenda.plan(after: delay) { completion(.failure(CloudFault(kind, "EC2: \(kind)"))) }
    }

    private func serve(_ request: CloudRequest, by machine: Machine) -> Result<CloudAnswer, CloudFault> {
        let request = world.mutations.asked(request, by: machine)
        let (known, now) = (cloud.machines.count, world.agenda.now)
        world.checks.asks(machine, request)
        let answer = world.mutations.answered(cloud.answer(request, at: now), by: machine)
        for launched in cloud.machines.dropFirst(known) {
            world.story.tell("EC2", "starts \(launched.instance.id.short) for \(machine.id.short)")
            world.checks.launched(launched, by: machine)
            world.boot(launched.instance, in: machine.place, from: machine)
        }
        if case .terminate(let id) = request, case .success = answer {
            world.story.tell("EC2", "ends \(id.short), asked by \(machine.id.short)")
            world.windDown(id)
        }
        return answer
    }
}
