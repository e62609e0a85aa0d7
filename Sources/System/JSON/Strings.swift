extension Node {
    /// A string's bytes as they are meant: without quotes, and with its escapes resolved.
    func resolvedContents(in bytes: [UInt8]) -> ArraySlice<UInt8> {
        let contents = bytes[contentsRange]
        return isEscaped ? resolveEscapes(contents)[...] : contents
    }
}

/// The bytes that a string's contents stand for. The parser has checked every escape.
func resolveEscapes(_ contents: ArraySlice<UInt8>) -> [UInt8] {
    var resolved: [UInt8] = []
    resolved.reserveCapacity(contents.count)
    var at = contents.startIndex
    while at < contents.endIndex {
        guard contents[at] == UInt8(ascii: "\\") else {
            resolved.append(contents[at])
            at += 1
            continue
        }
        let letter = contents[at + 1]
        at += 2
        guard letter == UInt8(ascii: "u") else {
            resolved.append(simpleEscape(letter))
            continue
        }
        var unit = UInt32(hexUnit(contents, at))
        at += 4
        if isHighSurrogate(unit) {
            let low = UInt32(hexUnit(contents, at + 2))
            unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            at += 6
        }
        appendUTF8(unit, to: &resolved)
    }
    return resolved
}

func isHighSurrogate(_ unit: UInt32) -> Bool { (0xD800...0xDBFF).contains(unit) }
func isLowSurrogate(_ unit: UInt32) -> Bool { (0xDC00...0xDFFF).contains(unit) }

func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}

private func hexUnit(_ contents: ArraySlice<UInt8>, _ at: Int) -> UInt16 {
    contents[at..<at + 4].reduce(0) { unit, byte in unit << 4 | UInt16(hexDigit(byte) ?? 0) }
}

private func simpleEscape(_ letter: UInt8) -> UInt8 {
    switch letter {
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: letter
    }
}

private func appendUTF8(_ value: UInt32, to bytes: inout [UInt8]) {
    guard let scalar = Unicode.Scalar(value) else { preconditionFailure("the parser let a lone surrogate through") }
    bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
}

/// Adds a string with its quotes. Only what JSON requires is escaped: quotes, backslashes and control characters.
func appendQuoted(_ string: String, to bytes: inout [UInt8]) {
    let text = string.utf8.span
    guard !needsEscape(text) else { return appendEscaped(text, to: &bytes) }
    bytes.append(addingCapacity: text.count + 2) { bytes in
        bytes.append(UInt8(ascii: "\""))
        bytes.append(text)
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Adds the key of a member, with the comma before it and the colon behind.
func appendQuotedKey(_ key: String, isFirst: Bool, to bytes: inout [UInt8]) {
    let text = key.utf8.span
    guard !needsEscape(text) else {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        appendEscaped(text, to: &bytes)
        return bytes.append(UInt8(ascii: ":"))
    }
    bytes.append(addingCapacity: text.count + 4) { bytes in
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(text)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}

private func appendEscaped(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for at in text.indices {
        if needsEscape(text[at]) { appendEscape(text[at], to: &bytes) } else { bytes.append(text[at]) }
    }
    bytes.append(UInt8(ascii: "\""))
}

private func needsEscape(_ text: Span<UInt8>) -> Bool {
    // To the end, as in `hasSameBytes`: nearly always there is nothing to escape.
    var isNeeded = false
    for at in 0..<text.count { isNeeded = needsEscape(text[at]) || isNeeded }
    return isNeeded
}

private func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
}

private func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: bytes.append(UInt8(ascii: "b"))
    case 0x09: bytes.append(UInt8(ascii: "t"))
    case 0x0A: bytes.append(UInt8(ascii: "n"))
    case 0x0C: bytes.append(UInt8(ascii: "f"))
    case 0x0D: bytes.append(UInt8(ascii: "r"))
    case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
        bytes.append(digits[Int(byte >> 4)])
        bytes.append(digits[Int(byte & 15)])
    default: bytes.append(byte)
    }
}
