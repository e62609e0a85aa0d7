import PretendCloud
import Testing
import Wire

@testable import AgentCore

struct AddressErrandTests {
    typealias Place = HandOverScene

    func makeScene(at holder: InstanceID?, seed: UInt64 = 1) -> HandOverScene {
        var scene = HandOverScene(seed: seed)
        scene.cloud.add(address: Place.address, at: holder)
        return scene
    }
    func make() -> AddressErrand { AddressErrand(Place.address) }

    static let holders: [InstanceID?] = [nil, Place.other, Place.gone, Place.own]

    @Test(arguments: holders, Trouble.allCases)
    func `the address comes here from wherever it is`(holder: InstanceID?, trouble: Trouble) {
        var scene = makeScene(at: holder)
        trouble.befall(&scene)
        let end = scene.run(make).end
        #expect(end == .done("address 198.51.100.7 is at \(Place.own)"))
        #expect(scene.holderOfAddress == Place.own)
        if holder == Place.own { #expect(scene.changes.isEmpty) }
    }

    @Test func `it takes two looks and a move`() {
        var scene = makeScene(at: Place.other)
        _ = scene.run(make)
        let asked = scene.cloud.requests
        #expect(
            asked == [.address(Place.address), .moveAddress(Place.address, to: Place.own), .address(Place.address)])
    }

    @Test func `a yes is no proof: it is done when it is seen here, and not asked for at every look`() {
        var scene = makeScene(at: Place.other)
        scene.cloud.showsAfter = .seconds(2)
        let began = scene.now
        #expect(scene.run(make).end?.outcome == .done)
        #expect(scene.now - began > .seconds(2))
        #expect(scene.changes.count == 1)
    }

    @Test func `a second yes is enough where EC2 shows nothing of it for long`() throws {
        var scene = makeScene(at: Place.other)
        scene.cloud.showsAfter = .seconds(60)
        let end = try #require(scene.run(make, within: .seconds(5)).end)
        #expect(end.outcome == .done)
        #expect(end.message.contains("does not show yet"))
        #expect(scene.changes.count == 2)
        #expect(scene.holderOfAddress == Place.own)
    }

    @Test func `what somebody else takes meanwhile is taken back, in time`() {
        var scene = makeScene(at: Place.other)
        scene.cloud.showsAfter = .seconds(1)
        // Just after it was moved here, and before that was seen.
        scene.others = [(scene.now + .milliseconds(450), .moveAddress(Place.address, to: Place.other))]
        #expect(scene.run(make).end?.outcome == .done)
        #expect(scene.holderOfAddress == Place.own)
        #expect(scene.changes.map { $0 == .moveAddress(Place.address, to: Place.own) } == [true, false, true])
    }

    @Test func `an address that is not there cannot come`() {
        var scene = HandOverScene()
        let end = scene.run(make).end
        #expect(end == .failed("EC2 does not know eipalloc-1"))
        #expect(scene.cloud.requests.count == 1)
    }

    @Test func `a machine that EC2 does not know everywhere yet waits for it`() {
        var scene = makeScene(at: nil)
        scene.cloud.fail(CloudFault(.notFound, code: "InvalidInstanceID.NotFound", "not yet"), times: 2) {
            $0.changesSomething
        }
        #expect(scene.run(make).end?.outcome == .done)
    }

    @Test func `a missing right is named`() throws {
        var scene = makeScene(at: Place.other)
        scene.cloud.fail(CloudFault(.notAllowed, code: "UnauthorizedOperation", "move: no")) { $0.changesSomething }
        let end = try #require(scene.run(make).end)
        #expect(end.outcome == .failed)
        #expect(end.message.contains("ec2:AssociateAddress"))
    }

    @Test func `whoever ends its time learns what was in its way`() {
        var scene = makeScene(at: Place.other)
        scene.cloud.fail(CloudFault(.busy, "throttled"), times: 1000) { $0.changesSomething }
        let (end, errand) = scene.run(make, within: .seconds(15))
        #expect(end == nil && errand.obstacle == "throttled")
    }

    @Test func `it comes through crashes at any moment`() {
        for seed in 1...300 as ClosedRange<UInt64> {
            var scene = makeScene(at: Self.holders[Int(seed % 4)], seed: seed)
            scene.cloud.showsAfter = .milliseconds(Int(seed % 5) * 500)
            Trouble.allCases[Int(seed / 4 % 4)].befall(&scene, times: 1 + Int(seed % 3))
            let end = scene.run(make, within: .seconds(120), crashes: 6).end
            #expect(end?.outcome == .done && scene.holderOfAddress == Place.own, "seed \(seed)")
        }
    }
}
