/// What a balancer sends its traffic to.
struct TargetGroup: Sendable {
    let front: Front
    let arn: String
    var members: [Member] = []

    init(_ front: Front, _ rules: Rules) {
        self.front = front
        let place = "arn:aws:elasticloadbalancing:\(rules.region):\(Rules.account)"
        arn = "\(place):targetgroup/\(front.name)/\(digits(named: front.name))"
    }

    struct Member: Sendable {
        enum Health: String, Sendable { case initial, healthy, unhealthy, draining }
        /// As it was registered: an instance's, or an address.
        let id: String
        let endpoint: Endpoint
        var health = Health.initial
        /// Probes in a row that went as `wasWell` says and not as the health has it.
        var streak = 0
        var wasWell = false
        var nextProbe: Duration
        var isProbed = false
        var drainEnd: Duration?
    }

    /// Every second, and two of a kind change the verdict: fast enough to watch.
    static let interval = Duration.seconds(1)
    static let threshold = 2
    static let membersMax = 256

    var id: FrontID { .balancer(front.name) }
    var nextDue: Duration? { members.map { $0.drainEnd ?? $0.nextProbe }.min() }
}

extension World {
    /// What came of a connection to a member.
    package mutating func probed(_ probe: Probe, isWell: Bool, at now: Moment) {
        guard let group = groups.firstIndex(where: { $0.front.name == probe.group }),
            let member = groups[group].members.firstIndex(where: { $0.endpoint == probe.target }),
            groups[group].members[member].isProbed
        else { return }
        groups[group].members[member].isProbed = false
        judge(group, member, isWell: isWell)
    }

    private mutating func judge(_ group: Int, _ index: Int, isWell: Bool) {
        var member = groups[group].members[index]
        guard member.health != .draining else { return }
        let verdict: TargetGroup.Member.Health = isWell ? .healthy : .unhealthy
        // One of the other kind begins the count anew.
        member.streak = member.health == verdict ? 0 : member.wasWell == isWell ? member.streak + 1 : 1
        member.wasWell = isWell
        let changes = member.streak >= TargetGroup.threshold
        if changes { (member.health, member.streak) = (verdict, 0) }
        groups[group].members[index] = member
        guard changes else { return }
        tell(nil, "target \(member.id) of \(groups[group].front.name) is \(verdict.rawValue)")
        route(group)
    }

    /// A member that was taken out has no connection left.
    package mutating func drained(_ front: FrontID, _ endpoint: Endpoint) {
        guard let group = groups.firstIndex(where: { $0.id == front }) else { return }
        groups[group].members.removeAll { $0.health == .draining && $0.endpoint == endpoint }
    }

    /// ELB itself takes out what is terminated; what is stopped stays, unused.
    mutating func leaveGroups(_ instance: String, isTerminated: Bool) {
        for group in groups.indices {
            for member in groups[group].members where member.id == instance {
                effects.append(.cut(front: groups[group].id, member.endpoint))
            }
            if isTerminated { groups[group].members.removeAll { $0.id == instance } }
            route(group)
        }
    }

    mutating func wakeGroups(at now: Moment) {
        for group in groups.indices {
            for member in groups[group].members where member.drainEnd.map({ $0 <= now.time }) ?? false {
                effects.append(.cut(front: groups[group].id, member.endpoint))
                groups[group].members.removeAll { $0.endpoint == member.endpoint }
            }
            for index in groups[group].members.indices { probe(group, index, at: now) }
        }
    }

    private mutating func probe(_ group: Int, _ index: Int, at now: Moment) {
        let member = groups[group].members[index]
        guard member.drainEnd == nil, member.nextProbe <= now.time else { return }
        // What is not answered until the next is due failed.
        if member.isProbed { judge(group, index, isWell: false) }
        groups[group].members[index].isProbed = true
        groups[group].members[index].nextProbe = now.time + TargetGroup.interval
        effects.append(.probe(Probe(group: groups[group].front.name, target: member.endpoint)))
    }
}
