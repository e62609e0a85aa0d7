import JSON

/// The part of AWS that we use, pretended: questions, orders and time go in, answers and effects come out.
package struct World: Sendable {
    package let rules: Rules
    var chance: Chance
    var instances: [Instance] = []
    var lastAddress: IPv4?
    var launches = ClientTokens()
    var tags: [String: [Tag]] = [:]
    var images: [Image] = []
    var snapshots: [Snapshot] = []
    var volumes: [Volume] = []
    var addresses: [ElasticAddress] = []
    var groups: [TargetGroup] = []
    var faults = Faults()
    var effects: [Effect] = []

    /// `chance` makes identifiers differ from those of the last world.
    package init(_ rules: Rules, chance: UInt64, at now: Moment) {
        self.rules = rules
        self.chance = Chance(chance)
        images = [Image(id: Self.baseImage, name: "sandbox", owner: "amazon", madeAt: now.wall.inSeconds)]
        volumes = rules.volumes.map { Volume(id: identifier("vol", named: $0.name), name: $0.name, zone: $0.zone) }
        addresses = rules.addresses.map { ElasticAddress($0) }
        groups = rules.balancers.map { TargetGroup($0, rules) }
    }

    package static let baseImage = "ami-5a4db000000000000"

    // MARK: Questions

    package mutating func answer(_ question: Question, at now: Moment) -> Fate {
        wake(at: now)
        if question.path.hasPrefix("/sandbox/") { return .reply(obey(question, at: now)) }
        if question.path == "/", question.method == "POST" { return takeCall(question, at: now) }
        if question.path == "/" { return .reply(banner) }
        return readMetadata(question, at: now)
    }

    private var banner: Reply {
        Reply(
            200,
            """
            This is spot-sandbox. It is NOT AWS: it pretends to be the part of it that we use.
            EC2, ELB and prices: POST / on \(rules.endpoint)
            metadata: http://ADDRESS:\(rules.port)/latest/ with an instance's address in \(rules.network)
            orders: /sandbox/; see spot-sandbox --help

            """)
    }

    /// For whoever checks signatures; nil for a key that nobody has.
    package func key(of accessKey: String) -> (secret: String, token: String?)? {
        if accessKey == Rules.accessKey { return (Rules.secretKey, nil) }
        return instances.lazy.compactMap(\.credentials).first { $0.accessKey == accessKey }.map {
            ($0.secretKey, $0.token)
        }
    }

    // MARK: Time

    package var nextDue: Duration? {
        let dues = [
            instances.compactMap(\.due).min(), images.compactMap(\.due).min(), volumes.compactMap(\.due).min(),
            groups.compactMap(\.nextDue).min(),
        ]
        return dues.compactMap { $0 }.min()
    }

    package mutating func wake(at now: Moment) {
        for index in instances.indices { moveOn(index, at: now) }
        forgetTheDead()
        for index in images.indices { images[index].moveOn(at: now.time) }
        for index in volumes.indices { volumes[index].moveOn(at: now.time) }
        wakeGroups(at: now)
    }

    /// What is to be done since this was called last, in order.
    package mutating func takeEffects() -> [Effect] {
        defer { effects = [] }
        return effects
    }

    mutating func tell(_ instance: String? = nil, _ text: String) { effects.append(.tell(instance: instance, text)) }
}
