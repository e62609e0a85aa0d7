/// An answer that the server gives by itself, because no handler can: what is wrong, and with which request.
package struct Refusal: Sendable {
    /// 400, 408, 413, 414, 431 or 505: the handler never sees the request. 500: the handler returned and had done nothing. 503: the
    /// connection is one too many.
    package let status: Int
    /// A fragment for people, such as `the body is longer than 1048576 bytes`.
    package let reason: String
    /// Nil where nobody has read a header, or may read it now: 503, 408, and what the library finds.
    package let request: RefusedRequest?

    /// For people.
    package var plainText: Response {
        var response = Response(status: status, text: reason + "\n")
        if status == 503 { response.headers.append(Self.retrySoon) }
        return response
    }

    /// Connections come and go, so there may be room at once; clients that pace themselves wait longer.
    private static let retrySoon = HeaderField(constant: "Retry-After", "1")
}

/// What is known of a request that is refused. Its target may be one that cannot be understood.
package struct RefusedRequest: Sendable {
    package let method: String
    /// What stood in the request line, untouched.
    package let target: String
    package let headers: HeaderFields
    package let peer: PeerAddress
}

extension RefusedRequest {
    init(_ request: Request) {
        self.init(method: request.method, target: request.target, headers: request.headers, peer: request.peer)
    }
}
