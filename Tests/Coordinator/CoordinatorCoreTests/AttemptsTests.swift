import CoordinatorCore
import JSON
import Testing
import Wire

/// What fails again and again is tried ever more rarely, then not any more, and again when something new is heard.
@Suite struct AttemptsTests {
    private let growing = [60, 120, 240, 480] + Array(repeating: 900, count: Rules.attemptsMax - 5)

    private func alarms(_ scene: Scene) -> [InstanceID?] {
        scene.events.filter { $0.kind == .givenUp }.map { event in
            #expect(event.severity == .critical)
            return event.instance
        }
    }

    /// Each way to be heard of anew, as it is told to a slot in which alpha is what failed.
    static let news: [@Sendable (inout Scene) throws -> Void] = [
        { try $0.register(alpha) },
        {
            $0.silence(alpha)
            $0.hear(alpha)
        },
        { try $0.set(.drainBudgetSeconds, to: 7) },
    ]

    // MARK: Stops

    private func unstoppable(_ handOver: HandOver) throws -> Scene {
        var scene = try Scene.pair {
            $0.handOver = handOver
            $0.autoTerminateEnabled = false
        }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        if handOver == .overlap {
            try scene.activate(bravo)
        } else {
            scene.hear(bravo)
            try scene.answer(bravo, "promote", .prepared)
        }
        return scene
    }

    @Test(arguments: [HandOver.overlap, .exclusive])
    func `a host that cannot stop is asked ever more rarely, and then a person is called`(_ handOver: HandOver) throws {
        var scene = try unstoppable(handOver)
        let pauses = try scene.pauses("demote", hours: 12, hearing: [alpha, bravo], .fenceFailed)
        #expect(pauses == growing)
        #expect(alarms(scene) == [alpha])
        #expect(scene.asked(of: alpha) == [])
    }

    @Test(arguments: news.indices)
    func `a host that was given up is asked again when something new is heard`(_ index: Int) throws {
        var scene = try unstoppable(.overlap)
        _ = try scene.pauses("demote", hours: 5, hearing: [alpha, bravo])
        #expect(scene.asked(of: alpha) == [])
        try Self.news[index](&scene)
        #expect(scene.asked(of: alpha) == ["demote"])
    }

    @Test func `an order to stop that a host never answers counts as one in vain`() throws {
        var scene = try unstoppable(.overlap)
        for _ in 0..<600 {
            scene.hear(alpha)
            scene.hear(bravo)
            scene.wait(60)
        }
        #expect(alarms(scene) == [alpha])
        #expect(scene.slot.commands.count { $0.order.type == "demote" } == Rules.attemptsMax)
    }

    // MARK: Terminations

    private func unending() throws -> Scene {
        var scene = try Scene.pair { $0.terminateWaitSeconds = 0 }
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.activate(bravo)
        try scene.answer(alpha, "demote")
        return scene
    }

    @Test func `a machine that cannot be terminated is tried ever more rarely, and then a person is called`() throws {
        var scene = try unending()
        let pauses = try scene.pauses("terminate_instance", hours: 12, hearing: [bravo])
        #expect(pauses == [300, 600] + Array(repeating: 900, count: Rules.attemptsMax - 3))
        #expect(alarms(scene) == [alpha])
        #expect(scene.slot.terminationList(at: scene.now).instances == [])
    }

    @Test(arguments: news.indices)
    func `a termination is tried again when something new is heard`(_ index: Int) throws {
        var scene = try unending()
        _ = try scene.pauses("terminate_instance", hours: 6, hearing: [bravo])
        #expect(scene.asked(of: bravo) == [])
        try Self.news[index](&scene)
        scene.hear(bravo)
        scene.wait(1)
        #expect(scene.asked(of: bravo).contains("terminate_instance"))
    }

    // MARK: Looks

