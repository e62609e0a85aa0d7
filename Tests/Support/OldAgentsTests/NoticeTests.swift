import OldAgents
import Testing

/// What the players tell of what AWS announces.
struct NoticeTests {
    private let end = "2026-01-01T00:05:00Z"

    private func withNotice(
        _ build: OldBuild, _ action: String = "terminate", spot: Bool = true, for seconds: Int = 60,
        answering answers: [String: OldReply] = [:]
    ) -> Stage {
        var stage = Stage(build, spot: spot)
        stage.answers.merge(answers) { $1 }
        stage.pass(61)
        stage.fleet.cloud.announce(action, for: stage.instance, at: end)
        stage.pass(seconds)
        return stage
    }

    @Test func `v3 sees nothing`() {
        let stage = withNotice(.v3)
        #expect(stage.asked.allSatisfy { !$0.call.path.contains("imminent") && !$0.call.path.contains("rebalance") })
    }

    @Test func `v4-early tells it every five seconds`() {
        #expect(withNotice(.early).count("termination-imminent") == 12)
        #expect(withNotice(.early, "stop").count("termination-imminent") == 12)
    }

    @Test func `v4-early launches a replica for each answer that asks for one`() {
        let reply = OldReply(["success": true, "create_emergency_replica": true])
        let stage = withNotice(.early, for: 120, answering: ["termination-imminent": reply])
        let asked = stage.bodies("termination-imminent").count
        #expect(asked > 1)
        #expect(stage.launched.count == asked)
        #expect(stage.bodies("a-1/replicas").allSatisfy { $0["replica_type"]?.text == "emergency" })
    }

    @Test func `v4-sync asks for a replica, tells it once, and goes on where that is refused`() {
        let stage = withNotice(.sync, answering: ["termination-imminent": OldReply(["success": false])])
        #expect(stage.count("create-emergency-replica") == 1)
        #expect(stage.count("termination-imminent") == 1)
        #expect(stage.player?.life == .running)
    }

    @Test func `v4-sync ends when it is told that it was replaced, comes back, and tells it again`() {
        let stage = withNotice(.sync, answering: ["termination-imminent": OldReply(["success": true])])
        #expect(stage.count("register") > 1)
        #expect(stage.count("termination-imminent") > 1)
    }

    @Test
    func `the runbook build calls it a rebalance that is immediate, and its request id stays on everything after`() {
        let stage = withNotice(.runbook)
        #expect(stage.bodies("rebalance-recommendation").count == 6)
        #expect(stage.bodies("rebalance-recommendation").allSatisfy { $0["immediate"]?.isTrue == true })
        #expect(stage.count("emergency-status") == 6)
        let told = stage.asked.filter { $0.call.path.hasSuffix("rebalance-recommendation") }.map(\.call.requestID)
        #expect(Set(told).count == 6)
        let heartbeats = stage.asked.filter { $0.call.path.hasSuffix("heartbeat") }
        #expect(heartbeats.first?.call.requestID == nil)
        #expect(heartbeats.last?.call.requestID != nil)
        #expect(withNotice(.runbook, "stop").bodies("rebalance-recommendation").allSatisfy { $0["immediate"] == nil })
    }

    @Test(arguments: [OldBuild.v5, .v5production])
    func `v5 reports a termination every ten seconds, and calls anything else a rebalance`(build: OldBuild) {
        let stage = withNotice(build)
        #expect(
            stage.bodies("termination-report").map { $0["notice_type"]?.text }
                == Array(repeating: "TERMINATION", count: 6))
        #expect(withNotice(build, "stop").bodies("rebalance-recommendation").first?["notice_type"]?.text == "REBALANCE")
    }

    @Test func `nobody but v5 looks on a machine that is paid for by the hour`() {
        for build in [OldBuild.early, .sync, .runbook] {
            let stage = withNotice(build, spot: false)
            #expect(stage.count("termination-imminent") + stage.count("rebalance-recommendation") == 0, "\(build)")
        }
        #expect(withNotice(.v5, spot: false).count("termination-report") == 6)
    }

    @Test func `a rebalance signal is told by v4-early at each look, by v4-sync once, and by no other`() {
        for (build, times) in [
            (OldBuild.v3, 0), (.early, 4), (.sync, 1), (.runbook, 0), (.v5, 0), (.v5production, 0),
        ] {
            var stage = Stage(build)
            stage.pass(61)
            stage.fleet.cloud.recommendRebalance(of: stage.instance)
            stage.pass(120)
            #expect(stage.count("rebalance-recommendation") == times, "\(build)")
            #expect(stage.count("create-emergency-replica") == (build == .sync ? 1 : 0), "\(build)")
        }
    }
}
