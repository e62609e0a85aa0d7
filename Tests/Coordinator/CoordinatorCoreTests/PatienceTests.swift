import CoordinatorCore
import JSON
import Testing
import Wire

/// How long a successor is waited for, and what silence may cost it.
@Suite struct PatienceTests {
    private func keepBusy(_ instance: InstanceID, for seconds: Int, _ scene: inout Scene) throws -> CommandRecord {
        scene.hear(instance)
        let order = try scene.order("promote", of: instance)
        for _ in 0..<seconds / 3 {
            scene.wait(3)
            scene.hear(instance, running: [order.id])
        }
        return order
    }

    /// Also for one that had only just been started itself when it was heard last.
    @Test(arguments: [[], ["nobody has looked yet whether it could take over"]])
    func `no machine is launched beside a replica that has only not been heard since we were away`(
        lacking: [String]
    ) throws {
        var scene = try Scene.pair()
        scene.hear(bravo, lacking: lacking)
        for index in scene.slot.hosts.indices { scene.slot.hosts[index].isFresh = false }
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha) == [])
        var heard = scene
        heard.hear(bravo)
        #expect(heard.asked(of: bravo) == ["promote"])
        scene.silence(bravo)
        #expect(scene.asked(of: alpha).contains("create_replica"))
    }

    @Test func `an order that a host works on does not expire`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha, in: 600)
        let order = try keepBusy(bravo, for: 300, &scene)
        #expect(scene.role(bravo) == .promoting)
        try scene.answer(order, .done, .activated(at: scene.now, verifiedAt: scene.now))
        #expect(scene.primary == bravo)
    }

    @Test func `one that is still at it when the machine has gone is given up, and counts when it is done after all`()
        throws
    {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        scene.silence(alpha)
        scene.offline(alpha)
        let order = try keepBusy(bravo, for: 186, &scene)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.asked(of: bravo).contains("create_replica"))
        #expect(!scene.asked(of: bravo).contains("demote"))
        #expect(try scene.answer(order, .done, .activated(at: scene.now, verifiedAt: scene.now)) == .accepted)
        #expect(scene.primary == bravo)
        #expect(scene.slot.replica(of: bravo)?.status == .promoted)
        #expect(scene.incident?.state == .missed)
    }

    /// Whether the incident of the successor's own end is older than the one that it takes over for.
    @Test(arguments: [HandOver.overlap, .exclusive], [false, true])
    func `an incident that is met by a late proof names who serves, whose own end is another`(
        handOver: HandOver, isOwnOlder: Bool
    ) throws {
        var scene = try Scene.pair { $0.handOver = handOver }
        if isOwnOlder { try scene.notice(bravo, .rebalance) }
        try scene.interrupt(alpha)
        if handOver == .exclusive {
            try scene.answer(alpha, "demote", .fenced)
            try scene.answer(bravo, "promote", .prepared)
        }
        let order = try scene.order(handOver == .exclusive ? "activate" : "promote", of: bravo)
        scene.hear(bravo)
        scene.silence(alpha)
        try scene.interrupt(bravo)
        // Where the old one has stopped it is not given up.
        #expect(scene.role(bravo) == (handOver == .overlap ? .zombie : .promoting))
        try scene.answer(order, .done, .activated(at: scene.now, verifiedAt: scene.now))
        #expect(scene.primary == bravo)
        let incidents = scene.slot.incidents.map(\.incident)
        let met = try #require(incidents.first { $0.instance == alpha })
        #expect((met.state, met.successor, met.epoch) == (.met, bravo, scene.slot.epoch))
        #expect(incidents.last { $0.instance == bravo && $0.kind == .interruption }?.state == .open)
    }

    @Test func `an unproven or overtaken word that comes late counts for nothing`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        scene.silence(alpha)
        let order = try keepBusy(bravo, for: 186, &scene)
        var other = scene
        #expect(try scene.answer(order, .done, .activated(at: scene.now, verifiedAt: nil)) == .stale)
        try other.stand(charlie)
        #expect(other.role(charlie) == .promoting)
        let late = try other.answer(order, .done, .activated(at: other.now, verifiedAt: other.now), epoch: order.epoch)
        #expect(late == .stale)
        #expect(other.role(charlie) == .promoting)
    }

    @Test func `one that has stopped, forgets it and takes over after all is to stop again`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        let order = try scene.order("promote", of: bravo)
        scene.hear(bravo)
        try scene.interrupt(bravo)
        try scene.answer(bravo, "demote", .fenced)
        try scene.answer(order, .failed)
        #expect(!scene.asked(of: bravo).contains("demote"))
        #expect(try scene.answer(order, .done, .activated(at: scene.now, verifiedAt: scene.now)) == .accepted)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.asked(of: bravo).contains("demote"))
    }

    @Test func `one that gets nowhere is followed after the deadline when another is ready`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        _ = try keepBusy(bravo, for: 27, &scene)
        #expect(scene.role(bravo) == .promoting)
        scene.wait(3)
        #expect(scene.role(charlie) == .promoting)
        #expect(scene.primary == alpha)
    }

    // MARK: Silence

    /// Bravo was told to take over and fell silent.
    private func lost(isTold: Bool) throws -> Scene {
        var scene = try Scene.pair { $0.terminateWaitSeconds = 0 }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        if isTold { scene.hear(bravo) }
        scene.silence(bravo)
        return scene
    }

    private func terminations(_ scene: Scene) -> Int {
        scene.slot.commands.count { $0.order.type == "terminate_instance" }
    }

    @Test func `one that was not told to serve and falls silent is a replica as before`() throws {
        var scene = try lost(isTold: false)
        scene.wait(30)
        #expect(scene.role(bravo) == .replica)
        scene.wait(3600)
        #expect(terminations(scene) == 0)
        scene.hear(bravo)
        #expect(scene.slot.host(bravo)?.isReady == true)
    }

    @Test func `one that was told to serve and falls silent is not terminated`() throws {
        var scene = try lost(isTold: true)
        scene.wait(30)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.primary == alpha)
        scene.offline(bravo)
        scene.wait(3600)
        #expect(terminations(scene) == 0)
        #expect(scene.slot.terminationList(at: scene.now).instances == [])
        #expect(scene.hear(bravo).map(\.order.type) == ["demote"])
        #expect(terminations(scene) == 0)
        try scene.answer(bravo, "demote")
        #expect(scene.asked(of: alpha).contains("terminate_instance"))
    }

    @Test func `a termination by evidence is withdrawn when the machine speaks`() throws {
        var scene = try lost(isTold: true)
        scene.wait(30)
        try scene.inspected(bravo, .stopped, by: alpha)
        #expect(scene.asked(of: alpha) == ["terminate_instance"])
        scene.hear(bravo)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.role(bravo) == .zombie)
    }

    @Test(arguments: [true, false])
    func `the old machine is terminated only when the new primary was proven to serve`(_ isProven: Bool) throws {
        var scene = try Scene.pair { $0.terminateWaitSeconds = 0 }
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .done, .activated(at: scene.now, verifiedAt: isProven ? scene.now : nil))
        try scene.answer(alpha, "demote")
        scene.wait(3600)
        #expect((terminations(scene) > 0) == isProven)
    }
}
