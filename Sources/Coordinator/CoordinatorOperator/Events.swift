import JSON
import Platform
import Wire

extension Desk {
    /// How many lines are shown when nobody says how many: some screens full.
    private static let newest = 100

    func events() throws {
        let after: EventCursor? = try option("after")
        let agent = try filter("agent", .agent, SlotKind.self)
        if invocation.has("follow") {
            guard try limit() == nil else { throw OperatorError(.usage, "--limit does not go with --follow") }
            return try EventFollower(self, after: after, query: agent).run()
        }
        let begin = after.map { [(QueryParameter.after, $0.text)] } ?? []
        let limit = try limit() ?? (after == nil ? Self.newest : nil)
        let listing = try listing(LogLines.self, .events, agent + begin, limit: limit)
        guard !wantsJSON else { return try write(try listing.json() + "\n") }
        try write(listing.entries.isEmpty ? "no events\n" : listing.entries.map(line).joined())
        if let last = listing.entries.last { tell("go on with --after \(last.cursor)") }
    }
}

/// One line of the log, for a person.
func line(_ event: LogLine) -> String {
    let severity = event.severity.rawValue
    let about = [event.slot?.text, event.instance?.text, event.incident?.text, event.command?.text].compactMap { $0 }
    let parts =
        [
            clockTime(event.at), severity + String(repeating: " ", count: max(0, 8 - severity.count)),
            printable(event.kind),
        ]
        + about + [printable(event.message)]
    return parts.joined(separator: "  ") + "\n"
}
