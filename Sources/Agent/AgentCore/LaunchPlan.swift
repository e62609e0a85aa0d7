import Wire

/// What is to be launched, before it is known where.
struct LaunchWish: Sendable, Equatable {
    /// The machine beside which we are needed, or rather not.
    enum Nearness: Sendable, Equatable {
        /// Where this machine is, else anywhere.
        case here
        /// Where this machine is not, nor any of these, so that one failure does not take both; else anywhere.
        case elsewhere([AvailabilityZone])
    }

    var command: CommandID
    var mode: Mode
    /// Nothing but this pool will do. On demand it names the zone only.
    var pool: PoolID?
    var nearness: Nearness
    /// Nil: what this machine was started from.
    var image: ResourceID?
    /// Nobody waits for a new machine any more; one that EC2 was asked for before is still ours to find.
    var isLate = false

    /// Nil: this machine's.
    var type: InstanceType? { mode == .spot ? pool?.instanceType : nil }
}

/// Where a machine like this one can be launched, the best place first; and each launch, frozen.
struct LaunchPlan: Sendable, Equatable {
    struct Place: Sendable, Equatable {
        var zone: AvailabilityZone
        /// Nil outside of any network, as very old accounts have it.
        var subnet: ResourceID?
    }

    /// EC2's limit of tags on one resource.
    static let tagsMax = 50

    let wish: LaunchWish
    let model: CloudInstance
    let userData: String?
    let places: [Place]

    init(_ wish: LaunchWish, like model: CloudInstance, userData: String, subnets: [CloudAnswer.Subnet]) {
        self.wish = wish
        self.model = model
        self.userData = userData.isEmpty ? nil : userData
        places = Self.places(wish, like: model, subnets)
    }

    private static func places(
        _ wish: LaunchWish, like model: CloudInstance, _ subnets: [CloudAnswer.Subnet]
    ) -> [Place] {
        guard !subnets.isEmpty else {
            let zone = wish.pool?.zone ?? model.zone
            return model.network == nil ? zone.map { [Place(zone: $0, subnet: nil)] } ?? [] : []
        }
        var best: [AvailabilityZone: CloudAnswer.Subnet] = [:]
        for subnet in subnets where wish.pool.map({ $0.zone == subnet.zone }) ?? true {
            guard let other = best[subnet.zone] else {
                best[subnet.zone] = subnet
                continue
            }
            if other.id != model.subnet, subnet.id == model.subnet || comesBefore(subnet, other) {
                best[subnet.zone] = subnet
            }
        }
        let ranked = best.values.sorted { left, right in
            let (first, second) = (rank(left.zone, wish, model), rank(right.zone, wish, model))
            return first == second ? comesBefore(left, right) : first < second
        }
        return ranked.map { Place(zone: $0.zone, subnet: $0.id) }
    }

    /// More free addresses, then by name, so that the same is chosen from the same answer.
    private static func comesBefore(_ left: CloudAnswer.Subnet, _ right: CloudAnswer.Subnet) -> Bool {
        left.freeAddresses == right.freeAddresses ? left.id < right.id : left.freeAddresses > right.freeAddresses
    }

    private static func rank(_ zone: AvailabilityZone, _ wish: LaunchWish, _ model: CloudInstance) -> Int {
        switch wish.nearness {
        case .here: zone == model.zone ? 0 : 1
        // A replica in a zone that was to be avoided is better than none.
        case .elsewhere(let avoided): avoided.contains(zone) ? 2 : zone == model.zone ? 1 : 0
        }
    }

    /// Nil when the cloud does not say what this machine is made of.
    func launch(number: Int, in place: Place, _ standing: Standing) -> Launch? {
        guard let image = wish.image ?? model.image ?? standing.facts.image,
            let type = wish.type ?? model.instanceType ?? standing.facts.instanceType
        else { return nil }
        let token = Self.token(wish.command, number)
        var launch = Launch(token: token, image: image, instanceType: type, mode: wish.mode, zone: place.zone)
        launch.subnet = place.subnet
        launch.securityGroups = model.securityGroups
        launch.profile = model.profile
        launch.keyName = model.keyName
        launch.userData = userData
        launch.tags = tags(token, standing)
        return launch
    }

    /// EC2 takes at most 64 characters: a UUID with these is 44, and longer names of commands give up their beginning, which
    /// tells less.
    private static func token(_ command: CommandID, _ number: Int) -> String {
        "spot-\(command.text.suffix(55))-\(number)"
    }

    private func tags(_ token: String, _ standing: Standing) -> [CloudRequest.Tag] {
        var tags = CloudRequest.Tag.ours(standing, for: wish.command)
        tags.append(CloudRequest.Tag(CloudRequest.Tag.launchKey, token))
        let own = Set(tags.map(\.key))
        // `aws:` is EC2's own, and ours say what this machine was launched for.
        tags += model.tags.filter { !$0.key.hasPrefix("aws:") && !own.contains($0.key) }
        if !tags.contains(where: { $0.key == "Name" }) {
            tags.append(CloudRequest.Tag("Name", "SpotOptimizer-\(standing.logicalAgent)"))
        }
        return Array(tags.prefix(Self.tagsMax))
    }
}

extension CloudRequest.Tag {
    static let launchKey = "spot:launch"
    /// On all that any agent ever made: policies of IAM and the clean-up go by it.
    static let managed = CloudRequest.Tag("ManagedBy", "SpotOptimizer")

    /// All that a command made is found by this, also when it is not known any more how far it came.
    static func of(_ command: CommandID) -> CloudRequest.Tag { CloudRequest.Tag("spot:command", command.text) }

    static func ours(_ standing: Standing, for command: CommandID) -> [CloudRequest.Tag] {
        [
            managed, of(command), CloudRequest.Tag("spot:agent", standing.slot.text),
            CloudRequest.Tag("LogicalAgentId", standing.logicalAgent),
        ]
    }
}

extension Standing {
    /// As the operator named the workload; else it is called by the machine.
    var logicalAgent: String { options.logicalAgent?.text ?? facts.instance.text }
}
