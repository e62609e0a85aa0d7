import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import HTTPServer

/// Headers that are too long, mean two things, or tell what they should not.
struct HeaderTests {
    // MARK: Headers

    @Test(arguments: [
        ["Bearer"], ["Bearer "], ["Bearer   "], ["Token abc"], ["Bearerabc"], [""],
        ["Bearer " + String(repeating: "x", count: 300)],
        ["Bearer \(Site.adminToken)", "Bearer \(Site.adminToken)"], ["Bearer \(Site.adminToken)", "Basic x"],
    ])
    func `an Authorization that is not Bearer and one token is refused as such`(values: [String]) throws {
        try withCoordinator { site in
            var ask = Ask(.agents)
            for value in values { ask.headers.append(("Authorization", value)) }
            try expectRefusal(try site.ask(ask), 401, "INVALID_AUTH_FORMAT")
        }
    }

    @Test(arguments: ["bearer", "BEARER", "Bearer  "])
    func `the scheme is read in whatever case`(scheme: String) throws {
        try withCoordinator { site throws in
            #expect(try site.ask(Ask(.agents).with("authorization", "\(scheme) \(Site.adminToken)")).status == 200)
        }
    }

    @Test func `blanks behind a token are none of it`() throws {
        try withCoordinator { site throws in
            for blanks in [" ", "\t", " \t "] {
                let ask = Ask(.agents).with("Authorization", "Bearer \(Site.adminToken)\(blanks)")
                #expect(try site.ask(ask).status == 200)
            }
        }
    }

    @Test(arguments: [
        ("GET /\(String(repeating: "a", count: 20_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 414, "4096"),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 20_000))\r\n\r\n", 431, "4096"),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, "HTTP/1.1"), ("hello world\r\n\r\n", 400, "HTTP"),
        ("GET / HTTP/1.1\r\nHost: h\r\nno field\r\n\r\n", 400, "HTTP"),
        ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "chunk"),
    ])
    func `what is hardly a request is refused in the one shape too`(request: String, status: Int, word: String) throws {
        try withCoordinator { site in
            let connection = try Connection(to: site)
            try connection.send(bytes: Array(request.utf8))
            try expectRefusal(try connection.answer(), status, "VALIDATION_ERROR", said: word)
        }
    }

    @Test(arguments: ["Bearer \(Site.adminToken)x", "Bearer \(Site.adminToken) x", "Bearer admin-0c4f1", "Bearer ä€"])
    func `a token is known whole or not at all`(value: String) throws {
        try withCoordinator { site in
            try expectRefusal(try site.ask(Ask(.agents).with("Authorization", value)), 401, "INVALID_TOKEN")
        }
    }

    @Test func `a header that is too long is refused`() throws {
        try withCoordinator { site in
            let filler = String(repeating: "x", count: 4_500)
            let answer = try site.ask(Ask(.health).with("X-Request-ID", "mine").with("X-Filler", filler))
            try expectRefusal(answer, 431, "VALIDATION_ERROR", said: "4096")
        }
    }

    @Test func `a refusal of the server's own can be read by a page, and is in the one shape`() throws {
        try withCoordinator { site in
            let page = "https://ops.example.com"
            site.door.change(to: Site.rules(origins: [page]))
            let filler = String(repeating: "x", count: 4_500)
            let long = try site.ask(Ask(.health).with("Origin", page).with("X-Filler", filler))
            try expectRefusal(long, 431, "VALIDATION_ERROR")
            #expect(long["access-control-allow-origin"] == page)
            let connection = try Connection(to: site)
            try connection.send(bytes: Array("POST /health HTTP/1.1\r\nHost: h\r\nContent-Length: -2\r\n\r\n".utf8))
            try expectRefusal(try connection.answer(), 400, "VALIDATION_ERROR", said: "length")
        }
    }

    @Test func `a request whose rest does not come is told so`() throws {
        try withCoordinator { site in
            let connection = try Connection(to: site)
            let head = "POST /health HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n"
            try connection.send(bytes: Array(head.utf8))
            #expect(try connection.answer().status == 100)
            try site.advance(by: .seconds(40))
            try expectRefusal(try connection.answer(), 408, "REQUEST_TIMEOUT")
        }
    }

    @Test(arguments: [
        ("mine-1/2", true), ("~", true), (String(repeating: "i", count: 128), true),
        (String(repeating: "i", count: 129), false), ("two words", false), ("", false), ("ä", false),
    ])
    func `a request keeps the name that its caller gives it, if it is one`(name: String, isOne: Bool) throws {
        try withCoordinator { site in
            for ask in [
                Ask("GET", "/nothing"), Ask("PUT", "/health"), Ask(.agents), Ask(.agents, token: "wrong"),
                Ask(.incident, ["none"], token: Site.adminToken), Ask(.agent, ["none"], token: Site.adminToken),
                Ask(.agents, query: "?limit=x", token: Site.adminToken), Ask("GET", "/%2f"),
                Ask("POST", "/health", body: String(repeating: "x", count: Limits.smallBodyBytes + 1)),
            ] {
                let given = try site.ask(ask.with("X-Request-ID", name)).error?.request
                #expect((given?.text == name) == isOne, "\(ask.method) \(ask.target)")
                #expect(given != nil)
            }
        }
    }

    // MARK: Secrets

    @Test func `tokens that are shown in the wrong place are told to nobody`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            site.secret("guess-me")
            for token in [host.token, host.client.token, Site.adminToken, "guess-me"] {
                for ask in [
                    Ask(.agents, token: token), Ask(.register, token: token, body: host.heartbeat),
                    Ask("GET", "/nothing", token: token), Ask(.agents, query: "?limit=x", token: token),
                    Ask(.agents, query: "?token=\(token)"), Ask("GET", "/api/agents/a%2fb", token: token),
                    Ask(.agents).with("Authorization", token), Ask(.agents).with("Cookie", "spot_session=1.\(token)"),
                ] {
                    let answer = try site.ask(ask)
                    #expect(answer.status >= 400 || token == Site.adminToken)
                    #expect(!answer.text.contains(token))
                }
                // So that no guess of the next round waits.
                site.surroundings.advance(by: .seconds(61))
            }
        }
    }
}
