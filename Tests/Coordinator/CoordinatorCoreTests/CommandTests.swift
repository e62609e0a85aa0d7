import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct CommandTests {
    /// A lone primary with a switch to do.
    private func switching() throws -> (Scene, CommandRecord) {
        var scene = Scene()
        try scene.register(alpha)
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        return (scene, command)
    }

    @Test func `higher priority goes first, then the older`() throws {
        var scene = Scene()
        try scene.register(alpha)
        let base = Scene.start
        for (number, (priority, age)) in [(10, 3), (100, 1), (75, 9), (100, 2)].enumerated() {
            scene.slot.commands.append(
                CommandRecord(
                    id: try CommandID("c\(number)"), instance: alpha, order: .activate, priority: priority,
                    createdAt: base - .seconds(age), notBefore: nil, expiresAt: base + .seconds(60), leaseSeconds: 10,
                    epoch: 1, incident: nil))
        }
        #expect(scene.slot.deliver(to: alpha, at: base).map(\.id) == ["c3", "c1", "c2", "c0"])
    }

    @Test func `an answer holds a bounded number, and says how many wait`() throws {
        var scene = Scene()
        try scene.register(alpha)
        for number in 0..<20 {
            scene.slot.commands.append(
                CommandRecord(
                    id: try CommandID("c\(number)"), instance: alpha, order: .activate, priority: 10,
                    createdAt: scene.now, notBefore: nil, expiresAt: scene.now + .seconds(60), leaseSeconds: 10,
                    epoch: 1, incident: nil))
        }
        #expect(scene.slot.deliver(to: alpha, at: scene.now).count == Limits.commandsMax)
        #expect(scene.slot.waiting(for: alpha, at: scene.now) == 4)
    }

    @Test func `a command is not handed out before its time`() throws {
        var scene = Scene()
        try scene.register(alpha)
        scene.slot.commands.append(
            CommandRecord(
                id: "c", instance: alpha, order: .activate, priority: 10, createdAt: scene.now,
                notBefore: scene.now + .seconds(30), expiresAt: scene.now + .seconds(90), leaseSeconds: 10, epoch: 1,
                incident: nil))
        scene.look()
        #expect(scene.hear(alpha) == [])
        #expect(scene.slot.dueAt == scene.now + .seconds(30))
        scene.wait(30)
        #expect(scene.hear(alpha).map(\.id) == ["c"])
    }

    @Test func `a command that nobody takes up expires`() throws {
        var (scene, command) = try switching()
        scene.wait(3599)
        #expect(scene.slot.command(command.id)?.state == .pending)
        scene.wait(1)
        #expect(scene.slot.command(command.id)?.state == .expired)
        #expect(scene.hear(alpha) == [])
    }

    @Test func `a delivery whose lease ends is due again`() throws {
        var (scene, _) = try switching()
        #expect(scene.hear(alpha).map(\.attempt) == [1])
        scene.wait(9)
        #expect(scene.slot.deliver(to: alpha, at: scene.now) == [])
        scene.wait(1)
        #expect(scene.slot.deliver(to: alpha, at: scene.now).map(\.attempt) == [2])
    }

    @Test func `naming a command in each heartbeat keeps it`() throws {
        var (scene, command) = try switching()
        scene.hear(alpha)
        for _ in 0..<20 {
            scene.wait(3)
            #expect(scene.hear(alpha, running: [command.id]) == [])
        }
        #expect(scene.slot.command(command.id)?.attempt == 1)
    }

    @Test func `a command that a heartbeat does not name is handed out again`() throws {
        var (scene, command) = try switching()
        scene.hear(alpha)
        scene.wait(3)
        let again = scene.hear(alpha)
        #expect(again.map(\.id) == [command.id])
        #expect(again.map(\.attempt) == [2])
    }

    @Test func `a delivery is looked at when its lease ends`() throws {
        var (scene, _) = try switching()
        scene.hear(alpha)
        #expect(scene.slot.dueAt == scene.now + .seconds(10))
    }

    @Test func `the same result again is a duplicate and changes nothing`() throws {
        var (scene, command) = try switching()
        #expect(try scene.answer(command, .failed) == .accepted)
        let before = scene.slot
        #expect(try scene.answer(command, .failed) == .duplicate)
        #expect(scene.slot == before)
    }

    @Test func `a result after the expiry is stored and moves nothing`() throws {
        var (scene, command) = try switching()
        scene.wait(3600)
        let facts = CommandResult.Facts.launched(
            .init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .ondemand))
        #expect(try scene.answer(command, .done, facts) == .stale)
        #expect(scene.primary == alpha)
        #expect(scene.slot.command(command.id)?.state == .expired)
        #expect(scene.slot.command(command.id)?.result?.outcome == .done)
    }

    @Test func `a result of an older epoch changes nothing, and the order stays to be answered`() throws {
        var (scene, command) = try switching()
        let facts = CommandResult.Facts.launched(
            .init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .ondemand))
        let before = scene.slot
        #expect(try scene.answer(command, .done, facts, epoch: 0) == .stale)
        #expect(scene.slot == before)
    }

    @Test func `a result for another host's command is refused`() throws {
        var (scene, command) = try switching()
        try scene.register(bravo)
        #expect(refusal { try scene.answer(command, from: bravo) } == .forbidden)
    }

    @Test func `a result for a command that is not there is refused`() throws {
        var (scene, command) = try switching()
        scene.slot.commands = []
        #expect(refusal { try scene.answer(command) } == .notFound)
    }

    @Test func `a change of primary voids orders that would move the workload and keeps the others`() throws {
        var scene = try Scene.pair()
        let replica = try #require(scene.slot.replica(of: bravo)).id
        try scene.stand(charlie)
        try scene.decide { try $0.deleteReplica(replica, &$1) }
        try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha) == ["terminate_instance"])
        #expect(try scene.order("terminate_instance", of: alpha).epoch == 2)
    }

    @Test func `open commands are bounded`() throws {
        var scene = Scene()
        try scene.register(alpha)
        for number in 0..<64 {
            scene.slot.commands.append(
                CommandRecord(
                    id: try CommandID("c\(number)"), instance: alpha, order: .activate, priority: 10,
                    createdAt: scene.now, notBefore: nil, expiresAt: scene.now + .seconds(60), leaseSeconds: 10,
                    epoch: 1, incident: nil))
        }
        #expect(refusal { try scene.decide { _ = try $0.askSwitch(to: .onDemand, &$1) } } == .conflict)
    }

    @Test func `the steps of a result go into the incident's ledger, up to the bound`() throws {
        var scene = try Scene.pair()
        try scene.interrupt(alpha)
        let command = try scene.order("promote", of: bravo)
        var result = CommandResult(
            .done, message: "", instance: bravo, attempt: 1, epoch: scene.slot.epoch, finishedAt: scene.now)
        result.ledger = Array(
            repeating: LedgerStep(name: "s", budgetMilliseconds: 1, tookMilliseconds: 1, outcome: .done), count: 100)
        try scene.decide { [result] in _ = try $0.take(result, of: command.id, &$1) }
        #expect(scene.incident?.ledger.count == Limits.stepsMax)
    }

    @Test func `a result that comes after its command was given up is told of once`() throws {
        var scene = try Scene.pair()
        let command = try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        scene.wait(3601)
        for outcome in [CommandResult.Outcome.failed, .refused, .failed, .refused] {
            #expect(try scene.answer(command, outcome) != .accepted)
        }
        #expect(scene.count(.reportStale) == 1)
    }
}
