import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import HTTPServer

/// Bodies that are too long, broken, or not there.
struct BodyTests {
    private func padded(_ route: Route, over: Int) -> [UInt8] {
        let empty = Array(#"{"padding":""}"#.utf8)
        let room = route.row.bodyBytes + over - empty.count
        return empty.dropLast(2) + [UInt8](repeating: UInt8(ascii: "x"), count: room) + empty.suffix(2)
    }

    private static let withBody: [Route] = [.heartbeat, .pricingReport, .commandResult, .cleanupReport]

    // MARK: Bodies

    @Test(arguments: withBody)
    func `a body as long as the route allows is read, and one byte more is not`(route: Route) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            var ask = host.ask(route, ["c-1"])
            ask.body = padded(route, over: 0)
            try expectRefusal(try site.ask(ask), 400, "VALIDATION_ERROR")
            ask.body = padded(route, over: 1)
            try expectRefusal(try site.ask(ask), 413, "PAYLOAD_TOO_LARGE", said: "\(route.row.bodyBytes)")
        }
    }

    @Test(arguments: withBody)
    func `a body that does not say its length is measured as it comes`(route: Route) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let body = padded(route, over: 1)
            let head = host.ask(route, ["c-1"]).with("Transfer-Encoding", "chunked").head(host: site.host)
            let connection = try Connection(to: site)
            let half = body.count / 2
            try connection.send(bytes: Array((head + String(half, radix: 16) + "\r\n").utf8) + body[..<half])
            let rest = body.count - half
            try connection.send(bytes: Array(("\r\n" + String(rest, radix: 16) + "\r\n").utf8) + body[half...])
            try connection.send(bytes: Array("\r\n0\r\n\r\n".utf8))
            let answer = try connection.answer()
            try expectRefusal(answer, 413, "PAYLOAD_TOO_LARGE")
            #expect(answer["retry-after"] == "1")
        }
    }

    @Test(arguments: ["a\u{0}", "a\nb", "\u{1B}[2J", "a\u{7F}b", "a\u{85}b"])
    func `a client's name and e-mail are what somebody can type`(text: String) throws {
        try withCoordinator { site in
            for (field, creation) in [
                ("name", ClientCreation(name: text)), ("email", ClientCreation(name: "acme", email: text)),
            ] {
                let answer = try site.ask(Ask(.createClient, token: Site.adminToken, body: creation))
                try expectRefusal(answer, 400, "VALIDATION_ERROR", said: field)
            }
        }
    }

    @Test func `a long body is only taken from those who are known`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            var ask = Ask(.pricingReport, [host.slot])
            ask.body = [UInt8](repeating: UInt8(ascii: " "), count: Limits.smallBodyBytes + 1)
            try expectRefusal(try site.ask(ask), 413, "PAYLOAD_TOO_LARGE")
            // Who has an old token enrols again, and need not throw the report away.
            ask.bear("agent-old")
            try expectRefusal(try site.ask(ask), 401, "INVALID_TOKEN")
        }
    }

    @Test(arguments: [
        (#"{"status":"online""#, ""), (#"{"status":"online","status":"online"}"#, "status"),
        (#"["status"]"#, "object"), (#"{"status":7,"instance_id":"i-0123456789abcdef0"}"#, "status"),
        (#"{"status":"asleep","instance_id":"i-0123456789abcdef0"}"#, "status"),
        (#"{"status":"online"}"#, "instance_id: missing"),
        (#"{"status":null,"instance_id":"i-0123456789abcdef0"}"#, "status: missing"),
        (#"{"status":"online","instance_id":"i-1"}"#, "instance_id"),
        (#"{"status":"online","instance_id":"i-0123456789abcdef0","health":{"outbox":-1}}"#, "health"),
        (#"{"status":"online","instance_id":"i-0123456789abcdef0","lacking":["a",2]}"#, "lacking[1]"),
        ("\u{FEFF}{}", ""), ("nothing", ""), ("{}x", ""),
    ])
    func `a broken body is refused with the path of the fault`(body: String, path: String) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            var ask = host.ask(.heartbeat)
            ask.body = Array(body.utf8)
            try expectRefusal(try site.ask(ask), 400, "VALIDATION_ERROR", said: path)
        }
    }

    @Test func `an empty body stands for an empty object`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            for ask in [
                Ask("POST", Route.regenerateToken.target([client.id.text]), token: Site.adminToken),
                Ask("POST", Route.regenerateToken.target([client.id.text]), token: Site.adminToken, body: ""),
            ] { site.secret(try site.ask(ask).read(ClientToken.self).token.secret) }
        }
    }
}
