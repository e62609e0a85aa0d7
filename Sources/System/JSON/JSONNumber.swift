/// A number as it was written. Nothing is rounded: 0.0416 stays `0.0416`, and comparing is exact whatever the size.
///
/// Numbers are equal when their values are, so `1`, `1.0` and `10e-1` are; their texts still differ.
package struct JSONNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let text: String

    /// Nil unless the text is a number by JSON's grammar, with nothing around it.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        let scanned = scanNumber(bytes.span, from: 0)
        guard scanned.isValid, scanned.end == bytes.count else { return nil }
        self.text = text
    }

    package init(_ value: Int64) { text = String(value) }

    /// The shortest text that reads back as the same value; nil for what JSON cannot write.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = value.description
    }

    init(checked text: String) { self.text = text }

    /// The nearest double, or nil when that would be infinite.
    package var double: Double? { Double(text).flatMap { $0.isFinite ? $0 : nil } }

    /// The value, if it is whole and fits.
    package var integer: Int64? { Decimal(self).integer }

    /// The value times ten to the power of `places`, without what is then behind the point; nil if that does not fit.
    package func whole(shiftedBy places: Int) -> Int64? {
        var shifted = Decimal(self)
        if !shifted.digits.isEmpty { shifted.exponent += places }
        shifted.digits = Array(shifted.digits.prefix(max(0, shifted.exponent)))
        return shifted.integer
    }

    package var description: String { text }

    package static func == (left: Self, right: Self) -> Bool {
        left.text == right.text || Decimal(left) == Decimal(right)
    }

    package static func < (left: Self, right: Self) -> Bool { Decimal(left) < Decimal(right) }

    package func hash(into hasher: inout Hasher) { hasher.combine(Decimal(self)) }
}

/// The one form of a number: ±0.d₁d₂… × 10^exponent, neither d₁ nor the last digit zero. Zero has no digits.
private struct Decimal: Hashable, Comparable {
    var isNegative = false
    var digits: [UInt8] = []
    var exponent = 0

    /// An exponent further out is taken for this one: numbers that only such exponents tell apart compare as equal.
    private static let exponentMax = 1_000_000_000_000_000_000

    init(_ number: JSONNumber) {
        var pointAt: Int?
        var power = 0
        var bytes = Array(number.text.utf8)[...]
        if bytes.first == UInt8(ascii: "-") {
            isNegative = true
            bytes.removeFirst()
        }
        if let mark = bytes.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
            power = Self.clampedExponent(bytes[(mark + 1)...])
            bytes = bytes[..<mark]
        }
        for byte in bytes {
            if byte == UInt8(ascii: ".") { pointAt = digits.count } else { digits.append(byte - UInt8(ascii: "0")) }
        }
        exponent = power + (pointAt ?? digits.count)
        normalize()
    }

    private mutating func normalize() {
        let leading = digits.prefix { $0 == 0 }.count
        digits.removeFirst(leading)
        exponent -= leading
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { (isNegative, exponent) = (false, 0) }
    }

    private static func clampedExponent(_ text: ArraySlice<UInt8>) -> Int {
        let unsigned = text.first == UInt8(ascii: "+") ? text.dropFirst() : text
        if let value = Int64(decimal: unsigned.span) {
            return Int(min(max(value, -Int64(exponentMax)), Int64(exponentMax)))
        }
        return unsigned.first == UInt8(ascii: "-") ? -exponentMax : exponentMax
    }

    var integer: Int64? {
        // 19 digits hold every 64-bit value.
        guard exponent <= 19, exponent >= digits.count else { return digits.isEmpty ? 0 : nil }
        let padded = digits + Array(repeating: 0, count: exponent - digits.count)
        let sign = isNegative ? [UInt8(ascii: "-")] : []
        return Int64(decimal: (sign + padded.map { $0 + UInt8(ascii: "0") }).span)
    }

    static func < (left: Self, right: Self) -> Bool {
        if left.isNegative != right.isNegative { return left.isNegative }
        return left.isNegative ? right.isCloserToZero(than: left) : left.isCloserToZero(than: right)
    }

    private func isCloserToZero(than other: Self) -> Bool {
        if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
        if exponent != other.exponent { return exponent < other.exponent }
        return digits.lexicographicallyPrecedes(other.digits)
    }
}
