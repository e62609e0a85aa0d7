import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Switches of hosts that launch a machine and may not have seen it run, and what becomes of a command whose program ended.
struct LegacySwitchTests {
    private let launched: InstanceID = "i-0bbbbbbbbbbbbbbbb"

    /// A switch that the host says it did; nobody saw the machine run.
    private func switched(_ site: Site, _ host: OldHost) throws -> String {
        _ = try host.actions()
        let command = try site.askSwitch(host.slot)
        #expect(try host.actions().map { try $0.text("request_id") } == [command])
        let metadata = host.build == .v500 ? "{}" : #"{"confirmation_time_seconds": null}"#
        let result =
            #"{"request_id": "\#(command)", "result": "SUCCESS", "cloud_instance_id": "\#(launched)", "error_message": null, "metadata": \#(metadata)}"#
        #expect(try host.post("action-result", result).status == 200)
        return command
    }

    private func launchReport(of command: String) -> String {
        #"{"temp_instance_id": "i-pending-x", "instance_id": "\#(launched)", "request_id": "\#(command)", "confirmed_at": "2026-01-01T00:00:00"}"#
    }

    private func executedSwitches(_ host: OldHost) throws -> Int64 {
        try host.get("statistics").part("statistics").required("switches_executed").integer()
    }

    @Test(arguments: [Build.v500, .v501])
    func `success that was not confirmed makes no primary before the machine is heard`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            let command = try switched(site, host)
            #expect(try site.primary(host.slot) == host.instance)
            #expect(try site.role(launched, in: host.slot) == .launching)
            #expect(try site.state(of: command, in: host.slot) == "delivered")
            try site.live(60)
            try host.beat()
            let new = try site.old(build, host.client, launched, from: "127.0.0.2", zone: "us-east-1b")
            #expect(new.slot == host.slot)
            #expect(try site.primary(host.slot) == launched)
            #expect(try site.role(host.instance, in: host.slot) == .zombie)
            #expect(try site.state(of: command, in: host.slot) == "done")
            #expect(try executedSwitches(new) == 1)
        }
    }

    @Test(arguments: [Build.v500, .v501])
    func `a machine that a switch launched and that never speaks leaves the old one the primary, and is ended`(
        build: Build
    ) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            let command = try switched(site, host)
            for _ in 0..<7 {
                try site.live(30)
                try host.beat()
            }
            #expect(try site.state(of: command, in: host.slot) == "failed")
            #expect(try site.primary(host.slot) == host.instance)
            #expect(try site.detail(host.slot).agent.status == .online)
            let end = try #require(try host.actions().first)
            #expect(try end.text("command_type") == "TERMINATE_INSTANCE")
            #expect(try end.required("params").object().text("instance_id") == launched.text)
            #expect(try executedSwitches(host) == 0)
            // The next one is not in its way.
            _ = try site.askSwitch(host.slot)
        }
    }

    @Test func `a launch that is confirmed after its result is a switch that is done`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try switched(site, host)
            for _ in 0..<2 {
                #expect(try host.post("instance-launched", launchReport(of: command)).status == 200)
                #expect(try site.primary(host.slot) == launched)
            }
            #expect(try site.state(of: command, in: host.slot) == "done")
            #expect(try executedSwitches(host) == 1)
        }
    }

    @Test func `the result that comes again for an order that comes again changes nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            let command = try switched(site, host)
            let result =
                #"{"request_id": "\#(command)", "result": "SUCCESS", "cloud_instance_id": "\#(launched)", "metadata": {}}"#
            try site.live(120)
            #expect(try host.post("action-result", result).status == 200)
            try host.beat()
            try site.live(65)
            // Its time began with the first.
            #expect(try site.state(of: command, in: host.slot) == "failed")
            #expect(try host.post("action-result", result).status == 200)
            #expect(try site.primary(host.slot) == host.instance)
        }
    }

    // MARK: Programs that end

    private enum Start: String, CaseIterable {
        /// It had stored its agent's name.
        case reconnect
        /// It had not.
        case register

        func play(_ host: OldHost) throws {
            switch self {
            case .reconnect:
                _ = try host.post("heartbeat", #"{"status": "online", "inventory_snapshot": {}, "reconnect": true}"#)
            case .register: try host.register("again")
            }
        }
    }

    @Test(arguments: Start.allCases)
    private func `a launch that its program had begun when it ended is not done again by the next`(start: Start) throws
    {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            try start.play(host)
            #expect(try site.state(of: command, in: host.slot) == "failed")
            try site.live(60)
            try host.beat()
            #expect(try host.actions().isEmpty)
            // Another is ordered in its place when the pause after a failure is over.
            for _ in 0..<10 {
                try site.live(30)
                try host.beat()
            }
            let next = try #require(try host.actions().first)
            #expect(try next.text("request_id") != command)
        }
    }

    @Test(arguments: Start.allCases)
    private func `a switch that its program had begun when it ended has failed`(start: Start) throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            _ = try host.actions()
            let command = try site.askSwitch(host.slot)
            #expect(try host.actions().count == 1)
            try start.play(host)
            #expect(try site.state(of: command, in: host.slot) == "failed")
            #expect(try site.primary(host.slot) == host.instance)
        }
    }

    @Test func `what waits to be handed out waits for the next program, too`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            _ = try host.actions()
            let command = try site.askSwitch(host.slot)
            try Start.reconnect.play(host)
            #expect(try host.actions().map { try $0.text("request_id") } == [command])
            #expect(try site.state(of: command, in: host.slot) == "delivered")
        }
    }

    @Test func `a host that cannot tell a repeat is told nothing again by its registration either`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Early, as: "web")
            _ = try host.switches()
            let command = try site.askSwitch(host.slot)
            #expect(try host.switches().count == 1)
            try host.register("web")
            // What it launched may still come up under the agent's name.
            #expect(try site.state(of: command, in: host.slot) == "delivered")
            #expect(try host.switches().isEmpty)
        }
    }

    // MARK: Answers that were lost

    /// A launch whose answer was lost and that is no longer wanted, and a more urgent one that the host was handed meanwhile.
    private func overtakenLaunch(_ site: Site, _ host: OldHost) throws -> (launch: String, urgent: String) {
        let launch = try site.launch(for: host)
        var unwanted = SlotSettingsChange()
        unwanted[.manualReplicaEnabled] = .flag(false)
        let _: Configuration = try site.order(.changeSettings, [host.slot], unwanted)
        let end =
            #"{"cloud_instance_id": "\#(host.instance)", "notice_type": "TERMINATION", "termination_time": "2026-01-01T00:02:00Z"}"#
        #expect(try host.post("termination-report", end).status == 200)
        let urgent = try #require(try host.actions().first?.text("request_id"))
        #expect(urgent != launch)
        try site.live(5)
        #expect(try site.state(of: launch, in: host.slot) == "pending")
        return (launch, urgent)
    }

    private func launches(_ command: String, made instance: String, _ host: OldHost) throws {
        let result =
            #"{"request_id": "\#(command)", "result": "SUCCESS", "cloud_instance_id": "\#(instance)", "metadata": {}}"#
        #expect(try host.post("action-result", result).status == 200)
    }

    @Test func `a launch that may have been done is asked about, also when nobody wants it any more`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let (launch, urgent) = try overtakenLaunch(site, host)
            try launches(urgent, made: "i-0ccccccccccccccc0", host)
            #expect(try host.actions().map { try $0.text("request_id") } == [launch])
            try launches(launch, made: launched.text, host)
            #expect(try site.role(launched, in: host.slot) == .terminating)
        }
    }

    @Test(arguments: Start.allCases)
    private func `what its program was handed before that on which it ended is not done again either`(
        start: Start
    ) throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let (launch, urgent) = try overtakenLaunch(site, host)
            try start.play(host)
            #expect(try site.state(of: launch, in: host.slot) == "failed")
            #expect(try site.state(of: urgent, in: host.slot) == "failed")
            #expect(try host.actions().allSatisfy { try ![launch, urgent].contains($0.text("request_id")) })
        }
    }

    // MARK: By hand

    @Test func `a switch to spot that names no pool goes to the host's own place`() throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            _ = try host.actions()
            let queued = try host.post("issue-switch-command", #"{"target_mode": "spot", "target_pool_id": null}"#)
            #expect(queued.status == 200)
            #expect(try queued.text("target_pool_id") == "m5.large.us-east-1a")
            let told = try #require(try host.actions().first)
            #expect(try told.required("params").object().text("target_pool") == "spot.m5.large.us-east-1a")
            let wrong = try host.post("issue-switch-command", #"{"target_mode": "spot", "target_pool_id": "there"}"#)
            #expect(wrong.status == 400)
        }
    }

    @Test func `a page that shows the administrator's token is answered like one with the client's`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            _ = try host.switches()
            for path in ["switch-recommendation", "statistics", "replica-config"] {
                let answer = try site.ask(Ask("GET", "/api/agents/\(host.slot)/\(path)", token: Site.adminToken))
                #expect(answer.status == 200, "\(path)")
            }
            let order = Ask(
                "POST", "/api/agents/\(host.slot)/issue-switch-command", token: Site.adminToken,
                body: #"{"target_mode": "ondemand"}"#)
            let queued = Old(answer: try site.ask(order))
            #expect(queued.status == 200)
            #expect(try host.switches().map { try $0.text("id") } == [queued.text("command_id")])
            // What hosts alone say is for hosts alone.
            for path in ["decide", "shutdown", "action-result"] {
                let ask = Ask("POST", "/api/agents/\(host.slot)/\(path)", token: Site.adminToken, body: "{}")
                #expect(try site.ask(ask).status == 403, "\(path)")
            }
        }
    }
}
