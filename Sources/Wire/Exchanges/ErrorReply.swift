package import JSON

/// The answer to whatever was not done, with every HTTP status of 400 and more.
///
/// Agents of the original read none of it but the status; people and dashboards read `error`; programs read `code`,
/// which stands there twice because the original's two generations looked in two places.
package struct ErrorReply: WireObject {
    /// One sentence for a person, with the path of the fault where there is one.
    package var error: String
    package var code: ErrorCode
    package var request: RequestID?

    package init(_ code: ErrorCode, _ error: String, request: RequestID? = nil) {
        self.code = code
        self.error = error
        self.request = request
    }

    package init(_ fields: Fields) throws(JSONError) {
        error = try fields.text("error", upTo: Limits.sentenceBytes)
        code = ErrorCode(rawValue: try fields.text("code"))
        request = try fields.maybe("request_id")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("status", "error")
        fields.putSentence("error", error)
        fields.null("data")
        fields.put("code", code.rawValue)
        fields.put("error_code", code.rawValue)
        fields.put("success", false)
        fields.put("request_id", request)
    }
}

/// What a program can act on. A reader may meet one that it does not know, and then goes by the HTTP status.
package struct ErrorCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    /// The body or query is not what the route takes.
    package static let validation = ErrorCode(rawValue: "VALIDATION_ERROR")
    /// Settings that exclude each other.
    package static let configuration = ErrorCode(rawValue: "INVALID_CONFIGURATION")
    /// No credential where one is needed.
    package static let unauthorized = ErrorCode(rawValue: "UNAUTHORIZED")
    /// A credential that nobody has, or no longer: an agent enrols again.
    package static let invalidToken = ErrorCode(rawValue: "INVALID_TOKEN")
    /// An `Authorization` that is not `Bearer` and one token.
    package static let invalidAuthFormat = ErrorCode(rawValue: "INVALID_AUTH_FORMAT")
    /// A good credential of a tenant that is switched off.
    package static let inactiveClient = ErrorCode(rawValue: "INACTIVE_CLIENT")
    /// A good credential that may not do this.
    package static let forbidden = ErrorCode(rawValue: "FORBIDDEN")
    package static let notFound = ErrorCode(rawValue: "NOT_FOUND")
    package static let methodNotAllowed = ErrorCode(rawValue: "METHOD_NOT_ALLOWED")
    /// What was asked does not fit how things stand, such as a promotion of what is not ready.
    package static let conflict = ErrorCode(rawValue: "CONFLICT")
    /// The rest of the request did not come in time.
    package static let timeout = ErrorCode(rawValue: "REQUEST_TIMEOUT")
    /// What it goes on from is no more: begin anew.
    package static let gone = ErrorCode(rawValue: "GONE")
    package static let tooLarge = ErrorCode(rawValue: "PAYLOAD_TOO_LARGE")
    /// Slow down; `Retry-After` says by how much.
    package static let tooManyRequests = ErrorCode(rawValue: "TOO_MANY_REQUESTS")
    /// Not now; `Retry-After` says when.
    package static let unavailable = ErrorCode(rawValue: "UNAVAILABLE")
    /// Our own fault.
    package static let server = ErrorCode(rawValue: "SERVER_ERROR")
}
