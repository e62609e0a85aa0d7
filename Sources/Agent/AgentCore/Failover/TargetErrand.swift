import Wire

/// Makes this machine a member of a load balancer's group, or no member any more. What is asked twice ELB does once.
///
/// Neither waits for what follows. Whether the workload serves, a probe of this machine says, sooner than the balancer's
/// checks; and connections that are under way drain for minutes, which nobody has in a hand-over. But where two may serve, whoever
/// leaves can wait until the balancer has found the other one healthy: before that it would send its traffic to nobody.
struct TargetErrand: UnboundedErrand {
    private enum Wish: Sendable { case member, gone }
    /// Whom to wait for, and for how long.
    private struct Heir: Sendable {
        let instance: InstanceID
        let until: Duration
    }

    let group: TargetGroup
    private let wish: Wish
    private(set) var obstacle: String?
    private var heir: Heir?
    private var pauses = HandOverPace.pauses

    static func register(with group: TargetGroup) -> TargetErrand { TargetErrand(group, .member) }
    static func deregister(from group: TargetGroup) -> TargetErrand { TargetErrand(group, .gone) }
    static func deregister(from group: TargetGroup, after heir: InstanceID, until: Duration) -> TargetErrand {
        var errand = TargetErrand(group, .gone)
        errand.heir = Heir(instance: heir, until: until)
        return errand
    }

    private init(_ group: TargetGroup, _ wish: Wish) { (self.group, self.wish) = (group, wish) }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let own = standing.facts.instance
        if let heir {
            if case .answered(let answer) = event { return look(at: heir, answer, standing, &turn) }
            if turn.now < heir.until { return .call(.targetHealth(group, heir.instance), within: HandOverPace.look) }
            self.heir = nil
        }
        switch event {
        case .began, .rested, .remembered, .reported, .acted, .joined:
            let request: CloudRequest =
                wish == .member ? .registerTarget(group, own) : .deregisterTarget(group, own)
            return .call(request, within: HandOverPace.change)
        case .answered(.success(.done)):
            return .done("\(own) is \(wish == .member ? "registered with" : "deregistered from") target group \(group)")
        case .answered(.success(let other)): return .failed("\(CloudFault.mismatch(other))")
        // In a group that is not there nobody is a member.
        case .answered(.failure(let fault)) where wish == .gone && fault.kind == .notFound: return .done("\(fault)")
        case .answered(.failure(let fault)):
            guard fault.mayPass else {
                return .failed(fault.told(needing: [wish == .member ? .registerTargets : .deregisterTargets]))
            }
            obstacle = "\(fault)"
            return .rest(pauses.next(chance: turn.draw()))
        }
    }

    /// Who may not look does not wait.
    private mutating func look(
        at heir: Heir, _ answer: Result<CloudAnswer, CloudFault>, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        let isWorthWaiting: Bool =
            switch answer {
            case .success(.targetHealth(let health)): health != .healthy
            case .success: false
            case .failure(let fault): fault.mayPass
            }
        if isWorthWaiting, turn.now < heir.until { return .rest(pauses.next(chance: turn.draw())) }
        self.heir = nil
        return go(on: .rested, standing, &turn)
    }
}
