// What may follow the `?` of the operators' lists. Both ends know it: the coordinator reads it, the operator's commands
// write it. A parameter that is absent or empty, or `all`, does not narrow the list.

/// The part of a list that is asked for: after a cursor, at most so many.
package struct ListPart: Equatable, Sendable {
    package var after: EventCursor?
    package var limit: Int

    package init(after: EventCursor? = nil, limit: Int = 100) {
        self.after = after
        self.limit = limit
    }

    init(_ query: QueryReader) throws(WireError) {
        after = try query.name("after")
        limit = try query.whole("limit", in: 1...Limits.overviewMax) ?? 100
    }

    fileprivate var parameters: [(String, String?)] { [("after", after?.text), ("limit", "\(limit)")] }
}

/// `GET /api/admin/agents`
package struct AgentQuery: Equatable, Sendable {
    package var client: ClientID?
    package var status: AgentStatus?
    /// Part of a name, a host's name or an instance's id.
    package var search: String?
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name("client_id")
        status = try query.word("status")
        search = query.text("search")
        part = try ListPart(query)
    }

    package var parameters: [(name: String, value: String)] {
        written([("client_id", client?.text), ("status", status?.rawValue), ("search", search)] + part.parameters)
    }
}

/// `GET /api/admin/instances`
package struct InstanceQuery: Equatable, Sendable {
    package var client: ClientID?
    package var slot: SlotID?
    package var state: State?
    package var mode: Mode?
    package var region: Region?
    package var search: String?
    package var part = ListPart()

    /// The original's two words for it.
    package enum State: String, CaseIterable, Sendable {
        /// In use, or to be.
        case active
        /// Replaced, ending or ended.
        case terminated
    }

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        client = try query.name("client_id")
        slot = try query.name("agent_id")
        state = try query.word("status")
        mode = try query.word("mode")
        region = try query.name("region")
        search = query.text("search")
        part = try ListPart(query)
    }

    package var parameters: [(name: String, value: String)] {
        written(
            [
                ("client_id", client?.text), ("agent_id", slot?.text), ("status", state?.rawValue),
                ("mode", mode?.rawValue), ("region", region?.text), ("search", search),
            ] + part.parameters)
    }
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
        slot = try query.name("agent_id")
        state = try query.word("state")
        isOpen = try query.flag("open")
        part = try ListPart(query)
    }

    package var parameters: [(name: String, value: String)] {
        written(
            [("agent_id", slot?.text), ("state", state?.rawValue), ("open", isOpen ? "true" : nil)] + part.parameters)
    }
}

/// `GET /api/incidents`
package struct IncidentQuery: Equatable, Sendable {
    package var slot: SlotID?
    package var isOpen = false
    package var part = ListPart()

    package init() {}

    package init(_ parameters: [String: String]) throws(WireError) {
        let query = QueryReader(parameters)
        slot = try query.name("agent_id")
        isOpen = try query.flag("open")
        part = try ListPart(query)
        part.limit = min(part.limit, Limits.incidentsMax)
    }

    package var parameters: [(name: String, value: String)] {
        written([("agent_id", slot?.text), ("open", isOpen ? "true" : nil)] + part.parameters)
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
        client = try query.name("client_id")
        slot = try query.name("agent_id")
        part = try ListPart(query)
    }

    package var parameters: [(name: String, value: String)] {
        written([("client_id", client?.text), ("agent_id", slot?.text)] + part.parameters)
    }
}

private func written(_ parameters: [(String, String?)]) -> [(name: String, value: String)] {
    parameters.compactMap { name, value in value.map { (name, $0) } }
}

/// Reads parameters, each with the name of the one that is wrong in the error.
struct QueryReader {
    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values.filter { !$0.value.isEmpty && $0.value != "all" } }

    func text(_ name: String) -> String? { values[name] }

    func name<Kind>(_ name: String) throws(WireError) -> Identifier<Kind>? {
        guard let text = values[name] else { return nil }
        do throws(WireError) { return try Identifier<Kind>(text) } catch {
            throw WireError(code: .malformed, "\(name): \(error)")
        }
    }

    func word<Word: CaseIterable & RawRepresentable>(
        _ name: String
    ) throws(WireError) -> Word? where Word.RawValue == String {
        guard let text = values[name] else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw WireError(code: .malformed, "\(name): expected one of \(words)")
        }
        return word
    }

    func whole(_ name: String, in range: ClosedRange<Int>) throws(WireError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw WireError(
                code: .malformed, "\(name): expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func flag(_ name: String) throws(WireError) -> Bool {
        switch values[name] {
        case nil, "false", "0": return false
        case "true", "1": return true
        default: throw WireError(code: .malformed, "\(name): expected true or false")
        }
    }
}
