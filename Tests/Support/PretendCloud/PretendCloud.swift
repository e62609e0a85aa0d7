package import AgentCore
package import JSON
package import Wire

/// As much of EC2 and of the price list as an agent uses, in memory: what it is asked changes it at once, and its own clock is
/// whatever time the questions come with. What differs between the real one and the mocks of it can be chosen.
package struct PretendCloud: Sendable {
    package static let region: Region = "us-east-1"
    package static let network: ResourceID = "vpc-1"

    // MARK: How it behaves

    /// Off: every `RunInstances` starts a machine, whatever its token, as the mock moto has it.
    package var honoursTokens = true
    /// How long after its launch a machine, and an image after its making, is unknown to every look-up.
    package var showsAfter = Duration.zero
    package var runsAfter = Duration.seconds(20)
    package var endsAfter = Duration.seconds(10)
    package var imagesTake = Duration.seconds(120)
    package var fullZones: Set<AvailabilityZone> = []
    /// Machines launched from now on end at once, for this reason.
    package var killsWith: String?
    package var imagesFailWith: String?
    /// How long a volume is on its way to a machine, and away from one.
    package var volumesTake = Duration.seconds(3)
    /// A machine that has them mounted: asked to let go of them, it keeps them `busy` until it ends.
    package var mounted: Set<ResourceID> = []
    /// How long a member of a target group is on its way out.
    package var drainsFor = Duration.seconds(300)
    package var spotPrices: [PoolPrice] = []
    package var onDemandPrice: JSONNumber?
    package var subnets: [CloudAnswer.Subnet] = []
    /// What its clock showed when the questions' showed zero.
    package var epoch = Timestamp(nanosecondsSinceEpoch: 1_900_000_000_000_000_000)

    // MARK: What there is

    package private(set) var machines: [Machine] = []
    package private(set) var images: [ResourceID: StoredImage] = [:]
    package private(set) var snapshots: [ResourceID: StoredSnapshot] = [:]
    package internal(set) var addresses: [ResourceID: StoredAddress] = [:]
    package internal(set) var volumes: [ResourceID: StoredVolume] = [:]
    package internal(set) var targetGroups: [TargetGroup: StoredTargetGroup] = [:]
    /// All that it was asked, in order.
    package private(set) var requests: [CloudRequest] = []
    private var failures: [Failure] = []
    private var made: UInt64 = 0

    package struct Machine: Sendable {
        package var instance: CloudInstance
        package var token: String?
        package var launch: Launch?
        package var userData = ""
        package var launchedAt: Duration
        package var endedAt: Duration?
    }

    package struct StoredImage: Sendable {
        package var image: CloudAnswer.Image
        package var name: String
        package var tags: [CloudRequest.Tag]
        package var madeAt: Duration
    }

    package struct StoredSnapshot: Sendable {
        package var snapshot: CloudAnswer.Snapshot
        package var tags: [CloudRequest.Tag]
    }

    private struct Failure: Sendable {
        var fault: CloudFault
        var times: Int
        var isDoneAllTheSame: Bool
        var matches: @Sendable (CloudRequest) -> Bool
    }

    package init() {}

    // MARK: Setting it up

    package mutating func add(_ instance: CloudInstance, userData: String = "", at now: Duration = .zero) {
        machines.append(Machine(instance: instance, userData: userData, launchedAt: now - runsAfter - showsAfter))
    }

    package mutating func add(_ image: CloudAnswer.Image, tags: [CloudRequest.Tag]) {
        images[image.id] = StoredImage(image: image, name: image.id.text, tags: tags, madeAt: .zero - imagesTake)
        for id in image.snapshots {
            add(CloudAnswer.Snapshot(id: id, isCompleted: true, startedAt: image.createdAt), tags: [])
        }
    }

    package mutating func add(_ snapshot: CloudAnswer.Snapshot, tags: [CloudRequest.Tag]) {
        snapshots[snapshot.id] = StoredSnapshot(snapshot: snapshot, tags: tags)
    }

    /// The next so many questions of this kind fail. `isDoneAllTheSame`: only the answer is lost.
    package mutating func fail(
        _ fault: CloudFault, times: Int = 1, isDoneAllTheSame: Bool = false,
        when matches: @escaping @Sendable (CloudRequest) -> Bool
    ) {
        failures.append(Failure(fault: fault, times: times, isDoneAllTheSame: isDoneAllTheSame, matches: matches))
    }

    /// Somebody else ends a machine.
    package mutating func end(_ id: InstanceID, because reason: String, at now: Duration) {
        guard let at = machines.firstIndex(where: { $0.instance.id == id }) else { return }
        machines[at].endedAt = machines[at].endedAt ?? now
        machines[at].instance.stateReason = reason
    }

    // MARK: Answering

    package mutating func answer(_ request: CloudRequest, at now: Duration) -> Result<CloudAnswer, CloudFault> {
        requests.append(request)
        if let at = failures.firstIndex(where: { $0.matches(request) }) {
            let failure = failures[at]
            failures[at].times -= 1
            if failures[at].times == 0 { failures.remove(at: at) }
            if failure.isDoneAllTheSame { _ = serve(request, at: now) }
            return .failure(failure.fault)
        }
        return serve(request, at: now)
    }

    private mutating func serve(_ request: CloudRequest, at now: Duration) -> Result<CloudAnswer, CloudFault> {
        switch request {
        case .describeInstances(let ids): return describe(ids, at: now)
        case .findInstances(let tag):
            let found = machines.filter { isShown($0.launchedAt, at: now) && $0.instance.tags.contains(tag) }
            return .success(.instances(found.map { state(of: $0, at: now) }))
        case .userData(let id):
            guard let machine = machines.first(where: { $0.instance.id == id }) else { return unknown(id.text) }
            return .success(.userData(machine.userData))
        case .subnets(_, let zone):
            return .success(.subnets(subnets.filter { zone == nil || $0.zone == zone }))
        case .run(let launch): return run(launch, at: now)
        case .terminate(let id): return terminate(id, at: now)
        case .createImage(let instance, let name, let tags): return createImage(of: instance, name, tags, at: now)
        case .image(let id):
            guard let stored = images[id], isShown(stored.madeAt, at: now) else { return unknown(id.text) }
            return .success(.images([image(stored, at: now)]))
        case .findImages(let tag):
            let found = images.values.filter { isShown($0.madeAt, at: now) && $0.tags.contains(tag) }
            return .success(.images(found.map { image($0, at: now) }.sorted { $0.id < $1.id }))
        case .findSnapshots(let tag):
            let found = snapshots.values.filter { $0.tags.contains(tag) }.map(\.snapshot)
            return .success(.snapshots(found.sorted { $0.id < $1.id }))
        case .tag(let ids, let tags):
            for id in ids { snapshots[id]?.tags += tags }
            return .success(.done)
        case .deregisterImage(let id): return images.removeValue(forKey: id) == nil ? unknown(id.text) : .success(.done)
        case .deleteSnapshot(let id): return deleteSnapshot(id)
        case .spotPrices(let type): return .success(.spotPrices(spotPrices.filter { $0.pool.instanceType == type }))
        case .onDemandPrice: return .success(.onDemandPrice(onDemandPrice))
        case .may: return .success(.allowed)
        case .address(let id): return describe(address: id, at: now)
        case .moveAddress(let id, let instance): return move(id, to: instance, at: now)
        case .volumes(let ids): return describe(volumes: ids, at: now)
        case .attachVolume(let volume, let instance): return attach(volume, to: instance, at: now)
        case .detachVolume(let id, let instance): return detach(id, from: instance, at: now)
        case .targetGroup, .targetHealth, .registerTarget, .deregisterTarget: return balance(request, at: now)
        }
    }

    private func isShown(_ since: Duration, at now: Duration) -> Bool { now - since >= showsAfter }

    func unknown(_ what: String) -> Result<CloudAnswer, CloudFault> {
        .failure(CloudFault(.notFound, code: "NotFound", "EC2 does not know \(what)"))
    }

    /// A name that nothing else has.
    private mutating func digits() -> String {
        made += 1
        let text = String(made, radix: 16)
        return String(repeating: "0", count: 17 - text.count) + text
    }
}

