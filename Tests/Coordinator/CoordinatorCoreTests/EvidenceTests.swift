import CoordinatorCore
import JSON
import Testing
import Wire

@Suite struct EvidenceTests {
    @Test func `silence alone moves nothing, and has another host look`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        #expect(scene.primary == alpha)
        #expect(scene.asked(of: bravo) == ["inspect_instance"])
        #expect(scene.slot.incidents == [])
    }

    @Test func `a coordinator that has just started asks nobody about those it has not heard yet`() throws {
        var scene = try Scene.pair()
        for index in scene.slot.hosts.indices { scene.slot.hosts[index].isFresh = false }
        scene.hear(bravo)
        #expect(scene.asked(of: bravo) == [])
    }

    struct Case: Sendable {
        let state: InstanceState
        let handOver: HandOver
        let isProof: Bool
    }

    @Test(arguments: [
        Case(state: .terminated, handOver: .overlap, isProof: true),
        Case(state: .terminated, handOver: .exclusive, isProof: true),
        Case(state: .stopped, handOver: .overlap, isProof: true),
        Case(state: .stopped, handOver: .exclusive, isProof: true),
        Case(state: .shuttingDown, handOver: .overlap, isProof: true),
        Case(state: .shuttingDown, handOver: .exclusive, isProof: false),
        Case(state: .stopping, handOver: .overlap, isProof: false),
        Case(state: .running, handOver: .overlap, isProof: false),
        Case(state: .pending, handOver: .overlap, isProof: false),
        Case(state: .notFound, handOver: .overlap, isProof: false),
    ])
    func `EC2's word counts for what it proves`(_ row: Case) throws {
        var scene = try Scene.pair { $0.handOver = row.handOver }
        scene.silence(alpha)
        try scene.inspected(alpha, row.state, by: bravo)
        #expect(scene.slot.host(alpha)?.isProvenDead == row.isProof)
        #expect(scene.role(bravo) == (row.isProof ? .promoting : .replica))
    }

    @Test func `not found is proof once the machine is older than a launch takes`() throws {
        var scene = try Scene.pair()
        scene.wait(601)
        scene.silence(alpha)
        try scene.inspected(alpha, .notFound, by: bravo)
        #expect(scene.role(bravo) == .promoting)
    }

    @Test func `a host that was heard meanwhile is not dead, whatever was found`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        scene.hear(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.primary == alpha)
        #expect(scene.slot.host(alpha)?.isProvenDead == false)
    }

    @Test func `looks are repeated with a pause, and rarely once it is offline`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        try scene.inspected(alpha, .running, by: bravo)
        scene.wait(29)
        #expect(scene.asked(of: bravo) == [])
        scene.wait(1)
        try scene.inspected(alpha, .running, by: bravo)
        scene.offline(alpha)
        scene.wait(299)
        #expect(scene.asked(of: bravo) == [])
        scene.wait(1)
        #expect(scene.asked(of: bravo) == ["inspect_instance"])
    }

    @Test func `a witness that cannot see is followed by the others in turn`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        scene.silence(alpha)
        var asked: [InstanceID] = []
        for _ in 0..<4 {
            let look = try #require(scene.slot.commands.first { $0.state.isOpen })
            asked.append(look.instance)
            try scene.answer(look, .failed)
            scene.wait(30)
        }
        #expect(asked == [bravo, charlie, bravo, charlie])
    }

    /// Alpha switched to bravo, whose agent does not come up.
    private func switchedToMute() throws -> Scene {
        var scene = Scene { $0.autoTerminateEnabled = false }
        try scene.register(alpha)
        try scene.decide { try $0.askSwitch(to: .onDemand, &$1) }
        try scene.answer(
            alpha, "switch", .done,
            .launched(.init(instance: bravo, instanceType: "m5.large", zone: "us-east-1b", mode: .ondemand)))
        #expect(scene.primary == bravo)
        return scene
    }

    @Test func `a primary that never speaks is silent by time alone, looked at, and replaced when it is gone`() throws {
        var scene = try switchedToMute()
        scene.wait(179)
        #expect(scene.asked(of: alpha) == [])
        scene.wait(1)
        #expect(scene.kinds.last == .commandQueued && scene.count(.hostSilent) == 1)
        try scene.inspected(bravo, .running, by: alpha)
        scene.wait(420)
        #expect(scene.slot.host(bravo)?.presence == .offline)
        #expect(try scene.register(charlie) == .primary)
    }

    @Test func `a primary that spoke once is silent when it is said to be, not by time alone`() throws {
        var scene = try switchedToMute()
        scene.hear(bravo)
        for index in scene.slot.hosts.indices { scene.slot.hosts[index].isFresh = false }
        scene.wait(1000)
        #expect(scene.count(.hostSilent) == 0)
    }

    @Test func `a witness that comes later is asked then`() throws {
        var scene = try Scene.pair()
        scene.silence(bravo)
        scene.silence(alpha)
        #expect(scene.slot.commands.filter(\.state.isOpen) == [])
        scene.wait(60)
        scene.hear(bravo)
        #expect(scene.asked(of: bravo) == ["inspect_instance"])
    }

    @Test func `a silent replica is looked at through the primary and replaced when it is gone`() throws {
        var scene = Scene { ($0.autoSwitchEnabled, $0.manualReplicaEnabled) = (false, true) }
        try scene.register(alpha)
        scene.hear(alpha)
        try scene.launched(bravo, by: alpha)
        try scene.stand(bravo)
        scene.silence(bravo)
        try scene.inspected(bravo, .terminated, by: alpha)
        #expect(scene.role(bravo) == .terminated)
        scene.wait(300)
        #expect(scene.asked(of: alpha) == ["create_replica"])
    }

    @Test func `a silent death after a mere recommendation moves the workload`() throws {
        var scene = try Scene.pair()
        let known = try scene.notice(alpha, .rebalance).incident
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.role(bravo) == .promoting)
        #expect(scene.incident?.id == known)
        #expect(scene.incident?.kind == .silence)
    }

    @Test func `a dead primary's incident stays open until whoever gets ready serves`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.register(bravo)
        scene.hear(bravo, lacking: ["hooks"])
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        scene.silence(bravo)
        scene.wait(4000)
        #expect(scene.slot.incidents.map(\.isOpen) == [true])
        scene.hear(bravo)
        if scene.slot.promoting == nil { try scene.stand(charlie) }
        #expect(scene.slot.promoting != nil)
    }

    @Test func `a primary that comes back from a stop goes on, and what was begun for it is undone`() throws {
        var scene = Scene()
        try scene.register(alpha)
        try scene.register(bravo)
        scene.hear(bravo, lacking: ["hooks"])
        scene.silence(alpha)
        try scene.inspected(alpha, .stopped, by: bravo)
        #expect(scene.incident?.kind == .silence)
        try scene.register(alpha)
        #expect(scene.incident?.state == .averted)
        scene.hear(bravo)
        #expect(scene.primary == alpha)
        #expect(scene.slot.promoting == nil)
    }

    @Test func `what a dead host was to launch is given up, so that another may`() throws {
        var scene = try Scene.pair()
        scene.silence(bravo)
        try scene.interrupt(alpha)
        #expect(scene.asked(of: alpha).contains("create_replica"))
        scene.hear(bravo, lacking: ["hooks"])
        scene.silence(alpha)
        try scene.inspected(alpha, .terminated, by: bravo)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.slot.replicas.map(\.status) == [.syncing, .failed])
    }

    @Test func `a look at the primary waits for no other`() throws {
        var scene = try Scene.pair()
        try scene.stand(charlie)
        scene.silence(charlie)
        #expect(scene.asked(of: alpha) == ["inspect_instance"])
        try scene.stand(charlie)
        scene.silence(bravo)
        scene.silence(alpha)
        #expect(scene.asked(of: alpha) == [])
        #expect(scene.open(for: charlie).map(\.order) == [.inspectInstance(alpha)])
    }

    @Test func `a farewell makes a host silent and nothing more`() throws {
        var scene = try Scene.pair()
        #expect(scene.hear(alpha, status: .offline) == [])
        #expect(scene.slot.host(alpha)?.presence == .unknown)
        #expect(scene.kinds.last == .hostSilent)
        #expect(scene.primary == alpha)
    }

    @Test func `offline is said once, and being back once`() throws {
        var scene = try Scene.pair()
        scene.silence(alpha)
        scene.offline(alpha)
        scene.offline(alpha)
        scene.hear(alpha)
        scene.hear(alpha)
        #expect(scene.count(.hostOffline) == 1)
        #expect(scene.count(.hostBack) == 1)
    }

    @Test func `a host that cannot see its metadata service is told of once, and so is its recovery`() throws {
        var scene = try Scene.pair()
        for blind in [true, true, false, false] {
            var heartbeat = Heartbeat(status: .online, instance: alpha)
            heartbeat.health = HostHealth(uptimeSeconds: 1, metadataAgeMilliseconds: nil, blind: blind)
            try scene.decide { [heartbeat] in _ = $0.hear(heartbeat, &$1) }
        }
        #expect(scene.count(.hostBlind) == 1)
        #expect(scene.count(.hostSighted) == 1)
    }

    @Test func `readiness is told when it changes`() throws {
        var scene = try Scene.pair()
        #expect(scene.count(.replicaReady) == 1)
        scene.hear(bravo)
        scene.hear(bravo, lacking: ["hooks"])
        #expect(scene.slot.replica(of: bravo)?.status == .syncing)
        scene.hear(bravo)
        #expect(scene.count(.replicaReady) == 2)
    }

    @Test func `a heartbeat of a machine that nobody knows is nothing`() throws {
        var scene = try Scene.pair()
        let before = scene.slot
        #expect(scene.hear(delta) == [])
        #expect(scene.slot == before)
    }
}
