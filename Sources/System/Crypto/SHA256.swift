import CCrypto

/// SHA-256 (FIPS 180-4), whole or piece by piece.
@safe package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    package init() {
        guard let context = unsafe EVP_MD_CTX_new() else { preconditionFailure("no memory for a SHA-256") }
        unsafe self.context = context
        require(unsafe EVP_DigestInit_ex(context, sha256, nil), "begin SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in
            require(unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "hash")
        }
    }

    package consuming func finish() -> Digest {
        unsafe Digest { target in
            require(unsafe EVP_DigestFinal_ex(context, target, nil), "end SHA-256")
        }
    }

    package static func hash(_ bytes: [UInt8]) -> Digest { hash(bytes.span) }

    /// The function itself, without libcrypto's machinery for choosing one, which takes longer than to hash a token: that
    /// is done for every request.
    package static func hash(_ bytes: Span<UInt8>) -> Digest {
        unsafe Digest { target in
            var context = SHA256_CTX()
            require(unsafe SHA256_Init(&context), "begin SHA-256")
            unsafe bytes.withUnsafeBytes { bytes in
                require(unsafe SHA256_Update(&context, bytes.baseAddress, bytes.count), "hash")
            }
            require(unsafe SHA256_Final(target, &context), "end SHA-256")
        }
    }
}

// Looked up once: libcrypto searches its providers for what `EVP_sha256()` names at every use, which takes longer than the
// hash of a token.
nonisolated(unsafe) private let sha256: OpaquePointer = {
    // Never freed and, as libcrypto promises, fit for every thread.
    guard let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil) else {
        preconditionFailure("libcrypto has no SHA-256")
    }
    return unsafe algorithm
}()

/// HMAC-SHA-256 (RFC 2104).
package enum HMACSHA256 {
    package static func authenticate(_ message: [UInt8], key: [UInt8]) -> Digest {
        unsafe Digest { target in
            let answer = unsafe HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, target, nil)
            precondition(unsafe answer != nil, "no memory for an HMAC")
        }
    }
}

/// These calls fail without memory and after a mistake of ours, which no caller could mend.
func require(_ code: Int32, _ operation: StaticString) {
    precondition(code == 1, "\(operation): libcrypto refused")
}
