import CoordinatorCore
import JSON
import Testing
import Wire

/// Would the slot survive an interruption now?
@Suite struct ReadinessTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var settings: @Sendable (inout SlotSettings) -> Void = { _ in }
        /// What happens to a primary in a slot of its own.
        let happens: @Sendable (inout Scene) throws -> Void
        /// The beginnings of the reasons.
        let reasons: [String]
    }

    static let cases: [Case] = [
        Case(testDescription: "a ready replica", happens: { try $0.stand(bravo) }, reasons: []),
        Case(testDescription: "no replica", happens: { _ in }, reasons: ["it has no replica"]),
        Case(
            testDescription: "a primary whose workload does not run",
            happens: {
                try $0.stand(bravo)
                $0.hear(alpha, as: .primary, lacking: ["the workload does not run here: web.service failed"])
            }, reasons: ["the primary i-aaaaaaaa does not serve: the workload does not run here: web.service"]),
        Case(
            testDescription: "one that lacks something",
            happens: {
                try $0.stand(bravo)
                $0.hear(bravo, lacking: ["units", "hooks"])
            }, reasons: ["replica i-bbbbbbbb lacks units, hooks"]),
        Case(
            testDescription: "one that has not looked", happens: { try $0.register(bravo) },
            reasons: ["replica i-bbbbbbbb has not said yet"]),
        Case(
            testDescription: "one that was away and has only told of a notice",
            happens: {
                try $0.stand(bravo)
                $0.silence(bravo)
                try $0.notice(bravo, .rebalance)
            }, reasons: ["replica i-bbbbbbbb has not said yet"]),
        Case(
            testDescription: "one of two is ready",
            happens: {
                try $0.stand(bravo)
                try $0.register(charlie)
            }, reasons: []),
        Case(
            testDescription: "neither of two is",
            happens: {
                try $0.stand(bravo)
                $0.silence(bravo)
                try $0.register(charlie)
            }, reasons: ["replica i-bbbbbbbb is not heard", "replica i-cccccccc has not said yet"]),
        Case(
            testDescription: "one that is ordered",
            settings: {
                ($0.manualReplicaEnabled, $0.autoSwitchEnabled, $0.replicaCount) = (true, false, 1)
            }, happens: { $0.hear(alpha) }, reasons: ["replica "]),
        Case(
            testDescription: "one that was launched",
            settings: {
                ($0.manualReplicaEnabled, $0.autoSwitchEnabled, $0.replicaCount) = (true, false, 1)
            },
            happens: {
                $0.hear(alpha)
                try $0.launched(bravo, by: alpha)
            }, reasons: ["replica i-bbbbbbbb was launched"]),
        Case(
            testDescription: "the primary is not heard",
            happens: {
                try $0.stand(bravo)
                $0.silence(alpha)
            }, reasons: ["the primary i-aaaaaaaa is not heard"]),
        Case(
            testDescription: "the primary is blind",
            happens: {
                try $0.stand(bravo)
                $0.blind(alpha)
            }, reasons: ["the primary i-aaaaaaaa cannot see"]),
        Case(
            testDescription: "a hand-over is under way",
            happens: {
                try $0.stand(bravo)
                try $0.stand(charlie)
                try $0.interrupt(alpha)
            }, reasons: ["i-bbbbbbbb is taking over just now"]),
        Case(
            testDescription: "an interruption without a successor", happens: { try $0.interrupt(alpha) },
            reasons: ["an interruption of i-aaaaaaaa is under way", "replica "]),
        Case(
            testDescription: "a recommendation alone",
            happens: {
                try $0.stand(bravo)
                try $0.notice(alpha, .rebalance)
            }, reasons: []),
        Case(
            testDescription: "two say that they serve",
            happens: {
                try $0.stand(bravo)
                $0.claim(bravo)
            }, reasons: ["i-bbbbbbbb says that it serves, too"]),
        Case(
            testDescription: "exclusive, and one that was replaced may serve",
            settings: { $0.handOver = .exclusive },
            happens: { scene in
                try scene.stand(bravo)
                try scene.stand(charlie)
                try scene.replaceUnfenced(alpha, by: bravo)
            }, reasons: ["i-aaaaaaaa was replaced and may still serve"]),
        Case(
            testDescription: "exclusive, and no time to drain",
            settings: { ($0.handOver, $0.failoverDeadlineSeconds, $0.drainBudgetSeconds) = (.exclusive, 14, 10) },
            happens: { try $0.stand(bravo) }, reasons: ["failover_deadline_seconds 14 is too short"]),
        Case(
            testDescription: "exclusive, and just enough time to drain",
            settings: { ($0.handOver, $0.failoverDeadlineSeconds, $0.drainBudgetSeconds) = (.exclusive, 15, 10) },
            happens: { try $0.stand(bravo) }, reasons: []),
        Case(
            testDescription: "overlap needs no time to drain",
            settings: { ($0.failoverDeadlineSeconds, $0.drainBudgetSeconds) = (14, 10) },
            happens: { try $0.stand(bravo) }, reasons: []),
        Case(
            testDescription: "deleted", happens: { try $0.decide { $0.delete(&$1) } },
            reasons: ["the agent was deleted", "it has no replica"]),
    ]

    @Test(arguments: cases)
    func `what is missing is said, and nothing else`(_ example: Case) throws {
        var scene = Scene(example.settings)
        try scene.register(alpha, zone: "us-east-1a")
        try example.happens(&scene)
        let readiness = scene.slot.readiness(at: scene.now)
        #expect(readiness.reasons.count == example.reasons.count, "\(readiness.reasons)")
        for (reason, beginning) in zip(readiness.reasons, example.reasons) { #expect(reason.hasPrefix(beginning)) }
        #expect(readiness.survives == example.reasons.isEmpty)
    }

    /// What is said without looking at incidents, replicas or silence must not be more than all.
    @Test(arguments: cases)
    func `what survives is taken over from when it is interrupted`(_ example: Case) throws {
        var scene = Scene(example.settings)
        try scene.register(alpha, zone: "us-east-1a")
        try example.happens(&scene)
        guard scene.slot.readiness(at: scene.now).survives else { return }
        try scene.interrupt(alpha)
        #expect(scene.slot.promoting != nil)
    }

    @Test func `each machine that stands by is told of`() throws {
        var scene = try Scene.pair()
        try scene.register(charlie, zone: "us-east-1c")
        scene.hear(charlie, lacking: ["units"])
        scene.silence(charlie)
        let readiness = scene.slot.readiness(at: scene.now)
        #expect((readiness.primary, readiness.handOver, readiness.deadlineSeconds) == (alpha, .overlap, 15))
        #expect(
            readiness.replicas == [
                .init(instance: bravo, isReady: true, lacking: [], zone: "us-east-1b", isFresh: true),
                .init(instance: charlie, isReady: false, lacking: ["units"], zone: "us-east-1c", isFresh: false),
            ])
        #expect(readiness.inShort.replicas.map(\.lacking) == [nil, nil])
    }

    @Test func `one in the same zone and pool is a warning, and one elsewhere lifts it`() throws {
        var scene = Scene()
        try scene.register(alpha, zone: "us-east-1a")
        try scene.stand(bravo, zone: "us-east-1a")
        let alone = scene.slot.readiness(at: scene.now)
        #expect(alone.survives)
        #expect(alone.warnings.count == 1)
        try scene.stand(charlie, zone: "us-east-1b")
        #expect(scene.slot.readiness(at: scene.now).warnings == [])
        scene.silence(charlie)
        #expect(scene.slot.readiness(at: scene.now).warnings == alone.warnings)
    }

    @Test func `one that may go itself is a warning`() throws {
        var scene = try Scene.pair()
        try scene.notice(bravo, .rebalance)
        let readiness = scene.slot.readiness(at: scene.now)
        #expect(readiness.survives)
        #expect(readiness.warnings == ["every ready replica may be taken back soon itself"])
    }
}

