import OldAgents
import Testing

/// What the players do about commands.
struct CommandTests {
    private func command(_ more: [String: OldValue] = [:]) -> OldReply {
        var fields: [String: OldValue] = [
            "id": "c-1", "target_mode": "spot", "target_pool_id": "m5.large.us-east-1b", "priority": 75,
            "terminate_wait_seconds": 0,
        ]
        fields.merge(more) { $1 }
        return OldReply(["commands": [.object(fields)]])
    }

    // MARK: Switches

    @Test(arguments: [OldBuild.v3, .early, .sync])
    func `a switch launches one machine, is reported and acknowledged`(build: OldBuild) {
        var stage = Stage(build) { $0.autoTerminates = false }
        stage.pass(5)
        stage.answers["pending-commands"] = command()
        stage.pass(16)
        stage.answers["pending-commands"] = nil
        stage.pass(600)
        #expect(stage.launched.count == 1)
        #expect(stage.fleet.cloud.machines[stage.launched[0]]?.zone == "us-east-1b")
        #expect(stage.bodies("switch-report").map { $0["trigger"]?.text } == ["manual"])
        #expect(stage.bodies("switch-report").first?["new_instance"]?["instance_id"]?.text == stage.launched[0])
        let word = build == .v3 ? "mark-command-executed" : "commands/c-1/executed"
        #expect(stage.count(word) == 1)
    }

    @Test(arguments: [OldBuild.v3, .early, .sync])
    func `a command that is delivered once more is done once more`(build: OldBuild) {
        var stage = Stage(build) { $0.autoTerminates = false }
        stage.answers["pending-commands"] = command()
        // Not longer: the machines that it launches do the same.
        stage.pass(build == .early ? 330 : 120)
        #expect(stage.launched.count > 1)
    }

