import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Prices, clean-ups and what old hosts ask about decisions.
struct LegacyReportTests {
    private func prices(_ host: OldHost, onDemand: String = "0.096") -> String {
        let pools = """
            [{"pool_id": "m5.large.us-east-1a", "instance_type": "m5.large", "az": "us-east-1a", "price": 0.04},
            {"pool_id": "m5.large.us-east-1b", "instance_type": "m5.large", "az": "us-east-1b", "price": 0.03}]
            """
        let machine =
            "\"instance_id\": \"\(host.instance)\", \"instance_type\": \"m5.large\", \"region\": \"us-east-1\", \"az\": \"us-east-1a\""
        switch host.build {
        case .v32:
            return """
                {"instance": {\(machine), "current_mode": "spot", "current_pool_id": "m5.large.us-east-1a"},
                "on_demand_price": {"price": \(onDemand)}, "spot_pools": \(pools)}
                """
        case .v4Early, .v4Sync:
            return """
                {"instance": {\(machine), "mode": "ondemand", "pool_id": null}, "pricing": {"on_demand_price": \(onDemand),
                "current_spot_price": null, "cheapest_pool": null, "spot_pools": \(pools),
                "collected_at": "2026-01-01T00:00:00.123456"}}
                """
        case .runbook:
            return """
                {\(machine), "current_mode": "spot", "current_pool_id": null, "on_demand_price": \(onDemand),
                "current_spot_price": 0.04, "collected_at": "2026-01-01T00:00:00Z", "spot_pools": \(pools)}
                """
        case .v500, .v501:
            return """
                {"agent_id": "\(host.slot)", "timestamp": "2026-01-01T00:00:00.123456", "pricing_data_array": [
                {"instance_type": "m5.large", "az": "us-east-1a", "pool_id": "m5.large.us-east-1a", "spot_price": 0.04,
                "timestamp": "2026-01-01T00:00:00"},
                {"instance_type": "m5.large", "az": "us-east-1b", "pool_id": "spot.m5.large.us-east-1b", "spot_price": 0.03,
                "timestamp": "2026-01-01T00:00:00"},
                {"instance_type": "m5.large", "price_type": "ondemand", "price": \(onDemand), "timestamp": "2026-01-01T00:00:00"}]}
                """
        }
    }

