/// A path with places for values: `/api/agents/{agent_id}/config`.
package struct PathTemplate: Hashable, Sendable, CustomStringConvertible {
    /// One part between slashes.
    package enum Segment: Hashable, Sendable {
        case literal(String)
        /// A place for a value, with its name for logs and documentation.
        case parameter(String)
    }

    package let description: String
    /// The parts in order; none for `/`.
    package let segments: [Segment]

    package init(_ template: String) {
        description = template
        segments = template.split(separator: "/").map { part in
            part.hasPrefix("{") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
    }

    /// How many values the path takes.
    package var parameterCount: Int {
        segments.count { if case .parameter = $0 { true } else { false } }
    }

    /// Whether some path fits both: a router could not tell them apart.
    package func collides(with other: PathTemplate) -> Bool {
        segments.count == other.segments.count
            && zip(segments, other.segments).allSatisfy { mine, theirs in
                if case .literal(let left) = mine, case .literal(let right) = theirs { left == right } else { true }
            }
    }

    /// The path with its places filled in order, percent-encoded. Another number of values is a mistake in the program.
    func filled(with values: [String]) -> String {
        precondition(values.count == parameterCount, "\(self) takes \(parameterCount) values, given \(values.count)")
        var remaining = values[...]
        let parts = segments.map { segment in
            switch segment {
            case .literal(let text): text
            case .parameter: percentEncoded(remaining.removeFirst())
            }
        }
        return "/" + parts.joined(separator: "/")
    }
}

/// `text` with all but the unreserved characters of RFC 3986 §2.3 as percent and two digits.
func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.append(byte)
        default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: encoded, as: UTF8.self)
}
