/// Identifiers that nobody had before, and say where they come from: `5a4db0` stands for SANDBO.
struct Chance: Sendable {
    private var state: UInt64

    init(_ start: UInt64) { state = start }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    /// As EC2's: `i-5a4db0` and eleven digits.
    mutating func identifier(_ kind: String) -> String { "\(kind)-\(digits(next()))" }

    /// 32 digits, for what is a secret to somebody.
    mutating func secret() -> String { "5a4db0" + hexadecimal(next(), 16) + hexadecimal(next(), 10) }
}

/// What somebody named at the start has the same identifier at every start, so that settings can have it.
func identifier(_ kind: String, named name: String) -> String { "\(kind)-\(digits(hash(name)))" }

/// FNV-1a.
private func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

func digits(_ number: UInt64) -> String { "5a4db0" + hexadecimal(number, 11) }
func digits(named name: String) -> String { "5a4db0" + hexadecimal(hash(name), 10) }

private func hexadecimal(_ number: UInt64, _ count: Int) -> String {
    let text = String(number, radix: 16)
    return String((String(repeating: "0", count: 16) + text).suffix(count))
}
