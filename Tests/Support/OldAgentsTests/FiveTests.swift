import OldAgents
import Testing

/// The commands of v5, and what freezes it.
struct FiveTests {
    private func commands(_ list: OldValue...) -> OldReply { OldReply(["commands": .list(list)]) }

    private func launch(_ more: [String: OldValue] = [:], params: [String: OldValue] = [:]) -> OldValue {
        var all: [String: OldValue] = ["target_pool": "spot.m5.large.us-east-1a", "az": "us-east-1a"]
        all.merge(params) { $1 }
        var fields: [String: OldValue] = [
            "request_id": "q-1", "command_type": "LAUNCH_INSTANCE", "params": .object(all),
            "instance_id": "i-pending-1",
        ]
        fields.merge(more) { $1 }
        return .object(fields)
    }

    @Test func `a launch is confirmed by 5_0_1, with the temporary id, before its result`() {
        var stage = Stage(.v5production)
        stage.answers["commands/pending"] = commands(launch())
        stage.pass(3)
        // The machine that it launches has a player, too.
        stage.answers["commands/pending"] = nil
        stage.pass(117)
        #expect(stage.launched.count == 1)
        let paths = stage.asked.map { $0.call.path.split(separator: "/").last }
        let (confirmed, told) = (paths.firstIndex(of: "instance-launched"), paths.firstIndex(of: "action-result"))
        #expect(confirmed != nil && told != nil && (confirmed ?? 0) < (told ?? 0))
        #expect(stage.bodies("instance-launched").first?["temp_instance_id"]?.text == "i-pending-1")
    }

    @Test func `the same request again is answered as the first time, and not done again`() {
        var stage = Stage(.v5production)
        let bare = stage.fleet.cloud.addImage(nil, nil)
        stage.answers["commands/pending"] = commands(launch(params: ["ami_id": .text(bare)]))
        stage.pass(300)
        #expect(stage.launched.count == 1)
        #expect(stage.bodies("action-result").count > 2)
        #expect(Set(stage.bodies("action-result").map { $0["cloud_instance_id"]?.text }).count == 1)
    }

    @Test func `spot is what has spot in its pool's name`() {
        for (pool, isSpot) in [("spot.m5.large.us-east-1a", true), ("m5.large.us-east-1a", false)] {
            var stage = Stage(.v5production)
            stage.answers["commands/pending"] = commands(launch(params: ["target_pool": .text(pool)]))
            stage.pass(3)
            #expect(stage.fleet.cloud.machines[stage.launched[0]]?.isSpot == isSpot)
        }
    }

    @Test func `5_0_1 launches in its own zone alone, and 5_0_0 only from an image that is named`() {
        var stage = Stage(.v5production)
        stage.answers["commands/pending"] = commands(launch(params: ["az": "us-east-1b"]))
        stage.pass(3)
        #expect(stage.bodies("action-result").first?["result"]?.text == "FAILURE")
        var other = Stage(.v5)
        other.answers["commands/pending"] = commands(launch())
        other.pass(3)
        #expect(other.bodies("action-result").first?["result"]?.text == "FAILURE")
    }

    @Test(arguments: [OldBuild.v5, .v5production])
    func `parameters that are null freeze it in the middle of the command`(build: OldBuild) {
        var stage = Stage(build)
        stage.answers["commands/pending"] = commands(launch(["params": nil]))
        stage.pass(3)
        stage.answers["commands/pending"] = nil
        let before = stage.asked.count
        stage.pass(55)
        #expect(stage.player?.readiness == .executing)
        #expect(stage.asked.count == before)
    }

    @Test func `a bare list of commands is none, and an unknown type is a failure`() {
        var stage = Stage(.v5)
        stage.answers["commands/pending"] = OldReply([launch()])
        stage.pass(6)
        #expect(stage.count("action-result") == 0)
        stage.answers["commands/pending"] = commands(["request_id": "q-2", "command_type": "DANCE", "params": [:]])
        stage.pass(6)
        #expect(stage.bodies("action-result").first?["error_message"]?.text == "Unknown command type: DANCE")
    }

    @Test func `what is to end stands in the parameters`() {
        var stage = Stage(.v5production)
        let command: OldValue = ["request_id": "q-1", "command_type": "TERMINATE_INSTANCE", "instance_id": "i-1"]
        stage.answers["commands/pending"] = commands(command)
        stage.pass(3)
        #expect(stage.bodies("action-result").first?["result"]?.text == "FAILURE")
    }

    @Test func `promotion is tags, and self-destruction a restart`() {
        var stage = Stage(.v5production)
        let promote: OldValue = [
            "request_id": "q-1", "command_type": "PROMOTE_REPLICA_TO_PRIMARY",
            "params": ["replica_instance_id": .text(stage.instance), "old_primary_id": "i-1"],
        ]
        stage.answers["commands/pending"] = commands(promote)
        stage.pass(3)
        #expect(stage.fleet.cloud.machines[stage.instance]?.tags["Role"] == "primary")
        stage.answers["commands/pending"] = commands(["request_id": "q-2", "command_type": "SELF_DESTRUCT"])
        stage.pass(6)
        #expect(stage.player?.life == .ended)
        stage.answers["commands/pending"] = nil
        stage.pass(12)
        #expect(stage.player?.life == .running)
    }

    @Test func `failures cost longer and longer pauses, and the call is not made again`() {
        var stage = Stage(.v5)
        stage.answers["commands/pending"] = OldReply(["error": "no"], status: 500)
        // 2, 4, 8, 16 s beside the 5 s of the poll; a heartbeat that succeeds begins anew.
        stage.pass(29)
        #expect(stage.count("commands/pending") == 3)
    }
}
