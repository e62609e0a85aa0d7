// What may follow the `?` of the operators' lists, by the names in `QueryParameter`. A parameter that is absent, empty or
// `all` does not narrow the list.

/// The part of a list that is asked for: after a cursor, at most so many.
package struct ListPart: Equatable, Sendable {
    package var after: EventCursor?
    package var limit: Int

    package init(after: EventCursor? = nil, limit: Int = 100) {
        self.after = after
        self.limit = limit
    }

    init(_ query: QueryReader, upTo most: Int = Limits.overviewMax) throws(WireError) {
        after = try query.name(.after)
        // More than the list's own bound means that bound.
        limit = min(try query.whole(.limit) ?? 100, most)
    }
}

/// `GET /api/admin/agents` and `GET /api/readiness`
package struct AgentQuery: Equatable, Sendable {
    package var client: ClientID?
    package var status: AgentStatus?
    /// Part of a name, of a host's name or of an instance's id.
    package var search: String?
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String], upTo most: Int = Limits.overviewMax) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name(.client)
        status = try query.word(.status)
        search = query.text(.search)
        part = try ListPart(query, upTo: most)
    }
}

/// `GET /api/admin/instances`
package struct InstanceQuery: Equatable, Sendable {
    package var client: ClientID?
    package var role: Role?
    /// Those that may still run, or those that ended; nil for both.
    package var isTerminated: Bool?
    package var mode: Mode?
    package var search: String?
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name(.client)
        mode = try query.word(.mode)
        search = query.text(.search)
        part = try ListPart(query)
        if query.text(.role) == "active" {
            isTerminated = false
        } else {
            role = try query.word(.role, beside: "active")
        }
        // The original's page says it so.
        let status: Status? = try query.word(.status)
        if let status { isTerminated = status == .terminated }
    }

    private enum Status: String, CaseIterable { case active, terminated }
}

/// `GET /api/admin/commands`
package struct CommandQuery: Equatable, Sendable {
    package var slot: SlotID?
    package var state: CommandState?
    /// Only those that are not finished.
    package var isOpen = false
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        slot = try query.name(.agent)
        part = try ListPart(query)
        isOpen = query.text(.state) == "open"
        if !isOpen { state = try query.word(.state, beside: "open") }
    }
}

/// `GET /api/incidents`
package struct IncidentQuery: Equatable, Sendable {
    package var slot: SlotID?
    package var state: Incident.State?
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        slot = try query.name(.agent)
        state = try query.word(.state)
        part = try ListPart(query, upTo: Limits.incidentsMax)
    }
}

/// `GET /api/admin/events`. Without `after` these are the newest lines.
package struct EventQuery: Equatable, Sendable {
    package var client: ClientID?
    package var slot: SlotID?
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name(.client)
        slot = try query.name(.agent)
        part = try ListPart(query)
    }
}

/// `GET /api/events/stream`. Without `after`, what is written from now on; `Last-Event-ID` takes its place.
package struct StreamQuery: Equatable, Sendable {
    package var client: ClientID?
    package var slot: SlotID?
    package var after: EventCursor?

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name(.client)
        slot = try query.name(.agent)
        after = try query.name(.after)
    }
}

/// `GET /api/notifications`
package struct NotificationQuery: Equatable, Sendable {
    package var client: ClientID?
    /// The original's page asks for 20, or for 50 to count them.
    package var limit = 10

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name(.client)
        limit = min(try query.whole(.limit) ?? limit, Limits.overviewMax)
    }
}

/// Reads parameters; an error names the one that is wrong.
struct QueryReader {
    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values.filter { !$0.value.isEmpty && $0.value != "all" } }

    func text(_ name: QueryParameter) -> String? { values[name.rawValue] }

    func name<Kind>(_ name: QueryParameter) throws(WireError) -> Identifier<Kind>? {
        guard let text = text(name) else { return nil }
        do throws(WireError) { return try Identifier<Kind>(text) } catch {
            throw WireError(code: .malformed, "\(name.rawValue): \(error)")
        }
    }

    /// `beside` is a word that the caller has looked for.
    func word<Word: CaseIterable & RawRepresentable>(
        _ name: QueryParameter, beside other: String? = nil
    ) throws(WireError) -> Word? where Word.RawValue == String {
        guard let text = text(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = ([other].compactMap(\.self) + Word.allCases.map(\.rawValue)).joined(separator: ", ")
            throw WireError(code: .malformed, "\(name.rawValue): expected one of \(words)")
        }
        return word
    }

    func whole(_ name: QueryParameter) throws(WireError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), number > 0 else {
            throw WireError(code: .malformed, "\(name.rawValue): expected a whole number from 1")
        }
        return number
    }
}
