import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Corners of the old programs' contract that no story leads through.
struct LegacyTrapTests {
    private let launched: InstanceID = "i-0bbbbbbbbbbbbbbbb"

    // MARK: Orders

    @Test func `a wait that is off is a zero, and no null`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            var change = SlotSettingsChange()
            change[.autoTerminateEnabled] = .flag(false)
            let _: Configuration = try site.order(.changeSettings, [host.slot], change)
            _ = try site.askSwitch(host.slot)
            let told = try #require(try host.switches().first)
            #expect(try told.required("terminate_wait_seconds").integer() == 0)
        }
    }

    @Test(arguments: [Build.v500, .v501])
    func `a launch on demand names its place without the word that would make it spot`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            _ = try host.actions()
            let _: QueuedCommand = try site.order(.switchSlot, [host.slot], ForceSwitch(target: .onDemand))
            let params = try #require(try host.actions().first).required("params").object()
            #expect(try params.text("target_pool") == "m5.large.us-east-1a")
            #expect(try params.text("az") == "us-east-1a")
        }
    }

    @Test func `a host that does not know its own place is told a pool all the same`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let body = """
                {"logical_agent_id": "i-0123456789abcdef0", "instance_id": "i-0123456789abcdef0", "instance_type": null,
                "region": "us-east-1", "az": null, "ami_id": null, "hostname": "h", "agent_version": "5.0.0",
                "mode": "unknown", "cloud_account": ""}
                """
            let reply = try site.speak(
                Ask("POST", "/api/agents/register", token: client.token, body: body), from: "127.0.0.1")
            let host = OldHost(
                site: site, client: client, build: .v500, instance: "i-0123456789abcdef0", address: "127.0.0.1",
                slot: try #require(try reply.text("agent_id")))
            _ = try host.actions()
            let _: QueuedCommand = try site.order(.switchSlot, [host.slot], ForceSwitch(target: .onDemand))
            let params = try #require(try host.actions().first).required("params").object()
            #expect(try params.text("target_pool") == "ondemand")
            #expect(params["az"] == nil)
        }
    }

    // MARK: Ends

    /// A replica that runs and is not wanted any more; gives the name of the order to end it.
    private func endReplica(_ site: Site, of host: OldHost) throws -> String {
        let command = try site.launch(for: host)
        let confirmed = #"{"instance_id": "\#(launched)", "request_id": "\#(command)"}"#
        #expect(try host.post("instance-launched", confirmed).status == 200)
        var change = SlotSettingsChange()
        change[.manualReplicaEnabled] = .flag(false)
        let _: Configuration = try site.order(.changeSettings, [host.slot], change)
        let end = try #require(try host.actions().first)
        #expect(try end.text("command_type") == "TERMINATE_INSTANCE")
        return try #require(try end.text("request_id"))
    }

    @Test func `an end that was refused is asked for again, after a while`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let end = try endReplica(site, of: host)
            let refused = #"{"request_id": "\#(end)", "result": "FAILURE", "error_message": "UnauthorizedOperation"}"#
            #expect(try host.post("action-result", refused).status == 200)
            #expect(try site.state(of: end, in: host.slot) == "failed")
            #expect(try host.actions().isEmpty)
            for _ in 0..<11 {
                try site.live(30)
                try host.beat()
            }
            let again = try #require(try host.actions().first)
            #expect(try again.text("command_type") == "TERMINATE_INSTANCE")
            #expect(try again.text("request_id") != end)
        }
    }

    @Test func `an end that is confirmed and then told of again happened once`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let end = try endReplica(site, of: host)
            let confirmed = #"{"instance_id": "\#(launched)", "request_id": "\#(end)"}"#
            #expect(try host.post("instance-terminated", confirmed).status == 200)
            let result =
                #"{"request_id": "\#(end)", "result": "SUCCESS", "metadata": {"confirmation_time_seconds": 9}}"#
            #expect(try host.post("action-result", result).status == 200)
            #expect(try site.state(of: end, in: host.slot) == "done")
            #expect(try site.count("instance_terminated", of: host.slot) == 1)
        }
    }

    // MARK: Replicas

    private func order(_ site: Site, _ host: OldHost) throws -> String {
        _ = try host.get("replicas?status=launching")
        var change = SlotSettingsChange()
        change[.manualReplicaEnabled] = .flag(true)
        let _: Configuration = try site.order(.changeSettings, [host.slot], change)
        let entry = try #require(try host.get("replicas?status=launching").list("replicas").first)
        return try #require(try entry.text("id"))
    }

    @Test func `a replica's machine is told of once, twice, or too late, and is one machine`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try order(site, host)
            let words = #"{"instance_id": "\#(launched)", "status": "syncing"}"#
            for _ in 0..<2 { #expect(try host.put("replicas/\(replica)", words).status == 200) }
            #expect(try site.detail(host.slot).hosts.map(\.instance).filter { $0 == launched }.count == 1)
            let other = try site.old(.v4Sync)
            let late = try order(site, other)
            for _ in 0..<21 {
                try site.live(30)
                try other.beat()
            }
            #expect(try site.detail(other.slot).replicas.first { $0.id.text == late }?.status == .failed)
            let told = try other.put(
                "replicas/\(late)", #"{"instance_id": "i-0cccccccccccccccc", "status": "syncing"}"#)
            #expect(told.status == 200)
            #expect(try site.detail(other.slot).hosts.map(\.instance).contains("i-0cccccccccccccccc"))
        }
    }

    @Test func `the replica that an emergency ordered stands in its status`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.get("replicas?status=launching")
            let asked = #"{"signal_type": "termination-notice", "instance_id": "\#(host.instance)"}"#
            let reply = try host.post("create-emergency-replica", asked)
            let replica = try #require(try reply.text("replica_id"))
            let status = try host.get("emergency-status").part("emergency_replica")
            #expect(try status.text("id") == replica || status.text("replica_id") == replica)
        }
    }

    // MARK: Words

    @Test(arguments: ["stop", "hibernate"])
    func `a machine that is to stop goes like one that is to end`(action: String) throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            let notice =
                #"{"instance_id": "\#(host.instance)", "action": "\#(action)", "termination_time": "2026-01-01T00:02:00Z"}"#
            #expect(try host.post("termination-imminent", notice).status == 200)
            #expect(try host.get("emergency-status").text("notice_status") == "termination")
        }
    }

    @Test func `how a command went is understood in the other words, too`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            _ = try host.switches()
            #expect(try host.post("commands/\(command)/executed", #"{"status": "success"}"#).status == 200)
            #expect(try site.state(of: command, in: host.slot) == "delivered")
            _ = try host.post("commands/\(command)/executed", #"{"status": "failed", "error": "no capacity"}"#)
            #expect(try site.state(of: command, in: host.slot) == "failed")
        }
    }

    @Test func `a program that leaves a machine that nobody knows changes nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let stranger = try site.old(.v4Sync)
            for body in [
                "", "{}", #"{"instance_id": null}"#, #"{"instance_id": "\#(launched)"}"#,
                #"{"instance_id": "\#(stranger.instance)"}"#,
            ] {
                let ask = Ask("POST", "/api/agents/uninstall", token: host.client.token, body: body)
                #expect(try site.ask(ask).status == 200, "\(body)")
            }
            try site.live(5)
            for one in [host, stranger] { #expect(try site.detail(one.slot).agent.status == .online) }
        }
    }

    @Test func `a name that stands for none is not found by any path`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            for path in ["config", "emergency-status", "pending-commands", "commands/pending", "replicas"] {
                #expect(
                    try site.ask(Ask("GET", "/api/agents/None/\(path)", token: client.token)).status == 404, "\(path)")
            }
        }
    }

    @Test func `two hosts that cannot be told apart are both told that they may do something`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32, as: "web")
            let other = try site.old(.v32, host.client, as: "web")
            #expect(other.slot == host.slot)
            #expect(try host.get("config").flag("enabled") == true)
            #expect(try other.get("config").flag("enabled") == true)
            // And are handed nothing: both would do it.
            _ = try site.detail(host.slot)
            #expect(try other.switches().isEmpty)
        }
    }
}
