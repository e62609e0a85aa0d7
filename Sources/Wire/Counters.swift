package import JSON

/// Rises with each change of a slot's primary. What carries an older one is recorded and changes nothing.
package typealias Epoch = Counter<EpochKind>
/// Rises with each change of a slot's configuration, and only then.
package typealias ConfigVersion = Counter<ConfigVersionKind>

package enum EpochKind: CounterKind { package static let noun = "an epoch" }
package enum ConfigVersionKind: CounterKind { package static let noun = "a configuration version" }

package protocol CounterKind: Sendable { static var noun: String { get } }

/// A number from 0 that only rises, and is never mistaken for a counter of another kind.
package struct Counter<Kind: CounterKind>: Hashable, Sendable {
    package let number: Int64

    /// Nil below 0.
    package init?(_ number: Int64) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    private init(unchecked number: Int64) { self.number = number }

    package static var zero: Self { Self(unchecked: 0) }

    /// The one after this. At one a nanosecond the end is 292 years away, so reaching it traps.
    package var next: Self { Self(unchecked: number + 1) }
}

extension Counter: Comparable, CustomStringConvertible, ExpressibleByIntegerLiteral, JSONReadable, JSONWritable {
    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
    package var description: String { "\(number)" }

    /// A number written in the source.
    package init(integerLiteral number: Int64) {
        precondition(number >= 0, "\(Kind.noun) counts from 0")
        self.init(unchecked: number)
    }

    package init(from value: JSONValue) throws(JSONError) {
        guard let counter = Self(try value.integer()) else { throw value.fail("expected \(Kind.noun) (0 or more)") }
        self = counter
    }
    package func write(to writer: inout JSONWriter) { writer.value(number) }
}

extension Counter where Kind == ConfigVersionKind {
    /// The form in `ETag` and `If-None-Match`.
    package var etag: String { "\"\(number)\"" }

    /// Whether an `If-None-Match` names this version: `*`, or a list of entity tags (RFC 9110, 13.1.2). A weak tag means the
    /// same here. A comma inside of a tag cuts one in two that is not ours.
    package func isNamed(inTags field: String) -> Bool {
        let blanks: Set<Character> = [" ", "\t"]
        return field.split(separator: ",").contains { item in
            let end = item.lastIndex { !blanks.contains($0) } ?? item.startIndex
            let tag = item[...end].drop { blanks.contains($0) }
            return tag == "*" || (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag) == etag
        }
    }
}
