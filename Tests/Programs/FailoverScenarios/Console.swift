import HTTPClient
import JSON
import Platform
import Systemd
import TestSupport
import Wire

/// An operator at a desk: asks the coordinator over TLS, as its administrator.
final class Console {
    private let base: String
    private let token: String
    private let authority: String

    init(_ base: String, token: String, authority: String) {
        (self.base, self.token, self.authority) = (base, token, authority)
    }

    func ask<Reply: JSONReadable>(_ path: String, as type: Reply.Type = Reply.self) throws -> Reply {
        try ask(type, .get, path, [])
    }

    func tell<Reply: JSONReadable>(_ path: String, _ body: any JSONWritable, as type: Reply.Type = Reply.self) throws
        -> Reply
    {
        try ask(type, .post, path, encodeJSON(body))
    }

    private func ask<Reply: JSONReadable>(
        _ type: Reply.Type, _ method: OutgoingRequest.Method, _ path: String, _ body: [UInt8]
    ) throws -> Reply {
        var headers = [HeaderField("Authorization", "Bearer \(token)")]
        if !body.isEmpty { headers.append(HeaderField("Content-Type", "application/json")) }
        // Anew for each question: a loop's clock stands still while nobody turns it.
        let loop = try Loop()
        let transport = try Transport(
            loop: loop, options: TransportOptions(userAgent: "console", caFile: authority))
        var result: Result<IncomingResponse, TransportError>?
        transport.send(
            OutgoingRequest(
                method, base + path, headers: headers, body: body, deadline: .seconds(10), responseLimit: 8 << 20)
        ) { result = $0 }
        while result == nil { _ = try loop.turn(timeout: nil) }
        guard let response = try result?.get() else { throw Broken("\(path): no answer") }
        guard response.status < 300 else {
            throw Broken("\(path): \(response.status) \(String(decoding: response.body, as: UTF8.self))")
        }
        return try decodeJSON(type, from: response.body)
    }
}
