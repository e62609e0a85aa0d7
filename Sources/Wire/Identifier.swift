package import JSON

/// A name that crosses the network, checked when it comes in, so that whoever holds one need not check it again.
///
/// The phantom `Kind` carries the rule and keeps a command's id from being passed for a slot's.
package struct Identifier<Kind: IdentifierKind>: Hashable, Sendable {
    /// The name exactly as it came.
    package let text: String

    /// Takes `text` when it keeps the rule of its kind; the error says what was expected.
    package init(_ text: String) throws(WireError) {
        guard Kind.bytes.contains(text.utf8.count), Kind.admits(text) else {
            throw WireError(code: .malformed, "expected \(Kind.expectation)")
        }
        self.text = text
    }
}

/// The rule of one kind of identifier.
package protocol IdentifierKind: Sendable {
    /// What a reader of an error should have sent: "an instance id (…)".
    static var expectation: String { get }
    /// How long the name may be, in bytes of UTF-8.
    static var bytes: ClosedRange<Int> { get }
    /// Whether a name of permitted length has the right characters in the right places.
    static func admits(_ text: String) -> Bool
}

extension Identifier: CustomStringConvertible, Comparable, ExpressibleByStringLiteral, JSONReadable, JSONWritable {
    package var description: String { text }

    /// A name written in the source; a malformed one is a mistake in the program and traps.
    package init(stringLiteral text: String) {
        do { try self.init(text) } catch { preconditionFailure("\(error) in the source, found \(text)") }
    }

    package init(from value: JSONValue) throws(JSONError) {
        let text = try value.string()
        do { try self.init(text) } catch { throw value.fail("expected \(Kind.expectation)") }
    }

    package func write(to writer: inout JSONWriter) { writer.value(text) }

    /// Byte order: only there so that a set of names can be walked the same way in every run.
    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// What is wrong with a value that did not come as JSON: a path, a query, a configuration file, a command line.
package struct WireError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// The text does not have the form its type asks for.
        case malformed
    }
    package let code: Code
    package let description: String

    package init(code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
