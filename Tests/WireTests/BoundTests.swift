import JSON
import Testing
import Wire

/// A bound of the protocol: where it is, and the last value inside and the first outside.
struct Bound: CustomTestStringConvertible, Sendable {
    let message: String
    let place: String
    let inside: [Tree]
    let outside: [Tree]
    var testDescription: String { "\(message) \(place)" }

    static func text(_ message: String, _ place: String, _ limit: Int) -> Bound {
        Bound(
            message: message, place: place, inside: [.text(String(repeating: "x", count: limit))],
            outside: [.text(String(repeating: "x", count: limit + 1))])
    }

    static func number(_ message: String, _ place: String, _ range: ClosedRange<Int>) -> Bound {
        Bound(
            message: message, place: place, inside: [.number(range.lowerBound), .number(range.upperBound)],
            outside: [.number(range.lowerBound - 1), .number(range.upperBound + 1), .scalar(Array("1e99".utf8))])
    }

    /// The bound of the list at `place`, filled with copies of its first entry.
    static func list(_ message: String, _ place: String, _ limit: Int) -> Bound {
        guard let golden = goldens.first(where: { $0.name == message }), let tree = try? golden.tree(),
            case .array(let entries)? = tree[Place(place)], let first = entries.first
        else { preconditionFailure("\(message) has no entry at \(place)") }
        return Bound(
            message: message, place: place, inside: [.array([]), .array(Array(repeating: first, count: limit))],
            outside: [.array(Array(repeating: first, count: limit + 1))])
    }

    static func price(_ message: String, _ place: String) -> Bound {
        let number = { (text: String) in Tree.scalar(Array(text.utf8)) }
        return Bound(
            message: message, place: place,
            inside: ["0", "0.0416", "100000", "1e-3", "0.12345678901234567"].map(number),
            outside: ["-0.01", "100000.01", "1e400", "0.1234567890123456789"].map(number))
    }
}

private let seconds = 1...Limits.settingSecondsMax
private let positive = 1...Int(Int32.max)

