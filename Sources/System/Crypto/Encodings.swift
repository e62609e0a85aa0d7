/// Two lower-case digits for each byte.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes of an even number of hexadecimal digits, either case; `nil` for anything else.
package func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}

private func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

private let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

/// base64url without padding (RFC 4648 §5), the form of tokens: safe in URLs, headers and file names.
package func base64URL(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var (held, heldBits): (UInt32, UInt32) = (0, 0)
    for byte in bytes {
        held = held << 8 | UInt32(byte)
        heldBits += 8
        while heldBits >= 6 {
            heldBits -= 6
            text.append(alphabet[Int(held >> heldBits & 63)])
        }
    }
    if heldBits > 0 { text.append(alphabet[Int(held << (6 - heldBits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
}

/// The bytes of base64url without padding; `nil` for anything else. Each sequence of bytes has exactly one text: bits that
/// no byte uses must be zero.
package func bytes(base64URL text: String) -> [UInt8]? {
    guard text.utf8.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count * 3 / 4)
    var (held, heldBits): (UInt32, UInt32) = (0, 0)
    for digit in text.utf8 {
        guard let value = sextet(digit) else { return nil }
        held = held << 6 | UInt32(value)
        heldBits += 6
        if heldBits >= 8 {
            heldBits -= 8
            bytes.append(UInt8(truncatingIfNeeded: held >> heldBits))
        }
    }
    return held & (1 << heldBits - 1) == 0 ? bytes : nil
}

private func sextet(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
}
