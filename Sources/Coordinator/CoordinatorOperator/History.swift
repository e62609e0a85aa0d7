import JSON
import Platform
import Wire

extension Desk {
    func commands() throws {
        let query = try filter("agent", .agent, SlotKind.self) + openOnly
        try list(CommandList.self, .commands, query, none: "no commands", commandColumns(withAgent: true))
    }

    func commandColumns(withAgent: Bool) -> [Column<CommandSummary>] {
        [Column("COMMAND") { $0.id.text }] + (withAgent ? [Column("AGENT") { $0.slot.text }] : []) + [
            Column("INSTANCE") { $0.instance.text },
            Column("STATE") { $0.state.rawValue },
            Column("CREATED") { clockTime($0.createdAt) },
            Column("PRIORITY", isNumber: true) { "\($0.priority)" },
            Column("ATTEMPT", isNumber: true) { "\($0.attempt)" },
            Column("TYPE", widest: 24) { $0.type },
            Column("WHAT") { command in command.message.map { "\(command.summary): \($0)" } ?? command.summary },
        ]
    }

    func incidents() throws {
        guard invocation.arguments.isEmpty else {
            guard openOnly.isEmpty, invocation.options["agent"] == nil, try limit() == nil else {
                throw OperatorError(.usage, "--open, --agent and --limit go with the list, not with one incident")
            }
            let id: IncidentID = try argument(0)
            return try show(Question(.incident, id), as: Incident.self, story)
        }
        let query = try filter("agent", .agent, SlotKind.self) + openOnly
        try list(IncidentList.self, .incidents, query, none: "no incidents", incidentColumns(withAgent: true))
    }

    func incidentColumns(withAgent: Bool) -> [Column<Incident>] {
        [Column("INCIDENT") { $0.id.text }] + (withAgent ? [Column("AGENT") { $0.slot.text }] : []) + [
            Column("INSTANCE") { $0.instance.text },
            Column("KIND") { $0.kind.rawValue },
            Column("STATE") { $0.state.rawValue },
            Column("FIRST SIGNAL") { clockTime($0.detectedAt) },
            Column("SUCCESSOR") { $0.successor?.text },
            Column("PROVEN AFTER", isNumber: true) { incident in
                incident.verifiedAt.map { secondsText($0 - incident.detectedAt) }
            },
        ]
    }
}

// MARK: The story of one incident

/// One thing that happened in an incident.
private struct Happening {
    let at: Timestamp
    let who: String
    let what: String
}

private func story(_ incident: Incident) -> String {
    func after(_ time: Timestamp?) -> String? {
        time.map { "\(clockTime($0)) (\(signed($0 - incident.detectedAt)))" }
    }
    let facts = sheet([
        ("incident", incident.id.text),
        ("agent", incident.slot.text),
        ("instance", incident.instance.text),
        ("kind", incident.kind.rawValue),
        ("verdict", verdict(of: incident)),
        ("first signal", clockTime(incident.detectedAt)),
        ("deadline", after(incident.deadline)),
        ("machine goes", after(incident.interruptionTime)),
        ("successor", incident.successor.map { "\($0), epoch \(incident.epoch)" }),
        ("proven", after(incident.verifiedAt)),
        ("closed", after(incident.closedAt)),
    ])
    let isOpen = incident.state == .open
    return facts
        + section(
            "What happened",
            table(
                happenings(in: incident), storyColumns(incident), none: isOpen ? "nothing yet" : "nothing was recorded")
        )
        + section(
            "What each step took",
            table(incident.ledger, ledgerColumns(), none: isOpen ? "nothing yet" : "no machine reported its steps"))
}

/// In the order of time; what happened at one time stays in the order in which it was recorded.
private func happenings(in incident: Incident) -> [Happening] {
    incident.timeline.enumerated()
        .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        .map { Happening(at: $0.element.at, who: $0.element.instance?.text ?? "coordinator", what: $0.element.what) }
}

private func storyColumns(_ incident: Incident) -> [Column<Happening>] {
    [
        Column("AFTER", isNumber: true) { signed($0.at - incident.detectedAt) },
        Column("WHERE") { $0.who },
        Column("WHAT") { $0.what },
    ]
}

private func ledgerColumns() -> [Column<LedgerStep>] {
    [
        Column("STEP", widest: 40) { $0.name },
        Column("BUDGET", isNumber: true) { secondsText(.milliseconds($0.budgetMilliseconds)) },
        Column("TOOK", isNumber: true) { $0.tookMilliseconds.map { secondsText(.milliseconds($0)) } },
        Column("OUTCOME") { $0.outcome.rawValue },
    ]
}

private func verdict(of incident: Incident) -> String {
    let took = incident.verifiedAt.map { ", the successor was proven after \(secondsText($0 - incident.detectedAt))" }
    return switch incident.state {
    case .open: "open"
    case .met: "met\(took ?? "")"
    case .missed: "missed\(took ?? ", no successor was proven")"
    case .averted: "averted: nothing followed"
    }
}

private func signed(_ duration: Duration) -> String { (duration < .zero ? "" : "+") + secondsText(duration) }
