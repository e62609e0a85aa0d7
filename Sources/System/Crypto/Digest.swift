/// The 32 bytes of a SHA-256 or an HMAC-SHA-256. Two are compared in constant time.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    package static let size = 32
    package let bytes: [UInt8]

    init(bytes: [UInt8]) {
        precondition(bytes.count == Self.size, "a digest has \(Self.size) bytes, not \(bytes.count)")
        self.bytes = bytes
    }

    package static func == (left: Digest, right: Digest) -> Bool { constantTimeEquals(left.bytes, right.bytes) }

    /// 64 lower-case hexadecimal digits.
    package var description: String { hexadecimal(bytes) }
}
