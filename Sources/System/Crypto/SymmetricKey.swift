import CCrypto

/// 256 bits that are never printed, and wiped when their one owner goes. Any thread may use it.
@safe package final class SymmetricKey: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    // Unchecked: written by `init` alone. A class, because bytes that could be copied could not be wiped.
    private let bytes: UnsafeMutableRawBufferPointer

    package static let size = 32

    /// `nil` unless there are exactly 32 bytes. The caller's own copy stays the caller's to forget.
    package init?(_ source: [UInt8]) {
        guard source.count == Self.size else { return nil }
        unsafe bytes = .allocate(byteCount: Self.size, alignment: 1)
        unsafe bytes.copyBytes(from: source)
    }

    deinit {
        // OPENSSL_cleanse, as a compiler may drop a plain write to memory that is freed next.
        unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        unsafe bytes.deallocate()
    }

    package static func random() throws(CryptoError) -> SymmetricKey {
        guard let key = SymmetricKey(try randomBytes(size)) else { preconditionFailure("a key of the wrong size") }
        return key
    }

    /// For the file it is kept in.
    package func withBytes<Value>(_ body: ([UInt8]) throws -> Value) rethrows -> Value {
        try unsafe body(Array(bytes))
    }

    func withPointer<Value>(_ body: (UnsafePointer<UInt8>) throws(CryptoError) -> Value) throws(CryptoError) -> Value {
        guard let pointer = unsafe UnsafePointer(bytes.bindMemory(to: UInt8.self).baseAddress) else {
            preconditionFailure("a key without bytes")
        }
        return try unsafe body(pointer)
    }

    package var description: String { "SymmetricKey" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
