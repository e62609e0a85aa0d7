import CoordinatorCore
import JSON
import Testing
import Wire

/// Two must never serve: what is done about hosts that may, and are not heard.
@Suite struct FencingTests {
    /// Alpha was seen stopped, and bravo has the order to serve.
    private func activating(lease: Int = 0) throws -> Scene {
        var scene = try Scene.pair {
            $0.handOver = .exclusive
            $0.leaseSeconds = lease
        }
        try scene.stand(charlie, zone: "us-east-1c")
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.hear(bravo).map(\.order.type) == ["activate"])
        return scene
    }

    /// Passes time with the others heard.
    private func pass(_ seconds: Int, _ scene: inout Scene) {
        for _ in 0..<seconds / 5 {
            scene.wait(5)
            scene.hear(charlie)
        }
    }

    private func mayServe(_ scene: Scene) -> [InstanceID] {
        scene.slot.commands.filter { $0.order.letsServe && $0.state.isOpen }.map(\.instance)
    }

    @Test func `silence of a successor that has the order to serve gives nobody else the order`() throws {
        var scene = try activating()
        scene.silence(bravo)
        scene.offline(bravo)
        pass(3600, &scene)
        #expect(scene.role(bravo) == .promoting)
        #expect(scene.role(charlie) == .replica)
        #expect(scene.incident?.state == .open)
        #expect(scene.kinds.contains(.incidentLate))
    }

    @Test func `a successor that was away and serves is the primary when it is back`() throws {
        var scene = try activating()
        let order = try scene.order("activate", of: bravo)
        scene.silence(bravo)
        pass(600, &scene)
        #expect(scene.hear(bravo).map(\.order.type) == ["activate"])
        #expect(try scene.answer(order, .done, .activated(at: scene.now, verifiedAt: scene.now)) == .accepted)
        #expect(scene.primary == bravo)
        #expect(!scene.asked(of: bravo).contains("activate"))
        #expect(scene.incident?.state == .missed)
    }

    @Test func `a successor that came back and gets nowhere is stopped before the next starts`() throws {
        var scene = try activating()
        scene.silence(bravo)
        pass(600, &scene)
        scene.hear(bravo)
        #expect(scene.role(bravo) == .promoting)
        pass(30, &scene)
        #expect(scene.role(charlie) == .promoting)
        guard case .promote(let order) = try scene.order("promote", of: charlie).order else { return }
        #expect(order.awaitsFence)
        #expect(order.predecessor == bravo)
        try scene.answer(charlie, "promote", .prepared)
        #expect(scene.asked(of: bravo) == ["demote"])
        #expect(mayServe(scene) == [])
        try scene.answer(bravo, "demote", .fenced)
        #expect(mayServe(scene) == [charlie])
        try scene.activate(charlie, by: "activate")
        #expect(scene.primary == charlie)
    }

    @Test func `one whose stop is not proven blocks the next, and is asked again`() throws {
        var scene = try activating()
        pass(60, &scene)
        #expect(scene.role(charlie) == .promoting)
        try scene.answer(charlie, "promote", .prepared)
        try scene.answer(bravo, "demote", .fenceFailed)
        #expect(scene.kinds.contains(.fenceFailed))
        scene.wait(60)
        #expect(scene.hear(bravo).map(\.order.type) == ["demote"])
        #expect(mayServe(scene) == [])
        try scene.answer(bravo, "demote", .fenced)
        #expect(mayServe(scene) == [charlie])
    }

    @Test func `a successor that is proven to be gone is followed at once`() throws {
        var scene = try activating()
        scene.silence(bravo)
        try scene.inspected(bravo, .stopped, by: charlie)
        guard case .promote(let order) = try scene.order("promote", of: charlie).order else { return }
        #expect(!order.awaitsFence)
    }

    @Test func `a successor's own lease is waited for`() throws {
        var scene = try activating(lease: 60)
        let index = try #require(scene.slot.hosts.firstIndex { $0.instance == bravo })
        scene.slot.hosts[index].leaseEndsAt = scene.now + .seconds(62)
        scene.silence(bravo)
        pass(60, &scene)
        #expect(scene.role(charlie) == .replica)
        pass(5, &scene)
        #expect(scene.role(charlie) == .promoting)
        #expect(mayServe(scene) == [charlie])
    }

    @Test func `a successor that says that it failed has stopped`() throws {
        var scene = try activating()
        try scene.answer(bravo, "activate", .failed)
        #expect(mayServe(scene) == [charlie])
    }

    @Test func `a successor that announces its own end is stopped before the next starts`() throws {
        var scene = try activating()
        try scene.interrupt(bravo)
        #expect(scene.role(charlie) == .promoting)
        #expect(mayServe(scene) == [])
        try scene.answer(bravo, "demote", .fenced)
        #expect(mayServe(scene) == [charlie])
    }

    @Test func `a stranger does not serve while one that may is not fenced`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        scene.hear(bravo)
        try scene.interrupt(bravo)
        #expect(scene.slot.promoting?.instance == bravo)
        for order in scene.slot.commands where order.order.type == "create_replica" && order.state.isOpen {
            try scene.answer(order, .failed)
        }
        #expect(try scene.register(delta) == .replica)
        scene.hear(delta)
        #expect(mayServe(scene) == [])
        try scene.answer(bravo, "demote", .fenced)
        #expect(scene.hear(delta).map(\.order.type) == ["promote", "activate"])
    }

    // MARK: The old primary

    /// Bravo failed while alpha, which had its order, was draining.
    private func drainingForNobody() throws -> (scene: Scene, order: CommandRecord) {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        scene.hear(alpha)
        let order = try scene.order("demote", of: alpha)
        try scene.answer(bravo, "promote", .failed)
        #expect(scene.primary == alpha)
        return (scene, order)
    }

    @Test func `an old primary that has stopped for nobody is an incident`() throws {
        var (scene, order) = try drainingForNobody()
        #expect(try scene.answer(order, .fenced, epoch: order.epoch) == .accepted)
        #expect(scene.primary == nil)
        #expect(scene.incident?.isOpen == true)
        scene.wait(10)
        #expect(scene.asked(of: alpha) + scene.asked(of: bravo) == ["create_replica"])
        #expect(try scene.answer(order, .fenced, epoch: order.epoch) == .duplicate)
    }

    /// It may have been called back between the two.
    @Test func `that an old primary stopped for one successor does not let the next start`() throws {
        var (scene, order) = try drainingForNobody()
        try scene.stand(charlie)
        try scene.decide { _ = try $0.promote(instance: charlie, &$1) }
        try scene.answer(charlie, "promote", .prepared)
        try scene.answer(order, .fenced, epoch: order.epoch)
        #expect(scene.asked(of: charlie) == [])
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: charlie) == ["activate"])
    }

    @Test func `where two may serve one that was away is told to stop when it is back`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        scene.offline(alpha)
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.activate(bravo)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.hear(alpha).map(\.order.type) == ["demote"])
        scene.wait(180)
        #expect(scene.hear(alpha).map(\.order.type) == ["demote"])
        try scene.answer(alpha, "demote")
        #expect(scene.hear(alpha) == [])
    }

    @Test func `one that could not stop is asked again after a while`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        try scene.answer(alpha, "demote", .failed)
        #expect(scene.hear(alpha) == [])
        scene.wait(60)
        #expect(scene.hear(alpha).map(\.order.type) == ["demote"])
    }

    @Test func `where two may serve nobody is stopped for one that is not heard`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.activate(bravo)
        scene.silence(bravo)
        #expect(scene.hear(alpha).map(\.order.type) == ["inspect_instance"])
        scene.hear(bravo)
        #expect(scene.asked(of: alpha).contains("demote"))
    }

    // MARK: Nobody serves

    @Test func `an incident stays open while nobody serves, and orders on`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.answer(bravo, "activate", .failed)
        var asked = 0
        for _ in 0..<360 {
            scene.wait(10)
            for host in [alpha, bravo] {
                scene.hear(host)
                for order in scene.open(for: host) where order.order.type == "create_replica" {
                    asked += 1
                    try scene.answer(order, .failed)
                }
            }
        }
        #expect(scene.incident?.state == .open)
        #expect((15..<25).contains(asked))
        try scene.stand(charlie)
        #expect(scene.primary == charlie)
        #expect(scene.slot.incidents.allSatisfy { !$0.isOpen })
    }

    @Test func `a successor that is proven gone after the fence leaves an incident`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        scene.hear(bravo)
        scene.silence(bravo)
        #expect(scene.incident?.isOpen == true)
        try scene.inspected(bravo, .terminated, by: alpha)
        #expect(scene.incident?.isOpen == true)
        scene.wait(10)
        #expect(scene.asked(of: alpha).contains("create_replica"))
    }

    @Test func `the word of who ended it is no fence, EC2's is`() throws {
        var scene = try activating()
        pass(60, &scene)
        try scene.answer(charlie, "promote", .prepared)
        #expect(scene.role(bravo) == .zombie)
        scene.silence(bravo)
        let report = TerminationReport(stamp: scene.stamp(charlie), target: bravo, success: true)
        #expect(try scene.decide { $0.take(report, &$1) } == .accepted)
        #expect(mayServe(scene) == [])
        try scene.inspected(bravo, .terminated, by: charlie)
        #expect(mayServe(scene) == [charlie])
    }
}

extension Incident {
    fileprivate var isOpen: Bool { state == .open }
}
