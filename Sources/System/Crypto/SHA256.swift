import CCrypto

/// SHA-256 (FIPS 180-4), whole or piece by piece.
@safe package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory for a SHA-256") }
        unsafe self.context = context
        require(unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil), "begin SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in
            require(unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "hash")
        }
    }

    package consuming func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: Digest.size)
        require(unsafe EVP_DigestFinal_ex(context, &bytes, nil), "end SHA-256")
        return Digest(bytes: bytes)
    }

    package static func hash(_ bytes: [UInt8]) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}

/// HMAC-SHA-256 (RFC 2104).
package enum HMACSHA256 {
    package static func authenticate(_ message: [UInt8], key: [UInt8]) -> Digest {
        var bytes = [UInt8](repeating: 0, count: Digest.size)
        let answer = unsafe HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &bytes, nil)
        precondition(unsafe answer != nil, "no memory for an HMAC")
        return Digest(bytes: bytes)
    }
}

/// These calls fail without memory and after a mistake of ours, which no caller could mend.
func require(_ code: Int32, _ operation: StaticString) {
    precondition(code == 1, "\(operation): libcrypto refused")
}
