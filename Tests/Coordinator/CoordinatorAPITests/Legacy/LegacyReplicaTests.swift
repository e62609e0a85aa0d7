import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Replicas that old hosts launch and end by asking for them, and machines that they end.
struct LegacyReplicaTests {
    private func keepReplica(_ host: OldHost, _ isOn: Bool = true) throws {
        var change = SlotSettingsChange()
        change[.manualReplicaEnabled] = .flag(isOn)
        let _: Configuration = try host.site.order(.changeSettings, [host.slot], change)
    }

    private func order(_ host: OldHost) throws -> JSONObject {
        _ = try host.get("replicas?status=launching")
        try keepReplica(host)
        return try #require(try host.get("replicas?status=launching").list("replicas").first)
    }

    private func launch(_ host: OldHost, _ instance: InstanceID) throws -> String {
        let replica = try #require(try order(host).text("id"))
        #expect(
            try host.put("replicas/\(replica)", #"{"instance_id": "\#(instance)", "status": "syncing"}"#).status == 200)
        return replica
    }

    @Test func `an order has its name as text and its pool in both ways, and stands in the list once`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let order = try order(host)
            #expect(try order.text("id") != nil)
            #expect(try order.text("pool_id") == "m5.large.us-east-1a")
            #expect(try order.text("az") == "us-east-1a")
            let pool = try order.required("pool").object()
            #expect(try pool.text("id") == "m5.large.us-east-1a")
            #expect(try pool.text("az") == "us-east-1a")
            for _ in 0..<10 {
                try site.live(30)
                try host.beat()
                #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
            }
        }
    }

    @Test func `a replaced host is handed no order`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            _ = try host.switches()
            _ = try host.get("replicas?status=launching")
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            let new = try site.old(.v4Sync, host.client, as: "web", from: "127.0.0.2")
            _ = try new.get("replicas?status=launching")
            try keepReplica(host)
            #expect(try host.get("replicas?status=launching").list("replicas").isEmpty)
            #expect(try new.get("replicas?status=launching").list("replicas").count == 1)
        }
    }

    @Test func `a launch that failed before there was a machine is over`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try #require(try order(host).text("id"))
            let failed = #"{"status": "failed", "error_message": "InsufficientInstanceCapacity"}"#
            #expect(try host.post("replicas/\(replica)/status", failed).status == 200)
            #expect(try site.detail(host.slot).replicas.allSatisfy { $0.status != .launching })
            #expect(try site.detail(host.slot).commands.isEmpty)
        }
    }

    @Test func `a machine whose launch failed half way is ended, and not forgotten`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launch(host, "i-0cccccccccccccccc")
            _ = try host.post("replicas/\(replica)/status", #"{"status": "failed", "error_message": "timed out"}"#)
            let list = try host.get("instances-to-terminate")
            #expect(try list.list("instances").map { try $0.text("instance_id") } == ["i-0cccccccccccccccc"])
            #expect(try list.flag("auto_terminate_enabled") == true)
        }
    }

    @Test func `a replica that has ended is listed until its machine has, and never by a placeholder`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launch(host, "i-0cccccccccccccccc")
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            #expect(try host.get("replicas?status=terminated").list("replicas").isEmpty)
            try keepReplica(host, false)
            for _ in 0..<3 {
                let ended = try host.get("replicas?status=terminated").list("replicas")
                #expect(try ended.map { try $0.text("id") } == [replica])
                #expect(try ended.first?.text("instance_id") == "i-0cccccccccccccccc")
            }
            let done = #"{"status": "terminated", "is_active": false, "terminated_at": "2026-01-01T00:00:40+00:00"}"#
            #expect(try host.post("replicas/\(replica)/status", done).status == 200)
            #expect(try host.get("replicas?status=terminated").list("replicas").isEmpty)
            #expect(try host.get("instances-to-terminate").list("instances").isEmpty)
        }
    }

    @Test func `a machine to end is listed once, its failure is told, and its end is final`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            let new = try site.old(.v4Sync, host.client, as: "web", from: "127.0.0.2")
            #expect(try new.get("instances-to-terminate").list("instances").isEmpty)
            func wait(_ seconds: Int) throws {
                for _ in 0..<seconds / 30 {
                    try site.live(30)
                    try new.beat()
                }
            }
            try wait(270)
            #expect(try new.get("instances-to-terminate").list("instances").isEmpty)
            try wait(60)
            let first = try new.get("instances-to-terminate").list("instances")
            #expect(try first.map { try $0.text("instance_id") } == [host.instance.text])
            #expect(try first.first?.text("reason") == "zombie_timeout")
            #expect(try new.get("instances-to-terminate").list("instances").isEmpty)
            let failed =
                #"{"instance_id": "\#(host.instance)", "success": false, "error": "UnauthorizedOperation", "terminated_at": null}"#
            #expect(try new.post("termination-report", failed).status == 200)
            #expect(try site.count("instance_termination_failed", of: host.slot) == 1)
            try wait(330)
            #expect(try new.get("instances-to-terminate").list("instances").count == 1)
            let done =
                #"{"instance_id": "\#(host.instance)", "success": true, "error": null, "terminated_at": "2026-01-01T00:10:00+00:00"}"#
            #expect(try new.post("termination-report", done).text("outcome") == "accepted")
            #expect(try site.count("instance_terminated", of: host.slot) == 1)
            try wait(600)
            #expect(try new.get("instances-to-terminate").list("instances").isEmpty)
        }
    }

    @Test func `behind one address a replaced machine is ended, too, by whoever asks`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync, as: "web")
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            let new = try site.old(.v4Sync, host.client, as: "web")
            #expect(try new.get("instances-to-terminate").list("instances").isEmpty)
            for _ in 0..<11 {
                try site.live(30)
                try new.beat()
                try host.beat()
            }
            let list = try host.get("instances-to-terminate").list("instances")
            #expect(try list.map { try $0.text("instance_id") } == [host.instance.text])
            let done = #"{"instance_id": "\#(host.instance)", "success": true, "error": null}"#
            #expect(try new.post("termination-report", done).text("outcome") == "accepted")
            #expect(try site.primary(host.slot) == new.instance)
            #expect(try site.role(host.instance, in: host.slot) != .zombie)
        }
    }

    @Test func `nobody ends a machine of another agent, and a replaced host ends none`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let other = try site.old(.v4Sync)
            let done = #"{"instance_id": "\#(other.instance)", "success": true, "error": null}"#
            #expect(try host.post("termination-report", done).text("outcome") == "stale")
            #expect(try site.role(other.instance, in: other.slot) == .primary)
        }
    }

    @Test func `pages promote a replica, and the books follow`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launch(host, "i-0cccccccccccccccc")
            #expect(try host.post("replicas/\(replica)/promote").status == 409)
            _ = try host.post("replicas/\(replica)/status", #"{"status": "ready"}"#)
            #expect(try host.get("replicas").list("replicas").count == 1)
            #expect(try host.get("replica-config").flag("enabled") == true)
            let promoted = try host.post("replicas/\(replica)/promote")
            #expect(promoted.status == 200)
            #expect(try promoted.flag("success") == true)
            #expect(try promoted.part("data").text("command_id") == promoted.text("command_id"))
            #expect(try site.primary(host.slot) == "i-0cccccccccccccccc")
            #expect(try host.post("replicas/\(replica)/promote").status == 409)
        }
    }

    @Test func `a page that deletes a replica is answered in both forms`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launch(host, "i-0cccccccccccccccc")
            let deleted = try host.delete("replicas/\(replica)")
            #expect(deleted.status == 200)
            #expect(try deleted.flag("success") == true)
            #expect(try deleted.text("replica_id") == replica)
            #expect(try deleted.part("data").text("replica_id") == replica)
        }
    }

    @Test func `a machine that was launched for a replica that is deleted by then is answered, and ended`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            let replica = try #require(try order(host).text("id"))
            #expect(try host.delete("replicas/\(replica)").status == 200)
            let launched = #"{"instance_id": "i-0cccccccccccccccc", "replica_type": "emergency", "status": "ready"}"#
            let answer = try host.post("replicas", launched)
            #expect(answer.status == 200 || answer.status == 201)
            #expect(try answer.text("replica_status") == "terminated")
            let list = try host.get("instances-to-terminate").list("instances")
            #expect(try list.map { try $0.text("instance_id") } == ["i-0cccccccccccccccc"])
        }
    }

    @Test func `a state that is transferred in full is ready`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let replica = try launch(host, "i-0cccccccccccccccc")
            let synced = #"{"sync_status": "synced", "sync_latency_ms": 3, "state_transfer_progress": 100}"#
            #expect(try host.post("replicas/\(replica)/sync-status", synced).status == 200)
            #expect(try site.detail(host.slot).replicas.map(\.status) == [.ready])
        }
    }
}
