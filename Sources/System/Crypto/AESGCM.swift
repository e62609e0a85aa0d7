import CCrypto

/// AES-256-GCM (NIST SP 800-38D). A sealed message is its nonce (12 bytes), the ciphertext and the tag (16 bytes).
///
/// The nonce is random: one key seals at most 2^32 messages, by which time a repeated nonce, which would give both away, is
/// still less likely than one in 2^32.
package enum AESGCM {
    static let nonceSize = 12
    static let tagSize = 16
    /// What sealing adds to a message.
    package static let overhead = nonceSize + tagSize
    /// libcrypto counts in `int`. Far above what is sealed here, which are tokens.
    package static let messageSizeMax = 1 << 24

    /// `context` is not kept in the sealed message; opening needs the same. It binds a secret to its place: the row it
    /// belongs to, say.
    package static func seal(
        _ message: [UInt8], key: SymmetricKey, context: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        try seal(message, key: key, context: context, nonce: randomBytes(nonceSize))
    }

    /// `nil` if anything of it was altered, or it was sealed with another key or context.
    package static func open(_ sealed: [UInt8], key: SymmetricKey, context: [UInt8] = []) -> [UInt8]? {
        guard sealed.count >= overhead, sealed.count - overhead <= messageSizeMax, context.count <= messageSizeMax
        else {
            return nil
        }
        let nonce = Array(sealed.prefix(nonceSize))
        let ciphertext = Array(sealed.dropFirst(nonceSize).dropLast(tagSize))
        var tag = Array(sealed.suffix(tagSize))
        return try? Cipher(encrypts: false, key, nonce).open(ciphertext, context, &tag)
    }

    /// With a nonce of the caller's, for the known answers of the tests.
    static func seal(
        _ message: [UInt8], key: SymmetricKey, context: [UInt8], nonce: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        guard message.count <= messageSizeMax, context.count <= messageSizeMax else {
            throw CryptoError(.tooLarge, "seal \(message.count) bytes: more than \(messageSizeMax)")
        }
        let (ciphertext, tag) = try Cipher(encrypts: true, key, nonce).seal(message, context)
        return nonce + ciphertext + tag
    }
}

/// One use of libcrypto's cipher.
@safe private struct Cipher: ~Copyable {
    private let context: OpaquePointer
    private let encrypts: Int32

    init(encrypts: Bool, _ key: SymmetricKey, _ nonce: [UInt8]) throws(CryptoError) {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { preconditionFailure("no memory for a cipher") }
        unsafe self.context = context
        self.encrypts = encrypts ? 1 : 0
        let code = try unsafe key.withPointer { key throws(CryptoError) in
            unsafe EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, encrypts ? 1 : 0)
        }
        // The default length of a GCM nonce is the 12 bytes we use.
        require(code, "begin AES-256-GCM")
    }

    deinit { unsafe EVP_CIPHER_CTX_free(context) }

    borrowing func seal(_ message: [UInt8], _ additional: [UInt8]) throws(CryptoError) -> ([UInt8], [UInt8]) {
        let ciphertext = run(message, additional)
        var (rest, count): ([UInt8], Int32) = ([0], 0)
        require(unsafe EVP_CipherFinal_ex(context, &rest, &count), "end AES-256-GCM")
        var tag = [UInt8](repeating: 0, count: AESGCM.tagSize)
        require(
            unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag), "read the tag")
        return (ciphertext, tag)
    }

    borrowing func open(
        _ ciphertext: [UInt8], _ additional: [UInt8], _ tag: inout [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let message = run(ciphertext, additional)
        require(
            unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag), "set the tag")
        var (rest, count): ([UInt8], Int32) = ([0], 0)
        guard unsafe EVP_CipherFinal_ex(context, &rest, &count) == 1 else {
            throw CryptoError(.notAuthentic, "open a sealed message: it was altered or is another's")
        }
        return message
    }

    private borrowing func run(_ input: [UInt8], _ additional: [UInt8]) -> [UInt8] {
        var count: Int32 = 0
        if !additional.isEmpty {
            require(
                unsafe EVP_CipherUpdate(context, nil, &count, additional, Int32(additional.count)), "authenticate")
        }
        guard !input.isEmpty else { return [] }
        var output = [UInt8](repeating: 0, count: input.count)
        require(unsafe EVP_CipherUpdate(context, &output, &count, input, Int32(input.count)), "encrypt or decrypt")
        return output
    }
}
