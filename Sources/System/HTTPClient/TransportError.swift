/// Why a request has no answer.
package struct TransportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What a caller can do something about.
    package enum Code: Sendable {
        /// The request cannot be sent as it stands; the same one will never work.
        case invalidRequest
        /// As many requests are under way as `TransportOptions.maxRequests` allows. Nothing was sent; come back later.
        case busy
        /// The request's own deadline came first. The other side may have acted on it.
        case deadlinePassed
        /// The host's name has no address, or the name server said so.
        case resolve
        /// Nobody took the connection. Nothing was sent.
        case connect
        /// The TLS handshake failed for a reason other than trust.
        case tls
        /// The certificate is not to be trusted: its issuer, name or dates. With a private authority, its certificate
        /// belongs in the CA file.
        case untrustedPeer
        /// The CA file is missing, unreadable or holds no certificate.
        case badCAFile
        /// The answer is larger than the request or the options allow.
        case tooLarge
        /// What came back is not an HTTP answer.
        case protocolError
        /// The connection ended before the answer did. The other side may have acted on the request.
        case connectionLost
        /// This process lacks what a request needs: descriptors, memory, a place in the event loop.
        case resources
    }

    package let code: Code
    /// What was being done, to what, then why. Query and user part of the URL are left out.
    package let description: String
    /// The deadline passed when the request was out, on a connection that the other side had taken.
    package let wasSent: Bool

    init(_ code: Code, _ description: String, wasSent: Bool = false) {
        self.code = code
        self.description = description
        self.wasSent = wasSent
    }

    func prefixed(_ what: String) -> TransportError {
        TransportError(code, "\(what): \(description)", wasSent: wasSent)
    }
}
