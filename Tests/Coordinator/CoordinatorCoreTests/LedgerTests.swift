import CoordinatorCore
import JSON
import Testing
import Wire

/// The steps that hosts tell of.
@Suite struct LedgerTests {
    private func step(
        _ name: String, took: Int64? = 1_000, at start: Timestamp? = nil, of instance: InstanceID? = nil
    ) -> LedgerStep {
        var step = LedgerStep(
            name: name, budgetMilliseconds: 5_000, tookMilliseconds: took, outcome: took == nil ? .dropped : .done)
        (step.startedAt, step.instance) = (start, instance)
        return step
    }

    /// Bravo was handed `promote` at this moment.
    private let given = Scene.start + .seconds(10)

    private func promoted() throws -> Scene {
        var scene = try Scene.pair()
        scene.now = given
        try scene.interrupt(alpha)
        scene.hear(bravo)
        return scene
    }

    @Test func `the steps of both hosts go into the incident, each with its host`() throws {
        var scene = try Scene.pair { $0.handOver = .exclusive }
        scene.now = given
        try scene.interrupt(alpha)
        scene.hear(alpha)
        scene.hear(bravo)
        scene.now += .seconds(3)
        try scene.tell([step("drain", at: given + .seconds(1))], of: scene.order("demote", of: alpha), .fenced)
        try scene.tell([step("mount", at: given)], of: scene.order("promote", of: bravo), .prepared)
        scene.hear(bravo)
        scene.now += .seconds(2)
        try scene.tell([step("start", at: given + .seconds(4))], of: scene.order("activate", of: bravo))
        #expect(
            scene.incident?.ledger == [
                step("drain", at: given + .seconds(1), of: alpha), step("mount", at: given, of: bravo),
                step("start", at: given + .seconds(4), of: bravo),
            ])
        #expect(scene.incident?.state == .missed, "nothing proved it")
    }

    @Test(arguments: [
        // Seconds after the order: said to have begun, took, kept as begun. The result comes 8 s after the order.
        (2, 1, 2), (-7200, 1, 0), (7200, 1, 7), (0, 0, 0), (9, 0, 8), (-1, 9, 0), (7, 9, 0), (4, 4, 4), (5, 4, 4),
    ])
    func `no step is before its order or ends after its result, whatever the host's clock says`(
        began: Int, took: Int, kept: Int
    ) throws {
        var scene = try promoted()
        let command = try scene.order("promote", of: bravo)
        scene.now = given + .seconds(8)
        try scene.tell(
            [step("start", took: Int64(took) * 1_000, at: given + .seconds(began))], of: command)
        #expect(scene.incident?.ledger.map(\.startedAt) == [given + .seconds(kept)])
    }

    @Test func `an order counts from when it was first handed out, not from when it was made`() throws {
        var scene = try Scene.pair()
        scene.now = given
        try scene.interrupt(alpha)
        scene.now += .seconds(2)
        scene.hear(bravo)
        // Lost on the way, and handed out again.
        scene.now += .seconds(1)
        scene.hear(bravo)
        scene.now += .seconds(1)
        try scene.tell([step("start", at: given)], of: scene.order("promote", of: bravo))
        #expect(scene.incident?.ledger.map(\.startedAt) == [given + .seconds(2)])
    }

    @Test func `steps without a time follow each other, and the last ends when the result comes`() throws {
        var scene = try promoted()
        let command = try scene.order("promote", of: bravo)
        scene.now = given + .seconds(8)
        let steps = [
            step("mount", took: 2_000), step("snapshot", took: nil), step("start", took: 3_000),
            step("probe", took: 500, at: given + .seconds(7)),
        ]
        try scene.tell(steps, of: command)
        #expect(scene.incident?.ledger.map { $0.startedAt.map { $0 - given } } == [2, 4, 4, 7].map { .seconds($0) })
    }

    @Test(arguments: [Int64.max, 1 << 40])
    func `a step that took for ever is kept as told, within its order`(took: Int64) throws {
        var scene = try promoted()
        let command = try scene.order("promote", of: bravo)
        scene.now = given + .seconds(1)
        try scene.tell([step("start", took: took), step("probe", took: took, at: .latest)], of: command)
        #expect(scene.incident?.ledger.map(\.startedAt) == [given, given])
        #expect(scene.incident?.ledger.map(\.tookMilliseconds) == [took, took])
    }

    @Test func `the same result again adds nothing, nor does another answer that tells of the same steps`() throws {
        var scene = try promoted()
        let command = try scene.order("promote", of: bravo)
        let steps = [step("probe", at: .latest), step("probe", at: .latest)]
        scene.now += .seconds(3)
        try scene.tell(steps, of: command)
        #expect(scene.incident?.ledger.count == 2)
        scene.now += .seconds(3)
        try scene.tell(steps, of: command)
        try scene.tell(steps, of: command, .failed)
        try scene.tell(steps + [step("clean")], of: command, .failed)
        try scene.tell(steps + [step("clean")], of: command, .failed)
        #expect(scene.incident?.ledger.map(\.name) == ["probe", "probe", "clean"])
    }

    @Test func `the steps of a result that comes too late count, too`() throws {
        var scene = try promoted()
        try scene.stand(charlie)
        let command = try scene.order("promote", of: bravo)
        try scene.notice(bravo, .shutdown)
        #expect(scene.role(charlie) == .promoting)
        let incident = try #require(scene.slot.incidents.first?.id)
        try scene.activate(charlie)
        scene.now += .seconds(1)
        try scene.tell([step("start")], of: command, .failed)
        #expect(scene.slot.incident(incident)?.incident.ledger == [step("start", at: given, of: bravo)])
    }

    @Test func `the old primary's steps belong to the incident also where it stops after the verdict`() throws {
        var scene = try promoted()
        let incident = try #require(scene.incident?.id)
        try scene.activate(bravo)
        #expect(scene.slot.incident(incident)?.incident.state == .met)
        scene.hear(alpha)
        let stop = try scene.order("demote", of: alpha)
        #expect(stop.incident == incident)
        scene.now += .seconds(1)
        try scene.tell([step("drain", at: given)], of: stop)
        #expect(scene.slot.incident(incident)?.incident.ledger.last?.instance == alpha)
    }

    @Test func `what a person ordered is told of in the interruption that came after it`() throws {
        var scene = try Scene.pair()
        try scene.decide { _ = try $0.promote(instance: bravo, &$1) }
        try scene.interrupt(alpha)
        try scene.tell([step("start")], of: scene.order("promote", of: bravo))
        #expect(scene.incident?.ledger.map(\.name) == ["start"])
    }

    @Test func `steps of one moment stand between the order and its answer`() throws {
        let log = [
            LoggedMoment(kind: .terminationNotice, at: given, instance: alpha, sentence: "notice"),
            LoggedMoment(kind: .commandQueued, at: given, instance: bravo, sentence: "order"),
            LoggedMoment(kind: .commandDone, at: given + .seconds(3), instance: alpha, sentence: "alpha's answer"),
            LoggedMoment(kind: .commandDone, at: given + .seconds(3), instance: bravo, sentence: "bravo's answer"),
            LoggedMoment(kind: .incidentMet, at: given + .seconds(3), instance: alpha, sentence: "met"),
        ]
        let ledger = [
            step("last", took: 0, at: given + .seconds(3), of: bravo), step("first", at: given, of: bravo),
            step("between", took: 500, at: given + .seconds(2), of: alpha), step("of old"),
        ]
        let moments = timeline(of: log, with: ledger)
        #expect(
            moments.map(\.what) == [
                "notice", "order", "first: done", "between: done", "alpha's answer", "last: done", "bravo's answer",
                "met", "of old: done",
            ])
        #expect(moments.map(\.tookMilliseconds) == [nil, nil, 1_000, 500, nil, 0, nil, nil, 1_000])
        #expect(moments.map(\.at) == moments.map(\.at).sorted())
    }
}

extension Scene {
    /// The host answers with what its steps took.
    fileprivate mutating func tell(
        _ steps: [LedgerStep], of command: CommandRecord, _ outcome: CommandResult.Outcome = .done
    ) throws {
        var result = CommandResult(
            outcome, message: "", instance: command.instance, attempt: 1, epoch: slot.epoch, finishedAt: now)
        result.ledger = steps
        try decide { [result] in _ = try $0.take(result, of: command.id, &$1) }
    }
}