    @Test func `a silent machine is looked at ever more rarely, until it is heard`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        scene.offline(alpha)
        let pauses = try scene.pauses("inspect_instance", hours: 12, hearing: [bravo])
        #expect(pauses.dropFirst() == [300, 600][...] + Array(repeating: 900, count: Rules.attemptsMax - 3))
        #expect(alarms(scene) == [alpha])
        scene.hear(alpha)
        scene.silence(alpha)
        #expect(scene.asked(of: bravo) == ["inspect_instance"])
    }

    // MARK: Launches

    @Test func `a replica that is kept is ordered ever more rarely, and then a person is called`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled, $0.replicaCount) = (false, true, 1) }
        try scene.register(alpha)
        let pauses = try scene.pauses("create_replica", hours: 12, hearing: [alpha])
        #expect(pauses == [300, 600] + Array(repeating: 900, count: Rules.attemptsMax - 3))
        #expect(alarms(scene) == [alpha])
        #expect(!scene.asked(of: alpha).contains("create_replica"))
        try scene.register(alpha)
        #expect(scene.asked(of: alpha).contains("create_replica"))
    }

    @Test func `an interruption launches though nothing could be launched for hours`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled, $0.replicaCount) = (false, true, 1) }
        try scene.register(alpha)
        _ = try scene.pauses("create_replica", hours: 12, hearing: [alpha])
        #expect(try scene.interrupt(alpha).action == .replicaCreated)
        #expect(scene.asked(of: alpha).contains("create_replica"))
    }

    @Test func `a host that did not stop for one successor is asked again for the next`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        try scene.stand(charlie)
        try scene.interrupt(alpha)
        scene.slot.hosts[0].stops = Attempts(made: Rules.attemptsMax + 1)
        try scene.answer(bravo, "promote", .failed)
        #expect(scene.role(charlie) == .promoting)
        #expect(scene.asked(of: alpha) == ["demote"])
    }

    @Test func `machines that come and never take over are launched ever more rarely, and then a person is called`()
        throws
    {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        try scene.answer(bravo, "promote", .failed)
        scene.wait(130)
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        var launched: [Timestamp] = []
        for _ in 0..<12 * 360 {
            scene.hear(bravo)
            if scene.asked(of: bravo).contains("create_replica") {
                launched.append(scene.now)
                let machine = InstanceID(stringLiteral: "i-00000000000001\(100 + launched.count)")
                try scene.launched(machine, by: bravo)
                try scene.stand(machine)
                try scene.answer(machine, "promote", .failed)
            }
            scene.wait(10)
        }
        #expect(launched.count > 2)
        #expect(launched.count <= Rules.attemptsMax)
        #expect(alarms(scene).count == 1)
    }

    @Test func `an emergency launches every ten seconds while the machine is there, and then ever more rarely`() throws
    {
        var scene = Scene { $0.handOver = .exclusive }
        try scene.register(alpha)
        try scene.stand(bravo)
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.answer(bravo, "promote", .prepared)
        try scene.answer(alpha, "demote", .fenced)
        try scene.answer(bravo, "activate", .failed)
        let pauses = try scene.pauses("create_replica", hours: 12, hearing: [alpha, bravo])
        #expect(pauses.prefix(10).allSatisfy { $0 == 10 })
        #expect(Array(pauses.suffix(Rules.attemptsMax - 1)) == growing)
        #expect(alarms(scene).count == 1)
        #expect(scene.incident?.state == .open, "nobody serves")
        try scene.set(.drainBudgetSeconds, to: 7)
        #expect((scene.asked(of: alpha) + scene.asked(of: bravo)).contains("create_replica"))
    }
}

extension Scene {
    /// Lets hours pass, answers each order of that type with a failure, and gives the seconds from one to the next.
    fileprivate mutating func pauses(
        _ type: String, hours: Int, hearing hosts: [InstanceID], _ outcome: CommandResult.Outcome = .failed
    ) throws -> [Int] {
        var moments: [Timestamp] = []
        for _ in 0..<(hours * 360) {
            for host in hosts { hear(host) }
            for order in slot.commands
            where order.state.isOpen && order.order.type == type && (order.notBefore ?? now) <= now {
                moments.append(now)
                try answer(order, outcome)
            }
            wait(10)
        }
        return zip(moments, moments.dropFirst()).map { Int(($1 - $0).components.seconds) }
    }

    fileprivate mutating func set(_ setting: SlotSetting, to value: Int) throws {
        var change = SlotSettingsChange()
        change[setting] = .whole(value)
        try decide { [change] in _ = try $0.change(change, &$1) }
    }
}
