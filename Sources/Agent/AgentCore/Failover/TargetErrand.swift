import Wire

/// Makes this machine a member of a load balancer's group, or no member any more. What is asked twice ELB does once.
///
/// Neither waits for what follows. Whether the workload serves, a probe of this machine says, sooner than the balancer's
/// checks; and connections that are under way drain for minutes, which nobody has in a hand-over.
struct TargetErrand: UnboundedErrand {
    private enum Wish: Sendable { case member, gone }

    let group: TargetGroup
    private let wish: Wish
    private(set) var obstacle: String?
    private var pauses = HandOverPace.pauses

    static func register(with group: TargetGroup) -> TargetErrand { TargetErrand(group, .member) }
    static func deregister(from group: TargetGroup) -> TargetErrand { TargetErrand(group, .gone) }

    private init(_ group: TargetGroup, _ wish: Wish) { (self.group, self.wish) = (group, wish) }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let own = standing.facts.instance
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
}
