import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct ExclusiveTests {
    private func exclusive(lease: Int = 0) throws -> Scene {
        try Scene.pair {
            $0.handOver = .exclusive
            $0.leaseSeconds = lease
        }
    }

    @Test func `nobody activates before the old primary is seen stopped`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha) == ["demote"])
        try scene.answer(bravo, "promote", .prepared)
        #expect(scene.asked(of: bravo) == [])
        #expect(scene.primary == alpha)
        try scene.answer(alpha, "demote", .fenced, .fenced(at: scene.now))
        #expect(scene.asked(of: bravo) == ["activate"])
        #expect(scene.role(alpha) == .zombie)
        try scene.activate(bravo, by: "activate")
        #expect(scene.primary == bravo)
        #expect(scene.incident?.state == .met)
        #expect(scene.switches.first?.old?.instance == alpha)
    }

    @Test func `a fence that comes before the preparation is waited for with it`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["promote", "activate"])
        #expect(scene.hear(bravo).map(\.order.type) == ["promote", "activate"])
    }

    @Test func `whoever is handed an order to serve is looked at when its lease ends`() throws {
        var scene = try exclusive(lease: 20)
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        let end = scene.now + .seconds(2)
        scene.slot.hosts[1].leaseEndsAt = end
        #expect(scene.hear(bravo).map(\.order.type) == ["activate"])
        #expect(try #require(scene.slot.dueAt) <= end)
    }

    @Test func `a successor that activates unasked is not the primary`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        #expect(scene.primary == alpha)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `an unproven fence blocks the activation, until EC2 says that the machine is gone`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenceFailed)
        #expect(scene.kinds.contains(.fenceFailed))
        #expect(scene.hear(alpha) == [])
        scene.wait(60)
        #expect(scene.hear(alpha).map(\.order.type) == ["demote"])
        try scene.answer(alpha, "demote", .fenceFailed)
        #expect(scene.asked(of: bravo) == [])
        scene.silence(alpha)
        try scene.inspected(alpha, .shuttingDown, by: bravo)
        #expect(scene.primary == alpha)
        scene.wait(30)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.asked(of: bravo) == ["activate"])
    }

    @Test func `an old primary that was away finds its order when it is back`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        scene.silence(alpha)
        scene.wait(200)
        #expect(scene.hear(alpha).map(\.order.type).contains("demote"))
    }

    @Test func `a workload that was stopped by hand is fenced when the host is asked again`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenceFailed)
        scene.wait(60)
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["activate"])
    }

    @Test func `a successor that is heard and never answers is followed by the next`() throws {
        var scene = try exclusive()
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        scene.wait(180)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.role(charlie) == .promoting)
    }

    @Test func `a successor that fails after the fence leaves nobody, and the next is ordered`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.answer(bravo, "activate", .failed)
        #expect(scene.primary == nil)
        #expect(scene.asked(of: alpha) + scene.asked(of: bravo) == [])
        scene.wait(10)
        #expect(scene.asked(of: alpha) + scene.asked(of: bravo) == ["create_replica"])
        try scene.stand(charlie)
        #expect(scene.role(charlie) == .promoting)
        guard case .promote(let order) = try scene.order("promote", of: charlie).order else { return }
        #expect(!order.awaitsFence)
    }

    @Test func `a person's hand-over that fails after the fence becomes an incident`() throws {
        var scene = try exclusive()
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.answer(bravo, "activate", .failed)
        #expect(scene.incident?.kind == .silence)
        scene.wait(10)
        #expect(scene.asked(of: alpha) + scene.asked(of: bravo) == ["create_replica"])
    }

    @Test func `silence without a lease moves nothing`() throws {
        var scene = try exclusive()
        scene.silence(alpha)
        scene.offline(alpha)
        scene.wait(3600)
        #expect(scene.primary == alpha)
        #expect(scene.role(bravo) == .replica)
    }

    @Test func `a lease that ran out for certain is a fence`() throws {
        var scene = try exclusive(lease: 20)
        scene.slot.hosts[0].leaseEndsAt = scene.now + .seconds(22)
        scene.silence(alpha)
        scene.wait(21)
        #expect(scene.role(bravo) == .replica)
        scene.wait(1)
        #expect(scene.role(bravo) == .promoting)
        #expect(scene.role(alpha) == .zombie)
        #expect(scene.incident?.kind == .silence)
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
    }

    @Test func `a lease that runs out during the hand-over lets the successor activate`() throws {
        var scene = try exclusive(lease: 20)
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        scene.slot.hosts[0].leaseEndsAt = scene.now + .seconds(22)
        scene.silence(alpha)
        scene.wait(22)
        #expect(scene.asked(of: bravo).contains("activate"))
    }

    @Test func `a host that is heard keeps its lease whatever was noted before`() throws {
        var scene = try exclusive(lease: 20)
        scene.slot.hosts[0].leaseEndsAt = scene.now - .seconds(1)
        scene.hear(alpha)
        scene.look()
        #expect(scene.primary == alpha)
        #expect(scene.slot.incidents == [])
    }

    private func change(_ scene: inout Scene, leaseTo seconds: Int) throws {
        var change = SlotSettingsChange()
        change[.leaseSeconds] = .whole(seconds)
        try scene.decide { _ = try $0.change(change, &$1) }
    }

    @Test func `a lease is held by who names the configuration that brings it`() throws {
        var scene = try exclusive()
        try change(&scene, leaseTo: 30)
        scene.hear(alpha)
        scene.hear(alpha, knowing: 1)
        #expect(scene.slot.host(alpha)?.leaseSeconds == nil)
        scene.hear(alpha, knowing: 2)
        #expect(scene.slot.host(alpha)?.leaseSeconds == 30)
    }

    @Test func `while nobody knows which of two leases a host holds, the longer one counts`() throws {
        var scene = try exclusive(lease: 30)
        scene.hear(alpha, knowing: 1)
        try change(&scene, leaseTo: 60)
        #expect(scene.slot.host(alpha)?.leaseSeconds == 60)
        try change(&scene, leaseTo: 20)
        #expect(scene.slot.host(alpha)?.leaseSeconds == 60)
        scene.hear(alpha, knowing: 3)
        #expect(scene.slot.host(alpha)?.leaseSeconds == 20)
    }

    @Test func `when leases end nobody is known to hold one`() throws {
        var scene = try exclusive(lease: 30)
        scene.hear(alpha, knowing: 1)
        try change(&scene, leaseTo: 0)
        #expect(scene.slot.host(alpha)?.leaseSeconds == nil)
    }

    @Test func `while nobody serves after a lease ran out an incident says so`() throws {
        var scene = Scene {
            $0.handOver = .exclusive
            $0.leaseSeconds = 20
        }
        try scene.register(alpha)
        scene.slot.hosts[0].leaseEndsAt = scene.now + .seconds(22)
        scene.silence(alpha)
        scene.wait(7200)
        #expect(scene.slot.incidents.map(\.isOpen) == [true])
        scene.hear(alpha)
        #expect(scene.incident?.state == .averted)
    }

    @Test func `a vacancy while the successor is not heard is an incident`() throws {
        var scene = try exclusive(lease: 20)
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        scene.silence(bravo)
        scene.slot.hosts[0].leaseEndsAt = scene.now + .seconds(10)
        scene.silence(alpha)
        scene.wait(11)
        #expect(scene.role(alpha) == .zombie && scene.role(bravo) == .promoting)
        #expect(scene.incident?.kind == .silence && scene.incident?.successor == bravo)
    }

    @Test func `a drill goes on over a restart of the coordinator, before its successor is heard again`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha, drill: true)
        let demotion = try scene.order("demote", of: alpha)
        scene.slot.hosts[1].isFresh = false
        try scene.answer(demotion, .fenced)
        #expect(scene.slot.incidents.count == 1)
        try scene.answer(bravo, "promote", .prepared)
        try scene.activate(bravo, by: "activate")
        #expect(scene.incident?.drill == true && scene.incident?.state == .met)
    }

    @Test func `where the old one and its successor are both gone an incident says that nobody serves`() throws {
        var scene = try exclusive()
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.register(charlie)
        // A machine that has ended is not loaded for long.
        scene.slot.hosts.removeAll { $0.instance == alpha }
        scene.silence(bravo)
        try scene.inspected(bravo, .terminated, by: charlie)
        #expect(scene.primary == nil && scene.slot.promoting == nil)
        #expect(scene.slot.incidents.contains { $0.isOpen })
    }

    @Test func `one that was replaced gets no lease with its answers`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try change(&scene, leaseTo: 30)
        scene.hear(alpha, knowing: 2)
        #expect(scene.role(alpha) == .zombie && scene.slot.host(alpha)?.leaseSeconds == nil)
    }

    private func change(_ scene: inout Scene, to handOver: HandOver) throws {
        var change = SlotSettingsChange()
        change[.handOver] = .handOver(handOver)
        try scene.decide { [change] in _ = try $0.change(change, &$1) }
    }

    @Test(arguments: [HandOver.overlap, .exclusive])
    func `the hand-over is not changed while one is under way`(_ handOver: HandOver) throws {
        var scene = try Scene.pair { $0.handOver = handOver == .overlap ? .exclusive : .overlap }
        try scene.interrupt(alpha)
        #expect(refusal { try change(&scene, to: handOver) } == .conflict)
    }

    @Test func `two that may serve are no exclusive slot`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        scene.silence(alpha)
        try scene.activate(bravo)
        #expect(refusal { try change(&scene, to: .exclusive) } == .conflict)
        scene.hear(alpha)
        try scene.answer(alpha, "demote", .done)
        try change(&scene, to: .exclusive)
        #expect(scene.slot.settings.handOver == .exclusive)
    }
}
