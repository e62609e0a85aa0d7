import CoordinatorCore
import JSON
import Testing
import Wire

/// A rehearsal of an interruption.
@Suite struct DrillTests {
    // MARK: The real way

    @Test func `a drill moves the workload as an interruption does, and says everywhere that it is one`() throws {
        var scene = try Scene.pair()
        let reply = try scene.interrupt(alpha, drill: true)
        #expect(reply.action == .replicaPromoted)
        #expect(reply.successor == bravo)
        #expect(reply.message?.hasPrefix("drill: ") == true)
        #expect(scene.slot.epoch == 2)
        scene.wait(2)
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
        #expect(scene.asked(of: alpha) == ["demote"])
        #expect(scene.incident?.state == .met)
        #expect(scene.incident?.drill == true)
        let lines = scene.events.filter { $0.incident == reply.incident }
        #expect(lines.map(\.kind).contains(.incidentMet))
        #expect(lines.allSatisfy { $0.isDrill && $0.sentence.hasPrefix("drill: ") && $0.severity != .critical })
        #expect(scene.events.filter(\.isDrill).count == lines.count)
        #expect(scene.switches.map(\.trigger) == [.manual])
    }

    @Test func `a real interruption has no word of a drill`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        #expect(scene.incident?.drill == false)
        #expect(!scene.events.contains { $0.isDrill || $0.sentence.contains("drill") })
    }

    @Test func `an exclusive drill is fenced like the real thing`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.interrupt(alpha, drill: true)
        try scene.answer(bravo, "promote", .prepared)
        #expect(scene.asked(of: bravo) == [])
        try scene.answer(alpha, "demote", .fenced)
        try scene.activate(bravo, by: "activate")
        #expect(scene.incident?.state == .met)
        #expect(scene.primary == bravo)
    }

    @Test func `that a fence failed is no drill: somebody is called`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.interrupt(alpha, drill: true)
        try scene.answer(alpha, "demote", .fenceFailed)
        let line = try #require(scene.events.last { $0.kind == .fenceFailed })
        #expect(!line.isDrill)
        #expect(line.severity == .critical)
        #expect(line.sentence.hasPrefix("drill: "))
    }

    // MARK: Afterwards

    @Test(arguments: [true, false])
    func `the old machine lives on after a drill, until its wait is over by the settings`(_ terminates: Bool) throws {
        var scene = try Scene.pair { $0.autoTerminateEnabled = terminates }
        try scene.interrupt(alpha, drill: true)
        try scene.activate(bravo)
        try scene.answer(alpha, "demote")
        let settled = scene.events.count
        scene.wait(299)
        #expect(scene.role(alpha) == .zombie)
        #expect(scene.asked(of: bravo) == [])
        #expect(scene.events.count == settled, "nobody awaits its end")
        scene.wait(600)
        #expect(scene.asked(of: bravo).contains("terminate_instance") == terminates)
        #expect(scene.role(alpha) == .zombie)
        #expect(!scene.kinds.contains(.hostForgotten))
    }

    @Test func `what is announced of the old machine after a drill moves nothing`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha, drill: true)
        try scene.activate(bravo)
        try scene.stand(charlie)
        let reply = try scene.interrupt(alpha)
        #expect(reply.action == .monitor)
        #expect(scene.incident?.drill == false)
        #expect(scene.incident?.state == .averted)
        #expect(scene.primary == bravo)
    }

    // MARK: Refusals

    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let setUp: @Sendable (inout Scene) throws -> Void
        var machine = alpha
        var signal = Notice.Signal.shutdown
        var code = ErrorCode.conflict
    }

    static let refused: [Refused] = [
        Refused(testDescription: "no replica is ready", setUp: { $0.hear(bravo, lacking: ["units"]) }),
        Refused(testDescription: "the replica is silent", setUp: { $0.silence(bravo) }),
        Refused(
            testDescription: "a hand-over is under way",
            setUp: { try $0.decide { _ = try $0.promote(instance: bravo, &$1) } }),
        Refused(testDescription: "it is going for real", setUp: { try $0.interrupt(alpha) }),
        Refused(testDescription: "a replica's end", setUp: { _ in }, machine: bravo),
        Refused(
            testDescription: "planned work", setUp: { _ in },
            signal: .maintenance(
                Maintenance(event: "e", code: "reboot", notBefore: Scene.start + .seconds(60))),
            code: .validation),
        Refused(
            testDescription: "a recommendation during a hand-over",
            setUp: { try $0.decide { _ = try $0.promote(instance: bravo, &$1) } }, signal: .rebalance),
        Refused(testDescription: "nobody knows the machine", setUp: { _ in }, machine: delta, code: .notFound),
    ]

    @Test(arguments: refused)
    func `what would not be survived is refused with the reason, and changes nothing`(_ example: Refused) throws {
        var scene = try Scene.pair()
        try example.setUp(&scene)
        let (before, lines) = (scene.slot, scene.events.count)
        #expect(refusal { _ = try scene.notice(example.machine, example.signal, drill: true) } == example.code)
        #expect(scene.slot == before)
        #expect(scene.events.count == lines)
    }

    @Test func `the refusal says what is missing`() throws {
        var scene = Scene()
        try scene.register(alpha)
        do {
            try scene.interrupt(alpha, drill: true)
            Issue.record("it was not refused")
        } catch let refusal as Refusal {
            #expect(
                refusal.sentence == "the drill is refused: the agent would not survive it: it has no replica")
        }
    }

    @Test func `a lost answer is asked for again, and a minute later it is a new drill`() throws {
        var scene = try Scene.pair()
        let first = try scene.notice(alpha, .shutdown, drill: true)
        #expect(try scene.notice(alpha, .shutdown, drill: true).incident == first.incident)
        scene.wait(2)
        try scene.activate(bravo)
        #expect(try scene.notice(alpha, .shutdown, drill: true).incident == first.incident)
        #expect(scene.slot.incidents.count == 1)
        scene.wait(61)
        #expect(refusal { _ = try scene.notice(alpha, .shutdown, drill: true) } == .conflict, "it serves no more")
    }

    // MARK: What goes wrong

    @Test func `a successor that fails is followed by the next, and with none left the drill is missed`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        try scene.interrupt(alpha, drill: true)
        try scene.answer(bravo, "promote", .failed)
        #expect(scene.role(charlie) == .promoting)
        try scene.answer(charlie, "promote", .failed)
        #expect(scene.incident?.state == .missed)
        #expect(scene.primary == alpha)
        #expect(scene.asked(of: alpha) == [], "nothing is launched for a drill")
        scene.wait(3600)
        #expect(scene.slot.incidents.count == 1)
        #expect(scene.primary == alpha)
    }

    @Test func `once the old primary has stopped it is no drill: the workload is brought back`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.interrupt(alpha, drill: true)
        try scene.answer(alpha, "demote", .fenced)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(bravo, "activate", .failed)
        #expect(scene.slot.incidents.map(\.incident.state) == [.missed, .open])
        #expect(scene.incident?.kind == .silence)
        #expect(scene.incident?.drill == false)
        scene.wait(10)
        #expect((scene.asked(of: alpha) + scene.asked(of: bravo)).contains("create_replica"))
    }

    @Test func `a real interruption that comes over a drill gets the verdict`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha, in: 100, drill: true)
        scene.now += .seconds(1)
        try scene.interrupt(alpha, in: 120)
        #expect(scene.slot.incidents.map(\.incident.successor) == [bravo, bravo])
        try scene.activate(bravo)
        #expect(scene.slot.incidents.map(\.incident.state) == [.averted, .met])
        #expect(scene.slot.incidents.map(\.incident.drill) == [true, false])
        #expect(scene.switches.map(\.trigger) == [.emergency])
    }

    @Test func `a primary that dies in a drill is an incident of its own`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha, drill: true)
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.primary == nil)
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
        #expect(!scene.slot.incidents.contains { $0.isOpen })
    }

    // MARK: A recommendation

    @Test func `with a replica at hand a recommended drill is over at once`() throws {
        var scene = try Scene.pair()
        let reply = try scene.notice(alpha, .rebalance, drill: true)
        #expect(scene.incident?.state == .averted)
        #expect(reply.action == .monitor)
        #expect(scene.slot.epoch == 1)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `without one it has one made, and undoes it when it was ready`() throws {
        var scene = Scene()
        try scene.register(alpha)
        let reply = try scene.notice(alpha, .rebalance, drill: true)
        #expect(reply.action == .replicaCreated)
        try scene.launched(bravo, by: alpha)
        scene.hear(bravo, lacking: ["units"])
        #expect(scene.incident?.state == .open)
        scene.hear(bravo)
        #expect(scene.incident?.state == .averted)
        #expect(scene.role(bravo) == .terminating)
    }

    @Test func `when the primary ends meanwhile it is over, and its replica takes over`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.notice(alpha, .rebalance, drill: true)
        try scene.launched(bravo, by: alpha)
        scene.hear(bravo, lacking: ["units"])
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.slot.incidents.first { $0.incident.drill }?.incident.state == .missed)
        #expect(scene.role(bravo) == .replica)
        scene.hear(bravo)
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
    }

    @Test func `where none gets ready in time it is missed, and not for ever open`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.notice(alpha, .rebalance, drill: true)
        scene.wait(599)
        #expect(scene.incident?.state == .open)
        scene.wait(1)
        #expect(scene.incident?.state == .missed)
        #expect(scene.primary == alpha)
    }

    @Test func `nothing that is asked for an emergency tells of a drill`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.notice(alpha, .rebalance, drill: true)
        #expect(scene.slot.emergencyStatus.noticeStatus == .none)
    }
}
