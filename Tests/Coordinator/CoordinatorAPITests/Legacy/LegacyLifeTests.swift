import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// How hosts of the programs in the field come, stay and go.
struct LegacyLifeTests {
    // MARK: Registration

    @Test(arguments: Build.allCases)
    func `each build registers with its own body, and reads the agent's name and a configuration at the top`(
        build: Build
    ) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            let again = try host.register("another start")
            #expect(again.status == 200)
            let reply = build.isV5 ? again : try host.get("config")
            #expect(reply.status == 200)
            let config = build.isV5 ? try reply.part("config") : try reply.fields()
            // Truth only, and never null.
            #expect(try config.required("enabled").boolean())
            #expect(try config.required("auto_switch_enabled").boolean())
            #expect(try config.required("auto_terminate_enabled").boolean())
            #expect(try config.required("terminate_wait_seconds").integer() == 300)
            #expect(try site.primary(host.slot) == host.instance)
        }
    }

    @Test(arguments: Build.allCases)
    func `an answer has its keys flat for hosts, and enveloped for pages`(build: Build) throws {
        try withCoordinator { site in
            let reply = try site.old(build).register("same")
            for place in [try reply.fields(), try reply.part("data")] {
                #expect(try place.text("agent_id") != nil)
                #expect(try place.required("config").object().required("enabled").boolean())
            }
            #expect(try reply.text("status") == "success")
            #expect(try reply.fields().required("error").isNull)
            #expect(try reply.flag("success") == true)
        }
    }

    @Test func `nulls, unknowns and a missing mode are understood at the door`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let body = """
                {"logical_agent_id": "i-0123456789abcdef0", "instance_id": "i-0123456789abcdef0", "instance_type": null,
                "region": "us-east-1", "az": null, "ami_id": null, "hostname": "h", "agent_version": "5.0.0",
                "mode": "unknown", "cloud_account": "", "something_new": [1]}
                """
            let reply = try site.speak(
                Ask("POST", "/api/agents/register", token: client.token, body: body), from: "127.0.0.1")
            #expect(reply.status == 200)
            #expect(try reply.part("config").required("enabled").boolean())
        }
    }

    @Test func `the other names of a token and of a zone are understood`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let body = """
                {"token": "\(client.token)", "logical_agent_id": "web", "instance_id": "i-0123456789abcdef0",
                "instance_type": "m5.large", "region": "us-east-1", "availability_zone": "us-east-1c", "hostname": "h"}
                """
            let reply = try site.speak(
                Ask("POST", "/api/agents/register", token: client.token, body: body), from: "127.0.0.1")
            let slot = try #require(try reply.text("agent_id"))
            #expect(try site.detail(slot).hosts.map(\.zone) == ["us-east-1c"])
        }
    }

    @Test func `a host without a machine's name is told what to look after`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let body =
                #"{"logical_agent_id": null, "instance_id": null, "region": "us-east-1", "hostname": "h", "cloud_account": ""}"#
            let answer = try site.ask(Ask("POST", "/api/agents/register", token: client.token, body: body))
            try expectRefusal(answer, 400, "VALIDATION_ERROR", said: "metadata")
        }
    }

    @Test func `a host of today is known by its own words, whatever its version is called`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            var registration = Registration(
                logicalAgent: "web", instance: "i-0123456789abcdef0", region: "us-east-1", hostname: "h")
            registration.agentVersion = "4.0.0"
            let answer = try site.ask(Ask(.register, token: client.token, body: registration))
            #expect(try answer.read(RegistrationReply.self).token.secret.isEmpty == false)
            site.secret(try answer.read(RegistrationReply.self).token.secret)
        }
    }

    @Test func `whose machine is the agent's name is known by the machine, wherever it was launched`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let command = try site.launch(for: host)
            _ = try host.post(
                "action-result",
                #"{"request_id": "\#(command)", "result": "SUCCESS", "cloud_instance_id": "i-0aaaaaaaaaaaaaaaa", "metadata": {}}"#
            )
            let launched = try site.old(.v501, host.client, "i-0aaaaaaaaaaaaaaaa")
            #expect(launched.slot == host.slot)
        }
    }

    // MARK: Heartbeats

    @Test(arguments: Build.allCases)
    func `a heartbeat's answer is never an empty object`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            for body in [
                build.heartbeat(host.instance), "", "{}", "[]", "not JSON",
                #"{"reconnect": true, "inventory_snapshot": {}}"#,
            ] {
                let reply = try host.post("heartbeat", body)
                #expect(reply.status == 200, "\(body)")
                #expect(try reply.text("agent_id") == host.slot)
                #expect(try reply.part("config").required("auto_terminate_enabled").boolean())
                #expect(try reply.flag("success") == true)
            }
        }
    }

    @Test func `a heartbeat that tells of a thousand machines is one all the same, from a client's own host`() throws {
        try withCoordinator { site in
            let host = try site.old(.v501)
            let machine =
                #"{"instance_id": "i-0eeeeeeeeeeeeeeee", "state": "running", "az": "us-east-1c", "instance_type": "c5.large", "pool": null, "tags": {"Name": "another machine", "Team": "of somebody else"}}"#
            let all = Array(repeating: machine, count: 1000).joined(separator: ", ")
            let body =
                #"{"status": "online", "inventory_snapshot": {"instances": [\#(all)], "count": 1000}, "reconnect": false}"#
            #expect(body.utf8.count > 150_000)
            #expect(try host.post("heartbeat", body).status == 200)
            let native = try site.register(host.client)
            let ask = Ask("POST", "/api/agents/\(native.slot)/heartbeat", token: native.token, body: body)
            #expect(try site.ask(ask).status == 413)
            let stranger = Ask("POST", "/api/agents/\(host.slot)/heartbeat", token: "nobody", body: body)
            #expect(try site.ask(stranger).status == 401)
        }
    }

    @Test func `a heartbeat is answered well though the store does not get on`() throws {
        let held = Latch("the writer's turn")
        let shallHold = Locked(false)
        let isHeld = Locked(false)
        let committed: @Sendable () -> Void = {
            guard shallHold.withLock({ $0 }) else { return }
            isHeld.withLock { $0 = true }
            try? held.wait(within: .seconds(60))
        }
        try withCoordinator(committed: committed) { site in
            defer { held.open() }
            let host = try site.old(.v500)
            shallHold.withLock { $0 = true }
            site.heart.createClient(
                ClientCreation(name: "held"), token: try Token("t"), hash: [UInt8](repeating: 7, count: 32),
                seal: { _ in [] }, answer: { _ in })
            try eventually("the writer is held") { isHeld.withLock { $0 } }
            let beat = try Connection(to: site, from: host.address)
            try beat.send(
                Ask(
                    "POST", "/api/agents/\(host.slot)/heartbeat", token: host.client.token,
                    body: host.build.heartbeat(host.instance)))
            try eventually("it is parked") { site.parked == 1 }
            try eventually("nobody is parked") {
                try site.advance(by: .milliseconds(10_100))
                return site.parked == 0
            }
            let reply = Old(answer: try beat.answer())
            #expect(reply.status == 200)
            #expect(try reply.text("agent_id") == host.slot)
        }
    }

    @Test(arguments: [Build.v4Sync, .v500])
    func `a heartbeat that comes too often is answered like any other`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            for _ in 0..<501 { #expect(try host.beat().text("agent_id") == host.slot) }
            // Others of its calls are slowed by then.
            #expect(try host.get("config").status == 429)
        }
    }

    @Test func `a mode in the words of another form is one`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            #expect(try site.detail(host.slot).agent.mode == nil)
            _ = try host.post("heartbeat", #"{"instance_id": "\#(host.instance)", "current_mode": "ondemand"}"#)
            #expect(try site.detail(host.slot).agent.mode == .ondemand)
        }
    }

    @Test(arguments: Build.allCases)
    func `a host that speaks every 30 s stays online`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build)
            for _ in 0..<10 {
                try site.live(30)
                try host.beat()
            }
            #expect(try site.count("host_silent", of: host.slot) == 0)
            #expect(try site.detail(host.slot).agent.status == .online)
            try site.live(130)
            #expect(try site.detail(host.slot).agent.status == .offline)
            try host.beat()
            #expect(try site.detail(host.slot).agent.status == .online)
        }
    }

    @Test func `a mode that was unknown is learned from the inventory, and other machines in it mean nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            #expect(try site.detail(host.slot).agent.mode == nil)
            try host.beat()
            #expect(try site.detail(host.slot).agent.mode == .spot)
            #expect(try site.detail(host.slot).hosts.map(\.instance) == [host.instance])
            // It does not know it again, and that says nothing.
            try host.register("again")
            #expect(try site.detail(host.slot).agent.mode == .spot)
        }
    }

    @Test func `a name that leaks from one call to the next joins nothing`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            func speak(_ path: String, _ body: String) throws -> Old {
                let ask = Ask("POST", "/api/agents/\(host.slot)/\(path)", token: host.client.token, body: body)
                return try site.speak(ask.with("X-Request-ID", "7d1e7b8c"), from: host.address)
            }
            let notice = try speak(
                "rebalance-recommendation", #"{"notice_time": "2026-01-01T00:00:00.5", "immediate": true}"#)
            let beat = try speak("heartbeat", host.build.heartbeat(host.instance))
            #expect(try notice.text("action") != nil)
            #expect(try beat.text("action") == nil)
            #expect(try beat.part("config").required("enabled").boolean())
        }
    }

    // MARK: Whose agent

    @Test func `an agent that is not there, or another's, is forbidden and never not found`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            let stranger = try site.old(.v4Sync)
            let native = try site.register(host.client)
            for slot in [stranger.slot, "test-agent-id", "01890000-0000-7000-8000-000000000000", native.slot] {
                for (method, path) in [
                    ("GET", ""), ("POST", "/heartbeat"), ("GET", "/pending-commands"), ("POST", "/action-result"),
                ] {
                    let answer = try site.ask(
                        Ask(
                            method, "/api/agents/\(slot)\(path)", token: host.client.token,
                            body: method == "GET" ? nil : "{}"))
                    #expect(answer.status == 403, "\(method) \(path)")
                }
            }
        }
    }

    @Test func `only a deleted agent is not found, for a host that hears it removes itself`() throws {
        try withCoordinator { site in
            let host = try site.old(.v4Sync)
            #expect(try host.get("").status == 200)
            #expect(try host.get("").text("agent_id") == host.slot)
            let _: Nothing = try site.order(.deleteSlot, [host.slot])
            #expect(try host.get("").status == 404)
            #expect(try host.beat().status == 404)
        }
    }

    @Test func `a name that stands for none is not found`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            for path in ["heartbeat", "shutdown", "action-result"] {
                let answer = try site.ask(Ask("POST", "/api/agents/None/\(path)", token: client.token, body: "{}"))
                #expect(answer.status == 404, "\(path)")
            }
        }
    }

    @Test func `old paths have their methods, limits and callers like all others`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32)
            let native = try site.register(host.client)
            let answer = try site.ask(
                Ask("DELETE", "/api/agents/\(host.slot)/pending-commands", token: host.client.token))
            #expect(answer.status == 405)
            #expect(answer["allow"] == "GET, HEAD")
            #expect(try site.ask(Ask("POST", "/api/agents/uninstall", token: "nobody")).status == 401)
            #expect(try site.ask(native.ask(.configuration)).status == 200)
            let asNative = Ask("GET", "/api/agents/\(native.slot)/pending-commands", token: native.token)
            #expect(try site.ask(asNative).status == 403)
        }
    }

    // MARK: Farewells

    @Test(arguments: ["shutdown", "termination"])
    func `a farewell marks the host, and a repeat of its start finds it again`(path: String) throws {
        try withCoordinator { site in
            let host = try site.old(.v500)
            let farewell =
                #"{"cloud_instance_id": "\#(host.instance)", "timestamp": "2026-01-01T00:00:00", "metadata": {"final_state": "SHUTDOWN"}}"#
            #expect(try host.post(path, farewell).status == 200)
            #expect(try site.detail(host.slot).agent.status == .unknown)
            try host.register("again")
            #expect(try site.detail(host.slot).agent.status == .online)
            let script = Ask(
                "POST", "/api/agents/uninstall", token: host.client.token,
                body: #"{"instance_id": "\#(host.instance)", "reason": "manual_uninstall"}"#)
            #expect(try site.ask(script).status == 200)
            try site.live(5)
            #expect(try site.detail(host.slot).agent.status == .unknown)
        }
    }

    @Test(arguments: [Build.v32, .v4Early, .v4Sync])
    func `that a host is back is told, also when it comes back by registering`(build: Build) throws {
        try withCoordinator { site in
            let host = try site.old(build, as: "web")
            _ = try host.post("heartbeat", #"{"status": "offline", "monitored_instances": []}"#)
            #expect(try site.detail(host.slot).agent.status == .unknown)
            let again = try site.old(build, host.client, as: "web", host.instance)
            #expect(again.slot == host.slot)
            #expect(try site.count("agent_back_online", of: host.slot) == 1)
            try again.beat()
            #expect(try site.count("agent_back_online", of: host.slot) == 1)
        }
    }

    /// A machine that was replaced says its last words when it ends.
    @Test func `a farewell from where nobody is known to speak is nobody's`() throws {
        try withCoordinator { site in
            let host = try site.old(.runbook)
            try site.live(95)
            let silent = try site.count("host_silent", of: host.slot)
            let farewell = Ask(
                "POST", "/api/agents/\(host.slot)/heartbeat", token: host.client.token, body: #"{"status": "offline"}"#)
            #expect(try site.speak(farewell, from: "127.0.0.9").status == 200)
            #expect(try site.count("host_silent", of: host.slot) == silent)
            _ = try host.beat("offline")
            #expect(try site.count("host_silent", of: host.slot) == silent + 1)
        }
    }

    @Test func `a disabled agent's hosts are told so`() throws {
        try withCoordinator { site in
            let host = try site.old(.v32)
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            #expect(try host.get("config").flag("enabled") == false)
            #expect(try host.beat("disabled").status == 200)
            #expect(try site.detail(host.slot).agent.status == .disabled)
        }
    }
}
