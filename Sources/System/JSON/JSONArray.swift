/// An array of a document: a view, cheap to copy.
package struct JSONArray: Sendable, Sequence {
    let tape: Tape
    let index: Int

    init(_ tape: Tape, _ index: Int) {
        self.tape = tape
        self.index = index
    }

    package var isEmpty: Bool { tape.children(of: index).isEmpty }

    /// Counted at each call.
    package var count: Int { reduce(0) { count, _ in count + 1 } }

    /// This array as the value it is.
    package var value: JSONValue { JSONValue(tape, index) }

    package func makeIterator() -> Iterator { Iterator(tape, tape.children(of: index)) }

    package struct Iterator: IteratorProtocol {
        private let tape: Tape
        private var rest: Range<Int>

        init(_ tape: Tape, _ children: Range<Int>) {
            self.tape = tape
            rest = children
        }

        package mutating func next() -> JSONValue? {
            guard let element = rest.first else { return nil }
            rest = Int(tape.nodes[element].next)..<rest.upperBound
            return JSONValue(tape, element)
        }
    }
}
