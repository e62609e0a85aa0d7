import CCrypto

/// What keeps a certificate and its private key from being used.
package enum IdentityFault: Sendable, Equatable {
    case noCertificate
    /// None, or one behind a passphrase.
    case noKey
    /// Both are there and do not belong together.
    case noMatch
}

/// What is wrong with these contents of two PEM files, of which the first begins with the certificate. Who signed it, for whom
/// and until when is not looked at.
package func faults(certificate: [UInt8], key: [UInt8]) -> [IdentityFault] {
    // What could not be read is in libcrypto's list of errors, of which nobody else is to think that it is theirs.
    defer { ERR_clear_error() }
    let certificate = unsafe reading(certificate) { unsafe PEM_read_bio_X509($0, nil, nil, nil) }
    defer { unsafe X509_free(certificate) }
    // An empty passphrase: without any the library would ask for one at the terminal.
    var passphrase: CChar = 0
    let key = unsafe reading(key) { unsafe PEM_read_bio_PrivateKey($0, nil, nil, &passphrase) }
    defer { unsafe EVP_PKEY_free(key) }
    switch unsafe (certificate, key) {
    case (nil, nil): return [.noCertificate, .noKey]
    case (nil, _): return [.noCertificate]
    case (_, nil): return [.noKey]
    default: return unsafe X509_check_private_key(certificate, key) == 1 ? [] : [.noMatch]
    }
}

private func reading(_ bytes: [UInt8], _ body: (OpaquePointer?) -> OpaquePointer?) -> OpaquePointer? {
    unsafe bytes.withUnsafeBytes { bytes in
        let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
        defer { unsafe BIO_free(source) }
        return unsafe body(source)
    }
}
