import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

struct SwitchTests {
    static func order(wait: Int = 0, image: Bool = false) -> Order {
        .switch(Order.Switch(mode: .spot, pool: "m5.large.us-east-1b", terminateWaitSeconds: wait, makesImage: image))
    }

    @Test func `the result names the new machine, and the report has prices and times`() throws {
        var scene = ErrandScene()
        let begin = scene.wall
        scene.deliver(scene.command(Self.order()))
        scene.pass(.seconds(60))
        let id = try #require(scene.launchedID)
        #expect(scene.result?.outcome == .done)
        let report = try #require(scene.switches.first)
        #expect(scene.switches.count == 1)
        #expect(report.oldInstance.pool == "m5.large.us-east-1a")
        #expect(report.newInstance.instance == id)
        #expect(report.newInstance.pool == "m5.large.us-east-1b")
        #expect(report.onDemandPrice == JSONNumber("0.096"))
        #expect(report.oldSpotPrice == JSONNumber(Int64(3)))
        #expect(report.newSpotPrice == JSONNumber(Int64(2)))
        #expect(report.timing.initiatedAt == begin)
        let launchedAt = try #require(report.timing.launchedAt)
        #expect(launchedAt < (report.timing.readyAt ?? launchedAt))
        #expect(report.timing.trafficSwitchedAt == nil)
        #expect(report.command == "c1")
        #expect(report.image == nil)
        #expect(scene.state(of: ErrandScene.own) == .running)
        #expect(scene.errands.runs.isEmpty)
    }