// MARK: Machines

extension PretendCloud {
    package func state(of machine: Machine, at now: Duration) -> CloudInstance {
        var instance = machine.instance
        if let endedAt = machine.endedAt {
            instance.state = now - endedAt < endsAfter ? .shuttingDown : .terminated
        } else {
            instance.state = now - machine.launchedAt < runsAfter ? .pending : .running
        }
        return instance
    }

    /// Those that were launched here, and whether they live.
    package func launched(for command: CommandID) -> [Machine] {
        machines.filter { machine in
            machine.launch?.tags.contains { $0.key == "spot:command" && $0.value.hasPrefix(command.text) } ?? false
        }
    }

    private func describe(_ ids: [InstanceID], at now: Duration) -> Result<CloudAnswer, CloudFault> {
        let found = machines.filter { ids.contains($0.instance.id) && isShown($0.launchedAt, at: now) }
        guard found.count == ids.count else { return unknown(ids.map(\.text).joined(separator: ", ")) }
        return .success(.instances(found.map { state(of: $0, at: now) }))
    }

    private mutating func run(_ launch: Launch, at now: Duration) -> Result<CloudAnswer, CloudFault> {
        if honoursTokens, let known = machines.first(where: { $0.token == launch.token }) {
            guard known.launch == launch else {
                return .failure(
                    CloudFault(.tokenMismatch, code: "IdempotentParameterMismatch", "the token is another launch's"))
            }
            return .success(.launched(state(of: known, at: now)))
        }
        guard !fullZones.contains(launch.zone) else {
            return .failure(
                CloudFault(
                    .noCapacity, code: "InsufficientInstanceCapacity",
                    "EC2 has no \(launch.instanceType) in \(launch.zone)"))
        }
        var instance = CloudInstance(id: name("i"), state: .pending)
        instance.instanceType = launch.instanceType
        instance.zone = launch.zone
        instance.image = launch.image
        instance.mode = launch.mode
        instance.network = Self.network
        instance.subnet = launch.subnet
        instance.securityGroups = launch.securityGroups
        instance.profile = launch.profile
        instance.keyName = launch.keyName
        instance.tags = launch.tags
        instance.stateReason = killsWith
        var machine = Machine(instance: instance, token: launch.token, launch: launch, launchedAt: now)
        machine.userData = launch.userData ?? ""
        if killsWith != nil { machine.endedAt = now }
        machines.append(machine)
        return .success(.launched(state(of: machine, at: now)))
    }

