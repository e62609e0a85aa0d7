import JSON
import PretendCloud
import PretendHost
import Testing
import Wire

@testable import AgentCore

/// What goes with the workload: an address, volumes, a place behind a balancer.
struct TrafficTests {
    static let address: ResourceID = "eipalloc-1"
    static let volume = DataVolume(id: "vol-1", device: "/dev/sdf")
    static var group: TargetGroup {
        guard let group = TargetGroup("arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/web/1") else {
            preconditionFailure("an ARN")
        }
        return group
    }

    private static func scene(
        _ role: Role, _ handOver: HandOver, _ change: (inout TakeOver) -> Void
    ) -> WorkloadScene {
        var scene = WorkloadScene(role, handOver, change)
        for id in [Scene.instance, WorkloadScene.other] {
            var machine = CloudInstance(id: id, state: .running)
            machine.zone = "us-east-1b"
            scene.scene.cloud.add(machine, at: .zero)
        }
        scene.scene.cloud.add(address: address, at: WorkloadScene.other)
        scene.scene.cloud.add(volume: volume.id, in: "us-east-1b", at: WorkloadScene.other)
        scene.scene.cloud.add(group)
        return scene
    }

    private func changes(_ scene: WorkloadScene) -> [CloudRequest] {
        scene.scene.cloud.requests.filter(\.changesSomething)
    }

