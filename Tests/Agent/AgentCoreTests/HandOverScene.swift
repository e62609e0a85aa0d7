import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// One errand of a hand-over on a machine, with a cloud and a clock around it, which only this moves; carries its steps out as
/// `Errands` does.
struct HandOverScene {
    static let own: InstanceID = "i-000000000000000ff"
    static let other: InstanceID = "i-000000000000000aa"
    static let gone: InstanceID = "i-000000000000000bb"
    static let address: ResourceID = "eipalloc-1"
    static let volume = DataVolume(id: "vol-1", device: "/dev/sdf")
    static let group = makeGroup("web")

    static func makeGroup(_ name: String) -> TargetGroup {
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/\(name)/0123456789abcdef"
        guard let group = TargetGroup(arn) else { preconditionFailure("\(arn) is no target group's") }
        return group
    }

    var cloud = PretendCloud()
    var standing: Standing
    var now = Duration.seconds(1000)
    var chance: NameSource
    /// What somebody else asks of EC2, and when.
    var others: [(at: Duration, request: CloudRequest)] = []
    private var numbers = Turn.Numbers()
    private static let latency = Duration.milliseconds(200)

    init(seed: UInt64 = 1) {
        let scene = ErrandScene(seed: seed)
        (standing, chance) = (scene.standing, scene.chance)
        for id in [Self.own, Self.other, Self.gone] {
            var machine = CloudInstance(id: id, state: .running)
            (machine.image, machine.instanceType, machine.zone) = ("ami-1", "m5.large", "us-east-1a")
            cloud.add(machine)
        }
        cloud.end(Self.gone, because: "User", at: .zero)
    }

    // MARK: Running

    /// Until it ends or its time is over. `crashes`: how often it dies at any moment and is begun anew.
    mutating func run<Some: Errand>(
        _ make: () -> Some, within time: Duration = .seconds(60), crashes: Int = 0
    ) -> (end: ErrandEnd?, errand: Some) {
        let deadline = now + time
        var (errand, left) = (make(), crashes)
        var event = ErrandEvent.began(progress: [])
        while now < deadline {
            switch step(&errand, event) {
            case .call(let request, let within):
                if left > 0, chance.draw() % 3 == 0 {
                    left -= 1
                    if chance.draw() % 2 == 0 { _ = cloud.answer(request, at: now) }
                    now += .milliseconds(Int(chance.draw() % 4000))
                    errand = make()
                    event = .began(progress: [])
                } else {
                    event = .answered(ask(request, until: min(deadline, now + within)))
                }
            case .rest(let pause):
                #expect(pause <= .seconds(1), "a hand-over waits for seconds in all")
                now += pause
                event = .rested
            case .end(let end): return (end, errand)
            case .remember, .report, .act, .join:
                Issue.record("nothing of it is remembered, and nobody waits for a part of it")
                return (nil, errand)
            }
        }
        return (nil, errand)
    }

    private mutating func step(_ errand: inout some Errand, _ event: ErrandEvent) -> ErrandStep {
        let wall = Timestamp(nanosecondsSinceEpoch: 1_900_000_000_000_000_000) + now
        var turn = Turn(now: now, wall: wall, chance: chance.draw(), batch: 1, numbers: numbers)
        let step = errand.go(on: event, standing, &turn)
        numbers = turn.countedNumbers
        return step
    }

    /// What only reads is asked again until it is answered.
    private mutating func ask(_ request: CloudRequest, until end: Duration) -> Result<CloudAnswer, CloudFault> {
        var backoff = Backoff()
        while true {
            now += Self.latency
            while let next = others.first, next.at <= now {
                _ = cloud.answer(next.request, at: next.at)
                others.removeFirst()
            }
            let answer = cloud.answer(request, at: now)
            let again = now + backoff.next(chance: chance.draw())
            guard case .failure(let fault) = answer, fault.isPassing, !request.changesSomething, again < end else {
                return answer
            }
            now = again
        }
    }

    var changes: [CloudRequest] { cloud.requests.filter(\.changesSomething) }
    var holderOfAddress: InstanceID? { cloud.addresses[Self.address]?.instance.newest }
    var holderOfVolume: InstanceID? { cloud.holder(of: Self.volume.id, at: now)?.instance }
}

/// What goes wrong on the way, and passes.
enum Trouble: CaseIterable, Sendable {
    case none, throttled, answersLost, requestsLost

    func befall(_ scene: inout HandOverScene, times: Int = 3) {
        switch self {
        case .none: break
        case .throttled:
            scene.cloud.fail(CloudFault(.busy, code: "RequestLimitExceeded", "throttled"), times: times) { _ in true }
        case .answersLost:
            scene.cloud.fail(CloudFault(.unreachable, "reset"), times: times, isDoneAllTheSame: true) {
                $0.changesSomething
            }
        case .requestsLost:
            scene.cloud.fail(CloudFault(.unreachable, "reset"), times: times) { $0.changesSomething }
        }
    }
}
