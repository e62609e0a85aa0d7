import OldAgents
import Testing

/// How the players begin, beat and end.
struct LifeTests {
    // MARK: Beginning

    @Test(arguments: OldBuild.allCases)
    func `it registers once and then does each thing in its own time`(build: OldBuild) {
        var stage = Stage(build)
        stage.pass(3_600)
        #expect(stage.count("register") == 1)
        // An hour is 120 periods of 30 s.
        #expect(stage.count("heartbeat") == 120)
        let five = build == .v5 || build == .v5production
        let switches = build == .v3 || build == .early || build == .sync
        #expect(stage.count("pending-commands") == (switches ? 240 : 0))
        #expect(stage.count("commands/pending") == (five ? 720 : 0))
        #expect(stage.count("config") == (switches ? 60 : build == .runbook ? 120 : 0))
        #expect(stage.count("pricing-report") == (build == .runbook ? 0 : 12))
        #expect(stage.count("decide") == (build == .runbook ? 12 : 0))
        let isSync = build == .sync
        #expect(stage.count("replicas?status=launching") == (isSync ? 120 : 0))
        #expect(stage.count("replicas?status=terminated") == (isSync ? 120 : 0))
        #expect(stage.count("instances-to-terminate") == (isSync ? 59 : 0))
        #expect(stage.count("cleanup-report") == (build == .early || isSync ? 1 : 0))
    }

    @Test func `v5 registers as its instance, the others by the name in their environment`() {
        for build in OldBuild.allCases {
            var stage = Stage(build)
            stage.pass(1)
            let five = build == .v5 || build == .v5production
            let body = stage.bodies("register").first
            #expect(body?["logical_agent_id"]?.text == (five ? stage.instance : "web"))
            #expect((body?["mode"] == nil) == (build == .v3))
            if five { #expect(body?["mode"]?.text == "unknown") }
            #expect((body?["client_token"] != nil) == (build == .v3 || build == .early || build == .sync))
        }
    }

    @Test(arguments: OldBuild.allCases)
    func `without a token it ends at once, and asks for nothing`(build: OldBuild) {
        var stage = Stage(build) { $0.token = "" }
        stage.pass(60)
        #expect(stage.asked.isEmpty)
        #expect(stage.player?.life == .ended)
    }

    @Test(arguments: OldBuild.allCases)
    func `a refused registration ends it, and systemd has it ask again every ten seconds`(build: OldBuild) {
        var stage = Stage(build)
        stage.answers["register"] = OldReply(["error": "no"], status: 401)
        stage.pass(61)
        #expect(stage.count("register") == 7)
    }

    @Test func `an answer in an envelope alone ends all but the runbook build, which goes on as None`() {
        for build in OldBuild.allCases {
            var stage = Stage(build)
            stage.answers["register"] = OldReply(["status": "success", "data": ["agent_id": "a-1"], "error": nil])
            stage.pass(5)
            #expect((stage.player?.life == .ended) == (build != .runbook))
            if build == .runbook { #expect(stage.count("/api/agents/None/heartbeat") == 1) }
        }
    }

    @Test func `a configuration that is null ends it, none at all is fine`() {
        for build in OldBuild.allCases where build != .runbook {
            var stage = Stage(build)
            stage.answers["register"] = OldReply(["agent_id": "a-1", "config": nil])
            stage.pass(5)
            #expect(stage.player?.life == .ended, "\(build)")
            var other = Stage(build)
            other.answers["register"] = OldReply(["agent_id": "a-1"])
            other.pass(5)
            #expect(other.player?.life == .running, "\(build)")
        }
    }

    // MARK: Heartbeats

    @Test(arguments: [OldBuild.v5, .v5production], [OldReply([:]), OldReply(status: 204), OldReply(status: nil)])
    func `v5 goes offline for ever at an empty answer to one heartbeat`(build: OldBuild, reply: OldReply) {
        var stage = Stage(build)
        stage.pass(31)
        stage.answers["heartbeat"] = reply
        stage.pass(30)
        stage.answers["heartbeat"] = OldReply(["success": true])
        stage.pass(60)
        let before = stage.asked.count { $0.call.path.hasSuffix("pending") || $0.call.path.hasSuffix("heartbeat") }
        stage.pass(600)
        let after = stage.asked.count { $0.call.path.hasSuffix("pending") || $0.call.path.hasSuffix("heartbeat") }
        #expect(before == after)
    }

    @Test func `the others do not look at the answer to a heartbeat`() {
        for build in [OldBuild.v3, .early, .sync, .runbook] {
            var stage = Stage(build)
            stage.answers["heartbeat"] = OldReply(["error": "Agent not found"], status: 404)
            stage.pass(300)
            #expect(stage.count("heartbeat") == 10)
            #expect(stage.count("register") == 1)
        }
    }

    @Test func `only v4 says with a heartbeat which machine it is`() {
        for build in OldBuild.allCases {
            var stage = Stage(build)
            stage.pass(1)
            let body = stage.bodies("heartbeat").first
            #expect((body?["instance_id"] != nil) == (build == .early || build == .sync))
        }
    }

    @Test(arguments: OldBuild.allCases)
    func `its farewell has no instance id, and v5's is another call`(build: OldBuild) {
        var stage = Stage(build)
        stage.pass(40)
        stage.fleet.stop(stage.instance)
        stage.pass(1)
        let five = build == .v5 || build == .v5production
        let last = stage.asked.last?.call
        #expect(last?.path == "/api/agents/a-1/" + (five ? "shutdown" : "heartbeat"))
        #expect(last?.body?["instance_id"] == nil)
        if !five { #expect(last?.body?["status"]?.text == "offline") }
    }

    @Test func `switched off it says so and polls no commands, and everything else goes on`() {
        for build in [OldBuild.v3, .early, .sync] {
            var stage = Stage(build)
            stage.answers["config"] = OldReply(["enabled": false])
            stage.pass(120)
            let since = Duration.seconds(60)
            #expect(stage.count("pending-commands", since: since) == 0)
            #expect(stage.bodies("heartbeat").last?["status"]?.text == "disabled")
            #expect(stage.count("heartbeat", since: since) == 2)
        }
    }

    @Test func `v5 with a stored id reconnects, and registers only when that fails`() {
        var stage = Stage(.v5production)
        stage.pass(31)
        stage.fleet.stop(stage.instance)
        stage.pass(12)
        #expect(stage.count("register") == 1)
        #expect(stage.bodies("heartbeat").contains { $0["reconnect"]?.isTrue == true })
        stage.answers["heartbeat"] = OldReply(["error": "gone"], status: 404)
        stage.fleet.stop(stage.instance)
        stage.pass(12)
        #expect(stage.count("register") == 2)
    }
}
