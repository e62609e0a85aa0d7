import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct SuccessorTests {
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

    @Test func `a successor that goes too serves to its end where the old primary was told to stop`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.interrupt(alpha)
        try scene.interrupt(bravo)
        #expect(scene.role(bravo) == .promoting)
        #expect((scene.asked(of: alpha) + scene.asked(of: bravo)).contains("create_replica"))
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.activate(bravo, by: "activate")
        #expect(scene.primary == bravo)
        #expect(scene.slot.incidents.map(\.incident.state) == [.met, .open])
        try scene.stand(charlie)
        #expect(scene.role(charlie) == .promoting)
    }

    @Test func `a successor that goes is given up while the old primary was not told to stop`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.interrupt(bravo)
        #expect(scene.slot.promoting == nil)
        #expect(scene.primary == alpha)
        #expect(scene.asked(of: alpha) == [])
    }

    @Test func `one that stays is tried in place of a successor that goes, whoever was told to stop`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        scene.hear(alpha)
        try scene.interrupt(bravo)
        #expect(scene.role(charlie) == .promoting)
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
