import JSON
import Testing
import Wire

/// Which keys an answer has. Old programs differ in what they look for: each finds it, a null where nobody can know it.
struct LegacyKeyTests {
    private func expectKeys(_ keys: String, in answer: Old, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let (top, data) = (try answer.fields(), try answer.part("data"))
        for key in keys.split(separator: " ").map(String.init) {
            #expect(top[key] != nil, "\(key) at the top", sourceLocation: sourceLocation)
            #expect(data[key] != nil, "\(key) in data", sourceLocation: sourceLocation)
        }
        for key in ["success", "status", "error"] {
            #expect(top[key] != nil, "\(key) at the top", sourceLocation: sourceLocation)
        }
    }

    private let configuration = """
        agent_id config_version enabled auto_switch_enabled auto_terminate_enabled terminate_wait_seconds \
        manual_replica_enabled replica_enabled replica_count min_savings_percent risk_threshold max_switches_per_week \
        min_pool_duration_hours
        """

    @Test(arguments: Build.allCases)
    func `an answer to a heartbeat says what is set, and how many orders wait`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            _ = try build.isV5 ? host.actions() : host.switches()
            let keys =
                "agent_id config config_version new_config_version config_changed acknowledged commands_pending server_time"
            #expect(try host.beat().whole("commands_pending") == 0)
            _ = try site.askSwitch(host.slot)
            let beat = try host.beat()
            try expectKeys(keys, in: beat)
            #expect(try beat.whole("commands_pending") == 1)
            _ = try build.isV5 ? host.actions() : host.switches()
            #expect(try host.beat().whole("commands_pending") == 0)
        }
    }

    @Test func `a program that starts anew is told how many orders wait for it`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            _ = try host.actions()
            _ = try site.askSwitch(host.slot)
            let anew = try host.post(
                "heartbeat", #"{"status": "online", "inventory_snapshot": {}, "reconnect": true}"#)
            #expect(try anew.whole("commands_pending") == 1)
            #expect(try anew.part("config").required("enabled").boolean())
        }
    }

    @Test func `what a page asks for is there, also where nobody knows it`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            try expectKeys(configuration, in: try host.get("config"))
            try expectKeys(
                "enabled count manual_replica_enabled auto_create_replica preferred_replica_pools replica_sync_required "
                    + "min_sync_percentage", in: try host.get("replica-config"))
            try expectKeys(
                "agent_id decision_type recommended_pool_id risk_score expected_savings confidence reason auto_switch_enabled "
                    + "will_auto_execute current_pool alternative_pools", in: try host.get("switch-recommendation"))
            try expectKeys(
                "agent_id emergency_mode_active rebalance_only_mode ml_models_loaded decision_engine_active "
                    + "last_emergency_event emergency_replicas_count termination_notices_24h notice_status "
                    + "notice_received_at notice_deadline emergency_replica", in: try host.get("emergency-status"))
            let asked = try host.post(
                "issue-switch-command",
                #"{"target_mode": "spot", "target_pool_id": "m5.large.us-east-1b", "reason": "cheaper there"}"#)
            try expectKeys(
                "command_id agent_id target_mode target_pool_id reason message auto_switch_enabled", in: asked)
            #expect(try asked.text("reason") == "cheaper there")
        }
    }

    @Test func `what a host reports is answered with all that any of them looks for`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let instance = #""instance_id": "\#(host.instance)""#
            try expectKeys(
                "message deleted_snapshots deleted_amis failed_count",
                in: try host.post(
                    "cleanup-report", #"{"timestamp": "2026-01-01T00:00:00", "snapshots": {}, "amis": {}}"#))
            try expectKeys(
                "action risk_score reason target_mode target_pool_id target_pool_name emergency_replica_id",
                in: try host.post("rebalance-recommendation", "{\(instance), \"detected_at\": \"2026-01-01T00:00:00\"}")
            )
            let wanted = try host.post(
                "create-emergency-replica",
                "{\(instance), \"signal_type\": \"termination-notice\", \"urgency\": \"critical\"}")
            try expectKeys(
                "replica_id instance_id replica_instance_id pool hourly_cost message urgency", in: wanted)
            #expect(try wanted.text("urgency") == "critical")
            try expectKeys(
                "message action create_emergency_replica target_pool_id instructions replica_id new_instance_id "
                    + "failover_time_ms",
                in: try host.post(
                    "termination-imminent", "{\(instance), \"termination_time\": \"2026-01-01T00:02:00Z\"}"))
        }
    }
}
