import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct HandOverTests {
    // MARK: Who succeeds

    @Test func `one that is ready goes before one that is not`() throws {
        var scene = Scene()
        try scene.register(alpha, zone: "us-east-1a")
        try scene.register(bravo, zone: "us-east-1b")
        scene.hear(bravo, lacking: ["hooks"])
        try scene.stand(charlie, zone: "us-east-1a")
        try scene.interrupt(alpha)
        #expect(scene.role(charlie) == .promoting)
    }

    @Test func `among the ready another zone, then another pool, then the oldest goes first`() throws {
        let rows: [([(InstanceID, AvailabilityZone, InstanceType)], InstanceID)] = [
            ([(bravo, "us-east-1a", "m5.large"), (charlie, "us-east-1b", "m5.large")], charlie),
            ([(bravo, "us-east-1a", "m5.large"), (charlie, "us-east-1a", "c5.large")], charlie),
            ([(charlie, "us-east-1b", "m5.large"), (bravo, "us-east-1b", "m5.large")], charlie),
        ]
        for (hosts, chosen) in rows {
            var scene = Scene()
            try scene.register(alpha, zone: "us-east-1a")
            for (host, zone, type) in hosts {
                scene.now += .seconds(10)
                try scene.register(host, zone: zone, type: type)
                scene.hear(host)
            }
            try scene.interrupt(alpha)
            #expect(scene.slot.promoting?.instance == chosen)
        }
    }

    @Test func `one that may go itself is the last choice, one that does is none`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie, zone: "us-east-1a")
        try scene.notice(bravo, .rebalance)
        try scene.interrupt(alpha)
        #expect(scene.role(charlie) == .promoting)
        try scene.interrupt(charlie)
        #expect(scene.role(bravo) == .promoting)
        try scene.interrupt(bravo)
        #expect(scene.slot.promoting == nil)
        #expect(scene.primary == alpha)
    }

    @Test func `an order that is no machine yet is never chosen`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.interrupt(alpha)
        try scene.launched(bravo, by: alpha)
        scene.wait(119)
        #expect(scene.role(bravo) == .launching)
        #expect(scene.slot.promoting == nil)
    }

    @Test func `one that is not ready is promoted at the last moment, and not before`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.register(bravo)
        scene.hear(bravo, lacking: ["hooks"])
        try scene.interrupt(alpha)
        scene.wait(79)
        #expect(scene.role(bravo) == .replica)
        scene.wait(1)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a silent replica is no hope: another is ordered`() throws {
        var scene = try Scene.pair()
        scene.silence(bravo)
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha).contains("create_replica"))
    }

    @Test func `emergencies ask no setting`() throws {
        var scene = try Scene.pair {
            ($0.enabled, $0.autoSwitchEnabled, $0.maxSwitchesPerDay, $0.maxSwitchesPerWeek) = (false, false, 0, 0)
        }
        try scene.interrupt(alpha)
        #expect(scene.role(bravo) == .promoting)
    }

    // MARK: Overlap

    @Test func `overlap: the old primary serves until the new one is proven`() throws {
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

    // MARK: Exclusive

    private func exclusive(lease: Int = 0) throws -> Scene {
        try Scene.pair {
            $0.handOver = .exclusive
            $0.leaseSeconds = lease
        }
    }

    @Test func `exclusive: nobody activates before the old primary is seen stopped`() throws {
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

    @Test func `exclusive: a fence that comes before the preparation is waited for with it`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["promote", "activate"])
        #expect(scene.hear(bravo).map(\.order.type) == ["promote", "activate"])
    }

    @Test func `exclusive: a successor that activates unasked is not the primary`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.activate(bravo)
        #expect(scene.primary == alpha)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `exclusive: an unproven fence blocks the activation, until EC2 says that the machine is gone`() throws {
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

    @Test func `exclusive: an old primary that was away finds its order when it is back`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        scene.silence(alpha)
        scene.wait(200)
        #expect(scene.hear(alpha).map(\.order.type).contains("demote"))
    }

    @Test func `exclusive: a workload that was stopped by hand is fenced when the host is asked again`() throws {
        var scene = try exclusive()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenceFailed)
        scene.wait(60)
        try scene.answer(alpha, "demote", .fenced)
        #expect(scene.asked(of: bravo) == ["activate"])
    }

    @Test func `exclusive: a successor that is heard and never answers is followed by the next`() throws {
        var scene = try exclusive()
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        scene.wait(180)
        #expect(scene.role(bravo) == .zombie)
        #expect(scene.role(charlie) == .promoting)
    }

    @Test func `exclusive: a successor that fails after the fence leaves nobody, and the next is ordered`() throws {
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

    @Test func `exclusive: a person's hand-over that fails after the fence becomes an incident`() throws {
        var scene = try exclusive()
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.answer(bravo, "activate", .failed)
        #expect(scene.incident?.kind == .silence)
        scene.wait(10)
        #expect(scene.asked(of: alpha) + scene.asked(of: bravo) == ["create_replica"])
    }

    @Test func `exclusive: silence without a lease moves nothing`() throws {
        var scene = try exclusive()
        scene.silence(alpha)
        scene.offline(alpha)
        scene.wait(3600)
        #expect(scene.primary == alpha)
        #expect(scene.role(bravo) == .replica)
    }

    @Test func `exclusive: a lease that ran out for certain is a fence`() throws {
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

    @Test func `exclusive: a lease that runs out during the hand-over lets the successor activate`() throws {
        var scene = try exclusive(lease: 20)
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .prepared)
        scene.slot.hosts[0].leaseEndsAt = scene.now + .seconds(22)
        scene.silence(alpha)
        scene.wait(22)
        #expect(scene.asked(of: bravo).contains("activate"))
    }

    @Test func `exclusive: a host that is heard keeps its lease whatever was noted before`() throws {
        var scene = try exclusive(lease: 20)
        scene.slot.hosts[0].leaseEndsAt = scene.now - .seconds(1)
        scene.hear(alpha)
        scene.look()
        #expect(scene.primary == alpha)
        #expect(scene.slot.incidents == [])
    }

    // MARK: By a person

    @Test func `a person promotes a replica that is heard, ready or not`() throws {
        var scene = try Scene.pair()
        scene.hear(bravo, lacking: ["hooks"])
        let command = try scene.decide { try $0.promote(instance: bravo, &$1) }
        #expect(command.order.type == "promote")
        try scene.activate(bravo)
        #expect(scene.primary == bravo)
        #expect(scene.switches.map(\.trigger) == [.manual])
        #expect(scene.slot.incidents == [])
    }

    @Test func `what cannot be promoted is refused`() throws {
        var scene = try Scene.pair()
        #expect(refusal { try scene.decide { _ = try $0.promote(instance: delta, &$1) } } == .notFound)
        #expect(refusal { try scene.decide { _ = try $0.promote(instance: alpha, &$1) } } == .conflict)
        scene.silence(bravo)
        #expect(refusal { try scene.decide { _ = try $0.promote(instance: bravo, &$1) } } == .conflict)
        scene.hear(bravo)
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        #expect(refusal { try scene.decide { _ = try $0.promote(instance: charlie, &$1) } } == .conflict)
    }

    @Test func `an interruption during a person's hand-over is met by it`() throws {
        var scene = try Scene.pair()
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.interrupt(alpha)
        #expect(scene.incident?.successor == bravo)
        try scene.activate(bravo)
        #expect(scene.incident?.state == .met)
    }
}
