import JSON
import PretendHost
import Testing
import Wire

@testable import AgentCore

struct StandingDownTests {
    @Test func `fenced is said when the units were seen stopped, after the drain`() {
        var scene = WorkloadScene(.primary, .exclusive) { $0.hooks = [.drain, .fence] }
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(1))
        #expect(scene.outcome("d") == .fenced)
        #expect(scene.steps("d") == ["drain hooks", "stop units", "fence hooks"])
        #expect(!scene.scene.host.runs)
        guard case .fenced? = scene.results["d"]?.facts else {
            Issue.record("it does not say when")
            return
        }
    }

    @Test func `the timer is armed before anything is stopped, and taken away when all is stopped`() throws {
        var scene = WorkloadScene(.primary, .exclusive)
        let before = scene.scene.now
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(1))
        let acts = scene.scene.host.acts
        let armed = try #require(acts.firstIndex { if case .armFence = $0 { true } else { false } })
        let stopped = try #require(acts.firstIndex(of: .stop(["web.service"], atOnce: false)))
        #expect(armed < stopped)
        guard case .armFence(_, let at) = acts[armed] else { return }
        #expect((before + .seconds(7)...before + .seconds(9)).contains(at))
        #expect(scene.scene.host.fence == nil)
    }

    @Test(arguments: [-3600, 3600])
    func `a clock that is astray neither puts the fence off nor leaves no time`(seconds: Int) throws {
        var scene = WorkloadScene(.primary, .exclusive) { $0.hooks = [.drain] }
        scene.scene.actsTake = .seconds(60)
        let order = scene.demote()
        scene.scene.wallError += .seconds(seconds)
        scene.scene.serverError += .seconds(seconds)
        let before = scene.scene.now
        scene.deliver(("d", order), epoch: 2)
        let at = try #require(scene.fences.first)
        #expect((before + .seconds(1)...before + .seconds(9)).contains(at))
    }

    @Test func `a restart does not put the fence off, whatever the clocks say`() throws {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.serverError = .seconds(600)
        scene.pass(.seconds(5))
        scene.scene.actsTake = .seconds(2)
        scene.deliver(("d", scene.demote()), epoch: 2)
        let first = try #require(scene.fences.first)
        scene.pass(.seconds(1))
        scene.restart()
        scene.pass(.milliseconds(500))
        #expect(try #require(scene.fences.first) <= first + .milliseconds(10))
    }

    @Test func `in overlap there is no timer, and it is done`() {
        var scene = WorkloadScene(.primary)
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(1))
        #expect(scene.outcome("d") == .done)
        #expect(!scene.scene.host.acts.contains { if case .armFence = $0 { true } else { false } })
    }

    @Test func `units that do not hear are killed, at the fence at the latest`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.stubborn = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(15))
        #expect(scene.outcome("d") == .fenced)
        #expect(!scene.scene.host.runs)
    }

    @Test func `a machine that stood still for longer than the stop may take still stops, and is fenced`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.stubborn = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.scene.sleep(.seconds(20))
        scene.pass(.seconds(3))
        #expect(scene.outcome("d") == .fenced)
        #expect(!scene.scene.host.runs)
    }

    @Test func `one unit that the kernel holds does not keep the others alive`() {
        var scene = WorkloadScene(.primary, .exclusive) { $0.promoteUnits = ["web.service", "store.service"] }
        scene.scene.host.unstoppable = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(15))
        #expect(scene.outcome("d") == .fenceFailed)
        #expect(scene.scene.host.units["store.service"] == .stopped)
    }

    @Test func `what cannot be stopped is a failed fence, never a fence`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.unstoppable = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(30))
        #expect(scene.outcome("d") == .fenceFailed)
        #expect(!scene.scene.host.isPoweredOff)
    }

    @Test(arguments: [false, true])
    func `what was not seen stopped is tried again without being told, also after a restart`(restarts: Bool) {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.scene.host.unstoppable = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(20))
        #expect(scene.outcome("d") == .fenceFailed)
        scene.word.answers = false
        if restarts { scene.restart() }
        scene.scene.host.unstoppable = []
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
        #expect(scene.scene.told.contains(.halted(.unstopped)))
    }

    @Test func `who was stopped for another host and is still called primary says that nothing runs here`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.unstoppable = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(20))
        #expect(scene.outcome("d") == .fenceFailed)
        #expect(scene.heartbeat?.lacking?.first?.contains("stopped for another host") == true)
    }

    @Test func `the last resort switches the machine off, after it was said`() throws {
        var scene = WorkloadScene(.primary, .exclusive) { $0.powersOffAsLastResort = true }
        scene.scene.host.unstoppable = ["web.service"]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(30))
        #expect(scene.outcome("d") == .fenceFailed)
        #expect(scene.results["d"]?.message.contains("switched off") == true)
        #expect(scene.scene.host.isPoweredOff)
    }

    @Test func `a fence hook that fails is a failed fence: it may be all that lets go of a volume`() {
        var scene = WorkloadScene(.primary, .exclusive) { $0.hooks = [.fence] }
        scene.scene.host.hooks = [.fence: [HookRun(name: "umount", took: .zero, outcome: .failed("ended with 32"))]]
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(10))
        #expect(scene.outcome("d") == .fenceFailed)
    }

    @Test(arguments: Array(stride(from: 0, to: 600, by: 25)))
    func `killed at any moment of it, it is fenced after the restart`(milliseconds: Int) {
        var scene = WorkloadScene(.primary, .exclusive) { $0.hooks = [.drain] }
        scene.word.epoch = 2
        scene.word.commands = [scene.command(scene.demote(), id: "d")]
        scene.scene.feed(.networkChanged)
        scene.pass(.milliseconds(milliseconds))
        scene.restart()
        scene.pass(.seconds(5))
        #expect(scene.outcome("d") == .fenced)
        #expect(!scene.scene.host.runs)
    }

    @Test func `with the agent dead the timer stops it`() {
        var scene = WorkloadScene(.primary, .exclusive) { $0.hooks = [.drain] }
        scene.scene.actsTake = .seconds(2)
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(4))
        scene.scene.host.pass(to: scene.scene.now + .seconds(20))
        #expect(!scene.scene.host.runs)
    }

    @Test func `who was demoted does not serve again because a late answer calls it primary`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(60))
        #expect(scene.word.role == .primary)
        #expect(!scene.scene.host.runs)
    }
}
