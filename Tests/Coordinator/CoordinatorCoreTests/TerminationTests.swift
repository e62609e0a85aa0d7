import CoordinatorCore
import Testing
import Wire

@Suite struct TerminationTests {
    /// Alpha was replaced by bravo a moment ago.
    private func replaced(_ adjust: (inout SlotSettings) -> Void = { _ in }) throws -> Scene {
        var scene = try Scene.pair(adjust)
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        return scene
    }

    @Test func `a zombie is terminated after its wait, by the new primary`() throws {
        var scene = try replaced()
        scene.wait(299)
        #expect(scene.asked(of: bravo) == [])
        scene.wait(1)
        #expect(scene.asked(of: bravo) == ["terminate_instance"])
        try scene.answer(bravo, "terminate_instance", .done, .terminated(alpha))
        #expect(scene.role(alpha) == .terminated)
        #expect(scene.kinds.contains(.instanceTerminated))
    }

    @Test func `with automatic termination off a zombie is kept`() throws {
        var scene = try replaced { $0.autoTerminateEnabled = false }
        scene.wait(86_400)
        #expect(scene.asked(of: bravo) == [])
        #expect(scene.slot.terminationList(at: scene.now).instances == [])
    }

    @Test func `switching automatic termination off saves what was to be terminated`() throws {
        var scene = try replaced()
        scene.wait(300)
        var change = SlotSettingsChange()
        change[.autoTerminateEnabled] = .flag(false)
        try scene.decide { try $0.change(change, &$1) }
        #expect(scene.asked(of: bravo) == [])
        #expect(scene.kinds.contains(.commandCancelled))
    }

    @Test(arguments: [true, false])
    func `a termination that failed or was not answered is asked for again after five minutes`(_ isAnswered: Bool)
        throws
    {
        var scene = try replaced()
        scene.wait(300)
        if isAnswered { try scene.answer(bravo, "terminate_instance", .failed) }
        let orders = { (scene: Scene) in scene.slot.commands.count { $0.order.type == "terminate_instance" } }
        let count = orders(scene)
        scene.wait(299)
        #expect(orders(scene) == count)
        scene.wait(1)
        #expect(orders(scene) == count + 1)
        #expect(scene.asked(of: bravo) == ["terminate_instance"])
    }

    @Test func `nothing is terminated while the primary is not heard`() throws {
        var scene = try replaced()
        scene.silence(bravo)
        scene.wait(1000)
        #expect(scene.asked(of: bravo).filter { $0 == "terminate_instance" } == [])
        scene.hear(bravo)
        #expect(scene.asked(of: bravo).contains("terminate_instance"))
    }

    @Test func `the list names those whose wait is over`() throws {
        var scene = try replaced()
        #expect(scene.slot.terminationList(at: scene.now).instances == [])
        scene.silence(bravo)
        scene.wait(400)
        let entries = scene.slot.terminationList(at: scene.now).instances
        #expect(entries.map(\.instance) == [alpha])
        #expect(entries.first?.secondsWaiting == 400)
    }

    @Test func `three hundred zombies are ended a few at a time`() throws {
        var scene = Scene { $0.terminateWaitSeconds = 0 }
        try scene.register(alpha)
        for number in 0..<300 {
            scene.slot.hosts.append(
                Host(instance: instance(number), role: .zombie, facts: HostFacts(), at: scene.now))
        }
        var most = 0
        for _ in 0..<100 where !scene.slot.hosts.allSatisfy({ $0.role != .zombie }) {
            scene.hear(alpha)
            most = max(most, scene.asked(of: alpha).count)
            for command in scene.open(for: alpha) { try scene.answer(command) }
        }
        #expect(scene.slot.hosts.count { $0.role == .terminated } == 300)
        #expect(most <= 8)
    }

    @Test func `a report of a termination counts, a stale or foreign one does not`() throws {
        var scene = try replaced()
        let old = scene.stamp(alpha, epoch: 1)
        #expect(try report(alpha, old, &scene) == .stale)
        #expect(try report(charlie, scene.stamp(bravo), &scene) == .stale)
        #expect(scene.role(alpha) == .zombie)
        #expect(try report(alpha, scene.stamp(bravo), &scene) == .accepted)
        #expect(scene.role(alpha) == .terminated)
    }

    private func report(
        _ target: InstanceID, _ stamp: ReportStamp, _ scene: inout Scene
    ) throws -> ReportReply.Outcome {
        let report = TerminationReport(stamp: stamp, target: target, success: true)
        return try scene.decide { $0.take(report, &$1) }
    }

    @Test func `the same report again is a duplicate`() throws {
        var scene = try replaced()
        let report = TerminationReport(stamp: scene.stamp(bravo), target: alpha, success: true)
        let before = scene.slot
        #expect(try scene.decide(isRepeat: true) { $0.take(report, &$1) } == .duplicate)
        #expect(scene.slot == before)
    }

    @Test func `nobody's report ends a primary that is heard`() throws {
        var scene = try Scene.pair()
        #expect(try report(alpha, scene.stamp(bravo), &scene) == .accepted)
        #expect(scene.primary == alpha)
        #expect(scene.slot.primary?.isProvenDead == false)
    }

    @Test(arguments: [HandOver.overlap, .exclusive])
    func `a report that a silent primary was terminated moves the workload where two may serve`(_ handOver: HandOver)
        throws
    {
        var scene = try Scene.pair { $0.handOver = handOver }
        scene.silence(alpha)
        _ = try report(alpha, scene.stamp(bravo), &scene)
        #expect(scene.role(bravo) == (handOver == .overlap ? .promoting : .replica))
    }

    @Test func `commands for a terminated machine end with it`() throws {
        var scene = try Scene.pair { $0.autoTerminateEnabled = false }
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        #expect(scene.asked(of: alpha) == ["demote"])
        _ = try report(alpha, scene.stamp(bravo), &scene)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `a machine that is kept and falls silent is looked at, and forgotten when it is gone`() throws {
        var scene = try replaced { $0.autoTerminateEnabled = false }
        scene.silence(alpha)
        #expect(scene.asked(of: bravo) == ["inspect_instance"])
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.role(alpha) == .terminated)
    }

    @Test func `a machine that is stopped may come back and is kept in mind`() throws {
        var scene = try replaced { $0.autoTerminateEnabled = false }
        scene.silence(alpha)
        try scene.inspected(alpha, .stopped, by: bravo)
        #expect(scene.role(alpha) == .zombie)
        scene.wait(3599)
        #expect(scene.asked(of: bravo) == [])
        scene.wait(1)
        #expect(scene.asked(of: bravo) == ["inspect_instance"])
    }
}
