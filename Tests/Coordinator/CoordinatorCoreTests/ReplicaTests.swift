import CoordinatorCore
import Testing
import Wire

@Suite struct ReplicaTests {
    private func keeping(_ count: Int = 1) throws -> Scene {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled, $0.replicaCount) = (false, true, count) }
        try scene.register(alpha)
        return scene
    }

    private func ask(_ scene: inout Scene, _ creation: ReplicaCreation) throws -> ReplicaReply {
        try scene.decide { try $0.take(creation, &$1) }
    }

    @Test func `as many replicas as wanted are ordered, once`() throws {
        var scene = try keeping(3)
        #expect(scene.asked(of: alpha) == ["create_replica", "create_replica", "create_replica"])
        scene.hear(alpha)
        scene.wait(60)
        #expect(scene.slot.replicas.count == 3)
    }

    @Test func `of too many those that are not ready go first, then the youngest`() throws {
        var scene = try keeping(3)
        for (machine, lacking) in [(bravo, []), (charlie, ["hooks"]), (delta, [])] as [(InstanceID, [String])] {
            try scene.register(machine)
            scene.hear(machine, lacking: lacking)
        }
        var change = SlotSettingsChange()
        change[.replicaCount] = .whole(2)
        try scene.decide { [change] in _ = try $0.change(change, &$1) }
        #expect(scene.role(charlie) == .terminating)
        change[.replicaCount] = .whole(1)
        try scene.decide { [change] in _ = try $0.change(change, &$1) }
        #expect([scene.role(bravo), scene.role(delta)].contains(.terminating))
        #expect([scene.role(bravo), scene.role(delta)].contains(.replica))
    }

    @Test func `a ready replica does not go because a stranger joined`() throws {
        var scene = try keeping()
        try scene.stand(bravo)
        try scene.register(charlie)
        #expect(scene.role(bravo) == .replica)
        #expect(scene.role(charlie) == .replica)
    }

    @Test(arguments: [true, false])
    func `what came while a launch was under way stays, whatever becomes of that launch`(_ isAnswered: Bool) throws {
        var scene = try keeping()
        scene.hear(alpha)
        try scene.stand(bravo)
        if isAnswered { try scene.answer(alpha, "create_replica", .failed) } else { scene.offline(alpha) }
        scene.hear(alpha)
        scene.wait(900)
        #expect(scene.role(bravo) == .replica)
        let replica = try #require(scene.slot.replica(of: bravo))
        #expect(replica.status == .ready)
        // Nobody says that it is ours to end, and no other is needed.
        #expect(replica.parent == nil)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.count(.replicaFailed) == 1)
    }

    @Test func `what came while a launch was under way is its machine after all, when that is told late`() throws {
        var scene = try keeping()
        scene.hear(alpha)
        let order = try scene.order("create_replica", of: alpha)
        try scene.stand(bravo)
        scene.offline(alpha)
        #expect(scene.slot.replica(of: bravo)?.parent == nil)
        try scene.answer(
            order, .done, .launched(.init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .spot)))
        #expect(scene.slot.replica(of: bravo)?.parent == alpha)
        #expect(scene.role(bravo) == .replica)
    }

    @Test func `a launch that failed is not repeated for five minutes`() throws {
        var scene = try keeping()
        try scene.answer(alpha, "create_replica", .failed)
        scene.wait(299)
        #expect(scene.asked(of: alpha) == [])
        scene.wait(1)
        #expect(scene.asked(of: alpha) == ["create_replica"])
    }

    @Test func `after a promotion the next is ordered`() throws {
        var scene = try keeping()
        try scene.stand(bravo)
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        #expect(scene.asked(of: bravo) == ["create_replica"])
    }

    @Test func `a slot that is switched off is only watched`() throws {
        var scene = Scene {
            ($0.enabled, $0.autoSwitchEnabled, $0.manualReplicaEnabled) = (false, false, true)
        }
        try scene.register(alpha)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `an order that nothing came of is given up after ten minutes`() throws {
        var scene = try keeping()
        scene.wait(600)
        #expect(scene.slot.replicas.map(\.status).first == .failed)
        #expect(scene.count(.replicaFailed) == 1)
    }

    @Test func `a machine that was launched and never spoke is ended`() throws {
        var scene = Scene {
            ($0.autoSwitchEnabled, $0.manualReplicaEnabled, $0.autoTerminateEnabled) = (false, true, false)
        }
        try scene.register(alpha)
        try scene.launched(bravo, by: alpha)
        scene.wait(600)
        #expect(scene.role(bravo) == .terminating)
        #expect(scene.asked(of: alpha).contains("terminate_instance"))
    }

    @Test func `a machine whose order was taken back is ended when it turns up`() throws {
        var scene = try keeping()
        scene.hear(alpha)
        let order = try scene.order("create_replica", of: alpha)
        let replica = try #require(scene.slot.replicas.first).id
        try scene.decide { _ = try $0.deleteReplica(replica, &$1) }
        let second = try #require(scene.slot.replicas.last)
        #expect(second.id != replica)
        scene.slot.replicas.removeAll { $0.id == replica }
        try scene.answer(
            order, .done, .launched(.init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .spot)))
        #expect(scene.role(bravo) == .terminating)
    }

    @Test func `machines and orders that cross are one each`() throws {
        var scene = try keeping(2)
        let orders = scene.open(for: alpha)
        try scene.register(bravo)
        for (order, machine) in zip(orders, [charlie, bravo]) {
            try scene.answer(
                order, .done,
                .launched(.init(instance: machine, instanceType: "m5.large", zone: "us-east-1b", mode: .spot)))
        }
        scene.hear(alpha)
        #expect(Set(scene.slot.replicas.compactMap(\.instance)) == [bravo, charlie])
        #expect(scene.slot.replicas.count == 2)
    }

    @Test func `a machine that comes after its order was given up is a stranger until its launch is told`() throws {
        var scene = try keeping()
        let order = try scene.order("create_replica", of: alpha)
        try scene.decide { _ = try $0.toggle(false, &$1) }
        scene.wait(600)
        try scene.register(bravo)
        #expect(scene.slot.replica(of: bravo)?.parent == nil)
        try scene.answer(
            order, .done, .launched(.init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .spot)))
        #expect(scene.slot.replica(of: bravo)?.parent == alpha)
    }

    @Test func `a stranger that was taken for an ordered machine is a stranger again when that one is known`() throws {
        var scene = try keeping()
        try scene.stand(bravo)
        try scene.launched(charlie, by: alpha)
        try scene.stand(charlie)
        scene.hear(alpha)
        #expect(scene.slot.replica(of: bravo)?.parent == nil)
        #expect(scene.slot.replica(of: charlie)?.parent == alpha)
        #expect(scene.role(bravo) == .replica)
    }

    @Test func `as many silent replicas as there may be keep no emergency from launching one`() throws {
        var scene = Scene()
        try scene.register(alpha)
        for number in 0..<8 {
            try scene.stand(instance(number))
            scene.silence(instance(number))
        }
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha).contains("create_replica"))
        #expect(scene.count(.noSuccessor) == 0)
    }

    @Test func `one is asked for within what is wanted, and only where replicas are kept`() throws {
        var scene = Scene()
        try scene.register(alpha)
        #expect(refusal { _ = try ask(&scene, ReplicaCreation(type: .manual)) } == .validation)
        scene = try keeping()
        #expect(refusal { _ = try ask(&scene, ReplicaCreation(type: .manual)) } == .conflict)
    }

    @Test func `a running machine is taken in, the same again is the same`() throws {
        var scene = Scene()
        try scene.register(alpha)
        var creation = ReplicaCreation(type: .manual)
        creation.instance = bravo
        let reply = try ask(&scene, creation)
        #expect(scene.role(bravo) == .launching)
        #expect(try ask(&scene, creation) == reply)
        #expect(scene.slot.replicas.count == 1)
        scene.hear(alpha)
        #expect(scene.role(bravo) == .launching)
        creation.instance = alpha
        #expect(refusal { _ = try ask(&scene, creation) } == .conflict)
    }

    @Test func `a replica is another machine only once`() throws {
        var scene = try keeping()
        let id = try #require(scene.slot.replicas.first).id
        let launch = ReplicaLaunch(instance: bravo, status: .syncing)
        #expect(try scene.decide { try $0.take(launch, for: id, &$1) }.instance == bravo)
        #expect(try scene.decide { try $0.take(launch, for: id, &$1) }.instance == bravo)
        let other = ReplicaLaunch(instance: charlie, status: .syncing)
        #expect(refusal { try scene.decide { _ = try $0.take(other, for: id, &$1) } } == .conflict)
    }

    @Test(arguments: [
        (ReplicaStatus.syncing, ReplicaStatus.syncing), (.ready, .ready), (.failed, .failed),
        (.terminated, .terminated),
    ])
    func `progress is noted as it is told`(_ row: (ReplicaStatus, ReplicaStatus)) throws {
        var scene = try Scene.pair()
        scene.hear(bravo, lacking: ["hooks"])
        let id = try #require(scene.slot.replica(of: bravo)).id
        #expect(try scene.decide { try $0.take(ReplicaProgress(status: row.0), of: id, &$1) }.status == row.1)
    }

    @Test func `nobody promotes by a report`() throws {
        var scene = try Scene.pair()
        let id = try #require(scene.slot.replica(of: bravo)).id
        let progress = ReplicaProgress(status: .promoted)
        #expect(refusal { try scene.decide { _ = try $0.take(progress, of: id, &$1) } } == .conflict)
        #expect(refusal { try scene.decide { _ = try $0.take(progress, of: "none", &$1) } } == .notFound)
    }

    @Test func `a replica that takes over just now is not deleted, one that ended neither`() throws {
        var scene = try Scene.pair()
        let id = try #require(scene.slot.replica(of: bravo)).id
        try scene.interrupt(alpha)
        #expect(refusal { try scene.decide { _ = try $0.deleteReplica(id, &$1) } } == .conflict)
        try scene.activate(bravo)
        #expect(refusal { try scene.decide { _ = try $0.deleteReplica(id, &$1) } } == .validation)
    }

    @Test func `an order that was handed out and is no longer wanted is not handed out again`() throws {
        var scene = try keeping()
        #expect(scene.hear(alpha).map(\.order.type) == ["create_replica"])
        let id = try #require(scene.slot.replicas.first).id
        var change = SlotSettingsChange()
        change[.manualReplicaEnabled] = .flag(false)
        try scene.decide { [change] slot, turn in
            _ = try slot.change(change, &turn)
        }
        #expect(scene.slot.replicas.first { $0.id == id }?.status == .terminated)
        // It may be at work on it.
        #expect(scene.asked(of: alpha) == ["create_replica"])
        #expect(scene.hear(alpha) == [])
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `a stranger that was taken for the ordered machine is none of ours once that one is known`() throws {
        var scene = try keeping()
        scene.hear(alpha)
        try scene.register(bravo)
        #expect(scene.slot.replica(of: bravo)?.parent == alpha)
        try scene.register(charlie)
        #expect(scene.slot.replica(of: charlie)?.parent == nil)
        try scene.launched(charlie, by: alpha)
        #expect(scene.slot.replica(of: bravo)?.parent == nil)
        #expect(scene.slot.replica(of: charlie)?.parent == alpha)
        #expect(scene.role(bravo) == .replica)
    }

    // MARK: Machines that are only claimed

    private func claimed(_ status: ReplicaStatus? = nil) throws -> (Scene, ReplicaID) {
        var scene = Scene { $0.terminateWaitSeconds = 0 }
        try scene.register(alpha)
        var creation = ReplicaCreation(type: .manual)
        (creation.instance, creation.parent, creation.status) = (bravo, alpha, status)
        let id = try ask(&scene, creation).replica
        return (scene, id)
    }

    @Test(arguments: [ReplicaStatus.failed, .terminated])
    func `a machine that was only claimed is not ended because its replica is`(_ status: ReplicaStatus) throws {
        var (scene, id) = try claimed()
        try scene.decide { _ = try $0.take(ReplicaProgress(status: status), of: id, &$1) }
        #expect(scene.role(bravo) == .terminated)
        scene.wait(1000)
        scene.hear(alpha)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `a machine that was only claimed and is never heard is forgotten, not ended`() throws {
        var (scene, id) = try claimed()
        scene.wait(1000)
        scene.hear(alpha)
        #expect(scene.slot.replicas.first { $0.id == id }?.status == .failed)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `a person's order ends a machine that was only claimed`() throws {
        var (scene, id) = try claimed()
        try scene.decide { _ = try $0.deleteReplica(id, &$1) }
        #expect(scene.asked(of: alpha) == ["terminate_instance"])
    }

    @Test func `a claimed machine is ready when it says so itself`() throws {
        var (scene, id) = try claimed(.ready)
        try scene.decide { _ = try $0.take(ReplicaProgress(status: .ready), of: id, &$1) }
        #expect(scene.slot.replica(of: bravo)?.status == .launching)
        try scene.stand(bravo)
        #expect(scene.slot.replica(of: bravo)?.status == .ready)
    }

    @Test func `the machine of another agent is not taken in, and a launch of it is none`() throws {
        var scene = try keeping()
        let order = try scene.order("create_replica", of: alpha)
        let id = try #require(scene.slot.replicas.first).id
        scene.slot.liveElsewhere = [bravo: .own]
        var creation = ReplicaCreation(type: .manual)
        creation.instance = bravo
        #expect(refusal { _ = try ask(&scene, creation) } == .conflict)
        let launch = ReplicaLaunch(instance: bravo, status: .ready)
        #expect(refusal { try scene.decide { _ = try $0.take(launch, for: id, &$1) } } == .conflict)
        try scene.answer(
            order, .done, .launched(.init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .spot)))
        #expect(scene.slot.host(bravo) == nil)
        #expect(scene.slot.replicas.first?.status == .failed)
    }

    @Test(arguments: [Slot.Neighbour.own, .foreign])
    func `a machine that another agent has by now is not ended`(_ neighbour: Slot.Neighbour) throws {
        var scene = try Scene.pair { $0.terminateWaitSeconds = 0 }
        let id = try #require(scene.slot.replica(of: bravo)).id
        scene.slot.liveElsewhere = [bravo: neighbour]
        try scene.decide { _ = try $0.deleteReplica(id, &$1) }
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.slot.terminationList(at: scene.now).instances == [])
        scene.slot.liveElsewhere = [:]
        scene.hear(alpha)
        #expect(scene.asked(of: alpha) == ["terminate_instance"])
    }

    @Test func `another tenant's machine is claimed like one that nobody has, and not ended by a person either`() throws
    {
        var scene = Scene { $0.terminateWaitSeconds = 0 }
        try scene.register(alpha)
        scene.slot.liveElsewhere = [bravo: .foreign]
        var creation = ReplicaCreation(type: .manual)
        creation.instance = bravo
        let id = try ask(&scene, creation).replica
        try scene.decide { _ = try $0.deleteReplica(id, &$1) }
        scene.wait(1000)
        scene.hear(alpha)
        #expect(scene.asked(of: alpha) == [])
    }
}