    private mutating func terminate(_ id: InstanceID, at now: Duration) -> Result<CloudAnswer, CloudFault> {
        guard let at = machines.firstIndex(where: { $0.instance.id == id }), isShown(machines[at].launchedAt, at: now)
        else { return unknown(id.text) }
        machines[at].endedAt = machines[at].endedAt ?? now
        return .success(.terminating(state(of: machines[at], at: now).state))
    }

    private mutating func name<Kind: IdentifierKind>(_ prefix: String) -> Identifier<Kind> {
        do { return try Identifier("\(prefix)-\(digits())") } catch { preconditionFailure("\(error)") }
    }
}

// MARK: Images and snapshots

extension PretendCloud {
    private func image(_ stored: StoredImage, at now: Duration) -> CloudAnswer.Image {
        var image = stored.image
        if let imagesFailWith, now - stored.madeAt >= imagesTake {
            image.state = .failed(imagesFailWith)
        } else {
            image.state = now - stored.madeAt < imagesTake ? .pending : .available
        }
        return image
    }

    private mutating func createImage(
        of instance: InstanceID, _ name: String, _ tags: [CloudRequest.Tag], at now: Duration
    ) -> Result<CloudAnswer, CloudFault> {
        guard !images.values.contains(where: { $0.name == name }) else {
            return .failure(CloudFault(.invalid, code: "InvalidAMIName.Duplicate", "there is an image \(name)"))
        }
        let snapshot = CloudAnswer.Snapshot(id: self.name("snap"), isCompleted: true, startedAt: epoch + now)
        add(snapshot, tags: [])
        var image = CloudAnswer.Image(id: self.name("ami"), state: .pending, createdAt: epoch + now)
        image.snapshots = [snapshot.id]
        images[image.id] = StoredImage(image: image, name: name, tags: tags, madeAt: now)
        return .success(.imageCreated(image.id))
    }

    private mutating func deleteSnapshot(_ id: ResourceID) -> Result<CloudAnswer, CloudFault> {
        guard !images.values.contains(where: { $0.image.snapshots.contains(id) }) else {
            return .failure(CloudFault(.invalid, code: "InvalidSnapshot.InUse", "\(id) is in use by an image"))
        }
        return snapshots.removeValue(forKey: id) == nil ? unknown(id.text) : .success(.done)
    }
}
