import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

extension Site {
    /// Has the host launch a replica; gives the command's name as the host reads it.
    func launch(for host: OldHost) throws -> String {
        _ = try host.actions()
        var change = SlotSettingsChange()
        change[.manualReplicaEnabled] = .flag(true)
        let _: Configuration = try order(.changeSettings, [host.slot], change)
        guard let command = try host.actions().first?.text("request_id") else {
            throw TestSupportError("nothing is to be launched")
        }
        return command
    }
}

/// The two ways in which old hosts ask what to do, and how they say what came of it.
struct LegacyCommandTests {
    private func report(_ host: OldHost, new: InstanceID, prices: String = "prices") -> String {
        """
        {"old_instance": {"instance_id": "\(host.instance)", "instance_type": "m5.large", "region": "us-east-1",
        "az": "us-east-1a", "ami_id": "unknown", "mode": "spot", "pool_id": "m5.large.us-east-1a"},
        "new_instance": {"instance_id": "\(new)", "instance_type": "m5.large", "region": "us-east-1", "az": "us-east-1b",
        "ami_id": "unknown", "mode": "spot", "pool_id": "m5.large.us-east-1b"}, "snapshot": {"used": false},
        "\(prices)": {"on_demand": 0.096, "old_spot": 0.04, "new_spot": 0.03},
        "timing": {"switch_initiated_at": "2026-01-01T00:00:01.123456", "ami_created_at": null,
        "new_instance_ready_at": "2026-01-01T00:01:00.1", "traffic_switched_at": "2026-01-01T00:01:02Z",
        "old_instance_terminated_at": null}, "trigger": "manual"}
        """
    }

    // MARK: A switch

