/// A text that was read: everything in it is known to be valid JSON and valid UTF-8, and nothing of it was copied yet.
///
/// Duplicate keys are accepted and reported; an object then answers with the last of them, as the languages that old
/// clients are written in do.
package struct JSONDocument: Sendable {
    let tape: Tape

    /// Reads one value, of any kind, with nothing around it but white space.
    package init(_ bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
        tape = Tape(bytes: bytes, nodes: try Parser.parse(bytes, limits: limits))
    }

    package var root: JSONValue { JSONValue(tape, 0) }

    /// Where a key was given again, such as `config.enabled`: the first few of these, enough to refuse the text and to
    /// mend it. Empty means that there is none.
    package var duplicateKeys: [String] { tape.duplicates.map { tape.path(to: $0) } }
}
