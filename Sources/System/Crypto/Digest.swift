import CCrypto

/// The 32 bytes of a SHA-256 or an HMAC-SHA-256. Two are compared in constant time.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package static let size = 32
    // In place, not in an array: the token of every request becomes one.
    /// For tables: as good as random.
    package let words: SIMD4<UInt64>

    /// Nil unless there are 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        unsafe self.init { target in unsafe target.update(from: bytes, count: Self.size) }
    }

    /// `fill` is given the place of the 32 bytes.
    init(_ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        var words = SIMD4<UInt64>()
        unsafe withUnsafeMutablePointer(to: &words) { words in
            unsafe words.withMemoryRebound(to: UInt8.self, capacity: Self.size) { unsafe fill($0) }
        }
        self.words = words
    }

    package var bytes: [UInt8] { unsafe withUnsafeBytes(of: words) { unsafe Array($0) } }

    package static func == (left: Digest, right: Digest) -> Bool {
        unsafe withUnsafeBytes(of: left.words) { left in
            unsafe withUnsafeBytes(of: right.words) { right in
                unsafe CRYPTO_memcmp(left.baseAddress, right.baseAddress, size) == 0
            }
        }
    }

    /// 64 lower-case hexadecimal digits.
    package var description: String { hexadecimal(bytes) }
}
