import CoordinatorCore
import Testing
import Wire

/// A record that was restored from a copy that is older than what its hosts know.
@Suite struct EpochTests {
    @discardableResult
    private func hear(
        _ instance: InstanceID, epoch: Epoch, role: Role, lacking: [String]? = [], _ scene: inout Scene
    ) throws -> [Command] {
        var heartbeat = Heartbeat(status: .online, instance: instance)
        (heartbeat.epoch, heartbeat.role, heartbeat.lacking) = (epoch, role, lacking)
        return try scene.decide { [heartbeat] in $0.hear(heartbeat, &$1) }
    }

    @Test func `the record catches up with the newest epoch that a host knows, and says so once`() throws {
        var scene = try Scene.pair()
        try hear(bravo, epoch: 7, role: .replica, &scene)
        try hear(bravo, epoch: 7, role: .replica, &scene)
        #expect(scene.slot.epoch == 7)
        #expect(scene.count(.recordOutdated) == 1 && scene.count(.primaryContested) == 0)
        try scene.interrupt(alpha)
        #expect(try scene.order("promote", of: bravo).epoch == 8)
    }

    @Test func `a notice and a late result tell the epoch, too`() throws {
        var scene = try Scene.pair()
        let notice = Notice(instance: alpha, signal: .rebalance, detectedAt: scene.now, epoch: 4)
        try scene.decide { _ = try $0.take(notice, &$1) }
        #expect(scene.slot.epoch == 4)
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        scene.wait(3601)
        try scene.answer(command, .failed, epoch: 9)
        #expect(scene.slot.epoch == 9)
    }

    @Test func `an epoch that cannot be is not believed, and one of a stranger counts for nothing`() throws {
        var scene = try Scene.pair()
        try hear(bravo, epoch: Epoch(.max) ?? 0, role: .replica, &scene)
        try hear(charlie, epoch: 7, role: .primary, &scene)
        #expect(scene.slot.epoch == 1)
    }

    @Test func `an order to move the workload that is older than the fleet is void`() throws {
        var scene = try Scene.pair()
        try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        try hear(bravo, epoch: 7, role: .replica, &scene)
        #expect(scene.asked(of: alpha) == [])
    }

    /// Alpha serves by the record, charlie by its own word, bravo is to be ended.
    private func contested() throws -> Scene {
        var scene = try Scene.pair { $0.terminateWaitSeconds = 0 }
        try scene.stand(charlie)
        try hear(bravo, epoch: 3, role: .zombie, &scene)
        try hear(charlie, epoch: 3, role: .primary, &scene)
        let id = try #require(scene.slot.replica(of: bravo)).id
        try scene.decide { _ = try $0.deleteReplica(id, &$1) }
        return scene
    }

    @Test func `whoever serves against the record is an alarm, and nothing is ended until a person decides`() throws {
        var scene = try contested()
        try hear(charlie, epoch: 3, role: .primary, &scene)
        #expect(scene.count(.primaryContested) == 1)
        scene.wait(1000)
        scene.hear(alpha)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.slot.terminationList(at: scene.now).instances == [])
        try scene.decide { _ = try $0.promote(instance: charlie, &$1) }
        try scene.activate(charlie)
        #expect(scene.primary == charlie && scene.slot.contestedBy == nil)
        #expect(scene.asked(of: charlie).contains("terminate_instance"))
    }

    @Test func `a person who ends the one that contests has decided, too`() throws {
        var scene = try contested()
        let id = try #require(scene.slot.replica(of: charlie)).id
        try scene.decide { _ = try $0.deleteReplica(id, &$1) }
        #expect(scene.asked(of: alpha) == ["terminate_instance", "terminate_instance"])
    }

    @Test func `an old primary that has not heard of its end yet contests nothing`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        try hear(alpha, epoch: 2, role: .primary, &scene)
        #expect(scene.slot.contestedBy == nil)
    }

    @Test func `whoever says that it serves is the first to take over`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        try hear(charlie, epoch: 3, role: .primary, lacking: nil, &scene)
        try scene.interrupt(alpha)
        #expect(scene.slot.promoting?.instance == charlie)
    }

    @Test func `exclusive: nobody else starts before whoever says that it serves has stopped`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.stand(charlie)
        try hear(charlie, epoch: 3, role: .primary, &scene)
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["promote"] && scene.asked(of: charlie) == ["demote"])
        try scene.answer(charlie, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["promote", "activate"])
    }

    @Test func `exclusive: whoever says that it serves is told to when the other has stopped`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.stand(charlie)
        try hear(charlie, epoch: 3, role: .primary, &scene)
        try scene.decide { _ = try $0.promote(instance: charlie, &$1) }
        #expect(scene.asked(of: charlie) == ["promote"])
        try scene.answer(alpha, "demote", .fenced)
        try scene.activate(charlie, by: "activate")
        #expect(scene.primary == charlie)
    }

    @Test func `an answer under an older epoch changes nothing and leaves a line`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        let order = try scene.order("promote", of: bravo)
        #expect(try scene.answer(order, .done, epoch: 1) == .stale)
        #expect(scene.count(.reportStale) == 1 && scene.role(bravo) == .promoting)
        #expect(scene.slot.command(order.id)?.state.isOpen == true)
    }
}
