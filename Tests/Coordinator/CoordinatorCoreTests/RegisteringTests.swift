import CoordinatorCore
import Testing
import Wire

@Suite struct RegisteringTests {
    @Test func `the first host of a slot is its primary`() throws {
        var scene = Scene()
        #expect(try scene.register(alpha) == .primary)
        #expect(scene.slot.epoch == 1)
        #expect(scene.kinds == [.agentRegistered])
    }

    @Test func `a host that registers again stays what it is`() throws {
        var scene = try Scene.pair()
        let before = scene.slot
        #expect(try scene.register(alpha) == .primary)
        #expect(try scene.register(bravo) == .replica)
        #expect(scene.slot.epoch == before.epoch)
        #expect(scene.slot.replicas == before.replicas)
    }

    enum Silence { case fresh, unknown, offline, dead }
    struct Case: Sendable, CustomTestStringConvertible {
        let handOver: HandOver
        let predecessor: Silence
        let newcomer: Role
        var testDescription: String { "\(handOver) \(predecessor)" }
    }

    @Test(arguments: [
        Case(handOver: .overlap, predecessor: .fresh, newcomer: .replica),
        Case(handOver: .overlap, predecessor: .unknown, newcomer: .replica),
        Case(handOver: .overlap, predecessor: .offline, newcomer: .primary),
        Case(handOver: .overlap, predecessor: .dead, newcomer: .primary),
        Case(handOver: .exclusive, predecessor: .fresh, newcomer: .replica),
        Case(handOver: .exclusive, predecessor: .unknown, newcomer: .replica),
        Case(handOver: .exclusive, predecessor: .offline, newcomer: .replica),
        Case(handOver: .exclusive, predecessor: .dead, newcomer: .primary),
    ])
    func `a newcomer takes over only from a primary that is gone, for certain where two must never serve`(
        _ row: Case
    ) throws {
        var scene = Scene { $0.handOver = row.handOver }
        try scene.register(alpha)
        if row.predecessor == .dead { try scene.register(bravo) }
        if row.predecessor != .fresh { scene.silence(alpha) }
        if row.predecessor == .offline { scene.offline(alpha) }
        if row.predecessor == .dead {
            try scene.inspected(alpha, .terminated, by: bravo)
            scene.silence(bravo)
        }
        #expect(try scene.register(charlie) == row.newcomer)
        #expect(scene.primary == (row.newcomer == .primary ? charlie : alpha))
    }

