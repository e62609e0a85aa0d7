import HTTPServer
import JSON
import Wire

// Every answer that says no is made here, so that all have the one shape of `ErrorReply`.
extension Response {
    static func json(_ body: some JSONWritable, status: Int = 200, headers: [HeaderField] = []) -> Response {
        Response(status: status, headers: headers.isEmpty ? onlyJSON : [.json] + headers, body: encodeJSON(body))
    }

    /// `text` is JSON.
    static func json(text: [UInt8]) -> Response { Response(status: 200, headers: onlyJSON, body: text) }

    /// Made once: nearly every answer has these.
    private static let onlyJSON: [HeaderField] = [.json]

    /// With the status that belongs to the code.
    static func refusal(_ reply: ErrorReply, to request: RequestID, headers: [HeaderField] = []) -> Response {
        var reply = reply
        reply.request = request
        var headers = headers
        // Who is told that a body is too long may have a shorter one next time, and is not to send the same again at once.
        if [.tooManyRequests, .unavailable, .tooLarge].contains(reply.code) { headers.append(.retrySoon) }
        if reply.code == .unauthorized || reply.code == .invalidToken || reply.code == .invalidAuthFormat {
            headers.append(.wantsBearer)
        }
        return .json(reply, status: reply.code.status, headers: headers)
    }

    static func methodNotAllowed(
        _ method: String, _ path: String, allowed: [String], to request: RequestID
    ) -> Response {
        let list = allowed.joined(separator: ", ")
        return .refusal(
            ErrorReply(.methodNotAllowed, "\(path) takes \(list), not \(method)"), to: request,
            headers: HeaderField("Allow", list).map { [$0] } ?? [])
    }

    /// With the headers that let a page of `origin` read it.
    consuming func shown(to origin: String?) -> Response {
        guard let origin, let field = HeaderField("Access-Control-Allow-Origin", origin) else { return self }
        var response = self
        response.headers.append(field)
        if origin != "*" {
            response.headers.append(.variesByOrigin)
            response.headers.append(.withCredentials)
        }
        return response
    }
}

extension ErrorCode {
    /// The one place where a code gets its HTTP status.
    var status: Int {
        switch self {
        case .validation, .configuration: 400
        case .unauthorized, .invalidToken, .invalidAuthFormat: 401
        case .inactiveClient, .forbidden: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .timeout: 408
        case .conflict: 409
        case .gone: 410
        case .tooLarge: 413
        case .tooManyRequests: 429
        case .unavailable: 503
        default: 500
        }
    }

    /// What the server's own refusals are called.
    static func forStatus(_ status: Int) -> ErrorCode {
        switch status {
        case 400, 414, 431, 505: .validation
        case 404: .notFound
        case 408: .timeout
        case 413: .tooLarge
        case 429: .tooManyRequests
        case 503: .unavailable
        default: .server
        }
    }
}

extension HeaderField {
    /// Seconds: what made us say no is usually over by then.
    static let retrySoon = HeaderField(constant: "Retry-After", "1")
    static let wantsBearer = HeaderField(constant: "WWW-Authenticate", "Bearer")
    static let variesByOrigin = HeaderField(constant: "Vary", "Origin")
    static let withCredentials = HeaderField(constant: "Access-Control-Allow-Credentials", "true")
    static let notStored = HeaderField(constant: "Cache-Control", "no-store")
}
