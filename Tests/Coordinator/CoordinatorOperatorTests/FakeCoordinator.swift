import HTTPServer
import JSON
import Platform
import TestSupport
import Wire

/// A coordinator that answers what the test puts into its mouth, over real HTTP.
final class FakeCoordinator: Sendable {
    /// One request as it came.
    struct Asked: Sendable {
        /// `GET /api/admin/agents?status=online`
        let line: String
        let body: String
        let authorization: String?
        let speaksProtocol: String?
        let at: Duration
    }

    private let listener: Listener
    private let requests: Monitor<[Asked]>

    /// `port` 0: whichever is free.
    init(
        port: UInt16 = 0, tls: TLSIdentity? = nil, handler: @escaping @Sendable (Request, Exchange) -> Void
    ) throws {
        let requests = Monitor<[Asked]>([])
        self.requests = requests
        var options = ListenerOptions(address: .address("127.0.0.1", port: port), surroundings: SystemSurroundings())
        options.workers = 2
        options.tls = tls
        listener = try Listener(options) { request, exchange in
            let asked = Asked(
                line: "\(request.method) \(request.target)", body: String(decoding: request.body, as: UTF8.self),
                authorization: request.headers[name: "Authorization"],
                speaksProtocol: request.headers[name: "Spot-Protocol"], at: SystemSurroundings().monotonic())
            requests.change { $0.append(asked) }
            handler(request, exchange)
        }
    }

    /// Answers each request line with what `answers` holds for it, and any other with 404.
    convenience init(_ answers: [String: Response]) throws {
        try self.init { request, exchange in
            let line = "\(request.method) \(request.target)"
            exchange.answer(answers[line] ?? .refusal(404, .notFound, "nothing at \(request.target)"))
        }
    }

    var port: UInt16 { listener.port ?? 0 }
    var asked: [Asked] { requests.change { $0 } }
    var lines: [String] { asked.map(\.line) }
    func stop() { listener.stop(within: .seconds(5)) }
}

extension Response {
    static func reply(_ message: some JSONWritable, status: Int = 200) -> Response {
        Response(status: status, headers: [.json], body: encodeJSON(message))
    }

    static func refusal(
        _ status: Int, _ code: ErrorCode, _ sentence: String, retryAfter: Int? = nil
    ) -> Response {
        var response = reply(ErrorReply(code, sentence, request: "req-7"), status: status)
        if let retryAfter, let field = HeaderField("Retry-After", "\(retryAfter)") { response.headers.append(field) }
        return response
    }

    static func json(_ text: String, status: Int = 200) -> Response {
        Response(status: status, headers: [.json], body: Array(text.utf8))
    }
}
