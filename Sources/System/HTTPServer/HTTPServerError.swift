/// Why a listener could not start.
package struct HTTPServerError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// Somebody else listens there.
        case addressInUse
        /// The address is not one, not ours, not allowed to us, or the given socket does not listen.
        case address
        /// The certificate or the key cannot be used, or the library was built without TLS.
        case tls
        /// The process may not open enough descriptors to serve anybody.
        case descriptors
        /// Anything else; the description says what.
        case failed
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
