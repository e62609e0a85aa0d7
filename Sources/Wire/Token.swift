package import JSON

/// What proves who is calling. It never prints itself; whoever must send or hash it asks for `secret` by name.
package struct Token: Sendable {
    package let secret: String

    /// Takes a token of 1 to 255 printable ASCII characters without blanks, as it fits a header.
    package init(_ secret: String) throws(WireError) {
        guard (1...255).contains(secret.utf8.count), secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw WireError(code: .malformed, "expected \(Token.expectation)")
        }
        self.secret = secret
    }

    private static let expectation = "a token (1 to 255 printable ASCII characters, no blank)"
}

extension Token: Equatable {
    /// Takes the same time wherever two tokens of one length first differ.
    package static func == (left: Token, right: Token) -> Bool {
        guard left.secret.utf8.count == right.secret.utf8.count else { return false }
        return zip(left.secret.utf8, right.secret.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension Token: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "(secret)" }
    package var debugDescription: String { "(secret)" }
    /// Without it `dump` and a failed expectation of a test would show the stored property.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Token: JSONReadable, JSONWritable {
    package init(from value: JSONValue) throws(JSONError) {
        let text = try value.string()
        do { try self.init(text) } catch { throw value.fail("expected \(Token.expectation)") }
    }
    package func write(to writer: inout JSONWriter) { writer.value(secret) }
}