    @Test func `a newcomer during a hand-over is a replica`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        scene.offline(alpha)
        #expect(try scene.register(charlie) == .replica)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a machine that was ordered as replica is promoted when it is ready, not when it appears`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha) == ["create_replica"])
        scene.silence(alpha)
        #expect(try scene.register(bravo) == .replica)
        scene.hear(bravo)
        #expect(scene.role(bravo) == .promoting)
        #expect(scene.slot.replica(of: bravo)?.type == .automaticTermination)
    }

    @Test func `a newcomer that takes over settles what its predecessor's end was about as missed`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.silence(alpha)
        try scene.interrupt(alpha)
        try scene.answer(alpha, "create_replica", .failed)
        scene.offline(alpha)
        try scene.register(bravo)
        #expect(scene.primary == bravo)
        #expect(scene.incident?.state == .missed)
        #expect(scene.switches.map(\.new.instance) == [bravo])
    }

    @Test func `a zombie stays one whatever it says`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        #expect(try scene.register(alpha) == .zombie)
        scene.hear(alpha)
        #expect(scene.role(alpha) == .zombie)
        #expect(scene.primary == bravo)
    }

    @Test func `a machine that was reported terminated and registers is to be ended again`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        try scene.decide { slot, turn in
            _ = slot.take(
                TerminationReport(
                    stamp: ReportStamp(report: "r", instance: bravo, epoch: slot.epoch), target: alpha, success: true),
                &turn)
        }
        #expect(scene.role(alpha) == .terminated)
        #expect(try scene.register(alpha) == .zombie)
    }

    @Test func `a machine that is being terminated and registers is still to be terminated`() throws {
        var scene = try Scene.pair { $0.autoTerminateEnabled = false }
        let replica = try #require(scene.slot.replica(of: bravo)).id
        try scene.decide { try $0.deleteReplica(replica, &$1) }
        #expect(try scene.register(bravo) == .terminating)
    }

    @Test func `last words of a terminated machine change nothing, but what speaks minutes later runs`() throws {
        var scene = try Scene.pair()
        let replica = try #require(scene.slot.replica(of: bravo)).id
        try scene.decide { try $0.deleteReplica(replica, &$1) }
        try scene.answer(alpha, "terminate_instance")
        scene.wait(10)
        scene.hear(bravo)
        #expect(scene.role(bravo) == .terminated)
        scene.wait(300)
        scene.hear(bravo)
        #expect(scene.role(bravo) == .zombie)
    }

    @Test func `replaced machines do not keep a newcomer out`() throws {
        var scene = try Scene.pair { $0.autoTerminateEnabled = false }
        for number in 0..<300 {
            let next = instance(number)
            try scene.stand(next)
            try scene.decide { _ = try $0.promote(instance: next, &$1) }
            try scene.activate(next)
        }
        #expect(scene.slot.hosts.count { $0.role == .zombie } == 300)
        #expect(try scene.register(charlie) == .replica)
    }

    /// Alpha, with as many replaced machines as there may be.
    private func crowded(offline: Bool) throws -> Scene {
        var scene = Scene { $0.autoTerminateEnabled = false }
        try scene.register(alpha)
        for number in 1..<Rules.runningHostsMax {
            var host = Host(instance: instance(number), role: .zombie, facts: HostFacts(), at: scene.now)
            host.isOffline = offline
            scene.slot.hosts.append(host)
        }
        return scene
    }

    @Test func `replaced machines that are lost make room for a newcomer, those that run do not`() throws {
        var scene = try crowded(offline: false)
        #expect(refusal { try scene.register(charlie) } == .conflict)
        scene = try crowded(offline: true)
        #expect(try scene.register(charlie) == .replica)
        #expect(scene.role(instance(1)) == .terminated && scene.count(.hostForgotten) == 1)
    }

    @Test func `replicas that are offline do not keep a newcomer out`() throws {
        var scene = Scene()
        for number in 0..<Rules.hostsMax { try scene.register(instance(number)) }
        scene.silence(instance(5))
        scene.offline(instance(5))
        #expect(try scene.register(alpha) == .replica)
    }

    @Test func `a replaced machine is forgotten when it was offline for thirty days, in a deleted slot, too`() throws {
        for isDeleted in [false, true] {
            var scene = try Scene.pair { $0.autoTerminateEnabled = false }
            try scene.interrupt(alpha)
            try scene.activate(bravo)
            if isDeleted { try scene.decide { $0.delete(&$1) } }
            scene.wait(1000)
            scene.hear(alpha)
            scene.silence(alpha)
            scene.offline(alpha)
            scene.wait(30 * 86_400 - 1)
            #expect(scene.role(alpha) == .zombie)
            scene.wait(1)
            #expect(scene.role(alpha) == .terminated && scene.count(.hostForgotten) == 1)
        }
    }

    @Test func `hosts that serve or stand by are bounded`() throws {
        var scene = Scene()
        for number in 0..<Rules.hostsMax { try scene.register(instance(number)) }
        #expect(refusal { try scene.register(alpha) } == .conflict)
        #expect(try scene.register(instance(3)) == .replica)
    }

    @Test func `a deleted slot takes nobody in`() throws {
        var scene = try Scene.pair()
        try scene.decide { $0.delete(&$1) }
        #expect(refusal { try scene.register(charlie) } == .notFound)
        #expect(refusal { try scene.interrupt(alpha) } == .notFound)
    }
}

func instance(_ number: Int) -> InstanceID {
    let digits = String(number, radix: 16)
    do { return try InstanceID("i-" + String(repeating: "0", count: 8 - digits.count) + digits) } catch {
        preconditionFailure("\(number) makes no instance id: \(error)")
    }
}
