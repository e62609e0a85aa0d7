package import Wire

// What is in a cursor: a letter for its list, the version of this form, and a place. It is told apart from the cursors of
// other lists, because an operator's script may mix them up; what is in it is nobody's business and may change.
extension EventCursor {
    /// The place after the log's line `sequence`.
    package init(after sequence: Int64) { self = Self.made("e1-\(String(sequence, radix: 36))") }

    /// After which line of the log it stands. Throws `.badCursor`.
    package func sequence() throws(StoreError) -> Int64 {
        guard let sequence = Int64(try place(in: .events), radix: 36), sequence >= 0 else { throw notOurs }
        return sequence
    }

    enum List: String { case events = "e1-", agents = "a1-", instances = "i1-", commands = "c1-", incidents = "n1-" }

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
