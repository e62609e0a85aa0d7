/// One value of a document: a view, cheap to copy, that keeps the whole document alive.
package struct JSONValue: Sendable {
    let tape: Tape
    let index: Int

    init(_ tape: Tape, _ index: Int) {
        self.tape = tape
        self.index = index
    }

    package var kind: JSONKind { tape.nodes[index].kind }
    package var isNull: Bool { kind == .null }

    /// Where this is in its document, such as `spot_pools[3].price`; empty for the document itself. For messages: it
    /// costs a walk over the document.
    package var path: String { tape.path(to: index) }

    /// Where this stands in the bytes of its document.
    package var place: Range<Int> { tape.nodes[index].range }

    /// The text of this value as it came, spaces and all.
    package var verbatim: [UInt8] { Array(tape.text(at: index)) }

    package func object() throws(JSONError) -> JSONObject {
        guard kind == .object else { throw fail("expected an object") }
        return JSONObject(tape, index)
    }

    package func array() throws(JSONError) -> JSONArray {
        guard kind == .array else { throw fail("expected an array") }
        return JSONArray(tape, index)
    }

    package func string() throws(JSONError) -> String {
        guard kind == .string else { throw fail("expected a string") }
        return tape.string(at: index)
    }

    /// Whether this is a string with that text: cheaper than to make the string.
    package func isString(_ text: String) -> Bool {
        kind == .string && tape.string(at: index, equals: text.utf8.span)
    }

    package func boolean() throws(JSONError) -> Bool {
        guard kind == .boolean else { throw fail("expected a boolean") }
        return tape.text(at: index).first == UInt8(ascii: "t")
    }

    package func number() throws(JSONError) -> JSONNumber {
        guard kind == .number else { throw fail("expected a number") }
        return JSONNumber(checked: String(decoding: tape.text(at: index), as: UTF8.self))
    }

    /// A number that is whole, however it is written (`12`, `12.0`, `1.2e1`), and fits.
    package func integer() throws(JSONError) -> Int64 {
        guard kind == .number else { throw fail("expected a whole number") }
        let bytes = tape.bytes
        if let whole = Int64(decimal: bytes.span.extracting(tape.nodes[index].range)) { return whole }
        guard let whole = try number().integer else { throw fail("expected a whole number of 64 bits") }
        return whole
    }

    /// A whole number within bounds, which the error names.
    package func integer(in range: ClosedRange<Int64>) throws(JSONError) -> Int64 {
        let whole = try integer()
        guard range.contains(whole) else {
            throw fail("expected a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }

    /// An RFC 3339 time. Old clients leave the zone out and mean UTC, so that is what a missing one stands for, unless
    /// the caller refuses it.
    package func timestamp(withoutZone rule: Timestamp.ZoneRule = .meansUTC) throws(JSONError) -> Timestamp {
        guard kind == .string, let time = parseTimestamp(rule) else { throw fail("expected an RFC 3339 time") }
        return time
    }

    private func parseTimestamp(_ rule: Timestamp.ZoneRule) -> Timestamp? {
        Timestamp(rfc3339: tape.nodes[index].resolvedContents(in: tape.bytes).span, withoutZone: rule)
    }

    /// An error with this value's path, for what only the caller can check: `value.fail("expected an instance id")`.
    package func fail(_ expectation: String) -> JSONError {
        JSONError(.mismatch, path: path, reason: expectation)
    }
}

extension Int64 {
    /// The plain form, `-?[0-9]+`, which is what nearly all whole numbers have; nil for any other, and on overflow.
    init?(decimal text: Span<UInt8>) {
        let isNegative = !text.isEmpty && text[0] == UInt8(ascii: "-")
        var value: Int64 = 0
        for at in (isNegative ? 1 : 0)..<text.count {
            let digit = text[at] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            // Counting downwards reaches the smallest value, which has no positive twin.
            let (next, overflowAgain) = tens.subtractingReportingOverflow(Int64(digit))
            if overflow || overflowAgain { return nil }
            value = next
        }
        if isNegative { self = value } else if value == .min { return nil } else { self = -value }
    }
}
