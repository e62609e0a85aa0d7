/// An object of a document: a view, cheap to copy. To look a key up walks over the keys before it, so whoever needs many
/// keys of a big object iterates once instead.
package struct JSONObject: Sendable, Sequence {
    let tape: Tape
    let index: Int

    init(_ tape: Tape, _ index: Int) {
        self.tape = tape
        self.index = index
    }

    package var isEmpty: Bool { tape.children(of: index).isEmpty }

    /// The value of a key, null or not. Of duplicate keys the last one counts.
    package subscript(_ key: String) -> JSONValue? {
        let children = tape.children(of: index)
        let takesFirst = tape.duplicates.isEmpty
        let wanted = key.utf8.span
        var found: Int?
        var child = children.lowerBound
        while child < children.upperBound {
            if tape.string(at: child, equals: wanted) {
                found = child + 1
                if takesFirst { break }
            }
            child = Int(tape.nodes[child + 1].next)
        }
        return found.map { JSONValue(tape, $0) }
    }

    /// The value of a key that must be there, null or not.
    package func required(_ key: String) throws(JSONError) -> JSONValue {
        guard let value = self[key] else { throw missing(key) }
        return value
    }

    /// The value of a key, or nil where it is absent or null.
    package func optional(_ key: String) -> JSONValue? {
        guard let value = self[key], !value.isNull else { return nil }
        return value
    }

    /// This object as the value it is.
    package var value: JSONValue { JSONValue(tape, index) }

    /// What is wrong where there is no such key.
    package func missing(_ key: String) -> JSONError {
        var path = tape.path(to: index)
        appendKey(key, to: &path)
        return JSONError(.missing, path: path, reason: "missing")
    }

    package func makeIterator() -> Iterator { Iterator(tape, tape.children(of: index)) }

    /// Keys and values in the order of the text, duplicates included.
    package struct Iterator: IteratorProtocol {
        private let tape: Tape
        private var rest: Range<Int>

        init(_ tape: Tape, _ children: Range<Int>) {
            self.tape = tape
            rest = children
        }

        package mutating func next() -> (key: String, value: JSONValue)? {
            guard let key = rest.first else { return nil }
            rest = Int(tape.nodes[key + 1].next)..<rest.upperBound
            return (tape.string(at: key), JSONValue(tape, key + 1))
        }
    }
}
