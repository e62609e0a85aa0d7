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
            return try show(Question(.incident, id), as: Incident.self) { $0.story(printable) }
        }
        let query = try filter("agent", .agent, SlotKind.self) + openOnly
        try list(IncidentList.self, .incidents, query, none: "no incidents", incidentColumns(withAgent: true))
    }

    func incidentColumns(withAgent: Bool) -> [Column<Incident>] {
        [Column("INCIDENT") { $0.id.text }] + (withAgent ? [Column("AGENT") { $0.slot.text }] : []) + [
            Column("INSTANCE") { $0.instance.text },
            Column("KIND") { $0.kindInWords },
            Column("STATE") { $0.state.rawValue },
            Column("FIRST SIGNAL") { clockTime($0.detectedAt) },
            Column("SUCCESSOR") { $0.successor?.text },
            Column("PROVEN AFTER", isNumber: true) { incident in
                incident.verifiedAt.map { secondsText($0 - incident.detectedAt) }
            },
        ]
    }
}
