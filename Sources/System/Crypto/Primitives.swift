import CCrypto

/// Bytes nobody can guess.
package func randomBytes(_ count: Int) throws(CryptoError) -> [UInt8] {
    precondition(count >= 0 && count <= 1 << 20, "\(count) random bytes; a secret has a few dozen")
    var bytes = [UInt8](repeating: 0, count: count)
    guard unsafe RAND_bytes(&bytes, Int32(count)) == 1 else {
        throw CryptoError(.noRandomness, "take \(count) random bytes: the source has none")
    }
    return bytes
}

/// Whether two secrets are equal, in a time that tells nothing of where they differ. It does tell whether their lengths
/// differ: compare digests where the length is a secret, too.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return unsafe CRYPTO_memcmp(left, right, left.count) == 0
}
