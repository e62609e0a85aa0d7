import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What old hosts announce of their end, in six ways and again and again.
struct LegacyNoticeTests {
    /// The call in which each build says that EC2 takes its machine, as its nth repeat.
    private func announce(_ host: OldHost, _ round: Int = 0) throws -> Old {
        let end = "2026-01-01T00:02:00Z"
        switch host.build {
        case .v32, .v4Early, .v4Sync:
            return try host.post(
                "termination-imminent",
                #"{"instance_id": "\#(host.instance)", "termination_time": "\#(end)", "detected_at": "2026-01-01T00:00:0\#(round).123456"}"#
            )
        case .runbook:
            return try host.post(
                "rebalance-recommendation",
                #"{"notice_time": "2026-01-01T00:00:0\#(round).123456", "immediate": true}"#)
        case .v500, .v501:
            return try host.post(
                "termination-report",
                #"{"cloud_instance_id": "\#(host.instance)", "notice_type": "TERMINATION", "termination_time": "\#(end)"}"#
            )
        }
    }

    private func incidents(_ host: OldHost) throws -> [Incident] {
        try host.site.ask(Ask(.incidents, query: "?agent_id=\(host.slot)", token: Site.adminToken))
            .read(IncidentList.self).incidents
    }

    @Test(arguments: Build.allCases)
    func `a notice that is repeated every few seconds is one incident`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            for round in 0..<6 {
                #expect(try announce(host, round).status == 200)
                try site.live(10)
            }
            let found = try incidents(host)
            #expect(found.count == 1)
            #expect(found.first?.kind == .interruption)
            #expect(found.first?.instance == host.instance)
            #expect(try site.count("termination_notice", of: host.slot) == 1)
            let status = try host.get("emergency-status")
            #expect(try status.text("notice_status") == "termination")
            #expect(try status.flag("emergency_mode_active") == true)
        }
    }

    @Test(arguments: [
        #""termination_time": "2026-01-01T00:02:00", "detected_at": "2026-01-01T00:00:00.123456""#,
        #""termination_time": "2026-01-01T00:02:00+00:00""#, #""action": "terminate", "time": "2026-01-01T00:02:00Z""#,
    ])
    func `an end is at its time, in whichever form it is said, and without a zone that is UTC`(words: String) throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            _ = try host.post("termination-imminent", #"{"instance_id": "\#(host.instance)", \#(words)}"#)
            let times = try incidents(host).map { $0.interruptionTime.map { "\($0)" } ?? "none" }
            #expect(times == ["2026-01-01T00:02:00Z"])
        }
    }

    @Test func `an emergency is told of in all the words that pages know`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let before = try host.get("emergency-status")
            #expect(try before.whole("termination_notices_24h") == 0)
            #expect(try before.fields().required("last_emergency_event").isNull)
            _ = try announce(host)
            let after = try host.get("emergency-status")
            #expect(try after.whole("termination_notices_24h") == 1)
            #expect(try after.whole("emergency_replicas_count") == 1)
            let event = try after.part("last_emergency_event")
            #expect(try event.text("type") == "interruption")
            #expect(try event.text("outcome") == "open")
            #expect(try after.part("data").required("notice_status").string() == "termination")
        }
    }

    @Test func `a stop that is announced as a recommendation is the end of the machine`() throws {
        try withCoordinator { site in
            let runbook = try site.old(.runbook)
            _ = try runbook.post("rebalance-recommendation", #"{"notice_time": "2026-01-01T00:00:00.1"}"#)
            #expect(try incidents(runbook).map(\.kind) == [.interruption])
            let v5 = try site.old(.v500)
            for _ in 0..<2 {
                _ = try v5.post(
                    "rebalance-recommendation",
                    #"{"cloud_instance_id": "\#(v5.instance)", "notice_type": "REBALANCE", "notice_time": "2026-01-01T00:02:00Z"}"#
                )
            }
            #expect(try incidents(v5).map(\.kind) == [.interruption])
        }
    }

    @Test func `a recommendation that says nothing is no end`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            _ = try host.post("rebalance-recommendation")
            #expect(try incidents(host).map(\.kind) == [.rebalance])
        }
    }

    @Test func `one path has three matters, and the one that nobody means ends nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            let body = #"{"instance_id": "\#(host.instance)", "termination_reason": "spot"}"#
            #expect(try host.post("termination-report", body).status == 200)
            #expect(try incidents(host).isEmpty)
            #expect(try site.role(host.instance, in: host.slot) == .primary)
        }
    }

    @Test func `a recommendation is no end`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            for _ in 0..<2 {
                let reply = try host.post(
                    "rebalance-recommendation",
                    #"{"instance_id": "\#(host.instance)", "detected_at": "2026-01-01T00:00:00+00:00"}"#)
                #expect(try reply.text("action") == "monitor")
                #expect(try reply.flag("success") == true)
            }
            #expect(try incidents(host).map(\.kind) == [.rebalance])
            _ = try host.post("rebalance-notice", #"{"notice_time": "2026-01-01T00:00:00Z"}"#)
            #expect(try incidents(host).count == 1)
            _ = try host.post("termination-notice", #"{"termination_time": "2026-01-01T00:02:00Z"}"#)
            #expect(try incidents(host).map(\.kind) == [.interruption])
        }
    }

    @Test func `a negative answer to a notice is one that is read`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let reply = try announce(host)
            #expect(reply.status == 200)
            #expect(try reply.flag("success") == false)
            #expect(try reply.text("error")?.isEmpty == false)
            #expect(try reply.text("new_instance_id") == nil)
        }
    }

    // MARK: The host launches its own replica

    @Test func `a replica is asked for once per notice, taken in, and promoted once`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early, as: "web")
            #expect(try announce(host).flag("create_emergency_replica") == true)
            for round in 1..<4 {
                try site.live(5)
                #expect(try announce(host, round).flag("create_emergency_replica") == false)
            }
            let body = """
                {"instance_id": "i-0cccccccccccccccc", "replica_type": "emergency", "parent_instance_id": "\(host.instance)",
                "pool_id": "m5.large.us-east-1a", "status": "ready"}
                """
            let registered = try host.post("replicas", body)
            #expect(registered.status == 200)
            #expect(try registered.text("replica_id")?.isEmpty == false)
            #expect(try host.post("replicas", body).text("replica_id") == registered.text("replica_id"))
            #expect(try site.primary(host.slot) == "i-0cccccccccccccccc")
            let after = try announce(host, 5)
            #expect(try after.flag("success") == true)
            #expect(try after.text("new_instance_id") == "i-0cccccccccccccccc")
            #expect(try after.flag("create_emergency_replica") == false)
            #expect(try site.count("replica_promoted", of: host.slot) == 1)
            #expect(try site.detail(host.slot).agent.epoch == 2)
            // Its agent comes up under the same name.
            let new = try site.old(.v4Early, host.client, as: "web", "i-0cccccccccccccccc", from: "127.0.0.2")
            #expect(new.slot == host.slot)
            #expect(try site.detail(host.slot).agent.status == .online)
        }
    }

    @Test func `a running replica is taken in whatever the settings say`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            let body = #"{"instance_id": "i-0cccccccccccccccc", "replica_type": "emergency", "status": "ready"}"#
            for path in ["replicas", "create-emergency-replica"] {
                #expect(try host.post(path, body).text("replica_id") != nil)
                #expect(try site.detail(host.slot).replicas.map(\.instance) == ["i-0cccccccccccccccc"])
                #expect(try site.primary(host.slot) == host.instance)
            }
        }
    }

    // MARK: The coordinator orders it, and the host asks for the order

    private func ready(_ host: OldHost, _ signal: String, _ instance: InstanceID) throws -> String {
        let asked = try host.post(
            "create-emergency-replica",
            #"{"signal_type": "\#(signal)", "instance_id": "\#(host.instance)", "termination_time": "2026-01-01T00:02:00Z"}"#
        )
        #expect(try asked.flag("success") == true, "\(asked.answer.text)")
        let replica = try #require(try asked.text("replica_id"))
        #expect(try asked.text("replica_instance_id")?.hasPrefix("emergency-") == true)
        let orders = try host.get("replicas?status=launching").list("replicas")
        #expect(try orders.map { try $0.text("id") } == [replica])
        #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
        let launched = #"{"instance_id": "\#(instance)", "status": "syncing"}"#
        #expect(try host.put("replicas/\(replica)", launched).status == 200)
        #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
        let done = #"{"status": "ready", "sync_completed_at": "2026-01-01T00:00:40+00:00"}"#
        #expect(try host.post("replicas/\(replica)/status", done).status == 200)
        return replica
    }

    @Test func `a recommendation makes a replica once, and the notice promotes it once`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            let replica = try ready(host, "rebalance-recommendation", "i-0cccccccccccccccc")
            #expect(try site.primary(host.slot) == host.instance)
            _ = try host.post(
                "rebalance-recommendation",
                #"{"instance_id": "\#(host.instance)", "detected_at": "2026-01-01T00:00:00+00:00"}"#)
            try site.live(30)
            try host.beat()
            #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
            let again = try host.post(
                "create-emergency-replica",
                #"{"signal_type": "termination-notice", "instance_id": "\#(host.instance)", "termination_time": "2026-01-01T00:02:30Z"}"#
            )
            #expect(try again.flag("success") == true)
            #expect(try again.text("replica_id") == replica)
            let promoted = try host.post(
                "termination-imminent",
                #"{"instance_id": "\#(host.instance)", "termination_time": "2026-01-01T00:02:30Z", "detected_at": "2026-01-01T00:00:31+00:00"}"#
            )
            #expect(try promoted.flag("success") == true)
            #expect(try promoted.text("new_instance_id") == "i-0cccccccccccccccc")
            #expect(try site.count("replica_promoted", of: host.slot) == 1)
            #expect(try site.count("replica_ordered", of: host.slot) == 1)
        }
    }

    @Test func `the dying host that starts anew does not win the agent back`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            _ = try ready(host, "termination-notice", "i-0cccccccccccccccc")
            #expect(try site.primary(host.slot) == "i-0cccccccccccccccc")
            try site.live(10)
            let reply = try host.register("web")
            #expect(try reply.part("config").required("enabled").boolean() == false)
            #expect(try reply.part("config").required("replica_count").integer() == 0)
            #expect(try reply.text("message")?.contains("idle") == true)
            #expect(try host.get("config").flag("enabled") == false)
            #expect(try announce(host).flag("success") == true)
            #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
            #expect(try site.primary(host.slot) == "i-0cccccccccccccccc")
            #expect(try site.count("replica_promoted", of: host.slot) == 1)
        }
    }

    @Test func `emergencies ask nobody whether switching is on`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            var change = SlotSettingsChange()
            change[.autoSwitchEnabled] = .flag(false)
            let _: Configuration = try site.order(.changeSettings, [host.slot], change)
            _ = try ready(host, "termination-notice", "i-0cccccccccccccccc")
            #expect(try site.primary(host.slot) == "i-0cccccccccccccccc")
        }
    }

    @Test(arguments: ["emergency-0a1b2c3d", "replica-0a1b2c3d", "manual-0a1b2c3d", "i-pending-0a1b2c3d"])
    func `a placeholder is never a machine`(name: String) throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let asked = try host.post(
                "create-emergency-replica",
                #"{"signal_type": "termination-notice", "instance_id": "\#(host.instance)"}"#)
            let replica = try #require(try asked.text("replica_id"))
            #expect(
                try host.put("replicas/\(replica)", #"{"instance_id": "\#(name)", "status": "ready"}"#).status == 400)
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            #expect(try host.post("replicas", #"{"instance_id": "\#(name)", "status": "ready"}"#).status == 400)
            #expect(try site.primary(host.slot) == host.instance)
            #expect(try host.get("instances-to-terminate").list("instances").isEmpty)
        }
    }

    @Test func `a notice from a host that cannot be told from another changes nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook, as: "web")
            // A second one, whose address is the same.
            _ = try site.old(.runbook, host.client, as: "web")
            let reply = try announce(host)
            #expect(reply.status == 200)
            #expect(try reply.flag("success") == false)
            #expect(try incidents(host).isEmpty)
        }
    }
}
