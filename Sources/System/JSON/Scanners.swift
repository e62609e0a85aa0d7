/// Where a string ends, or why it does not.
enum ScannedString {
    /// `end` is one past the closing quote.
    case end(Int, isEscaped: Bool)
    case invalid(at: Int, reason: String)
}

/// Checks the string whose opening quote is at `start`: its escapes, its UTF-8, and that no control character is in it.
///
/// An escaped surrogate must be half of a pair. RFC 8259 leaves a lone one open; here it is refused, because a `String`
/// cannot hold one and to replace it would make two different texts equal.
func scanString(_ text: Span<UInt8>, from start: Int) -> ScannedString {
    var at = start + 1
    var isEscaped = false
    while at < text.count {
        let byte = text[at]
        if byte == UInt8(ascii: "\"") { return .end(at + 1, isEscaped: isEscaped) }
        if byte == UInt8(ascii: "\\") {
            guard let length = escapeLength(text, at) else {
                return .invalid(at: at, reason: "expected a valid escape, with surrogates in pairs")
            }
            isEscaped = true
            at += length
        } else if byte < 0x20 {
            return .invalid(at: at, reason: "expected control characters to be escaped")
        } else if byte < 0x80 {
            at += 1
        } else {
            guard let length = sequenceLength(text, at) else { return .invalid(at: at, reason: "expected valid UTF-8") }
            at += length
        }
    }
    return .invalid(at: at, reason: "expected '\"'")
}

/// The length of the escape whose backslash is at `at`, or nil.
private func escapeLength(_ text: Span<UInt8>, _ at: Int) -> Int? {
    guard at + 1 < text.count else { return nil }
    switch text[at + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
        UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
        return 2
    case UInt8(ascii: "u"):
        guard let unit = unitEscape(text, at) else { return nil }
        if isLowSurrogate(unit) { return nil }
        guard isHighSurrogate(unit) else { return 6 }
        guard let low = unitEscape(text, at + 6), isLowSurrogate(low) else { return nil }
        return 12
    default:
        return nil
    }
}

/// The UTF-16 unit that `\uXXXX` at `at` stands for, or nil when that is not there.
private func unitEscape(_ text: Span<UInt8>, _ at: Int) -> UInt32? {
    guard at + 6 <= text.count, text[at] == UInt8(ascii: "\\"), text[at + 1] == UInt8(ascii: "u") else { return nil }
    var unit: UInt32 = 0
    for digitAt in at + 2..<at + 6 {
        guard let digit = hexDigit(text[digitAt]) else { return nil }
        unit = unit << 4 | UInt32(digit)
    }
    return unit
}

/// The length of the well-formed UTF-8 sequence of two to four bytes at `at`, or nil: the Unicode Standard, table 3-7,
/// which leaves out overlong forms, surrogates and what is beyond U+10FFFF.
private func sequenceLength(_ text: Span<UInt8>, _ at: Int) -> Int? {
    let second: ClosedRange<UInt8>
    let length: Int
    switch text[at] {
    case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
    case 0xE0: (second, length) = (0xA0...0xBF, 3)
    case 0xE1...0xEC, 0xEE...0xEF: (second, length) = (0x80...0xBF, 3)
    case 0xED: (second, length) = (0x80...0x9F, 3)
    case 0xF0: (second, length) = (0x90...0xBF, 4)
    case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
    case 0xF4: (second, length) = (0x80...0x8F, 4)
    default: return nil
    }
    guard at + length <= text.count, second.contains(text[at + 1]) else { return nil }
    for continuation in at + 2..<at + length where text[continuation] & 0xC0 != 0x80 { return nil }
    return length
}

/// Follows the grammar of a number as far as it goes. `end` is one past the number, or where a digit is missing.
func scanNumber(_ text: Span<UInt8>, from start: Int) -> (end: Int, isValid: Bool) {
    var at = start
    if at < text.count, text[at] == UInt8(ascii: "-") { at += 1 }
    let wholeFrom = at
    at = skipDigits(text, from: at)
    if at == wholeFrom { return (at, false) }
    // A leading zero is a number of its own; what follows it is then not part of it.
    if text[wholeFrom] == UInt8(ascii: "0") { at = wholeFrom + 1 }
    if at < text.count, text[at] == UInt8(ascii: ".") {
        let digitsFrom = at + 1
        at = skipDigits(text, from: digitsFrom)
        if at == digitsFrom { return (at, false) }
    }
    if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
        at += 1
        if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
        let digitsFrom = at
        at = skipDigits(text, from: digitsFrom)
        if at == digitsFrom { return (at, false) }
    }
    return (at, true)
}

private func skipDigits(_ text: Span<UInt8>, from start: Int) -> Int {
    var at = start
    while at < text.count, text[at] &- UInt8(ascii: "0") < 10 { at += 1 }
    return at
}
