import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// Prices and the clean-up: as commands, and unasked.
struct DutiesTests {
    static let day = Duration.seconds(86_400)

    func makeScene() -> ErrandScene {
        var scene = ErrandScene()
        func add(_ id: ResourceID, days: Int, snapshots: [ResourceID], managed: Bool = true) {
            var image = CloudAnswer.Image(id: id, state: .available, createdAt: scene.wall - Self.day * days)
            image.snapshots = snapshots
            scene.cloud.add(image, tags: managed ? [.managed] : [])
        }
        func add(_ id: ResourceID, days: Int, isCompleted: Bool = true, managed: Bool = true) {
            scene.cloud.add(
                CloudAnswer.Snapshot(id: id, isCompleted: isCompleted, startedAt: scene.wall - Self.day * days),
                tags: managed ? [.managed] : [])
        }
        add("ami-1", days: 90, snapshots: ["snap-90"])
        add("ami-40", days: 40, snapshots: ["snap-40a", "snap-40b"])
        add("ami-41", days: 41, snapshots: ["snap-41"])
        add("ami-20", days: 20, snapshots: ["snap-20"])
        add("ami-50", days: 50, snapshots: ["snap-50"], managed: false)
        add("snap-8", days: 8)
        add("snap-9", days: 9, isCompleted: false)
        add("snap-6", days: 6)
        add("snap-10", days: 10, managed: false)
        var user = CloudInstance(id: "i-00000000000000001", state: .running)
        user.image = "ami-41"
        user.tags = [.managed]
        scene.cloud.add(user)
        return scene
    }

