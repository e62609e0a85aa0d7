import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct SwitchTests {
    private func switching(_ adjust: (inout SlotSettings) -> Void = { _ in }) throws -> Scene {
        var scene = Scene(adjust)
        try scene.register(alpha)
        try scene.decide { try $0.askSwitch(to: .pool("c5.large.us-east-1b"), &$1) }
        return scene
    }

    private func report(
        _ scene: Scene, from old: InstanceID = alpha, to new: InstanceID = bravo, epoch: Epoch? = nil
    ) -> SwitchReport {
        var report = SwitchReport(
            stamp: scene.stamp(old, epoch: epoch), oldInstance: .init(instance: old), newInstance: .init(instance: new),
            timing: SwitchTiming(initiatedAt: scene.now), trigger: .manual)
        report.onDemandPrice = JSONNumber(1)
        return report
    }

    @discardableResult
    private func take(_ report: SwitchReport, _ scene: inout Scene) throws -> ReportReply.Outcome {
        try scene.decide { $0.take(report, &$1) }
    }

    private let launched = CommandResult.Facts.launched(
        .init(instance: bravo, instanceType: "c5.large", zone: "us-east-1b", mode: .spot))

    @Test func `a switch is a command for the primary`() throws {
        let scene = try switching()
        let command = try scene.order("switch", of: alpha)
        #expect(command.priority == 75)
        guard case .switch(let order) = command.order else { return }
        #expect(order.pool == "c5.large.us-east-1b")
        #expect(order.terminateWaitSeconds == 300)
    }

    @Test func `without automatic termination the old machine is kept`() throws {
        let scene = try switching { $0.autoTerminateEnabled = false }
        guard case .switch(let order) = try scene.order("switch", of: alpha).order else { return }
        #expect(order.terminateWaitSeconds == 0)
    }

    @Test func `a switch that makes no sense is refused`() throws {
        var scene = try switching()
        let ask = { (scene: inout Scene, target: ForceSwitch.Target) in
            refusal { try scene.decide { _ = try $0.askSwitch(to: target, &$1) } }
        }
        #expect(ask(&scene, .onDemand) == .conflict)
        scene = try Scene.pair()
        #expect(ask(&scene, .pool("m5.large.us-east-1a")) == .conflict)
        try scene.interrupt(alpha)
        #expect(ask(&scene, .onDemand) == .conflict)
        scene = try Scene.pair()
        scene.silence(alpha)
        scene.offline(alpha)
        #expect(ask(&scene, .onDemand) == .conflict)
        scene = Scene()
        #expect(ask(&scene, .onDemand) == .conflict)
    }

    @Test func `the report makes the new machine the primary under a new epoch`() throws {
        var scene = try switching()
        #expect(try take(report(scene), &scene) == .accepted)
        #expect(scene.primary == bravo)
        #expect(scene.role(alpha) == .zombie)
        #expect(scene.slot.epoch == 2)
        #expect(scene.open(for: alpha) == [])
        #expect(scene.switches.count == 1)
        #expect(scene.kinds.contains(.switchCompleted))
    }

    @Test func `the result does so too, and the report that follows brings the prices once`() throws {
        var scene = try switching()
        let late = report(scene)
        #expect(try scene.answer(alpha, "switch", .done, launched) == .accepted)
        #expect(scene.primary == bravo)
        #expect(scene.switches == [])
        #expect(try take(late, &scene) == .accepted)
        #expect(scene.switches.map(\.onDemandPrice) == [JSONNumber(1)])
        #expect(scene.slot.epoch == 2)
    }

    @Test func `a result after the report changes nothing more`() throws {
        var scene = try switching()
        let command = try scene.order("switch", of: alpha)
        try take(report(scene), &scene)
        #expect(try scene.answer(command, .done, launched) == .stale)
        #expect(scene.primary == bravo)
        #expect(scene.slot.epoch == 2)
    }

    @Test func `a switch that failed leaves everything as it was`() throws {
        var scene = try switching()
        try scene.answer(alpha, "switch", .failed)
        #expect(scene.primary == alpha)
        #expect(scene.slot.epoch == 1)
        #expect(scene.open(for: alpha) == [])
    }

    @Test func `the newcomer concludes it when the old host died before it could report`() throws {
        var scene = try switching()
        scene.hear(alpha)
        scene.wait(60)
        try scene.register(bravo)
        scene.silence(alpha)
        scene.offline(alpha)
        #expect(scene.role(bravo) == .promoting)
        #expect(scene.open(for: alpha).map(\.order.type).contains("switch") == false)
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
    }

    @Test func `a newcomer after the death concludes it by registering`() throws {
        var scene = try switching()
        scene.hear(alpha)
        scene.silence(alpha)
        scene.offline(alpha)
        #expect(try scene.register(bravo) == .primary)
        #expect(scene.switches.map(\.trigger) == [.manual])
        #expect(scene.slot.commands.filter(\.state.isOpen) == [])
    }

    @Test func `exclusive: without proof that the old host is gone the newcomer waits`() throws {
        var scene = try switching { $0.handOver = .exclusive }
        scene.hear(alpha)
        scene.wait(60)
        try scene.register(bravo)
        scene.silence(alpha)
        scene.offline(alpha)
        #expect(scene.role(bravo) == .replica)
        scene.wait(300)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a stale, foreign or senseless report changes nothing`() throws {
        var scene = try switching()
        let before = scene.slot
        #expect(try take(report(scene, epoch: 0), &scene) == .stale)
        #expect(try take(report(scene, from: charlie), &scene) == .stale)
        #expect(try take(report(scene, to: alpha), &scene) == .stale)
        let same = report(scene)
        #expect(try scene.decide(isRepeat: true) { $0.take(same, &$1) } == .duplicate)
        #expect(scene.slot == before)
        #expect(scene.switches == [])
    }

    @Test func `a report during a hand-over does not make a second primary`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        #expect(try take(report(scene, to: charlie), &scene) == .stale)
        #expect(scene.primary == alpha)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a machine that was replaced is not switched back to`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        #expect(try take(report(scene, from: bravo, to: alpha), &scene) == .stale)
        #expect(scene.primary == bravo)
    }

    @Test func `an old machine that was ended with the switch is terminated`() throws {
        var scene = try switching()
        var ended = report(scene)
        ended.timing.oldTerminatedAt = scene.now
        #expect(try take(ended, &scene) == .accepted)
        #expect(scene.role(alpha) == .terminated)
    }

    @Test func `a switch away from an announced end averts it`() throws {
        var scene = try switching()
        try scene.interrupt(alpha)
        try take(report(scene), &scene)
        #expect(scene.incident?.state == .averted)
    }

    @Test func `exclusive: the workload is handed over in order, and goes on until the new machine is heard`() throws {
        var scene = try switching { $0.handOver = .exclusive }
        try scene.stand(charlie)
        scene.hear(alpha)
        try scene.answer(alpha, "switch", .done, launched)
        #expect(scene.primary == alpha && scene.role(bravo) == .promoting)
        #expect(scene.slot.replica(of: bravo)?.parent == alpha)
        scene.wait(60)
        #expect(scene.asked(of: alpha) == [])
        try scene.register(bravo)
        #expect(scene.asked(of: alpha) == ["demote"] && scene.asked(of: bravo) == ["promote"])
        try scene.answer(alpha, "demote", .fenced)
        try scene.activate(bravo, by: "activate")
        #expect(scene.primary == bravo)
        #expect(scene.switches.count == 1)
    }

    @Test func `exclusive: the report of a switch moves nothing by itself`() throws {
        var scene = try switching { $0.handOver = .exclusive }
        #expect(try take(report(scene), &scene) == .accepted)
        #expect(scene.primary == alpha && scene.role(bravo) == .promoting && scene.switches == [])
        // As its outbox repeats it under another name.
        #expect(try take(report(scene, epoch: 1), &scene) == .accepted)
        scene.wait(500)
        #expect(scene.role(bravo) == .promoting)
        // It never spoke.
        scene.wait(200)
        #expect(scene.primary == alpha && scene.role(bravo) == .terminating)
    }

    @Test func `nobody reports the switch of two others`() throws {
        var scene = try switching()
        try scene.stand(charlie)
        var report = report(scene)
        report.stamp = scene.stamp(charlie)
        #expect(try take(report, &scene) == .stale)
        #expect(scene.primary == alpha)
    }

    @Test func `exclusive: when the old machine goes, one that is ready takes the place of one that is on its way`()
        throws
    {
        var scene = try switching { $0.handOver = .exclusive }
        try scene.stand(charlie)
        scene.hear(alpha)
        try scene.answer(alpha, "switch", .done, launched)
        try scene.interrupt(alpha)
        #expect(scene.incident?.successor == bravo)
        scene.wait(30)
        #expect(scene.role(charlie) == .promoting && scene.role(bravo) == .replica)
    }
}
