import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct OverlapTests {
    @Test func `the old primary serves until the new one is proven`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        #expect(scene.slot.epoch == 2)
        #expect(scene.primary == alpha)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.asked(of: bravo) == ["promote"])
        scene.wait(2)
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
        #expect(scene.role(alpha) == .zombie)
        #expect(scene.asked(of: alpha) == ["demote"])
        #expect(scene.incident?.state == .met)
        #expect(scene.incident?.verifiedAt == scene.now)
        #expect(scene.slot.replica(of: bravo)?.status == .promoted)
        #expect(scene.switches.map(\.trigger) == [.emergency])
    }

    @Test(arguments: [(20, true), (2, false)])
    func `late or unproven is missed`(_ row: (Int, Bool)) throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        scene.wait(row.0)
        try scene.answer(bravo, "promote", .done, .activated(at: scene.now, verifiedAt: row.1 ? scene.now : nil))
        #expect(scene.primary == bravo)
        #expect(scene.incident?.state == .missed)
    }

    @Test(arguments: [CommandResult.Outcome.failed, .refused, .expired])
    func `a successor that fails is followed by the next, while the old primary serves`(
        _ outcome: CommandResult.Outcome
    ) throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", outcome)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.role(charlie) == .promoting)
        #expect(scene.primary == alpha)
        #expect(scene.slot.epoch == 3)
        #expect(scene.incident?.successor == charlie)
    }

    @Test func `a successor that falls silent is followed by the next after a while`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        scene.silence(bravo)
        scene.wait(29)
        #expect(scene.role(bravo) == .promoting)
        scene.wait(1)
        #expect(scene.role(charlie) == .promoting)
    }

    @Test func `without a successor a replica is ordered elsewhere, and promoted when it is ready`() throws {
        var scene = Scene()
        try scene.register(alpha)
        #expect(try scene.interrupt(alpha).action == .replicaCreated)
        let order = try scene.order("create_replica", of: alpha)
        guard case .createReplica(let launch) = order.order else { return }
        #expect(launch.avoidedZones == ["us-east-1a"])
        #expect(order.priority == 100)
        scene.wait(25)
        try scene.launched(bravo, by: alpha)
        scene.wait(5)
        try scene.register(bravo)
        scene.hear(bravo, lacking: ["hooks"])
        #expect(scene.role(bravo) == .replica)
        scene.hear(bravo)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test(arguments: [(119, Incident.State.met), (121, .missed)])
    func `a launch has its own deadline: the end of the machine`(_ row: (Int, Incident.State)) throws {
        var scene = Scene()
        try scene.register(alpha)
        let reply = try scene.interrupt(alpha)
        #expect(reply.deadline == Scene.start + .seconds(120))
        scene.wait(30)
        #expect(scene.count(.incidentLate) == 0)
        try scene.launched(bravo, by: alpha)
        try scene.stand(bravo)
        guard case .promote(let order) = try scene.order("promote", of: bravo).order else { return }
        #expect(order.deadline == reply.deadline)
        scene.hear(bravo)
        let command = try scene.order("promote", of: bravo)
        while scene.now < Scene.start + .seconds(row.0) {
            scene.hear(bravo, running: [command.id])
            scene.wait(1)
        }
        try scene.activate(bravo)
        #expect(scene.incident?.state == row.1)
    }

    @Test func `a launch after the deadline of a ready replica does not put it off`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        scene.wait(16)
        try scene.answer(bravo, "promote", .failed)
        scene.wait(10)
        #expect(scene.asked(of: alpha) == ["create_replica"])
        #expect(scene.incident?.deadline == Scene.start + .seconds(15))
    }

    @Test func `a launch that fails is tried again after a pause, not at once`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.interrupt(alpha)
        try scene.answer(alpha, "create_replica", .failed)
        #expect(scene.asked(of: alpha) == [])
        scene.wait(9)
        #expect(scene.asked(of: alpha) == [])
        scene.wait(1)
        #expect(scene.asked(of: alpha) == ["create_replica"])
    }

    @Test func `where nobody can launch that is said once`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.interrupt(alpha)
        scene.silence(alpha)
        scene.offline(alpha)
        scene.wait(200)
        #expect(scene.count(.noSuccessor) == 1)
    }

    @Test func `two interruptions at once leave the one that stays`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        try scene.interrupt(bravo)
        try scene.interrupt(alpha)
        #expect(scene.role(charlie) == .promoting)
        try scene.activate(charlie)
        #expect(scene.primary == charlie)
        #expect(scene.slot.incidents.allSatisfy { !$0.isOpen })
    }

    @Test func `what was ordered for an incident ends with it, unless it serves`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.interrupt(alpha)
        try scene.launched(bravo, by: alpha)
        try scene.stand(charlie)
        try scene.activate(charlie)
        #expect(scene.role(bravo) == .terminating)
        #expect(scene.primary == charlie)
    }
}