    @Test func `what is old, ours and unused goes, and nothing else`() throws {
        var scene = makeScene()
        scene.deliver(scene.command(.cleanup(Order.Cleanup())))
        scene.pass(.seconds(30))
        #expect(scene.cloud.images.keys.sorted() == ["ami-1", "ami-20", "ami-41", "ami-50"])
        #expect(
            scene.cloud.snapshots.keys.sorted() == [
                "snap-10", "snap-20", "snap-41", "snap-50", "snap-6", "snap-9", "snap-90",
            ])
        let report = try #require(scene.cleanups.first)
        #expect(report.images.deleted == ["ami-40"])
        #expect(report.imageSnapshots.sorted() == ["snap-40a", "snap-40b"])
        #expect(report.snapshots.deleted == ["snap-8"])
        #expect(report.snapshots.cutoff != nil)
        #expect(report.command == "c1")
        #expect(scene.result?.outcome == .done)
    }

    @Test func `what cannot be removed is named, what is gone already counts, and the rest goes`() throws {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.invalid, code: "InvalidSnapshot.InUse", "in use")) {
            $0 == .deleteSnapshot("snap-8")
        }
        scene.cloud.fail(CloudFault(.notFound, "gone")) { $0 == .deregisterImage("ami-40") }
        scene.deliver(scene.command(.cleanup(Order.Cleanup())))
        scene.pass(.seconds(60))
        let report = try #require(scene.cleanups.first)
        #expect(report.snapshots.failed.map(\.id) == ["snap-8"])
        #expect(report.images.deleted == ["ami-40"])
        #expect(scene.result?.outcome == .done)
    }

    @Test func `where images cannot be listed no snapshot is removed: it may be an image's`() throws {
        var scene = ErrandScene()
        let old = CloudAnswer.Snapshot(id: "snap-90", isCompleted: true, startedAt: scene.wall - .seconds(90 * 86_400))
        scene.cloud.add(old, tags: [.managed])
        scene.cloud.fail(CloudFault(.notAllowed, "no")) { if case .findImages = $0 { true } else { false } }
        scene.deliver(scene.command(.cleanup(Order.Cleanup())))
        scene.pass(.seconds(60))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.changes == [])
    }

    @Test func `EC2 may hold the snapshots of an image for some moments after it`() throws {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.invalid, code: "InvalidSnapshot.InUse", "in use"), times: 2) {
            $0 == .deleteSnapshot("snap-40a")
        }
        scene.deliver(scene.command(.cleanup(Order.Cleanup())))
        scene.pass(.seconds(60))
        #expect(scene.cleanups.first?.imageSnapshots.sorted() == ["snap-40a", "snap-40b"])
    }

    @Test func `a missing right is asked for once, and the other kind goes on`() throws {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.notAllowed, "denied"), times: 100) {
            if case .deregisterImage = $0 { true } else { false }
        }
        scene.deliver(scene.command(.cleanup(Order.Cleanup(imagesOlderThanDays: 1))))
        scene.pass(.seconds(60))
        let report = try #require(scene.cleanups.first)
        #expect(report.images.failed.count == 1)
        #expect(report.images.error?.contains("ec2:DeregisterImage") == true)
        #expect(report.snapshots.deleted == ["snap-8"])
        #expect(scene.result?.outcome == .failed)
    }

    @Test func `without knowing which images are used none is removed`() throws {
        var scene = makeScene()
        scene.cloud.fail(CloudFault(.notAllowed, "denied")) { if case .findInstances = $0 { true } else { false } }
        scene.deliver(scene.command(.cleanup(Order.Cleanup())))
        scene.pass(.seconds(60))
        #expect(scene.cloud.images.count == 5)
        #expect(scene.cleanups.first?.images.error != nil)
    }

    @Test func `one pass removes no more than its report can name`() throws {
        var scene = ErrandScene()
        for number in 0..<1100 {
            let id = ResourceID(stringLiteral: "snap-\(number)")
            scene.cloud.add(
                CloudAnswer.Snapshot(id: id, isCompleted: true, startedAt: scene.wall - Self.day * 10), tags: [.managed]
            )
        }
        scene.cloud.fail(CloudFault(.invalid, "held"), times: 200) {
            if case .deleteSnapshot = $0 { true } else { false }
        }
        scene.deliver(scene.command(.cleanup(Order.Cleanup())))
        scene.pass(.seconds(120))
        let report = try #require(scene.cleanups.first)
        #expect(report.snapshots.deleted.count == 800)
        #expect(report.snapshots.failed.count == Limits.failuresMax)
    }

    @Test func `a primary cleans up every hour, once it knows the coordinator's clock`() {
        var scene = makeScene()
        scene.look()
        scene.pass(.seconds(7200))
        #expect(scene.cleanups.isEmpty)
        scene.standing.clockOffset = .zero
        scene.look()
        scene.pass(.seconds(70))
        #expect(scene.cleanups.count == 1)
        #expect(scene.results.isEmpty)
        scene.pass(.seconds(3600 * 10))
        #expect((9...12).contains(scene.cleanups.count))
    }

    @Test func `by a wall clock that is years ahead nothing is old`() throws {
        var scene = makeScene()
        scene.wall += Self.day * 1000
        scene.standing.clockOffset = Self.day * -1000
        scene.deliver(scene.command(.inspectInstance(ErrandScene.own)))
        scene.pass(.seconds(70))
        #expect(scene.cleanups.first?.images.deleted == ["ami-40"])
    }

    @Test(arguments: [Role.replica, .zombie, .promoting])
    func `only a primary asks for prices and cleans up`(role: Role) {
        var scene = makeScene()
        scene.standing.role = role
        scene.standing.clockOffset = .zero
        scene.standing.configuration.reportsPrices = true
        scene.look()
        scene.pass(.seconds(4000))
        #expect(scene.requestsBesideRights == [])
    }

    // MARK: Prices

    func makeReporter() -> ErrandScene {
        var scene = ErrandScene()
        scene.standing.configuration.reportsPrices = true
        scene.look()
        return scene
    }

    @Test func `the reporter tells what all zones cost`() throws {
        var scene = makeReporter()
        scene.pass(.seconds(20))
        let report = try #require(scene.pricings.first)
        #expect(report.pools.map(\.pool) == ["m5.large.us-east-1a", "m5.large.us-east-1b"])
        #expect(report.currentSpotPrice == JSONNumber(Int64(3)))
        #expect(report.cheapestPool?.pool == "m5.large.us-east-1b")
        #expect(report.onDemandPrice == JSONNumber("0.096"))
        #expect(report.instance.pool == "m5.large.us-east-1a")
        scene.pass(.seconds(3000))
        #expect((10...13).contains(scene.pricings.count))
    }

    @Test func `who is not the reporter asks for no prices`() {
        var scene = ErrandScene()
        scene.look()
        scene.pass(.seconds(1000))
        #expect(scene.requestsBesideRights == [])
    }

    @Test func `what is not known is absent, and is said once`() throws {
        var scene = makeReporter()
        scene.cloud.onDemandPrice = nil
        scene.pass(.seconds(1000))
        #expect(scene.pricings.count > 2)
        #expect(scene.pricings.allSatisfy { $0.onDemandPrice == nil && $0.pools.count == 2 })
        let unknown = Announcement.pricesUnknown(reason: "the price list has no m5.large in us-east-1")
        #expect(scene.told == [unknown])
        scene.cloud.onDemandPrice = JSONNumber("0.096")
        scene.pass(.seconds(1000))
        #expect(scene.told == [unknown, .pricesKnown])
    }

    @Test func `without any price there is no report`() {
        var scene = makeReporter()
        scene.cloud.fail(CloudFault(.notAllowed, "denied"), times: 1000) { _ in true }
        scene.pass(.seconds(1000))
        #expect(scene.pricings.isEmpty)
        #expect(scene.told.count == 1)
    }
}
