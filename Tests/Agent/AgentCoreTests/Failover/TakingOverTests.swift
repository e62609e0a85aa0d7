import JSON
import PretendCloud
import PretendHost
import Testing
import Wire

@testable import AgentCore

struct TakingOverTests {
    @Test func `a promotion starts the units, proves that they serve, and says so`() throws {
        var scene = WorkloadScene(.replica)
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(2))
        #expect(scene.scene.host.serves)
        #expect(scene.outcome("p") == .done)
        guard case .activated(_, .some)? = scene.results["p"]?.facts else {
            Issue.record("not proven: \(String(describing: scene.results["p"]))")
            return
        }
        #expect(scene.steps("p") == ["start units", "probe"])
    }

    @Test func `hooks run before the units, and verify after the probe`() {
        var scene = WorkloadScene(.replica) { $0.hooks = [.promote, .verify] }
        scene.scene.host.hooks = [
            .promote: [HookRun(name: "10-mount", took: .zero, outcome: .done)],
            .verify: [HookRun(name: "check", took: .zero, outcome: .done)],
        ]
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(2))
        #expect(
            scene.steps("p") == [
                "promote.d/10-mount", "promote hooks", "start units", "probe", "verify.d/check", "verify hooks",
            ])
    }

    @Test func `a hook that fails is the end of it, and nothing was started`() {
        var scene = WorkloadScene(.replica) { $0.hooks = [.promote] }
        scene.scene.host.hooks = [.promote: [HookRun(name: "mount", took: .zero, outcome: .failed("ended with 1"))]]
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(2))
        #expect(scene.outcome("p") == .failed)
        #expect(scene.results["p"]?.message.contains("mount: ended with 1") == true)
        #expect(!scene.acts.contains(.start(["web.service"])))
    }

    @Test func `what does not serve in time is stopped again before it is called failed`() {
        var scene = WorkloadScene(.replica)
        scene.scene.host.isDeaf = true
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(10))
        #expect(scene.outcome("p") == nil)
        scene.pass(.seconds(8))
        #expect(scene.outcome("p") == .failed)
        #expect(!scene.scene.host.runs)
        #expect(scene.results["p"]?.message.contains("connection refused") == true)
    }

    @Test func `what failed and cannot be stopped is not called failed, which would let another one serve`() {
        var scene = WorkloadScene(.replica)
        scene.scene.host.isDeaf = true
        scene.scene.host.unstoppable = ["web.service"]
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(40))
        #expect(scene.outcome("p") == .fenceFailed)
    }

    @Test func `an exclusive promotion only prepares, until it is told to activate`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.deliver(("p", scene.promote(awaitsFence: true)), epoch: 2)
        scene.pass(.seconds(20))
        #expect(scene.outcome("p") == .prepared)
        #expect(!scene.scene.host.runs)
        scene.deliver(("a", .activate))
        scene.pass(.seconds(2))
        #expect(scene.outcome("a") == .done)
        #expect(scene.scene.host.serves)
    }

    @Test func `without a probe it is done, and not called proven`() {
        var scene = WorkloadScene(.replica) { $0.probe = nil }
        scene.deliver(("p", scene.promote()), epoch: 2)
        scene.pass(.seconds(2))
        guard case .activated(_, nil)? = scene.results["p"]?.facts else {
            Issue.record("proven by nothing")
            return
        }
        #expect(scene.results["p"]?.message.contains("VERIFY_URL") == true)
    }

    @Test func `a promotion of an older epoch is refused`() {
        var scene = WorkloadScene(.replica)
        scene.word.epoch = 3
        scene.pass(.seconds(4))
        var command = scene.command(scene.promote(), id: "p")
        command.epoch = 2
        scene.word.commands = [command]
        scene.pass(.seconds(4))
        #expect(scene.outcome("p") == .refused)
        #expect(!scene.scene.host.runs)
    }

    @Test func `started before a crash and failed after it, it is stopped all the same`() {
        var scene = WorkloadScene(.replica, .exclusive) { $0.hooks = [.promote] }
        scene.scene.host.isDeaf = true
        scene.word.role = .promoting
        scene.deliver(("a", .activate), epoch: 2)
        #expect(scene.scene.host.runs)
        scene.scene.host.hooks = [.promote: [HookRun(name: "mount", took: .zero, outcome: .failed("ended with 1"))]]
        scene.scene.forget { if case .progressed = $0 { true } else { false } }
        scene.restart()
        scene.pass(.seconds(5))
        #expect(scene.outcome("a") == .failed)
        #expect(!scene.scene.host.runs)
    }

    @Test(arguments: Array(stride(from: 0, to: 600, by: 25)))
    func `killed at any moment of it, it comes to its end after the restart`(milliseconds: Int) {
        var scene = WorkloadScene(.replica) { $0.hooks = [.promote] }
        scene.scene.host.hooks = [.promote: [HookRun(name: "mount", took: .zero, outcome: .done)]]
        scene.word.epoch = 2
        scene.word.commands = [scene.command(scene.promote(), id: "p")]
        scene.scene.feed(.networkChanged)
        scene.pass(.milliseconds(milliseconds))
        scene.restart()
        scene.pass(.seconds(5))
        #expect(scene.outcome("p") == .done)
        #expect(scene.scene.host.serves)
    }

    @Test func `an order that came too late is answered when nothing runs: an earlier life may have begun it`() {
        var scene = WorkloadScene(.replica, .exclusive, running: true)
        var command = scene.command(.activate, id: "a")
        command.attempt = 2
        command.expiresAt = scene.scene.wall - .seconds(1)
        scene.word.commands = [command]
        scene.pass(.seconds(5))
        #expect(scene.outcome("a") == .expired)
        #expect(!scene.scene.host.runs)
    }

    @Test func `a stop overtakes a start, and the start is answered only when that is done`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.scene.host.isDeaf = true
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.seconds(3))
        #expect(scene.scene.host.runs)
        scene.deliver(("d", scene.demote()), epoch: 3)
        scene.pass(.seconds(5))
        #expect(!scene.scene.host.runs)
        #expect(scene.outcome("d") == .fenced)
        #expect(scene.outcome("a") == .failed)
    }

    @Test func `nothing is started before the disk knows that it may serve, unless the disk takes too long`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.scene.keepsAtOnce = false
        scene.word.role = .promoting
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.milliseconds(500))
        #expect(!scene.acts.contains(.start(["web.service"])))
        var quick = scene
        quick.scene.feed(.recorded(batches: quick.scene.batches.count))
        quick.pass(.milliseconds(100))
        #expect(quick.acts.contains(.start(["web.service"])))
        scene.pass(.milliseconds(700))
        #expect(scene.acts.contains(.start(["web.service"])))
    }

    @Test func `who cannot take over lets go of the volumes again, after what has mounted them`() throws {
        var scene = WorkloadScene(.replica, .exclusive) { takeOver in
            takeOver.volumes = [DataVolume(id: "vol-1", device: "/dev/sdf")]
            takeOver.hooks = [.promote, .fence]
        }
        var machine = CloudInstance(id: Scene.instance, state: .running)
        machine.zone = "us-east-1b"
        scene.scene.cloud.add(machine)
        scene.scene.cloud.add(volume: "vol-1", in: "us-east-1b")
        scene.scene.host.isDeaf = true
        scene.word.role = .promoting
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.seconds(90))
        #expect(scene.outcome("a") == .failed)
        #expect(scene.steps("a").suffix(3) == ["stop units again", "fence hooks", "detach vol-1"])
        #expect(scene.scene.cloud.holder(of: "vol-1", at: scene.scene.now) == nil)
    }
}
