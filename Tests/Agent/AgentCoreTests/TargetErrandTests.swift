import PretendCloud
import Testing
import Wire

@testable import AgentCore

struct TargetErrandTests {
    typealias Place = HandOverScene

    func makeScene(_ members: InstanceID..., seed: UInt64 = 1) -> HandOverScene {
        var scene = HandOverScene(seed: seed)
        scene.cloud.add(Place.group)
        for member in members { _ = scene.cloud.answer(.registerTarget(Place.group, member), at: .zero) }
        return scene
    }
    func register() -> TargetErrand { TargetErrand.register(with: Place.group) }
    func deregister() -> TargetErrand { TargetErrand.deregister(from: Place.group) }

    @Test(arguments: [false, true], Trouble.allCases)
    func `a machine becomes a member, whose checks nobody waits for`(isMember: Bool, trouble: Trouble) {
        var scene = isMember ? makeScene(Place.own) : makeScene(Place.other)
        trouble.befall(&scene, times: 2)
        let began = scene.now
        #expect(scene.run(register).end == .done("\(Place.own) is registered with target group web"))
        #expect(scene.cloud.isMember(Place.own, of: Place.group))
        #expect(scene.now - began < .seconds(3))
        if !isMember {
            let look = scene.cloud.answer(.targetHealth(Place.group, Place.own), at: scene.now)
            #expect(look == .success(.targetHealth(.initial)))
        }
    }

    @Test(arguments: [false, true], Trouble.allCases)
    func `a machine is no member any more, and nobody waits for it to drain`(isMember: Bool, trouble: Trouble) {
        var scene = isMember ? makeScene(Place.own, Place.other) : makeScene(Place.other)
        trouble.befall(&scene, times: 2)
        let began = scene.now
        #expect(scene.run(deregister).end == .done("\(Place.own) is deregistered from target group web"))
        #expect(!scene.cloud.isMember(Place.own, of: Place.group) && scene.cloud.isMember(Place.other, of: Place.group))
        #expect(scene.now - began < .seconds(3))
    }

    @Test(arguments: Trouble.allCases)
    func `whoever leaves after another waits until that one is healthy`(trouble: Trouble) {
        var scene = makeScene(Place.own)
        _ = scene.cloud.answer(.registerTarget(Place.group, Place.other), at: scene.now)
        trouble.befall(&scene, times: 2)
        let (began, until) = (scene.now, scene.now + .seconds(60))
        let end = scene.run { TargetErrand.deregister(from: Place.group, after: Place.other, until: until) }.end
        #expect(end == .done("\(Place.own) is deregistered from target group web"))
        // Two checks, five seconds apart.
        #expect(scene.now - began > .seconds(10) && scene.now - began < .seconds(16))
    }

    @Test func `one that does not become healthy is not waited for in vain`() {
        var scene = makeScene(Place.own)
        let (began, until) = (scene.now, scene.now + .seconds(4))
        let end = scene.run { TargetErrand.deregister(from: Place.group, after: Place.other, until: until) }.end
        #expect(end?.outcome == .done && !scene.cloud.isMember(Place.own, of: Place.group))
        #expect(scene.now - began < .seconds(7))
    }

    @Test func `who may not look at the other's health leaves at once`() {
        var scene = makeScene(Place.own)
        scene.cloud.fail(CloudFault(.notAllowed, code: "AccessDenied", "no"), times: 9) {
            if case .targetHealth = $0 { true } else { false }
        }
        let (began, until) = (scene.now, scene.now + .seconds(60))
        let end = scene.run { TargetErrand.deregister(from: Place.group, after: Place.other, until: until) }.end
        #expect(end?.outcome == .done && scene.now - began < .seconds(3))
    }

    @Test func `in a group that is not there nobody can be a member, and nobody is`() {
        var scene = HandOverScene()
        #expect(scene.run(register).end?.outcome == .failed)
        #expect(scene.run(deregister).end?.outcome == .done)
    }

    @Test func `a group of addresses takes no machine`() throws {
        var scene = HandOverScene()
        scene.cloud.add(Place.group, .init(interval: .seconds(5), healthyAfter: 2, otherTargets: "ip"))
        #expect(scene.run(register).end?.outcome == .failed)
        #expect(scene.changes.count == 1)
    }

    @Test func `a missing right is named`() throws {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.notAllowed, code: "AccessDenied", "no"), times: 2) { _ in true }
        #expect(scene.run(register).end?.message.contains("elasticloadbalancing:RegisterTargets") == true)
        #expect(scene.run(deregister).end?.message.contains("elasticloadbalancing:DeregisterTargets") == true)
    }

    @Test func `it comes through crashes at any moment`() {
        for seed in 1...300 as ClosedRange<UInt64> {
            var scene = seed % 2 == 0 ? makeScene(Place.own, seed: seed) : makeScene(seed: seed)
            Trouble.allCases[Int(seed / 2 % 4)].befall(&scene, times: 1 + Int(seed % 3))
            let wants = seed / 8 % 2 == 0
            let end = scene.run(wants ? register : deregister, within: .seconds(120), crashes: 6).end
            #expect(end?.outcome == .done, "seed \(seed)")
            #expect(scene.cloud.isMember(Place.own, of: Place.group) == wants, "seed \(seed)")
        }
    }
}