    @Test(arguments: [(100, Trigger.emergency), (75, .manual), (50, .model), (10, .model)])
    func `the trigger follows from the priority`(priority: Int, trigger: Trigger) {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(), priority: priority))
        scene.pass(.seconds(60))
        #expect(scene.switches.map(\.trigger) == [trigger])
    }

    @Test func `prices that are not known in time stay absent, and hold nothing up`() {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(.busy, "slow"), times: 1000) { request in
            switch request {
            case .spotPrices, .onDemandPrice: true
            default: false
            }
        }
        scene.deliver(scene.command(Self.order()))
        scene.pass(.seconds(45))
        #expect(scene.switches.map(\.newSpotPrice) == [nil])
        #expect(scene.switches.map(\.onDemandPrice) == [nil])
    }

    // MARK: Images

    @Test func `an image is made when it is asked for, and the new machine is started from it`() throws {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(300))
        let image = try #require(scene.cloud.images.keys.first)
        #expect(scene.launches.map(\.image) == [image])
        #expect(scene.switches.map(\.image) == [image])
        #expect(scene.cloud.images[image]?.name == "SpotOptimizer-\(ErrandScene.own)-c1")
        #expect(scene.cloud.images[image]?.tags.contains(.managed) == true)
        #expect(scene.switches.first?.timing.imageCreatedAt != nil)
    }

    @Test(arguments: [
        CloudFault(.notAllowed, "no CreateImage"), CloudFault(.limit, "too many images"),
    ])
    func `without an image the switch goes on, and says so`(fault: CloudFault) {
        var scene = ErrandScene()
        scene.cloud.fail(fault) { $0.isCreateImage }
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(60))
        #expect(scene.result?.outcome == .done)
        #expect(scene.launches.map(\.image) == ["ami-1"])
        #expect(scene.result?.message.contains(fault.description) == true)
    }

    @Test func `an image that fails or takes too long is not waited for`() {
        for takes in [Duration.seconds(30), .seconds(2000)] {
            var scene = ErrandScene()
            scene.cloud.imagesTake = takes
            scene.cloud.imagesFailWith = "Server.InternalError"
            scene.deliver(scene.command(Self.order(image: true)))
            scene.pass(.seconds(700))
            #expect(scene.launches.map(\.image) == ["ami-1"])
            #expect(scene.result?.outcome == .done)
        }
    }

    @Test func `an emergency has no time for an image`() {
        var scene = ErrandScene()
        scene.standing.options.makesImageOnSwitch = true
        scene.deliver(scene.command(Self.order(), priority: 100))
        scene.pass(.seconds(40))
        #expect(scene.cloud.images.isEmpty)
        #expect(scene.result?.message.contains("no image") == true)
    }

    @Test func `an answer that was lost does not make a second image`() {
        var scene = ErrandScene()
        scene.cloud.showsAfter = .seconds(10)
        scene.cloud.fail(CloudFault(.unreachable, "reset"), isDoneAllTheSame: true) { $0.isCreateImage }
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(300))
        #expect(scene.cloud.images.count == 1)
        #expect(scene.launches.map(\.image) == Array(scene.cloud.images.keys))
    }

    // MARK: Failures

    @Test func `a switch that fails takes its image and its snapshots away again`() {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(.limit, "8 of 8")) { $0.isRun }
        scene.deliver(scene.command(Self.order(wait: 10, image: true)))
        scene.pass(.seconds(300))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.cloud.images.isEmpty)
        #expect(scene.cloud.snapshots.isEmpty)
        #expect(scene.state(of: ErrandScene.own) == .running)
    }

    @Test func `the image of a machine that may run stays`() {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(.unreachable, "away"), times: 1000) { $0.isRun }
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(600))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.cloud.images.count == 1)
    }

    @Test(arguments: [false, true])
    func `an image's snapshots are found by its tags, and a switch goes on where they may not be set`(isRefused: Bool) {
        var scene = ErrandScene()
        if isRefused {
            scene.cloud.fail(CloudFault(.notAllowed, "no")) { if case .tag = $0 { true } else { false } }
        }
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(300))
        #expect(scene.result?.outcome == .done)
        let tagged = scene.cloud.snapshots.values.filter { $0.tags.contains(.managed) && $0.tags.contains(.of("c1")) }
        #expect(tagged.count == (isRefused ? 0 : 1))
    }

    @Test func `what could not be taken away is named`() throws {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(.limit, "8 of 8")) { $0.isRun }
        scene.cloud.fail(CloudFault(.notAllowed, "no")) { if case .deregisterImage = $0 { true } else { false } }
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(300))
        let image = try #require(scene.cloud.images.keys.first)
        #expect(scene.result?.message.contains("\(image) could not be removed") == true)
    }

    @Test func `a workload that has moved another way is not moved again, and nobody is ended`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(wait: 10)))
        scene.pass(.seconds(5))
        scene.standing.epoch = 4
        scene.pass(.seconds(60))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.switches.isEmpty)
        #expect(scene.cloud.machines.map(\.endedAt) == [nil, nil])
    }

    @Test func `a workload that has moved another way while the image was made needs no machine`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(image: true)))
        scene.pass(.seconds(5))
        scene.standing.epoch = 4
        scene.pass(.seconds(300))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.launches.isEmpty)
        #expect(scene.cloud.images.isEmpty)
    }

    // MARK: The end of this machine

    @Test(arguments: [Role.zombie, .terminating, .terminated])
    func `this machine ends itself after its wait, once another one is confirmed`(role: Role) {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(wait: 300)))
        scene.pass(.seconds(60))
        #expect(scene.result?.outcome == .done)
        #expect(scene.errands.running == [])
        scene.standing.role = role
        scene.pass(.seconds(200))
        #expect(scene.state(of: ErrandScene.own) == .running)
        scene.pass(.seconds(80))
        #expect(scene.cloud.machines.first?.endedAt != nil)
        #expect(scene.terminations.map(\.target) == [ErrandScene.own])
        #expect(scene.results.count == 1)
    }

    @Test func `a machine that is still the primary stays, and for good after an hour`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(wait: 300)))
        scene.pass(.seconds(3000))
        #expect(!scene.errands.runs.isEmpty)
        scene.pass(.seconds(1200))
        #expect(scene.errands.runs.isEmpty)
        scene.standing.role = .zombie
        scene.pass(.seconds(1200))
        #expect(scene.cloud.requests.filter(\.isTerminate) == [])
        #expect(
            scene.told.contains(
                .step("c1", "this machine is kept: the coordinator has not confirmed that another one serves")))
    }

    @Test func `whoever switches termination off during the wait keeps the machine`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(wait: 300)))
        scene.pass(.seconds(60))
        scene.standing.role = .zombie
        scene.standing.configuration.settings.autoTerminateEnabled = false
        scene.pass(.seconds(600))
        #expect(scene.cloud.requests.filter(\.isTerminate) == [])
    }

    @Test(arguments: [Duration.seconds(-3600), .seconds(3600)])
    func `a wall clock that jumps during a restart makes the wait no longer`(jump: Duration) {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(wait: 300)))
        scene.pass(.seconds(60))
        scene.standing.role = .zombie
        scene.wall += jump
        scene.crash()
        scene.pass(.seconds(320))
        #expect(scene.cloud.machines.first?.endedAt != nil)
    }

    @Test func `a restart during the wait tells the same result again and the report not`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.order(wait: 300)))
        scene.pass(.seconds(60))
        scene.crash()
        scene.pass(.seconds(10))
        #expect(scene.results.count == 2)
        #expect(Set(scene.results.map(\.message)).count == 1)
        #expect(scene.results.first?.facts == scene.results.last?.facts)
        #expect(scene.switches.count == 1)
        scene.pass(.seconds(30))
        scene.deliver(scene.command(Self.order(wait: 300), attempt: 2))
        #expect(scene.results.map(\.attempt) == [1, 1, 2])
        #expect(scene.launches.count == 1)
    }
}
