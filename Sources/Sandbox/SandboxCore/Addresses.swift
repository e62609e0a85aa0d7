/// An IPv4 address.
package struct IPv4: Sendable, Hashable, CustomStringConvertible {
    let number: UInt32

    init(number: UInt32) { self.number = number }

    /// Nil unless it is four numbers with points between them.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part in UInt8(part).flatMap { String($0) == part ? $0 : nil } }
        guard parts.count == 4, bytes.count == 4 else { return nil }
        number = bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// 0.0.0.0, which stands for all that a machine has.
    package var isAny: Bool { number == 0 }
    package var isLoopback: Bool { number >> 24 == 127 }

    /// This machine's own, of a private network (RFC 1918), or link-local: nobody else on the internet can mean it.
    package var isPrivate: Bool {
        isLoopback || number >> 24 == 10 || number >> 20 == 0xAC1 || number >> 16 == 0xC0A8 || number >> 16 == 0xA9FE
    }

    package var description: String {
        [24, 16, 8, 0].map { String(number >> UInt32($0) & 255) }.joined(separator: ".")
    }
}

/// A network to take addresses from: `127.77.0.0/16`.
package struct AddressRange: Sendable, Equatable, CustomStringConvertible {
    package let first: IPv4
    let length: UInt32

    /// Nil unless it is an address, a slash, and the length of the prefix, 8 to 28, with no bit set behind it.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = IPv4(String(parts[0])), let length = UInt32(parts[1]),
            (8...28).contains(length), first.number & (UInt32.max >> length) == 0
        else { return nil }
        (self.first, self.length) = (first, length)
    }

    package var description: String { "\(first)/\(length)" }
    package func contains(_ address: IPv4) -> Bool { address.number >> (32 - length) == first.number >> (32 - length) }

    /// The next one behind `last` that is free, round and round; nil when none is. As in a subnet of EC2, the first five are
    /// nobody's, nor is the last.
    func next(behind last: IPv4?, free: (IPv4) -> Bool) -> IPv4? {
        let count = UInt32(1) << (32 - length) - 6
        let start = last.map { $0.number - first.number - 5 + 1 } ?? 0
        for step in 0..<min(count, 4_096) {
            let address = IPv4(number: first.number + 5 + (start + step) % count)
            if free(address) { return address }
        }
        return nil
    }
}