    @Test func `in overlap the address and the balancers follow the proof, not before`() {
        var scene = Self.scene(.replica, .overlap) {
            $0.address = Self.address
            $0.targetGroups = [Self.group]
        }
        scene.scene.host.isDeaf = true
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(5))
        #expect(changes(scene) == [])
        scene.scene.host.isDeaf = false
        let drops = scene.scene.drops
        scene.pass(.seconds(3))
        #expect(scene.outcome("p") == .done)
        #expect(changes(scene).count == 2)
        #expect(scene.steps("p").suffix(2) == ["move address", "register with web"])
        #expect(scene.scene.drops == drops + 1)
    }

    /// As after a switch to a machine whose image starts the workload.
    @Test(arguments: [HandOver.overlap, .exclusive])
    func `a primary whose workload runs already has its address and balancers follow`(handOver: HandOver) {
        var scene = Self.scene(.primary, handOver) {
            $0.address = Self.address
            $0.targetGroups = [Self.group]
        }
        scene.restart()
        scene.pass(.seconds(5))
        #expect(changes(scene).contains(.moveAddress(Self.address, to: Scene.instance)))
        #expect(scene.scene.cloud.isMember(Scene.instance, of: Self.group))
        #expect(!scene.acts.contains(.start(["web.service"])))
    }

    @Test func `a primary that runs without its volume has it come, and runs on`() {
        var scene = Self.scene(.primary, .exclusive) { $0.volumes = [Self.volume] }
        scene.scene.cloud.add(volume: "vol-1", in: "us-east-1b")
        scene.restart()
        scene.pass(.seconds(15))
        #expect(scene.scene.cloud.holder(of: "vol-1", at: scene.scene.now)?.instance == Scene.instance)
        #expect(scene.acts.allSatisfy { if case .stop = $0 { false } else { true } })
    }

    @Test func `a primary that cannot have them serves all the same, and says what is missing`() {
        var scene = Self.scene(.primary, .overlap) { $0.address = "eipalloc-2" }
        scene.pass(.seconds(90))
        #expect(scene.scene.host.runs)
        #expect(scene.heartbeat?.lacking?.isEmpty ?? true)
        #expect(scene.scene.told.count { if case .servingInPart = $0 { true } else { false } } == 1)
        scene.scene.cloud.add(address: "eipalloc-2", at: nil)
        scene.pass(.seconds(90))
        #expect(changes(scene).contains(.moveAddress("eipalloc-2", to: Scene.instance)))
        #expect(scene.scene.told.last == .serving)
    }

    @Test func `an address that was taken for nothing is given back, for the old one goes on serving`() {
        var scene = Self.scene(.replica, .overlap) { $0.address = Self.address }
        scene.scene.cloud.fail(CloudFault(.unreachable, "lost"), times: 1, isDoneAllTheSame: true) {
            if case .moveAddress = $0 { true } else { false }
        }
        scene.scene.cloud.fail(CloudFault(.invalid, "not now")) { if case .address = $0 { true } else { false } }
        scene.word.role = .promoting
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(30))
        #expect(scene.outcome("p") == .failed)
        #expect(scene.steps("p").contains("give address back"))
        #expect(changes(scene).last == .moveAddress(Self.address, to: WorkloadScene.other))
    }

    @Test func `a primary whose successor came to nothing looks after its address, and not while that may be at it`() {
        var scene = Self.scene(.primary, .overlap) { $0.address = Self.address }
        scene.pass(.seconds(5))
        scene.scene.cloud.add(address: Self.address, at: WorkloadScene.other)
        let before = changes(scene)
        scene.word.epoch = 2
        scene.pass(.seconds(80))
        #expect(changes(scene) == before)
        scene.pass(.seconds(30))
        #expect(changes(scene) == before + [.moveAddress(Self.address, to: Scene.instance)])
        #expect(!scene.acts.contains(.start(["web.service"])))
    }

    @Test(arguments: [1, 60])
    func `an address is not given back by who was not heard for so long that another may have it`(sleeping: Int) {
        var scene = Self.scene(.replica, .overlap) { ($0.address, $0.hooks) = (Self.address, [.verify]) }
        scene.word.role = .promoting
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.scene.actsTake = .seconds(30)
        scene.pass(.seconds(1))
        #expect(changes(scene) == [.moveAddress(Self.address, to: Scene.instance)])
        scene.scene.actsTake = .milliseconds(50)
        scene.word.answers = false
        scene.scene.sleep(.seconds(sleeping))
        scene.pass(.seconds(20))
        #expect(!scene.scene.host.runs)
        #expect(changes(scene).contains(.moveAddress(Self.address, to: WorkloadScene.other)) == (sleeping == 1))
    }

    @Test func `who hears that another one was chosen leaves the address alone`() {
        var scene = Self.scene(.replica, .overlap) { $0.address = Self.address }
        scene.scene.cloud.fail(CloudFault(.unreachable, "busy"), times: 100) {
            if case .address = $0 { true } else { false }
        }
        scene.word.role = .promoting
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(3))
        let before = changes(scene)
        (scene.word.role, scene.word.epoch) = (.zombie, 3)
        scene.pass(.seconds(60))
        #expect(scene.outcome("p") == .failed)
        #expect(changes(scene) == before)
    }

    @Test func `a primary that is at it leaves the address alone from the moment when it hears of a hand-over`() {
        var scene = Self.scene(.primary, .overlap) { $0.address = Self.address }
        scene.scene.cloud.fail(CloudFault(.unreachable, "busy"), times: 1000) {
            if case .moveAddress = $0 { true } else { false }
        }
        scene.pass(.seconds(5))
        #expect(changes(scene).count > 1)
        scene.word.epoch = 2
        scene.pass(.seconds(5))
        let before = changes(scene)
        scene.pass(.seconds(60))
        #expect(changes(scene) == before)
    }

    @Test(arguments: [false, true])
    func `who has taken over looks once more after its address, when another one must have given up`(restarts: Bool) {
        var scene = Self.scene(.replica, .overlap) { $0.address = Self.address }
        scene.word.role = .promoting
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.word.role = .primary
        scene.pass(.seconds(10))
        #expect(scene.outcome("p") == .done)
        if restarts {
            scene.restart()
            scene.pass(.seconds(10))
        }
        scene.scene.cloud.add(address: Self.address, at: WorkloadScene.other)
        // A unit that does its work and ends is not started once more for it.
        scene.scene.host.units["web.service"] = .stopped
        let acts = scene.acts
        let before = changes(scene)
        scene.pass(.seconds(75))
        #expect(changes(scene) == before)
        scene.pass(.seconds(30))
        #expect(changes(scene) == before + [.moveAddress(Self.address, to: Scene.instance)])
        let looks = scene.scene.cloud.requests.count { $0 == .address(Self.address) }
        scene.pass(.seconds(300))
        #expect(scene.acts == acts)
        // What it may do in EC2 is tried once in that time.
        #expect(scene.scene.cloud.requests.count { $0 == .address(Self.address) } <= looks + 1)
    }

    @Test func `who has not heard for a while whether it still serves does not look after its address`() {
        var scene = Self.scene(.replica, .overlap) { $0.address = Self.address }
        scene.word.role = .promoting
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.word.role = .primary
        scene.pass(.seconds(50))
        scene.scene.cloud.add(address: Self.address, at: WorkloadScene.other)
        let before = changes(scene)
        scene.word.answers = false
        scene.pass(.seconds(80))
        #expect(changes(scene) == before)
        scene.word.answers = true
        scene.pass(.seconds(30))
        #expect(changes(scene) == before + [.moveAddress(Self.address, to: Scene.instance)])
    }

    @Test func `who stood still does nothing about its traffic before it has been heard anew`() {
        var scene = Self.scene(.primary, .overlap) { $0.address = Self.address }
        scene.pass(.seconds(5))
        scene.scene.cloud.add(address: Self.address, at: WorkloadScene.other)
        scene.scene.cloud.fail(CloudFault(.invalid, "not now"), times: 100) {
            if case .moveAddress = $0 { true } else { false }
        }
        scene.word.epoch = 2
        scene.pass(.seconds(100))
        let before = changes(scene)
        #expect(!before.isEmpty)
        scene.word.answers = false
        scene.scene.sleep(.seconds(120))
        scene.pass(.seconds(60))
        #expect(changes(scene) == before)
    }

    @Test func `a balancer that could not come with a take-over comes later`() {
        var scene = Self.scene(.replica, .exclusive) { $0.targetGroups = [Self.group] }
        scene.scene.cloud.fail(CloudFault(.invalid, "not now")) { if case .registerTarget = $0 { true } else { false } }
        scene.word.role = .promoting
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.seconds(3))
        #expect(scene.outcome("a") == .done)
        #expect(!scene.scene.cloud.isMember(Scene.instance, of: Self.group))
        scene.word.role = .primary
        scene.pass(.seconds(60))
        #expect(scene.scene.cloud.isMember(Scene.instance, of: Self.group))
    }

    @Test func `in an exclusive slot volumes and address come first, side by side`() {
        var scene = Self.scene(.replica, .exclusive) {
            $0.address = Self.address
            $0.volumes = [Self.volume]
        }
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.seconds(30))
        #expect(scene.outcome("a") == .done)
        #expect(Set(scene.steps("a").prefix(2)) == ["attach vol-1", "move address"])
        #expect(scene.steps("a").suffix(2) == ["start units", "probe"])
    }

    @Test func `in overlap traffic that cannot be moved is a failed promotion: the other one has it still`() {
        var scene = Self.scene(.replica, .overlap) { $0.address = "eipalloc-9" }
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(40))
        #expect(scene.outcome("p") == .failed)
        #expect(!scene.scene.host.runs)
    }

    @Test func `in an exclusive slot it serves all the same, and is not called proven`() {
        var scene = Self.scene(.replica, .exclusive) {
            $0.targetGroups = [TargetGroup("arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/gone/2")].compactMap(
                \.self)
        }
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.seconds(90))
        #expect(scene.scene.host.serves)
        guard case .activated(_, nil)? = scene.results["a"]?.facts else {
            Issue.record("\(String(describing: scene.results["a"]))")
            return
        }
        #expect(scene.results["a"]?.message.contains("register with gone") == true)
    }

    @Test func `who is demoted leaves the balancers, and lets go of the volumes once its units are stopped`() {
        var scene = Self.scene(.primary, .exclusive) {
            $0.targetGroups = [Self.group]
            $0.volumes = [Self.volume]
        }
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(20))
        #expect(scene.outcome("d") == .fenced)
        #expect(scene.steps("d") == ["leave web", "stop units", "detach vol-1"])
    }
}