let bounds: [Bound] = [
    .text("registration", "hostname", Limits.nameBytes),
    .text("registration", "agent_version", Limits.nameBytes),
    .text("registration", "logical_agent_id", 255),
    .text("registration", "private_ip", Limits.nameBytes),
    .text("registration-reply", "agent_token", 255),
    .text("registration-reply", "agent_id", 64),
    .text("registration-reply", "message", Limits.sentenceBytes),
    .number("registration-reply", "lease_seconds", seconds),
    .list("heartbeat", "monitored_instances", Limits.monitoredMax),
    .list("heartbeat", "commands_running", Limits.commandsRunningMax),
    .list("heartbeat", "lacking", Limits.lackingMax),
    .text("heartbeat", "lacking[0]", Limits.nameBytes),
    .number("heartbeat", "health.outbox", 0...Int(Int32.max)).withoutUpperEnd(),
    .number("heartbeat", "epoch", 0...Int(Int32.max)).withoutUpperEnd(),
    .number("heartbeat-reply", "heartbeat_seconds", 1...Limits.heartbeatSecondsMax),
    .number("heartbeat-reply", "lease_seconds", seconds),
    .number("heartbeat-reply", "commands_pending", 0...Int(Int32.max)),
    .list("heartbeat-reply", "commands", Limits.commandsMax),
    .number("command-activate", "priority", 0...100),
    .number("command-activate", "lease_seconds", seconds),
    .number("command-activate", "attempt", positive),
    .text("command-activate", "command_type", Limits.nameBytes),
    .text("command-result-fenced", "message", Limits.sentenceBytes),
    .number("command-result-fenced", "attempt", positive),
    .list("command-result-fenced", "ledger", Limits.stepsMax),
    .text("command-result-fenced", "ledger[0].step", Limits.nameBytes),
    .list("command-result-inspected", "execution_result.instances", Limits.inspectedMax),
    .text("pricing-report", "report_id", 128),
    .price("pricing-report", "pricing.on_demand_price"),
    .price("pricing-report", "pricing.spot_pools[0].price"),
    .list("pricing-report", "pricing.spot_pools", Limits.poolsMax),
    .price("switch-report", "prices.old_spot"),
    .text("termination-report", "error", Limits.sentenceBytes),
    .list("cleanup-report", "snapshots.deleted", Limits.cleanedMax),
    .list("cleanup-report", "snapshots.failed", Limits.failuresMax),
    .list("cleanup-report", "amis.deleted_amis", Limits.cleanedMax),
    .list("cleanup-report", "amis.deleted_snapshots", Limits.cleanedMax),
    .text("cleanup-report", "amis.failed[0].error", Limits.sentenceBytes),
    .list("termination-list", "instances", Limits.hostsMax),
    .number("termination-list", "terminate_wait_seconds", 0...Limits.settingSecondsMax),
    .text("notice-maintenance", "maintenance.code", Limits.nameBytes),
    .text("notice-lifecycle", "target_state", Limits.nameBytes),
    .list("notice-reply", "commands", Limits.commandsMax),
    .text("notice-reply", "message", Limits.sentenceBytes),
    .list("incident", "ledger", Limits.stepsMax),
    .list("incident", "timeline", Limits.timelineMax),
    .text("incident", "timeline[0].what", Limits.sentenceBytes),
    .list("incident-list", "incidents", Limits.incidentsMax),
    .text("incident-list", "next", 128),
    .list("replica-list", "replicas", Limits.hostsMax),
    .text("replica-progress", "error_message", Limits.sentenceBytes),
    .list("agent-list", "agents", Limits.overviewMax),
    .text("agent-list", "agents[0].clientName", Limits.nameBytes),
    .text("agent-list", "agents[0].hostname", Limits.nameBytes),
    .number("agent-list", "agents[0].hosts", 0...Int(Int32.max)),
    .list("readiness", "warnings", Limits.reasonsMax),
    .text("readiness", "warnings[0]", Limits.sentenceBytes),
    .list("readiness", "replicas", Limits.reasonsMax),
    .list("readiness", "replicas[0].lacking", Limits.lackingMax),
    .number("readiness", "deadline_seconds", seconds),
    .list("readiness-list", "agents", Limits.readinessMax),
    .list("instance-list", "instances", Limits.overviewMax),
    .list("instance-list", "instances[0].lacking", Limits.lackingMax),
    .text("instance-list", "instances[0].clientName", Limits.nameBytes),
    .list("agent-detail", "hosts", Limits.hostsMax),
    .list("agent-detail", "replicas", Limits.hostsMax),
    .list("agent-detail", "commands", Limits.overviewMax),
    .list("agent-detail", "incidents", Limits.incidentsMax),
    .list("agent-detail", "hosts[0].lacking", Limits.lackingMax),
    .text("agent-detail", "commands[0].summary", Limits.sentenceBytes),
    .text("agent-detail", "commands[0].message", Limits.sentenceBytes),
    .list("command-list", "commands", Limits.overviewMax),
    .text("command-list", "commands[0].command_type", Limits.nameBytes),
    .text("command-list", "commands[0].summary", Limits.sentenceBytes),
    .text("command-list", "commands[0].message", Limits.sentenceBytes),
    .number("command-list", "commands[0].priority", 0...100),
    .number("command-list", "commands[0].attempt", 0...Int(Int32.max)),
    .list("log-lines", "events", Limits.overviewMax),
    .text("log-lines", "events[0].event_type", Limits.nameBytes),
    .text("log-lines", "events[0].message", Limits.sentenceBytes),
    .text("log-lines", "next", 128),
    .text("client-summary", "name", Limits.nameBytes),
    .text("error", "error", Limits.sentenceBytes),
    .text("client-creation", "name", Limits.nameBytes),
    .text("client-creation", "email", Limits.nameBytes),
    .number("settings-change", "terminate_wait_seconds", 0...Limits.settingSecondsMax),
    .number("settings-change", "replica_count", 0...4),
    .number("settings-change", "min_savings_percent", 0...100),
    .number("settings-change", "risk_threshold", 0...1),
    .number("settings-change", "max_switches_per_week", 0...1000),
    .number("settings-change", "max_switches_per_day", 0...1000),
    .number("settings-change", "min_pool_duration_hours", 0...8760),
    .number("settings-change", "failover_deadline_seconds", 1...120),
    .number("settings-change", "lease_seconds", 0...Limits.settingSecondsMax),
    .number("settings-change", "drain_budget_seconds", Limits.drainSeconds),
    .number("settings-change", "heartbeat_seconds", 1...Limits.heartbeatSecondsMax),
]

