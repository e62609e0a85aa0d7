import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Machines that are there though what they were launched for is over, and words that come by another way than expected.
struct LegacyLeftoverTests {
    private let launched: InstanceID = "i-0bbbbbbbbbbbbbbbb"

    private func keepReplica(_ site: Site, of host: OldHost) throws {
        var change = SlotSettingsChange()
        change[.manualReplicaEnabled] = .flag(true)
        let _: Configuration = try site.order(.changeSettings, [host.slot], change)
    }

    /// Gives the replica's name.
    private func launchReplica(_ site: Site, for host: OldHost) throws -> String {
        _ = try host.get("replicas?status=launching")
        try keepReplica(site, of: host)
        let order = try #require(try host.get("replicas?status=launching").list("replicas").first)
        return try #require(try order.text("id"))
    }

    private func success(_ command: String, _ instance: InstanceID) -> String {
        #"{"request_id": "\#(command)", "result": "SUCCESS", "cloud_instance_id": "\#(instance)", "metadata": {"confirmation_time_seconds": 20}}"#
    }

    // MARK: A deleted agent

    @Test func `the replica of a deleted agent is ended by its host, which is then told that it is gone`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launchReplica(site, for: host)
            _ = try host.put("replicas/\(replica)", #"{"instance_id": "\#(launched)", "status": "syncing"}"#)
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            let _: Nothing = try site.order(.deleteSlot, [host.slot])
            #expect(try host.get("").status == 404)
            #expect(try host.get("config").flag("enabled") == false)
            #expect(try host.beat().status == 200)
            let ended = try host.get("replicas?status=terminated").list("replicas")
            #expect(try ended.map { try $0.text("instance_id") } == [launched.text])
            let list = try host.get("instances-to-terminate").list("instances")
            #expect(try list.map { try $0.text("instance_id") } == [launched.text])
            let report = #"{"instance_id": "\#(launched)", "success": true, "error": null, "terminated_at": null}"#
            #expect(try host.post("termination-report", report).status == 200)
            #expect(try host.beat().status == 404)
            #expect(try host.get("instances-to-terminate").status == 404)
        }
    }

    @Test func `a launch that was under way when its agent was deleted is told of, and its machine ended`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            let _: Nothing = try site.order(.deleteSlot, [host.slot])
            #expect(try host.beat().status == 200)
            #expect(try host.post("action-result", success(command, launched)).status == 200)
            let end = try #require(try host.actions().first)
            #expect(try end.text("command_type") == "TERMINATE_INSTANCE")
            #expect(try end.required("params").object().text("instance_id") == launched.text)
            let name = try #require(try end.text("request_id"))
            _ = try host.post("action-result", #"{"request_id": "\#(name)", "result": "SUCCESS"}"#)
            #expect(try host.beat().status == 404)
        }
    }

    @Test func `of a deleted agent nobody is launched any more`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            _ = try site.launch(for: host)
            let _: Nothing = try site.order(.deleteSlot, [host.slot])
            #expect(try host.actions().isEmpty)
            let own = try host.post(
                "replicas", #"{"instance_id": "i-0cccccccccccccccc", "replica_type": "manual", "status": "ready"}"#)
            #expect(own.status == 200)
            #expect(try host.post("replicas").status == 404)
        }
    }

    // MARK: A switch that was overtaken

    @Test func `the machine of a switch that a promotion overtook is not forgotten`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let launch = try site.launch(for: host)
            #expect(try host.post("action-result", success(launch, "i-0cccccccccccccccc")).status == 200)
            let replica = try site.old(.v501, host.client, "i-0cccccccccccccccc", from: "127.0.0.2")
            #expect(replica.slot == host.slot)
            let command = try site.askSwitch(host.slot)
            #expect(try host.actions().map { try $0.text("request_id") } == [command])
            let id = try #require(try site.detail(host.slot).replicas.first?.id.text)
            let _: QueuedCommand = try site.order(.promoteReplica, [host.slot, id])
            #expect(try site.primary(host.slot) == replica.instance)
            let confirmed = #"{"instance_id": "\#(launched)", "request_id": "\#(command)"}"#
            #expect(try host.post("instance-launched", confirmed).status == 200)
            #expect(try site.primary(host.slot) == replica.instance)
            // Another was ordered meanwhile as the one replica that is wanted.
            #expect(try site.role(launched, in: host.slot) == .terminating)
        }
    }

    @Test func `a switch that is reported after it was overtaken leaves a replica behind, and the primary as it is`()
        throws
    {
        try withCoordinator { site in
            let host = try site.old(.v4Early, as: "web")
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            let replica = try site.register(host.client, as: "web")
            _ = try host.post("shutdown", #"{"cloud_instance_id": "\#(host.instance)"}"#)
            let primary = try site.primary(host.slot)
            #expect(primary == replica.instance)
            let report =
                #"{"old_instance": {"instance_id": "\#(host.instance)"}, "new_instance": {"instance_id": "\#(launched)"}}"#
            #expect(try host.post("switch-report", report).text("outcome") == "stale")
            #expect(try site.primary(host.slot) == primary)
            #expect(try site.role(launched, in: host.slot) == .launching)
        }
    }

    // MARK: From somewhere else

    @Test func `the end that an agent's only host announces counts, wherever it speaks`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            try host.beat()
            let notice = Ask(
                "POST", "/api/agents/\(host.slot)/rebalance-recommendation", token: host.client.token,
                body: #"{"notice_time": "2026-01-01T00:00:00.1", "immediate": true}"#)
            #expect(try site.speak(notice, from: "127.0.0.2").status == 200)
            #expect(try site.count("termination_notice", of: host.slot) == 1)
            // Who names another machine speaks for that one.
            let other = try site.old(.v501)
            let named = Ask(
                "POST", "/api/agents/\(other.slot)/termination-report", token: other.client.token,
                body: #"{"cloud_instance_id": "\#(launched)", "notice_type": "TERMINATION"}"#)
            #expect(try site.speak(named, from: "127.0.0.2").status == 200)
            #expect(try site.count("termination_notice", of: other.slot) == 0)
        }
    }

    // MARK: Words that were lost

    @Test func `a replica is not ready before its machine is known`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            let replica = try launchReplica(site, for: host)
            // What named the machine was lost.
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            #expect(try site.detail(host.slot).replicas.map(\.status) == [.launching])
            _ = try site.old(.v4Sync, host.client, as: "web", launched, from: "127.0.0.2")
            let found = try #require(try site.detail(host.slot).replicas.first)
            #expect(found.id.text == replica)
            #expect(found.instance == launched)
        }
    }

    @Test func `a launch whose machine came, and whose word of it was lost, leaves one replica and its primary alone`()
        throws
    {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            let replica = try launchReplica(site, for: host)
            let standby = try site.old(.v4Sync, host.client, as: "web", launched, from: "127.0.0.2")
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            for _ in 0..<30 {
                try site.live(25)
                for old in [host, standby] { try old.beat() }
                #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
            }
            #expect(try site.role(launched, in: host.slot) == .replica)
            #expect(try site.detail(host.slot).replicas.map(\.status) == [.ready])
            #expect(try site.count("command_failed", of: host.slot) == 0)
        }
    }

    @Test func `how quick a replica follows says nothing of how far it is`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launchReplica(site, for: host)
            _ = try host.put("replicas/\(replica)", #"{"instance_id": "\#(launched)", "status": "syncing"}"#)
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            #expect(try host.post("replicas/\(replica)/sync-status", #"{"sync_latency_ms": 3}"#).status == 200)
            #expect(try site.detail(host.slot).replicas.map(\.status) == [.ready])
        }
    }
}
