import CoordinatorCore
import JSON
import Testing
import Wire

/// A primary that is heard, and says that its workload does not run.
@Suite struct FailureTests {
    static let words = ["the workload does not run here: web.service failed"]

    /// A pair whose primary has just said so.
    private func makeFailing(_ adjust: (inout SlotSettings) -> Void = { _ in }) throws -> Scene {
        var scene = try Scene.pair(adjust)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        return scene
    }

    // MARK: Called back

    /// Alpha has stopped for bravo, could not prove it, and says so when bravo has fallen away.
    private func makeStopped() throws -> (scene: Scene, demotion: CommandRecord) {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        let demotion = try scene.order("demote", of: alpha)
        try scene.answer(demotion, .fenceFailed)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        scene.wait(5)
        try scene.interrupt(bravo)
        return (scene, demotion)
    }

    @Test func `who stopped for a successor that fell away serves again, under another epoch`() throws {
        var (scene, _) = try makeStopped()
        #expect(scene.primary == alpha)
        #expect(scene.slot.epoch == 2)
        scene.wait(5)
        #expect(scene.slot.epoch == 3)
        #expect(!scene.asked(of: alpha).contains("demote"))
        scene.wait(60)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        #expect(scene.slot.epoch == 3)
    }

    @Test func `that it stopped proves nothing any more when it was called back`() throws {
        var (scene, demotion) = try makeStopped()
        scene.wait(5)
        try scene.answer(demotion, .fenced, epoch: 2)
        #expect(scene.primary == alpha)
    }

    @Test func `a successor that announced its own end does not tell that another machine would not help`() throws {
        var (scene, _) = try makeStopped()
        scene.wait(5)
        #expect(scene.asked(of: alpha).contains("create_replica"))
    }

    // MARK: The workload moves

    @Test func `after ten seconds a ready replica takes over`() throws {
        var scene = try makeFailing()
        scene.wait(9)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        #expect(scene.slot.incidents == [])
        #expect(scene.slot.promoting == nil)
        scene.wait(1)
        #expect(scene.role(bravo) == .promoting)
        #expect(scene.slot.epoch == 2)
        #expect(scene.incident?.kind == .silence)
        #expect(scene.incident?.successor == bravo)
        try scene.activate(bravo)
        #expect(scene.incident?.state == .met)
        #expect(scene.primary == bravo)
        #expect(scene.asked(of: alpha) == ["demote"])
    }

    @Test func `it is told once, and once more when nobody has served for ten seconds`() throws {
        var scene = try makeFailing()
        for _ in 0..<10 {
            scene.wait(3)
            scene.hear(alpha, as: .primary, lacking: Self.words)
        }
        #expect(scene.count(.workloadFailed) == 1)
        #expect(scene.count(.workloadDown) == 1)
        #expect(EventKind.workloadDown.severity == .critical)
    }

    @Test func `where two must never serve it is fenced first: half of its workload may run`() throws {
        var scene = try makeFailing { $0.handOver = .exclusive }
        scene.wait(10)
        guard case .promote(let order) = try scene.order("promote", of: bravo).order else { return }
        #expect(order.awaitsFence)
        #expect(scene.asked(of: alpha) == ["demote"])
        try scene.answer(bravo, "promote", .prepared)
        #expect(scene.asked(of: bravo) == [])
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["activate"])
        try scene.activate(bravo, by: "activate")
        #expect(scene.incident?.state == .met)
    }

    @Test func `without a replica one is launched, and the incident stays open as long as nobody serves`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        scene.wait(10)
        #expect(scene.asked(of: alpha) == ["create_replica"])
        for _ in 0..<30 {
            scene.wait(60)
            scene.hear(alpha, as: .primary, lacking: Self.words)
        }
        #expect(scene.slot.incidents.map(\.isOpen) == [true])
        #expect(scene.count(.workloadDown) == 1)
    }

    @Test func `a workload that fails on the new machine, too, is not taken to one more`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        scene.wait(10)
        try scene.launched(bravo, by: alpha)
        try scene.stand(bravo)
        try scene.answer(bravo, "promote", .failed)
        #expect(scene.role(bravo) == .zombie)
        scene.wait(3600)
        #expect(scene.count(.replicaOrdered) == 1)
        #expect(scene.slot.incidents.last?.isOpen == true)
    }

    // MARK: It serves again

    @Test(arguments: [[], nil] as [[String]?])
    func `one that serves again in time is left alone`(lacking: [String]?) throws {
        var scene = try makeFailing()
        scene.wait(9)
        scene.hear(alpha, as: .primary, lacking: lacking)
        scene.wait(60)
        #expect(scene.slot.incidents == [])
        #expect(scene.count(.workloadBack) == 1)
        #expect(scene.slot.readiness(at: scene.now).reasons == [])
    }

    @Test func `its incident is averted when it serves again before a successor was found`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        scene.wait(10)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        #expect(scene.incident?.state == .open)
        scene.hear(alpha, as: .primary)
        #expect(scene.incident?.state == .averted)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `a successor that was chosen goes on, and when it fails no other is needed`() throws {
        var scene = try makeFailing()
        try scene.stand(charlie)
        scene.wait(10)
        let successor = try #require(scene.slot.promoting?.instance)
        scene.hear(alpha, as: .primary)
        #expect(scene.role(successor) == .promoting)
        try scene.answer(successor, "promote", .failed)
        #expect(scene.slot.promoting == nil)
        #expect(scene.incident?.state == .averted)
        #expect(scene.primary == alpha)
    }

    @Test func `an interruption that comes over it is none the less one when it serves again`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        scene.wait(10)
        try scene.interrupt(alpha)
        scene.hear(alpha, as: .primary)
        #expect(scene.slot.incidents.map(\.incident.kind) == [.interruption])
        #expect(scene.incident?.state == .open)
    }

    @Test func `a clock that was set back counts anew`() throws {
        var scene = try makeFailing()
        scene.now += .seconds(-7200)
        scene.hear(alpha, as: .primary, lacking: Self.words)
        scene.wait(10)
        #expect(scene.role(bravo) == .promoting)
    }

    // MARK: What it is not

    @Test func `what a successor lacked as a replica says nothing of its serving`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        scene.hear(bravo, as: .replica, lacking: ["hooks"])
        scene.wait(60)
        #expect(scene.count(.workloadFailed) == 0)
        #expect(scene.slot.host(bravo)?.lacking == nil)
    }

    @Test func `a silent one is not judged by what it said last`() throws {
        var scene = try makeFailing()
        scene.silence(alpha)
        scene.wait(60)
        #expect(scene.slot.incidents == [])
        scene.hear(alpha, as: .primary, lacking: Self.words)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `nothing that served before is ended for one that does not serve`() throws {
        var scene = try Scene.pair { ($0.autoTerminateEnabled, $0.terminateWaitSeconds) = (true, 30) }
        try scene.interrupt(alpha, drill: true)
        try scene.activate(bravo)
        scene.hear(bravo, as: .primary, lacking: Self.words)
        scene.wait(60)
        #expect(!scene.asked(of: bravo).contains("terminate_instance"))
        scene.hear(bravo, as: .primary)
        #expect(scene.asked(of: bravo).contains("terminate_instance"))
    }
}