    @Test func `v3 and v4-early go by their environment when they end the old machine, v4-sync by the command`() {
        for build in [OldBuild.v3, .early, .sync] {
            for wait in [0, 60] {
                var stage = Stage(build)
                stage.pass(5)
                stage.answers["pending-commands"] = command(["terminate_wait_seconds": .int(wait)])
                stage.pass(16)
                stage.answers["pending-commands"] = nil
                stage.pass(200)
                let ends = build == .sync && wait > 0
                #expect((stage.fleet.cloud.machines[stage.instance]?.terminatedAt != nil) == ends, "\(build) \(wait)")
                stage.pass(600)
                let isEnded = stage.fleet.cloud.machines[stage.instance]?.terminatedAt != nil
                #expect(isEnded == (build != .sync || wait > 0), "\(build) \(wait)")
                // It ended its own machine first: its report is never sent.
                if isEnded { #expect(stage.asked.allSatisfy { !$0.call.path.hasSuffix("switch-report") }) }
            }
        }
    }

    @Test func `a machine from an image of this one has a player of the same kind with the same name`() {
        var stage = Stage(.early)
        stage.answers["pending-commands"] = command()
        stage.pass(30)
        stage.answers["pending-commands"] = nil
        stage.pass(600)
        let new = stage.launched[0]
        #expect(stage.fleet.players[new]?.build == .early)
        let registered = stage.asked.last { $0.call.path.hasSuffix("register") }
        #expect(registered?.instance == new)
        #expect(registered?.call.body?["logical_agent_id"]?.text == "web")
    }

    @Test func `without a target v3 says that it is done, v4 passes over it for ever`() {
        for build in [OldBuild.v3, .early, .sync] {
            var stage = Stage(build)
            stage.answers["pending-commands"] = OldReply(["commands": [["id": "c-1", "command_type": "cleanup"]]])
            stage.pass(61)
            #expect(stage.launched.isEmpty)
            #expect((stage.count("mark-command-executed") > 0) == (build == .v3))
            #expect(stage.count("executed") == stage.count("mark-command-executed"))
        }
    }

    @Test func `spot without a pool is launched on demand and reported as spot`() {
        var stage = Stage(.sync)
        stage.answers["pending-commands"] = command(["target_pool_id": nil])
        stage.pass(10)
        stage.answers["pending-commands"] = nil
        stage.pass(120)
        #expect(stage.fleet.cloud.machines[stage.launched[0]]?.isSpot == false)
        #expect(stage.bodies("switch-report").first?["new_instance"]?["mode"]?.text == "spot")
    }

    @Test func `a priority that is null costs the report, a wait that is null stops v4-sync before it begins`() {
        var stage = Stage(.sync)
        stage.answers["pending-commands"] = command(["priority": nil])
        stage.pass(10)
        stage.answers["pending-commands"] = nil
        stage.pass(120)
        #expect(stage.count("switch-report") == 0)
        #expect(stage.bodies("executed").map { $0["success"]?.isTrue } == [false])
        var other = Stage(.sync)
        other.answers["pending-commands"] = command(["terminate_wait_seconds": nil])
        other.pass(61)
        #expect(other.launched.isEmpty)
        #expect(other.count("executed") == 0)
    }

    @Test func `commands are found in a bare list or under three names, and not inside data`() {
        let list: OldValue = [["id": "c-1", "target_mode": "ondemand", "priority": 1, "terminate_wait_seconds": 0]]
        for (reply, isFound) in [
            (list, true), (["commands": list], true), (["pending_commands": list], true), (["data": list], true),
            (["data": ["commands": list]], false), (["commands": [], "data": list], false),
        ] as [(OldValue, Bool)] {
            var stage = Stage(.sync)
            stage.answers["pending-commands"] = OldReply(reply)
            stage.pass(2)
            #expect(stage.launched.isEmpty != isFound)
        }
    }

    // MARK: Replicas of v4-sync

    @Test func `v4-sync makes a replica by command and says how far it is`() {
        var stage = Stage(.sync)
        stage.answers["pending-commands"] = command(["command_type": "create_replica"])
        stage.answers["a-1/replicas"] = OldReply(["replica_id": "r-1"])
        stage.answers["status=launching"] = OldReply(["replicas": []])
        stage.answers["status=terminated"] = OldReply(["replicas": []])
        stage.pass(5)
        stage.answers["pending-commands"] = nil
        stage.pass(120)
        #expect(stage.launched.count == 1)
        #expect(stage.bodies("r-1/status").compactMap { $0["status"]?.text } == ["syncing", "ready"])
        #expect(stage.bodies("executed").map { $0["message"]?.text } == ["Replica created: r-1"])
    }

    @Test func `v4-sync launches for every entry at every poll, whether it has a machine or not`() {
        var stage = Stage(.sync)
        let entry: OldValue = ["id": "r-1", "pool_id": "m5.large.us-east-1b", "az": "us-east-1b", "instance_id": "i-1"]
        stage.answers["status=launching"] = OldReply(["replicas": [entry, entry]])
        stage.pass(200)
        #expect(stage.launched.count >= 4)
        #expect(stage.asked.contains { $0.call.method == "PUT" && $0.call.path.hasSuffix("replicas/r-1") })
    }

    @Test func `v4-sync passes over what lacks a pool, and a number for an id is a failure`() {
        var stage = Stage(.sync)
        stage.answers["status=launching"] = OldReply(["replicas": [["id": "r-1"], ["id": 7]]])
        stage.pass(20)
        #expect(stage.launched.isEmpty)
        #expect(stage.bodies("replicas/7/status").map { $0["status"]?.text } == ["failed"])
    }

    @Test func `v4-sync tries each replica that is to end once, and no placeholder`() {
        var stage = Stage(.sync)
        stage.fleet.cloud.refuses = ["TerminateInstances"]
        stage.answers["status=terminated"] = OldReply([
            "replicas": [
                ["id": "r-1", "instance_id": .text(stage.instance)], ["id": "r-2", "instance_id": "manual-1"],
                ["id": "r-3", "instance_id": "i-unknown"],
            ]
        ])
        stage.pass(5)
        stage.fleet.cloud.refuses = []
        stage.pass(120)
        #expect(stage.fleet.cloud.machines[stage.instance]?.terminatedAt == nil, "it was tried once, in vain")
        #expect(stage.count("r-2/status") == 0)
        #expect(stage.count("r-3/status") == 1, "what is not there counts as ended")
    }

    @Test func `v4-sync ends what is listed only where that is switched on, and a placeholder is a failure`() {
        for isOn in [false, true] {
            var stage = Stage(.sync)
            stage.answers["instances-to-terminate"] = OldReply([
                "instances": [["instance_id": "emergency-1"]], "auto_terminate_enabled": .bool(isOn),
            ])
            stage.pass(65)
            #expect(stage.bodies("termination-report").map { $0["success"]?.isTrue } == (isOn ? [false] : []))
        }
    }
}
