package import Wire

// What is in a cursor: a letter for its list, the version of this form, and a place. It is told apart from the cursors of
// other lists, because an operator's script may mix them up; what is in it is nobody's business and may change.
extension EventCursor {
    /// The place after the line `sequence` of `log`.
    package init(after sequence: Int64, in log: Int64) {
        self = Self.made("\(List.events.rawValue)\(String(log, radix: 36))-\(String(sequence, radix: 36))")
    }

    /// After which line of `log`, which has come to `end`, it stands. Throws `.badCursor`, and `.cursorGone` for a place in
    /// another log: each restore begins one, because the lines behind the copy are other lines from then on.
    package func sequence(in log: Int64, endingAt end: Int64) throws(StoreError) -> Int64 {
        // What the first form named, nobody can tell any more.
        if text.hasPrefix("e1-") { throw gone }
        let parts = try place(in: .events).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let named = Int64(parts[0], radix: 36), let sequence = Int64(parts[1], radix: 36),
            sequence >= 0
        else { throw notOurs }
        guard named == log, sequence <= end else { throw gone }
        return sequence
    }

    private var gone: StoreError {
        StoreError(
            .cursorGone,
            "cursor \(text) is no place in this log, which was restored or is another one: begin without a cursor")
    }

    enum List: String { case events = "e2-", agents = "a1-", instances = "i1-", commands = "c1-", incidents = "n1-" }

    init(_ list: List, _ place: some CustomStringConvertible) { self = Self.made("\(list.rawValue)\(place)") }

    func place(in list: List) throws(StoreError) -> String {
        guard text.hasPrefix(list.rawValue) else { throw notOurs }
        return String(text.dropFirst(list.rawValue.count))
    }

    var notOurs: StoreError { StoreError(.badCursor, "cursor \(text) is none of this list: begin without one") }

    private static func made(_ text: String) -> Self {
        do { return try Self(text) } catch { preconditionFailure("a cursor made here is one: \(error)") }
    }
}
