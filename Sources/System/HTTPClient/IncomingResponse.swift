/// A complete answer. Any status is an answer: what 404 or 503 means is for the caller to say.
package struct IncomingResponse: Sendable {
    package let status: Int
    /// In the order of arrival, repeats included, without those of an interim (1xx) answer and without trailers.
    package let headers: [HeaderField]
    package let body: [UInt8]
    package let timings: Timings
    /// Whether the request went over a connection that an earlier one had opened.
    package let connectionReused: Bool

    /// The value of the first header called `name`, in whatever case it was sent.
    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// How long after the request was started each step was done; zero for a step that was not needed. A wait for a name
/// to be looked up is in none of them but in `total`.
package struct Timings: Sendable, Equatable {
    package let nameLookup: Duration
    package let connect: Duration
    package let tls: Duration
    package let firstByte: Duration
    /// From `send` to the last byte.
    package let total: Duration
}
