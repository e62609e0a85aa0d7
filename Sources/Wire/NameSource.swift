package import JSON

/// Makes names that no one has: UUIDs of version 7 (RFC 9562 §5.7), which sort by time and so keep the database's indexes
/// together.
package struct NameSource: Sendable {
    private let milliseconds: UInt64
    private var state: UInt64
    private var count: UInt64 = 0

    package init(now: Timestamp, chance: UInt64) {
        milliseconds = UInt64(max(0, now.nanosecondsSinceEpoch) / 1_000_000)
        state = chance
    }

    package mutating func next<Kind: IdentifierKind>() -> Identifier<Kind> {
        // A count where the standard has chance or a count, so that the names of one decision sort as they were made.
        let high = milliseconds << 16 | 0x7000 | min(count, 0xFFF)
        count += 1
        let low = draw() >> 2 | 0x8000_0000_0000_0000
        do { return try Identifier(uuidText(high, low)) } catch { preconditionFailure("a UUID is a name: \(error)") }
    }

    /// SplitMix64: from one number of the system's source, as many as a decision needs.
    package mutating func draw() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

private func uuidText(_ high: UInt64, _ low: UInt64) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(36)
    for (word, groups) in [(high, [8, 4, 4]), (low, [4, 12])] {
        var shift = 64
        for group in groups {
            for _ in 0..<group {
                shift -= 4
                text.append(digits[Int(word >> UInt64(shift) & 15)])
            }
            text.append(UInt8(ascii: "-"))
        }
    }
    text.removeLast()
    return String(decoding: text, as: UTF8.self)
}