    @Test(arguments: [Build.v32, .v4Early, .v4Sync])
    func `a switch is handed out once, reported once, and done`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build, as: "web")
            #expect(try host.switches().isEmpty)
            let command = try site.askSwitch(host.slot)
            let told = try host.switches()
            #expect(try told.map { try $0.text("id") } == [command])
            #expect(try host.switches().isEmpty)
            let new = try site.nextInstance()
            #expect(try host.post("switch-report", report(host, new: new)).text("outcome") == "accepted")
            #expect(try host.post("switch-report", report(host, new: new)).text("outcome") == "duplicate")
            #expect(try site.state(of: command, in: host.slot) == "done")
            let acknowledged =
                build == .v32
                ? try host.post("mark-command-executed", #"{"command_id": "\#(command)"}"#)
                : try host.post("commands/\(command)/executed", #"{"success": true, "message": "Switch completed"}"#)
            #expect(acknowledged.status == 200)
            #expect(try site.state(of: command, in: host.slot) == "done")
            #expect(try site.primary(host.slot) == new)
            let arrived = try site.old(build, host.client, as: "web", new, from: "127.0.0.2", zone: "us-east-1b")
            #expect(arrived.slot == host.slot)
            #expect(try arrived.switches().isEmpty)
            #expect(try site.count("switch_completed", of: host.slot) == 1)
            #expect(try site.detail(host.slot).agent.epoch == 2)
        }
    }

    @Test(arguments: [Build.v32, .v4Early])
    func `a switch whose reporter it ends is done when the new machine arrives`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build, as: "web")
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            #expect(try host.switches().count == 1)
            try site.live(60)
            try host.beat()
            let new = try site.old(build, host.client, as: "web", from: "127.0.0.2", zone: "us-east-1b")
            #expect(try site.state(of: command, in: host.slot) == "done")
            #expect(try site.primary(host.slot) == new.instance)
            #expect(try site.count("switch_completed", of: host.slot) == 1)
            // The chain ends here: the new one does not switch again, nor does the old one.
            #expect(try new.switches().isEmpty)
            #expect(try host.switches().isEmpty)
            #expect(try site.role(host.instance, in: host.slot) == .zombie)
        }
    }

    @Test func `a farewell without a machine's name does not take the new machine offline`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early, as: "web")
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            let new = try site.old(.v4Early, host.client, as: "web", from: "127.0.0.2")
            #expect(try host.post("heartbeat", #"{"status": "offline", "monitored_instances": []}"#).status == 200)
            try new.beat()
            #expect(try site.detail(host.slot).agent.status == .online)
            let old = try site.detail(host.slot).hosts.first { $0.instance == host.instance }
            #expect(old?.presence == .unknown)
        }
    }

    @Test func `a farewell from where nobody is known changes nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early, as: "web")
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            // Both behind one translator of addresses: which of the two says good-bye cannot be told.
            let new = try site.old(.v4Early, host.client, as: "web")
            #expect(try host.post("heartbeat", #"{"status": "offline", "monitored_instances": []}"#).status == 200)
            let presences = try site.detail(host.slot).hosts.map(\.presence)
            #expect(presences == [.fresh, .fresh])
            #expect(try site.primary(host.slot) == new.instance)
        }
    }

    @Test func `every number of a switch is one, and spot names its pool`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            let reply = try host.get("pending-commands")
            for key in ["commands", "pending_commands"] {
                let told = try #require(try reply.list(key).first)
                #expect(try told.required("priority").integer() >= 50)
                #expect(try told.required("terminate_wait_seconds").integer() == 300)
                #expect(try told.text("target_mode") == "spot")
                #expect(try told.text("target_pool_id") == "m5.large.us-east-1b")
                #expect(try told.text("command_type") == "switch")
            }
        }
    }

    @Test func `a switch is not handed out again after its lease, and ends as failed`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            #expect(try host.switches().count == 1)
            for _ in 0..<60 {
                try site.live(30)
                try host.beat()
                #expect(try host.switches().isEmpty)
            }
            #expect(try site.state(of: command, in: host.slot) == "delivered")
            for _ in 0..<24 {
                try site.live(30)
                try host.beat()
                #expect(try host.switches().isEmpty)
            }
            #expect(try site.state(of: command, in: host.slot) == "failed")
            #expect(try site.primary(host.slot) == host.instance)
        }
    }

    @Test func `an acknowledgement without a report says that nothing was switched`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32)
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            _ = try host.switches()
            #expect(try host.post("mark-command-executed", #"{"command_id": "\#(command)"}"#).status == 200)
            #expect(try site.state(of: command, in: host.slot) == "failed")
        }
    }

    @Test func `success without a machine's name waits for the machine`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            _ = try host.switches()
            let done = #"{"success": true, "message": "Switch completed"}"#
            #expect(try host.post("commands/\(command)/executed", done).status == 200)
            let new = try site.old(.v4Sync, host.client, as: "web", from: "127.0.0.2")
            #expect(try site.primary(host.slot) == new.instance)
            #expect(try site.state(of: command, in: host.slot) == "done")
        }
    }

    @Test func `a switch that failed leaves the host where it is`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            _ = try host.switches()
            _ = try host.post("commands/\(command)/executed", #"{"success": false, "message": "Switch failed"}"#)
            #expect(try site.state(of: command, in: host.slot) == "failed")
            #expect(try site.primary(host.slot) == host.instance)
            // The next one is another.
            let next = try site.askSwitch(host.slot)
            #expect(try host.switches().map { try $0.text("id") } == [next])
        }
    }

    @Test func `a second host that asks under the agent's name is not handed the first one's switch`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32)
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            let clone = OldHost(
                site: site, client: host.client, build: .v32, instance: try site.nextInstance(), address: "127.0.0.9",
                slot: host.slot)
            #expect(try clone.switches().isEmpty)
            #expect(try host.switches().count == 1)
        }
    }

    @Test func `a host that has never asked for switches is not asked to switch`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            let answer = try site.ask(
                Ask(.switchSlot, [host.slot], token: Site.adminToken, body: ForceSwitch(target: .onDemand)))
            try expectRefusal(answer, 409, "CONFLICT", said: "has not asked for switches")
        }
    }

    @Test func `a command that nobody has is not found, and another tenant's neither`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let other = try site.old(.v4Sync)
            _ = try other.switches()
            let command = try site.askSwitch(other.slot)
            for name in [command, "17", "01890000-0000-7000-8000-000000000000"] {
                #expect(try host.post("commands/\(name)/executed", #"{"success": true}"#).status == 404)
                #expect(try host.post("mark-command-executed", #"{"command_id": "\#(name)"}"#).status == 404)
            }
            #expect(try site.state(of: command, in: other.slot) == "pending")
        }
    }

    @Test func `who looks at the header alone is handed nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32)
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            let ask = Ask("HEAD", "/api/agents/\(host.slot)/pending-commands", token: host.client.token)
            #expect(try site.ask(ask).status == 200)
            #expect(try host.switches().count == 1)
        }
    }

    @Test func `who asks for switches is told of nothing else, and who asks for launches of no switch`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            _ = try host.get("replicas?status=launching")
            var change = SlotSettingsChange()
            change[.manualReplicaEnabled] = .flag(true)
            let _: Configuration = try site.order(.changeSettings, [host.slot], change)
            #expect(try host.switches().isEmpty)
            let command = try site.askSwitch(host.slot)
            #expect(try host.get("replicas?status=launching").list("replicas").count == 1)
            #expect(try host.get("instances-to-terminate").list("instances").isEmpty)
            #expect(try host.switches().map { try $0.text("id") } == [command])
        }
    }

    // MARK: The other way of asking

    @Test(arguments: [Build.v500, .v501])
    func `a launch says spot in its pool's name, and has all that a null would freeze`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            _ = try site.launch(for: host)
            // Handed out; the same once more when its time is over.
            try site.live(360)
            try host.beat()
            let told = try #require(try host.actions().first)
            #expect(try told.text("command_type") == "LAUNCH_INSTANCE")
            #expect(try told.text("instance_id")?.hasPrefix("i-pending-") == true)
            let params = try told.required("params").object()
            #expect(try params.text("target_pool") == "spot.m5.large.us-east-1a")
            #expect(try params.text("az") == "us-east-1a")
            #expect(try params.text("instance_type") == "m5.large")
            #expect(try params.text("role_hint") == "replica")
            #expect(try params.text("ami_id") == "ami-0a1b2c3d")
        }
    }

    /// It asks when it is done with what it had: the answer that named the command, or its own of it, was lost.
    @Test func `what was not acknowledged comes again under the same name when the host asks again`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            for _ in 0..<2 { #expect(try host.actions().map { try $0.text("request_id") } == [command]) }
            let failure = #"{"request_id": "\#(command)", "result": "FAILURE", "error_message": "no capacity"}"#
            #expect(try host.post("action-result", failure).status == 200)
            #expect(try host.actions().isEmpty)
        }
    }

    @Test func `who does one command after the other is handed one at a time`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            _ = try host.actions()
            var change = SlotSettingsChange()
            change[.manualReplicaEnabled] = .flag(true)
            change[.replicaCount] = .whole(2)
            let _: Configuration = try site.order(.changeSettings, [host.slot], change)
            let told = try host.actions()
            let first = try #require(try told.first?.text("request_id"))
            let done =
                #"{"request_id": "\#(first)", "result": "SUCCESS", "cloud_instance_id": "i-0bbbbbbbbbbbbbbbb", "metadata": {}}"#
            #expect(try host.post("action-result", done).status == 200)
            let next = try host.actions()
            #expect((told.count, next.count) == (1, 1))
            #expect(try next.first?.text("request_id") != first)
        }
    }

    @Test func `a host that works on a command may say nothing for 300 s`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            try site.live(300)
            #expect(try site.detail(host.slot).agent.status == .online)
            _ = try host.post(
                "action-result", #"{"request_id": "\#(command)", "result": "FAILURE", "error_message": "no capacity"}"#)
            #expect(try site.state(of: command, in: host.slot) == "failed")
            try site.live(250)
            #expect(try site.detail(host.slot).agent.status == .offline)
        }
    }

    @Test func `a launch that was confirmed is a replica that is ready, whatever is said of it afterwards`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            let confirmed = """
                {"temp_instance_id": "i-pending-x", "instance_id": "i-0bbbbbbbbbbbbbbbb", "instance_type": "m5.large",
                "az": "us-east-1a", "request_id": "\(command)", "confirmed_at": "2026-01-01T00:00:00"}
                """
            for _ in 0..<2 { #expect(try host.post("instance-launched", confirmed).status == 200) }
            let result = """
                {"request_id": "\(command)", "agent_id": "\(host.slot)", "result": "SUCCESS",
                "cloud_instance_id": "i-0bbbbbbbbbbbbbbbb", "error_message": null, "metadata": {"confirmation_time_seconds": 21}}
                """
            #expect(try host.post("action-result", result).status == 200)
            let detail = try site.detail(host.slot)
            #expect(detail.replicas.map(\.status) == [.ready])
            #expect(detail.replicas.first?.instance == "i-0bbbbbbbbbbbbbbbb")
            #expect(try site.state(of: command, in: host.slot) == "done")
            #expect(try host.actions().isEmpty)
        }
    }

    @Test func `success that was not confirmed is a machine, and not yet a replica that is ready`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            let result = """
                {"request_id": "\(command)", "result": "SUCCESS", "cloud_instance_id": "i-0bbbbbbbbbbbbbbbb",
                "error_message": null, "metadata": {"confirmation_time_seconds": null}}
                """
            #expect(try host.post("action-result", result).status == 200)
            #expect(try site.detail(host.slot).replicas.map(\.status) == [.syncing])
        }
    }

    @Test func `a switch of a host that only launches is a launch, and then the end of the old machine`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            _ = try host.actions()
            let command = try site.askSwitch(host.slot)
            let told = try #require(try host.actions().first)
            #expect(try told.text("request_id") == command)
            #expect(try told.required("params").object().text("role_hint") == "primary")
            let result = """
                {"request_id": "\(command)", "result": "SUCCESS", "cloud_instance_id": "i-0bbbbbbbbbbbbbbbb",
                "metadata": {"confirmation_time_seconds": 30}}
                """
            #expect(try host.post("action-result", result).status == 200)
            #expect(try site.primary(host.slot) == "i-0bbbbbbbbbbbbbbbb")
            let new = try site.old(.v501, host.client, "i-0bbbbbbbbbbbbbbbb", from: "127.0.0.2")
            #expect(new.slot == host.slot)
            _ = try new.actions()
            for _ in 0..<11 {
                try site.live(30)
                try new.beat()
            }
            let end = try #require(try new.actions().first)
            #expect(try end.text("command_type") == "TERMINATE_INSTANCE")
            #expect(try end.required("params").object().text("instance_id") == host.instance.text)
            let name = try #require(try end.text("request_id"))
            let done =
                #"{"instance_id": "\#(host.instance)", "request_id": "\#(name)", "confirmed_at": "2026-01-01T00:00:00"}"#
            #expect(try new.post("instance-terminated", done).status == 200)
            #expect(try site.role(host.instance, in: host.slot) != .zombie)
            #expect(try site.state(of: name, in: host.slot) == "done")
        }
    }
}