    @Test(arguments: Build.allCases)
    func `prices are understood in each shape`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            let reply = try host.post("pricing-report", prices(host))
            #expect(try reply.whole("prices") == 3, "\(reply.answer.text)")
            #expect(try reply.text("outcome") == "accepted")
        }
    }

    @Test(arguments: ["0.1", "0.105", "0", "null", "\"unknown\""])
    func `a price on demand that was made up is not taken`(price: String) throws {
        try withCoordinator { site in
            for build in [Build.v32, .v4Sync, .v500] {
                let host = try site.old(build)
                #expect(try host.post("pricing-report", prices(host, onDemand: price)).whole("prices") == 2)
            }
        }
    }

    @Test func `a report without prices, or of no known shape, is no fault`() throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            for body in ["{}", #"{"pricing_data_array": []}"#, #"{"pricing": {"spot_pools": []}, "instance": null}"#] {
                #expect(try host.post("pricing-report", body).status == 200)
            }
        }
    }

    @Test func `a clean-up that found nothing but its own fault is told of`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let fault = "can't compare offset-naive and offset-aware datetimes"
            let body = """
                {"timestamp": "2026-01-01T00:00:00+00:00", "snapshots": {"type": "snapshots", "deleted": [], "failed": [],
                "error": "\(fault)"}, "amis": {"type": "amis", "deleted_amis": ["ami-0a1b2c3d"], "deleted_snapshots": ["snap-0a1b2c3d"],
                "failed": [{"id": "ami-0a1b2c3e", "error": "in use"}], "error": "\(fault)"}}
                """
            let reply = try host.post("cleanup-report", body)
            #expect(try reply.whole("deleted_amis") == 1)
            #expect(try reply.whole("deleted_snapshots") == 1)
            #expect(try reply.whole("failed_count") == 1)
            #expect(try site.count("cleanup_failed", of: host.slot) == 1)
        }
    }

    @Test(arguments: ["prices", "pricing"])
    func `a switch is understood in both spellings`(key: String) throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            let new = try site.nextInstance()
            let timing = key == "prices" ? "switch_initiated_at" : "initiated_at"
            let body = """
                {"old_instance": {"instance_id": "\(host.instance)"}, "new_instance": {"instance_id": "\(new)"},
                "\(key)": {"on_demand": 0.1, "old_spot": 0.05, "new_spot": 0.03}, "timing": {"\(timing)": "2026-01-01T00:00:01"}}
                """
            #expect(try host.post("switch-report", body).text("outcome") == "accepted")
            let clients = try site.ask(Ask(.clients, token: Site.adminToken)).text
            #expect(clients.contains("0.48"), "\(clients)")
        }
    }

    @Test func `a report that comes after the new machine has enrolled still brings its prices, once`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early, as: "web")
            _ = try host.switches()
            _ = try site.askSwitch(host.slot)
            _ = try host.switches()
            let new = try site.old(.v4Early, host.client, as: "web", from: "127.0.0.2")
            #expect(try site.primary(host.slot) == new.instance)
            let body = """
                {"old_instance": {"instance_id": "\(host.instance)"}, "new_instance": {"instance_id": "\(new.instance)"},
                "prices": {"on_demand": 0.1, "old_spot": 0.05, "new_spot": 0.03},
                "timing": {"switch_initiated_at": "2026-01-01T00:00:01"}}
                """
            #expect(try host.post("switch-report", body).text("outcome") == "accepted")
            #expect(try host.post("switch-report", body).text("outcome") == "duplicate")
            let clients = try site.ask(Ask(.clients, token: Site.adminToken)).text
            #expect(clients.contains("0.48"), "\(clients)")
            #expect(try site.primary(host.slot) == new.instance)
        }
    }

    @Test func `how a machine is paid for is learned from its prices, where nothing else tells`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32)
            #expect(try site.detail(host.slot).agent.mode == nil)
            #expect(try host.post("pricing-report", prices(host)).status == 200)
            site.heart.settle(within: .seconds(10))
            #expect(try site.detail(host.slot).agent.mode == .spot)
            try host.beat()
            #expect(try site.detail(host.slot).agent.mode == .spot)
        }
    }

    @Test func `a switch is understood in its flat shape, and one that failed is none`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early)
            let new = try site.nextInstance()
            func body(_ success: Bool) -> String {
                #"{"old_instance_id": "\#(host.instance)", "new_instance_id": "\#(new)", "success": \#(success)}"#
            }
            #expect(try host.post("switch-report", body(false)).text("outcome") == "stale")
            #expect(try site.primary(host.slot) == host.instance)
            #expect(try host.post("switch-report", body(true)).text("outcome") == "accepted")
            #expect(try site.primary(host.slot) == new)
        }
    }

    // MARK: Advice

    @Test(arguments: [
        #"{"spot_pools": [{"pool_id": "x", "price": 1}], "ondemand_price": 0.1, "current_az": "us-east-1a"}"#,
        #"{"instance": {}, "pricing": {}}"#, "[]", "",
    ])
    func `a question for a decision is answered whatever its shape, with a number for its confidence`(body: String)
        throws
    {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            let reply = try host.post("decide", body)
            #expect(reply.status == 200)
            #expect(try reply.text("action") == "NO_ACTION")
            #expect(try reply.fields().required("confidence").number().double == 0)
            #expect(try reply.text("reasoning")?.isEmpty == false)
        }
    }

    @Test func `there is no recommendation, and that is what is said`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            let advice = try host.get("switch-recommendation")
            #expect(try advice.text("decision_type") == "stay")
            #expect(try advice.flag("will_auto_execute") == false)
            #expect(try host.get("statistics").part("statistics").required("total_decisions").integer() == 0)
            #expect(try host.get("emergency-status").text("notice_status") == "none")
        }
    }

    @Test func `a switch by hand is queued with 200, and refused for what stands against it`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            #expect(try host.post("issue-switch-command", #"{"target_mode": "moon"}"#).status == 400)
            let there = try host.post(
                "issue-switch-command", #"{"target_mode": "spot", "target_pool_id": "m5.large.us-east-1a"}"#)
            #expect(there.status == 200)
            #expect(try there.flag("success") == false)
            let queued = try host.post("issue-switch-command", #"{"target_mode": "ondemand", "priority": 5}"#)
            #expect(queued.status == 200)
            #expect(try queued.flag("success") == true)
            #expect(try host.switches().map { try $0.text("id") } == [queued.text("command_id")])
            var change = SlotSettingsChange()
            change[.autoSwitchEnabled] = .flag(false)
            let _: Configuration = try site.order(.changeSettings, [host.slot], change)
            #expect(try host.post("issue-switch-command", #"{"target_mode": "ondemand"}"#).status == 403)
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            #expect(try host.post("issue-switch-command", #"{"target_mode": "ondemand"}"#).status == 400)
        }
    }
}