extension Scene {
    fileprivate mutating func blind(_ instance: InstanceID) {
        var heartbeat = Heartbeat(status: .online, instance: instance)
        heartbeat.health = HostHealth(uptimeSeconds: 1, metadataAgeMilliseconds: nil, blind: true)
        do { try decide { [heartbeat] in _ = $0.hear(heartbeat, &$1) } } catch { preconditionFailure("\(error)") }
    }

    /// The host says that it serves, under the epoch that the record has.
    fileprivate mutating func claim(_ instance: InstanceID) {
        var heartbeat = Heartbeat(status: .online, instance: instance)
        (heartbeat.role, heartbeat.epoch, heartbeat.lacking) = (.primary, slot.epoch, [])
        do { try decide { [heartbeat] in _ = $0.hear(heartbeat, &$1) } } catch { preconditionFailure("\(error)") }
    }

    /// The successor serves by proof of the old one's end, which then is heard again.
    fileprivate mutating func replaceUnfenced(_ old: InstanceID, by new: InstanceID) throws {
        try interrupt(old)
        silence(old)
        try inspected(old, .stopped, by: new)
        hear(new)
        try answer(new, "promote", .prepared)
        hear(new)
        try activate(new, by: "activate")
        slot.hosts[0].service = .told
        hear(old)
    }
}
