import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// The programs that are in the field, by what they send. Three of them call themselves the same.
enum Build: String, CaseIterable {
    case v32 = "3.2.0"
    case v4Early = "4.0.0 early"
    case v4Sync = "4.0.0 sync"
    case runbook = "4.0.0 runbook"
    case v500 = "5.0.0"
    case v501 = "5.0.1-production"

    var isV5: Bool { self == .v500 || self == .v501 }

    /// As it stands in the program, nulls and all.
    func registration(_ name: String, _ instance: InstanceID, _ token: String, zone: String) -> String {
        let version = rawValue.split(separator: " ")[0]
        let facts =
            "\"instance_id\": \"\(instance)\", \"instance_type\": \"m5.large\", \"region\": \"us-east-1\", \"az\": \"\(zone)\", "
            + "\"hostname\": \"ip-10-0-0-1\", \"agent_version\": \"\(version)\""
        switch self {
        case .v32:
            return
                #"{"client_token": "\#(token)", "logical_agent_id": "\#(name)", "ami_id": "unknown", \#(facts)}"#
        case .v4Early, .v4Sync:
            return """
                {"client_token": "\(token)", "logical_agent_id": "\(name)", "ami_id": "ami-0a1b2c3d", "mode": "spot",
                "private_ip": "unknown", "public_ip": null, \(facts)}
                """
        case .runbook:
            return """
                {"logical_agent_id": "\(name)", "ami_id": "ami-0a1b2c3d", "mode": "unknown", "private_ip": "10.0.0.1",
                "public_ip": null, \(facts)}
                """
        case .v500, .v501:
            return """
                {"logical_agent_id": "\(instance)", "ami_id": "ami-0a1b2c3d", "mode": "unknown", "cloud_account": "",
                "project_id": "default", \(facts)}
                """
        }
    }

    func heartbeat(_ instance: InstanceID, status: String = "online") -> String {
        switch self {
        case .v32: #"{"status": "\#(status)", "monitored_instances": ["\#(instance)"]}"#
        case .v4Early, .v4Sync:
            """
            {"status": "\(status)", "monitored_instances": ["\(instance)"], "instance_id": "\(instance)",
            "instance_type": null, "mode": "spot", "az": null}
            """
        case .runbook: #"{"status": "\#(status)"}"#
        case .v500, .v501:
            """
            {"status": "online", "reconnect": false, "inventory_snapshot": {"instances": [
            {"instance_id": "i-0eeeeeeeeeeeeeeee", "state": "stopped", "az": "us-east-1c", "instance_type": "c5.large",
            "pool": null, "tags": {}}, {"instance_id": "\(instance)", "state": "running", "az": "us-east-1a",
            "instance_type": "m5.large", "pool": "m5.large.us-east-1a", "tags": {}}], "count": 2},
            "health_metrics": {"uptime": 3, "cpu_percent": 0, "memory_percent": 0}}
            """
        }
    }
}

/// A host that one of these programs runs on.
struct OldHost {
    let site: Site
    let client: Tenant
    let build: Build
    let instance: InstanceID
    let address: String
    let slot: String

    func get(_ path: String) throws -> Old { try ask("GET", path, nil) }
    func post(_ path: String, _ body: String = "{}") throws -> Old { try ask("POST", path, body) }
    func put(_ path: String, _ body: String) throws -> Old { try ask("PUT", path, body) }
    func delete(_ path: String) throws -> Old { try ask("DELETE", path, nil) }

    private func ask(_ method: String, _ path: String, _ body: String?) throws -> Old {
        let ask = Ask(method, "/api/agents/\(slot)\(path.isEmpty ? "" : "/\(path)")", token: client.token, body: body)
        return try site.speak(ask.with("Content-Type", "application/json"), from: address)
    }

    @discardableResult
    func beat(_ status: String = "online") throws -> Old {
        try post("heartbeat", build.heartbeat(instance, status: status))
    }

    /// As its process does at each start.
    @discardableResult
    func register(_ name: String) throws -> Old {
        try site.speak(
            Ask(
                "POST", "/api/agents/register", token: client.token,
                body: build.registration(name, instance, client.token, zone: "us-east-1a")), from: address)
    }

    /// As the switch dialect polls.
    func switches() throws -> [JSONObject] { try get("pending-commands").list("commands") }
    /// As the other one does.
    func actions() throws -> [JSONObject] { try get("commands/pending").list("commands") }
}

/// An answer as an old program reads it: keys at the top.
struct Old {
    let answer: Answer
    var status: Int { answer.status }

    func fields() throws -> JSONObject { try JSONDocument(answer.body).root.object() }
    func text(_ key: String) throws -> String? { try fields().optional(key)?.string() }
    func flag(_ key: String) throws -> Bool? { try fields().optional(key)?.boolean() }
    func whole(_ key: String) throws -> Int64? { try fields().optional(key)?.integer() }
    func part(_ key: String) throws -> JSONObject { try fields().required(key).object() }
    func list(_ key: String) throws -> [JSONObject] {
        try fields().required(key).array().map { try $0.object() }
    }
}

extension JSONObject {
    func text(_ key: String) throws -> String? { try optional(key)?.string() }
}

extension Site {
    func speak(_ ask: Ask, from address: String) throws -> Old {
        Old(answer: try Connection(to: self, from: address).ask(ask))
    }

    /// Registers a host under its build's own body.
    func old(
        _ build: Build, _ client: Tenant? = nil, as name: String? = nil, _ instance: InstanceID? = nil,
        from address: String = "127.0.0.1", zone: String = "us-east-1a"
    ) throws -> OldHost {
        let client = try client ?? makeClient()
        let instance = try instance ?? nextInstance()
        let body = build.registration(name ?? "old \(nextSerial())", instance, client.token, zone: zone)
        let reply = try speak(Ask("POST", "/api/agents/register", token: client.token, body: body), from: address)
        guard reply.status == 200, let slot = try reply.text("agent_id") else {
            throw TestSupportError("\(build) was not registered: \(reply.answer.text)")
        }
        return OldHost(site: self, client: client, build: build, instance: instance, address: address, slot: slot)
    }

    func detail(_ slot: String) throws -> AgentDetail { try order(.agent, [slot]) }
    func primary(_ slot: String) throws -> InstanceID? { try detail(slot).agent.instance }
    func role(_ instance: InstanceID, in slot: String) throws -> Role? {
        try detail(slot).hosts.first { $0.instance == instance }?.role
    }

    /// Lines of the log of that kind.
    func count(_ kind: String, of slot: String) throws -> Int {
        let lines = try ask(Ask(.events, query: "?agent_id=\(slot)&limit=500", token: Site.adminToken))
        return try lines.read(LogLines.self).events.count { $0.kind == kind }
    }

    /// What the jobs do while time passes.
    func live(_ seconds: Int) throws {
        for _ in 0..<seconds / 5 {
            surroundings.advance(by: .seconds(5))
            heart.examineLiveness()
            heart.passTime()
        }
        _ = try ask(Ask(.ping))
        heart.settle(within: .seconds(5))
    }

    func askSwitch(_ slot: String, to pool: PoolID = "m5.large.us-east-1b") throws -> String {
        let queued: QueuedCommand = try order(.switchSlot, [slot], ForceSwitch(target: .pool(pool)))
        return queued.command.text
    }

    func state(of command: String, in slot: String) throws -> String? {
        let list = try ask(Ask(.commands, query: "?agent_id=\(slot)", token: Site.adminToken)).read(CommandList.self)
        return list.commands.first { $0.id.text == command }?.state.rawValue
    }
}