extension Bound {
    /// For numbers that may be as large as 64 bits hold.
    func withoutUpperEnd() -> Bound {
        Bound(message: message, place: place, inside: inside, outside: [outside[0], outside[2]])
    }
}

struct BoundTests {
    @Test(arguments: bounds)
    func `a value at the bound is read and one past it is refused by its path`(bound: Bound) throws {
        let golden = try #require(goldens.first { $0.name == bound.message })
        var tree = try golden.tree()
        for value in bound.inside {
            tree[Place(bound.place)] = value
            #expect(throws: Never.self) { try golden.read(encodeJSON(tree)) }
        }
        for value in bound.outside {
            tree[Place(bound.place)] = value
            let error = #expect(throws: JSONError.self) { try golden.read(encodeJSON(tree)) }
            #expect(error?.path == bound.place)
            #expect(error?.code == .mismatch)
        }
    }

    @Test(arguments: [
        ("heartbeat", Limits.smallBodyBytes), ("registration", Limits.smallBodyBytes),
        ("switch-report", Limits.smallBodyBytes), ("termination-report", Limits.smallBodyBytes),
        ("notice-maintenance", Limits.smallBodyBytes), ("settings-change", Limits.smallBodyBytes),
        ("replica-progress", Limits.smallBodyBytes), ("command-result-inspected", Limits.resultBodyBytes),
        ("pricing-report", Limits.reportBodyBytes), ("cleanup-report", Limits.reportBodyBytes),
        ("heartbeat-reply", Limits.replyBytes), ("incident", Limits.replyBytes),
        ("termination-list", Limits.replyBytes), ("agent-list", Limits.overviewBytes),
        ("instance-list", Limits.overviewBytes), ("readiness", Limits.replyBytes),
        ("agent-detail", Limits.overviewBytes),
        ("command-list", Limits.overviewBytes), ("log-lines", Limits.overviewBytes),
    ])
    func `a message that is full in every bound fits its body`(message: String, limit: Int) throws {
        var tree = try #require(goldens.first { $0.name == message }).tree()
        let ofMessage = bounds.filter { $0.message == message }
        // Entries first, then the lists that are made of copies of them.
        for bound in ofMessage where Place(bound.place).steps.count > 1 || !isList(bound) { fill(&tree, bound) }
        for bound in ofMessage where isList(bound) {
            guard case .array(let entries)? = tree[Place(bound.place)], let first = entries.first,
                case .array(let full)? = bound.inside.last
            else { continue }
            tree[Place(bound.place)] = .array(Array(repeating: first, count: full.count))
        }
        #expect(encodeJSON(tree).count <= limit)
    }

    private func isList(_ bound: Bound) -> Bool { if case .array = bound.inside[0] { true } else { false } }

    private func fill(_ tree: inout Tree, _ bound: Bound) {
        if !isList(bound) { tree[Place(bound.place)] = bound.inside.last }
    }

    @Test func `a sentence is shortened by whole characters so that its reader takes it`() throws {
        let long = String(repeating: "é", count: Limits.sentenceBytes)
        let reply = try decodeJSON(ErrorReply.self, from: encodeJSON(ErrorReply(.server, "x" + long)))
        #expect(reply.error == "x" + long.prefix((Limits.sentenceBytes - 1) / 2))
    }
}
