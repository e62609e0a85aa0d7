import JSON
import PretendHost
import Testing
import Wire

@testable import AgentCore

/// What is done with the workload without a command.
struct HaltingTests {
    private static func interruption(in seconds: Int, _ scene: Scene) -> MetadataReading {
        let time = scene.wall + .seconds(seconds)
        return .value("{\"action\": \"terminate\", \"time\": \"\(time)\"}")
    }

    @Test func `without a successor it serves to the last moment, and not beyond`() {
        var scene = WorkloadScene(.primary)
        scene.word.action = .noSuccessor
        scene.scene.metadata[.instanceAction] = Self.interruption(in: 120, scene.scene)
        scene.pass(.seconds(105))
        #expect(scene.scene.host.runs)
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
        #expect(scene.scene.told.contains(.halted(.lastMoment)))
    }

    @Test func `the hooks of a notice run at once, once, and hold nothing up`() {
        var scene = WorkloadScene(.primary) { $0.hooks = [.notice] }
        scene.scene.metadata[.instanceAction] = Self.interruption(in: 120, scene.scene)
        scene.pass(.seconds(5))
        let runs = scene.scene.host.acts.count { if case .runHooks(.notice, _) = $0 { true } else { false } }
        #expect(runs == 1)
    }

    @Test func `without a coordinator likewise`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.word.answers = false
        scene.scene.metadata[.instanceAction] = Self.interruption(in: 120, scene.scene)
        scene.pass(.seconds(105))
        #expect(scene.scene.host.runs)
        #expect(scene.scene.host.fence != nil)
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
    }

    @Test func `a machine that outlives what was announced serves again, when it is still the primary`() {
        var scene = WorkloadScene(.primary)
        scene.scene.metadata[.instanceAction] = Self.interruption(in: 120, scene.scene)
        scene.pass(.seconds(118))
        #expect(!scene.scene.host.runs)
        scene.pass(.seconds(30))
        #expect(scene.scene.host.serves)
    }

    @Test func `in an exclusive slot it stops after a pause, and asks before it goes on`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.word.answers = false
        scene.scene.feed(.resumed(after: .seconds(30)))
        scene.pass(.seconds(5))
        #expect(!scene.scene.host.runs)
        scene.word.answers = true
        scene.pass(.seconds(10))
        #expect(scene.scene.host.serves)
    }

    @Test func `after a pause, who was replaced meanwhile does not serve`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.word.role = .zombie
        scene.word.epoch = 2
        scene.scene.feed(.resumed(after: .seconds(30)))
        scene.pass(.seconds(60))
        #expect(!scene.scene.host.runs)
    }

    @Test func `also after one in which no agent ran, whose fence stood still with the machine`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.word.answers = false
        scene.scene.sleepUnseen(.seconds(30))
        scene.restart()
        scene.pass(.seconds(5))
        #expect(!scene.scene.host.runs)
        #expect(scene.scene.told.contains(.pausedFor(.seconds(30))))
    }

    @Test func `a pause that was seen is no reason to stop at the next start of the agent`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.sleep(.seconds(30))
        scene.pass(.seconds(15))
        #expect(scene.scene.host.serves)
        scene.word.answers = false
        scene.restart()
        scene.pass(.seconds(5))
        #expect(scene.scene.host.serves)
    }

    @Test func `killed before the stop after a pause is done, it is done after the restart`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.word.answers = false
        scene.scene.host.stubborn = ["web.service"]
        scene.scene.sleep(.seconds(30))
        scene.pass(.milliseconds(200))
        scene.restart()
        scene.scene.host.stubborn = []
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
    }

    @Test func `a doubt from where two must never serve is none where two may`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.stubborn = ["web.service"]
        scene.word.answers = false
        scene.scene.sleep(.seconds(30))
        scene.pass(.seconds(1))
        scene.word.answers = true
        scene.settings.handOver = .overlap
        scene.word.configuration = Configuration(version: 2, settings: scene.settings)
        scene.scene.host.stubborn = []
        scene.pass(.seconds(60))
        #expect(scene.scene.host.serves)
        let halts = scene.scene.told.count { if case .halting = $0 { true } else { false } }
        #expect(halts == 1)
    }

    @Test func `in overlap a pause is told, and nothing is stopped`() {
        var scene = WorkloadScene(.primary)
        scene.scene.feed(.resumed(after: .seconds(30)))
        scene.pass(.seconds(5))
        #expect(scene.scene.host.serves)
        #expect(scene.scene.told.contains(.pausedFor(.seconds(30))))
    }

    @Test func `on a new boot an exclusive slot's host stops first, also when nobody tells it who it is`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.metadata = [:]
        scene.word.answers = false
        scene.scene.host.boot(starting: ["web.service"])
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(2))
        #expect(!scene.scene.host.runs)
    }

    @Test(arguments: [Role.primary, .replica])
    func `killed before the stop after a boot is done, it is done after the restart`(role: Role) {
        var scene = WorkloadScene(role, .exclusive)
        scene.word.answers = false
        scene.scene.host.boot(starting: ["web.service"])
        scene.scene.host.stubborn = ["web.service"]
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.milliseconds(200))
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(20))
        #expect(!scene.scene.host.runs)
        // And not again with each restart.
        let acts = scene.acts.count
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(5))
        #expect(scene.acts.count == acts)
    }

    @Test func `who is to stand by and was killed before it had looked stops what runs after the restart`() {
        var scene = WorkloadScene(.replica, .exclusive, running: true, state: nil)
        scene.pass(.seconds(5))
        #expect(!scene.scene.host.runs)
        #expect(scene.scene.told.contains(.halted(.standBy)))
    }

    @Test(arguments: [HandOver.overlap, .exclusive])
    func `after a boot the primary runs the workload, once the coordinator has said so`(handOver: HandOver) {
        var scene = WorkloadScene(.primary, handOver)
        scene.scene.host.boot(starting: [])
        scene.word.answers = false
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
        scene.word.answers = true
        scene.pass(.seconds(10))
        #expect(scene.scene.host.serves)
    }

    @Test func `who was demoted stays so over a boot, also when a late answer calls it primary`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(2))
        scene.scene.host.boot(starting: [])
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(60))
        #expect(!scene.scene.host.runs)
    }

    @Test func `what a boot came in between of is not gone on with, and is answered once nothing runs`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.scene.host.isDeaf = true
        scene.deliver(("a", .activate), epoch: 2)
        scene.pass(.seconds(2))
        #expect(scene.outcome("a") == nil)
        scene.scene.host.boot(starting: ["web.service"])
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(20))
        #expect(scene.outcome("a") == .failed)
        #expect(!scene.scene.host.runs)
    }

    @Test func `a stop does not wait for the start that it calls off`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.scene.actsTake = .seconds(20)
        scene.word.role = .promoting
        scene.deliver(("a", .activate), epoch: 2)
        scene.scene.actsTake = .milliseconds(50)
        scene.pass(.seconds(3))
        scene.scene.feed(.resumed(after: .seconds(5)))
        scene.pass(.seconds(1))
        #expect(scene.acts.last == .stop(["web.service"], atOnce: false))
        scene.pass(.seconds(30))
        #expect(!scene.scene.host.runs)
        #expect(scene.outcome("a") == .failed)
    }

    @Test func `what was ordered before a stop was over waits for the next word`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.scene.host.boot(starting: ["web.service"])
        scene.scene.host.unstoppable = ["web.service"]
        scene.scene.actsTake = .seconds(2)
        scene.restart(boot: BootID("boot-2"))
        scene.word.role = .promoting
        scene.deliver(("a", .activate), epoch: 2)
        scene.word.answers = false
        scene.pass(.seconds(30))
        #expect(!scene.acts.contains(.start(["web.service"])))
    }

    @Test func `a fence that fires while the workload comes up is not forgotten for the lease that comes then`() {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.scene.host.isDeaf = true
        scene.scene.host.units["web.service"] = .stopped
        scene.restart()
        scene.pass(.seconds(1))
        #expect(scene.scene.host.runs)
        scene.word.answers = false
        scene.pass(.seconds(18))
        scene.word.answers = true
        scene.scene.host.isDeaf = false
        scene.pass(.seconds(40))
        #expect(scene.scene.host.serves)
    }

    @Test func `what made way for a stop is not begun again by its redelivery`() {
        var scene = WorkloadScene(.replica, .exclusive)
        scene.scene.host.isDeaf = true
        scene.scene.actsTake = .seconds(1)
        let activate = scene.command(.activate, id: "a")
        scene.word.commands = [activate]
        scene.scene.feed(.networkChanged)
        scene.pass(.seconds(3))
        scene.scene.feed(.resumed(after: .seconds(5)))
        scene.pass(.seconds(20))
        let starts = scene.scene.host.acts.count { $0 == .start(["web.service"]) }
        #expect(starts == 1)
        #expect(scene.outcome("a") == .failed)
        #expect(!scene.scene.host.runs)
    }

    @Test func `a machine that is started anew twice and cannot find out who it is stops each time`() {
        var scene = WorkloadScene(.primary, .exclusive)
        for item in MetadataItem.allCases { scene.scene.metadata[item] = .failed("no answer in time") }
        scene.word.answers = false
        for boot in ["boot-2", "boot-3"] {
            scene.scene.host.boot(starting: ["web.service"])
            scene.restart(boot: BootID(boot))
            scene.pass(.seconds(10))
            #expect(!scene.scene.host.runs, "\(boot)")
        }
    }

    @Test func `an image's copy stops what came up with it, and asks who it is`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.boot(starting: ["web.service"])
        scene.scene.metadata[.instanceID] = .value("i-0123456789abcdeff")
        scene.word.role = .replica
        scene.restart(boot: BootID("boot-2"))
        scene.pass(.seconds(10))
        #expect(scene.scene.forgotten == [Scene.instance])
        #expect(!scene.scene.host.runs)
    }

    @Test func `a lease that is lost stops it before it has run out, and the timer does when the agent is dead`() throws
    {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.pass(.seconds(10))
        #expect(scene.scene.host.serves)
        let fence = try #require(scene.scene.host.fence)
        #expect(fence.at <= scene.scene.now + .seconds(20))
        scene.word.answers = false
        scene.pass(.seconds(20))
        #expect(!scene.scene.host.runs)
        #expect(scene.scene.told.contains(.halted(.leaseLost)))
        scene.word.answers = true
        scene.pass(.seconds(15))
        #expect(scene.scene.host.serves)
    }

    @Test(arguments: [WorkloadState.idle(under: 1), .halted(.standBy, under: 1)])
    func `a machine whose full disk forgot that it serves stops when the lease is lost all the same`(
        remembered: WorkloadState
    ) {
        var scene = WorkloadScene(.replica, .exclusive, lease: 20, running: false, state: remembered)
        scene.scene.host.units["web.service"] = .running
        (scene.word.role, scene.word.epoch) = (.primary, 2)
        scene.restart()
        scene.pass(.seconds(3))
        #expect(scene.scene.host.fence != nil)
        scene.word.answers = false
        scene.pass(.seconds(20))
        #expect(!scene.scene.host.runs)
    }

    @Test(arguments: [0, 60])
    func
        `a lease that is new or shorter counts from when the configuration comes, though nothing is heard from then on`(
            before: Int
        ) throws
    {
        var scene = WorkloadScene(.primary, .exclusive, lease: before)
        scene.pass(.seconds(10))
        scene.word.answers = false
        for _ in 0..<100 where !scene.scene.open.contains(where: { $0.question.kind == .heartbeat }) {
            scene.pass(.milliseconds(100))
        }
        scene.settings.leaseSeconds = 20
        let configuration = Configuration(version: 2, settings: scene.settings)
        let asked = try #require(scene.scene.open.first { $0.question.kind == .heartbeat })
        let reply = scene.scene.heard(.primary, 1, version: 2) { _ in }
        scene.scene.close(asked, .success(reply))
        let fetched = try #require(scene.scene.open.first { $0.question.kind == .configuration })
        scene.scene.close(fetched, .success(.configured(configuration)))
        scene.pass(.seconds(10))
        #expect(scene.scene.host.serves)
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
    }

    @Test func `a lease that is renewed is never felt`() {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.pass(.seconds(300))
        #expect(scene.scene.host.serves)
        #expect(!scene.acts.contains { if case .stop = $0 { true } else { false } })
    }

    @Test func `what the timer has stopped is found out, and runs again when it is still ours`() {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.pass(.seconds(10))
        scene.scene.host.pass(to: scene.scene.now + .seconds(60))
        #expect(!scene.scene.host.runs)
        scene.restart()
        scene.pass(.seconds(20))
        #expect(scene.scene.host.serves)
    }

    @Test func `a restart without a coordinator does not put the lease's timer off`() throws {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.pass(.seconds(10))
        let fence = try #require(scene.scene.host.fence?.at)
        scene.word.answers = false
        scene.restart()
        scene.pass(.seconds(3))
        #expect(scene.scene.host.fence?.at == fence)
        scene.pass(.seconds(17))
        #expect(!scene.scene.host.runs)
    }

    @Test func `a timer that fires while PID 1 does not answer is noticed`() {
        var scene = WorkloadScene(.primary, .exclusive, lease: 20)
        scene.pass(.seconds(10))
        scene.scene.host.isManaged = false
        scene.pass(.seconds(22))
        #expect(!scene.scene.host.runs)
        scene.scene.host.isManaged = true
        scene.pass(.seconds(20))
        #expect(scene.scene.host.serves)
    }

    @Test func `a primary whose workload does not come up says so, and goes on trying`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.scene.host.boot(starting: [])
        scene.scene.host.isDeaf = true
        scene.restart()
        scene.pass(.seconds(90))
        #expect(scene.heartbeat?.lacking?.first?.contains("does not run here") == true)
        #expect(scene.scene.times { if case .notServing = $0 { true } else { false } } == 1)
        scene.scene.host.isDeaf = false
        scene.pass(.seconds(90))
        #expect(scene.scene.host.serves)
        #expect(scene.heartbeat?.lacking == nil)
    }

    @Test func `a replica stops what came up with it when its slot becomes exclusive`() {
        var scene = WorkloadScene(.replica, .overlap, running: true)
        scene.settings.handOver = .exclusive
        let settings = scene.settings
        scene.word.configuration = Configuration(version: 2, settings: settings)
        scene.pass(.seconds(10))
        #expect(!scene.scene.host.runs)
    }

    @Test func `under an epoch of somebody else's making it waits until an order to stop would have come`() {
        var scene = WorkloadScene(.primary, .exclusive)
        scene.word.epoch = 2
        scene.scene.feed(.resumed(after: .seconds(30)))
        scene.pass(.seconds(12))
        #expect(!scene.scene.host.runs)
        scene.pass(.seconds(20))
        #expect(scene.scene.host.serves)
    }

    @Test func `a host that goes down hands over first, and stays for it`() {
        var scene = WorkloadScene(.primary)
        scene.word.action = .replicaPromoted
        scene.scene.feed(.stopping(hostGoesDown: true))
        scene.pass(.seconds(8))
        #expect(!scene.scene.hasStopped)
        scene.deliver(("d", scene.demote()), epoch: 2)
        scene.pass(.seconds(2))
        #expect(scene.outcome("d") == .done)
        #expect(scene.scene.hasStopped)
    }

    @Test(arguments: [HandOver.overlap, .exclusive])
    func `who founds a slot starts what does not run yet, at once`(handOver: HandOver) {
        var settings = SlotSettings()
        settings.handOver = handOver
        var scene = Scene { $0.takeOver.promoteUnits = ["web.service"] }
        scene.feed(.started)
        scene.answer(.register, scene.registered(settings: settings))
        scene.answer(.heartbeat, scene.heard())
        scene.pass(.seconds(1))
        #expect(scene.host.serves)
    }

    @Test func `a restart of the agent moves nothing`() {
        for handOver in [HandOver.overlap, .exclusive] {
            var scene = WorkloadScene(.primary, handOver)
            scene.restart()
            scene.pass(.seconds(20))
            #expect(scene.scene.host.serves)
            #expect(scene.acts.isEmpty)
        }
    }
}
