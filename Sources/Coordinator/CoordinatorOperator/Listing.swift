import JSON
import Wire

/// A list that comes page by page.
protocol Page: WireObject {
    associatedtype Entry
    /// Where the entries stand in the JSON.
    static var key: String { get }
    var entries: [Entry] { get }
    /// Asks for the next page; nil behind the last.
    var following: EventCursor? { get }
}

extension AgentList: Page {
    static var key: String { "agents" }
    var entries: [AgentSummary] { agents }
    var following: EventCursor? { next }
}

extension SlotReadinessList: Page {
    static var key: String { "agents" }
    var entries: [SlotReadiness] { agents }
    var following: EventCursor? { next }
}

extension InstanceList: Page {
    static var key: String { "instances" }
    var entries: [InstanceSummary] { instances }
    var following: EventCursor? { next }
}

extension CommandList: Page {
    static var key: String { "commands" }
    var entries: [CommandSummary] { commands }
    var following: EventCursor? { next }
}

extension IncidentList: Page {
    static var key: String { "incidents" }
    var entries: [Incident] { incidents }
    var following: EventCursor? { next }
}

extension LogLines: Page {
    static var key: String { "events" }
    var entries: [LogLine] { events }
    /// The log has no last page, only a last one for now.
    var following: EventCursor? { events.isEmpty ? nil : next }
}

/// The pages of one list, as far as they were asked for.
struct Listing<List: Page> {
    private(set) var entries: [List.Entry] = []
    /// Whether there is more than was asked for.
    private(set) var isCut = false
    /// Kept only where they are shown themselves.
    private var replies: [Reply] = []

    /// What is shown when nobody says how much: twice the largest fleet, and some 200 MB of memory. Whoever has to look
    /// through more asks for a part.
    static var most: Int { 200_000 }

    /// Asks for pages until there is none, or `limit` entries have come. Each page but the last has an entry, so this ends.
    init(
        _ conversation: Conversation, _ route: Route, query: [(QueryParameter, String)], limit: Int, keepsJSON: Bool
    ) throws(OperatorError) {
        var next: EventCursor?
        repeat {
            var query = query
            if let next { query = query.filter { $0.0 != .after } + [(.after, next.text)] }
            query.append((.limit, "\(min(limit - entries.count, Limits.overviewMax))"))
            let reply = try conversation.ask(Question(route, query: query))
            let page = try reply.read(List.self)
            entries += page.entries
            if keepsJSON { replies.append(reply) }
            next = page.entries.isEmpty ? nil : page.following
        } while next != nil && entries.count < limit
        isCut = next != nil
    }

    /// One document: the only page as it came, or all in the form of one.
    func json() throws -> String {
        guard let first = replies.first, let last = replies.last, replies.count > 1 else {
            return printableJSON(replies.first?.body ?? [])
        }
        let items = try replies.flatMap { try Array($0.document.root.object().required(List.key).array()) }
        let next = try last.document.root.object()["next"]
        var writer = JSONWriter()
        let members = try Array(first.document.root.object())
        writer.object { fields in
            for (key, value) in members {
                switch key {
                case List.key: fields.field(key, items)
                case "total": fields.field(key, items.count)
                case "next": fields.optionalField(key, next)
                default: fields.field(key, value)
                }
            }
        }
        return printableJSON(writer.bytes)
    }
}

extension Desk {
    /// Shows a whole list: one JSON document, or a table.
    func list<List: Page>(
        _: List.Type, _ route: Route, _ query: [(QueryParameter, String)], none: String, _ columns: [Column<List.Entry>]
    ) throws {
        let listing = try listing(List.self, route, query, limit: try limit())
        try write(wantsJSON ? try listing.json() + "\n" : table(listing.entries, columns, none: none))
    }

    /// The pages of a list up to `limit`; nil: all, within reason, and what is left out is told.
    func listing<List: Page>(
        _: List.Type, _ route: Route, _ query: [(QueryParameter, String)], limit: Int?
    ) throws(OperatorError) -> Listing<List> {
        let listing = try Listing<List>(
            conversation, route, query: query, limit: limit ?? Listing<List>.most, keepsJSON: wantsJSON)
        if listing.isCut, limit == nil {
            tell("these are only the first \(listing.entries.count): narrow the list down")
        }
        return listing
    }
}
