import Crypto
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import CoordinatorAPI
@testable import HTTPServer

/// Pages of other origins: what the browser that shows them may read and change.
struct OriginTests {
    private static let page = "https://ops.example.com"
    private static let local = ["127.0.0.0/8"]

    private func shown(_ answer: Answer) -> String? { answer["access-control-allow-origin"] }

    // MARK: Asking before

    @Test(arguments: ["/", "/health", "/api/admin/agents", "/api/agents/a/heartbeat", "/no/such/path"])
    func `a page that is named may ask before it calls, whatever the path, without a token`(path: String) throws {
        try withCoordinator { site in
            site.door.change(to: Site.rules(origins: [Self.page]))
            let answer = try site.ask(
                Ask("OPTIONS", path).with("Origin", Self.page).with("Access-Control-Request-Method", "DELETE"))
            #expect(answer.status == 204)
            #expect(shown(answer) == Self.page)
            #expect(answer["vary"] == "Origin")
            #expect(answer["access-control-allow-methods"] == "GET, POST, PUT, DELETE, OPTIONS")
            let headers = "Authorization, Content-Type, If-None-Match, \(protocolHeader), X-Request-ID"
            #expect(answer["access-control-allow-headers"] == headers)
            #expect(answer["access-control-max-age"] != nil)
        }
    }

    @Test func `a page that is not named is told nothing that its browser would let it go on with`() throws {
        try withCoordinator { site in
            site.door.change(to: Site.rules(origins: [Self.page]))
            for path in ["/health", "/no/such/path"] {
                let answer = try site.ask(Ask("OPTIONS", path).with("Origin", "https://elsewhere.example.com"))
                #expect(answer.status >= 400)
                #expect(shown(answer) == nil)
            }
        }
    }

    // MARK: Reading

    @Test(arguments: [
        ("/health", 200), ("/api/admin/agents", 401), ("/no/such/path", 404), ("/api/agents/register", 401),
        ("/api/agents/%2f", 400),
    ])
    func `a page that is named may read every answer, also a refusal`(path: String, status: Int) throws {
        try withCoordinator { site in
            site.door.change(to: Site.rules(origins: ["https://other.example.com", Self.page]))
            let answer = try site.ask(Ask("GET", path).with("Origin", Self.page))
            #expect(answer.status == status)
            #expect(shown(answer) == Self.page)
            #expect(answer["access-control-allow-credentials"] == "true")
            let stranger = try site.ask(Ask("GET", path).with("Origin", "null"))
            #expect(shown(stranger) == nil)
        }
    }

    @Test func `any page reads where all are named, but only what its own token or nobody's opens`() throws {
        try withCoordinator { site in
            let cookie = try site.openSession()
            site.door.change(to: Site.rules(origins: ["*"], networks: Self.local))
            let ask = Ask(.agents).with("Origin", Self.page)
            #expect(shown(try site.ask(Ask(.health).with("Origin", Self.page))) == "*")
            #expect(shown(try site.ask(Ask(.agents, token: "agent-x").with("Origin", Self.page))) == "*")
            let bearer = try site.ask(Ask(.agents, token: Site.adminToken).with("Origin", Self.page))
            #expect(bearer.status == 200)
            #expect(shown(bearer) == "*")
            #expect(bearer["access-control-allow-credentials"] == nil)
            for ask in [ask, ask.with("Cookie", cookie)] {
                let answer = try site.ask(ask)
                #expect(answer.status == 200)
                #expect(shown(answer) == nil)
            }
        }
    }

    // MARK: Changing

    private enum Proof: CaseIterable { case token, cookie, network }

    @Test(arguments: [
        // (the page's origin, the origins that are named, whether it may change something); nil stands for our own
        ("https://ops.example.com", ["https://ops.example.com"], true),
        ("https://ops.example.com", [], false),
        ("https://ops.example.com", ["*"], false),
        ("https://ops.example.com", ["https://ops.example.com:8443", "http://ops.example.com"], false),
        ("null", ["*"], false),
        ("http://OWN", [], true),
        // Behind a proxy that adds TLS.
        ("https://OWN", [], true),
        ("http://127.0.0.1:1", [], false),
    ])
    func `a page changes something only when it is ours or named, whatever proves who is there`(
        origin: String, named: [String], mayWrite: Bool
    ) throws {
        try withCoordinator { site in
            let cookie = try site.openSession()
            let origin = origin.replacing("OWN", with: site.host)
            for proof in Proof.allCases {
                var ask = Ask(.createClient, body: ClientCreation(name: "client \(site.nextSerial())"))
                    .with("Origin", origin)
                switch proof {
                case .token: ask.bear(Site.adminToken)
                case .cookie: ask = ask.with("Cookie", cookie)
                case .network: break
                }
                site.door.change(to: Site.rules(origins: named, networks: proof == .network ? Self.local : []))
                #expect(try site.ask(ask).verdict == (mayWrite ? "200" : "403 FORBIDDEN"), "\(proof)")
            }
        }
    }

    @Test func `a caller that is no page needs no origin`() throws {
        try withCoordinator { site throws in
            let ask = Ask(.createClient, token: Site.adminToken, body: ClientCreation(name: "a"))
            #expect(try site.ask(ask).status == 200)
        }
    }

    // MARK: A network in place of a token

    @Test(arguments: [
        ("127.0.0.1:5000", true), ("[::1]:5000", true), ("localhost:5000", true), ("LOCALHOST", true),
        ("ops.example.com:5000", true), ("rebound.example.org", false), ("ops.example.com.evil.org", false),
        ("127.0.0.1.evil.org", false), ("*", false),
    ])
    func `where the network is proof enough, only a name that is known opens`(host: String, opens: Bool) throws {
        try withCoordinator { site throws in
            site.door.change(to: Site.rules(origins: ["*", "http://ops.example.com"], networks: Self.local))
            #expect(try site.ask(Ask(.agents).with("Host", host)).status == (opens ? 200 : 401))
        }
    }

    @Test(arguments: [
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded", "Forwarded",
        "Via",
        "x-real-ip", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "cf-connecting-ip", "CF-Connecting-IPv6",
        "Fastly-Client-IP", "X-Original-Host", "X-Original-Forwarded-For",
    ])
    func `a request that came through a proxy is from nowhere`(header: String) throws {
        try withCoordinator { site throws in
            site.door.change(to: Site.rules(networks: Self.local))
            #expect(try site.ask(Ask(.agents).with(header, "127.0.0.1")).verdict == "401 UNAUTHORIZED")
        }
    }

    @Test func `a header that no proxy adds leaves its sender where it is`() throws {
        try withCoordinator { site throws in
            site.door.change(to: Site.rules(networks: Self.local))
            let ask = Ask(.agents).with("X-Forward", "1").with("X-Original", "1").with("Vi", "1").with("Accept", "*/*")
            #expect(try site.ask(ask).status == 200)
        }
    }

    @Test func `from another network a token is needed`() throws {
        try withCoordinator { site throws in
            site.door.change(to: Site.rules(networks: ["10.0.0.0/8"]))
            #expect(try site.ask(Ask(.agents)).verdict == "401 UNAUTHORIZED")
        }
    }

    // MARK: Sessions

    @Test func `a session's cookie goes to this site alone and no script sees it`() throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask(.openSession, token: Site.adminToken))
            let parts = try #require(answer["set-cookie"]).split(separator: "; ").map(String.init)
            #expect(parts[0].hasPrefix("spot_session="))
            #expect(Set(parts.dropFirst()) == ["Max-Age=43200", "Path=/", "HttpOnly", "SameSite=Strict"])
            let cookie = parts[0]
            site.secret(String(cookie.dropFirst("spot_session=".count)))
            #expect(try site.ask(Ask(.agents).with("Cookie", cookie)).status == 200)
        }
    }

    @Test func `over TLS the cookie is for TLS alone`() throws {
        try withCoordinator { site in
            for cookie in [
                site.door.openSession(isTLS: true), site.door.closeSession(HeaderFields(), isTLS: true),
            ] {
                #expect(cookie?.value.hasSuffix("; Secure") == true)
            }
        }
    }

    @Test func `a session ends after a working day, and with the administrator's token`() throws {
        try withCoordinator { site in
            let ask = Ask(.agents).with("Cookie", try site.openSession())
            site.surroundings.advance(by: .seconds(12 * 3600 - 1))
            #expect(try site.ask(ask).status == 200)
            site.surroundings.advance(by: .seconds(1))
            #expect(try site.ask(ask).verdict == "401 UNAUTHORIZED")

            let fresh = Ask(.agents).with("Cookie", try site.openSession())
            #expect(try site.ask(fresh).status == 200)
            site.door.change(to: Site.rules(token: "admin-another"))
            #expect(try site.ask(fresh).verdict == "401 UNAUTHORIZED")
        }
    }

    @Test func `a session that is closed is over for every copy of its cookie, and no other is`() throws {
        try withCoordinator { site in
            // In one second, so nothing but what each is called tells them apart.
            let (mine, other) = (try site.openSession(), try site.openSession())
            let closed = try site.ask(Ask(.closeSession).with("Cookie", mine))
            #expect(closed.status == 200)
            #expect(closed["set-cookie"]?.hasPrefix("spot_session=; Max-Age=0;") == true)
            #expect(try site.ask(Ask(.agents).with("Cookie", mine)).verdict == "401 UNAUTHORIZED")
            #expect(try site.ask(Ask(.agents).with("Cookie", other)).status == 200)
            #expect(try site.ask(Ask(.agents).with("Cookie", "\(mine); \(other)")).status == 200)
        }
    }

    @Test func `no number of closed sessions opens one of them again`() throws {
        let sessions = Sessions(key: try SymmetricKey.random())
        let token = SHA256.hash(Array("token".utf8))
        let start = Timestamp(nanosecondsSinceEpoch: 1_700_000_000_000_000_000)
        func open(at now: Timestamp) throws -> HeaderFields {
            let value = try #require(sessions.open(for: token, at: now, isTLS: false)).value.prefix { $0 != ";" }
            return makeHeaders([("Cookie", String(value))])
        }
        func close(_ headers: HeaderFields, at now: Timestamp) {
            _ = sessions.close(headers, for: token, at: now, isTLS: false)
        }
        let cookies = try (0...Sessions.closedMax).map { try open(at: start + .seconds($0 / 2)) }
        let now = start + .seconds(3600)
        let last = try open(at: now)
        for cookie in cookies { close(cookie, at: now) }
        #expect(cookies.allSatisfy { !sessions.isValid(in: $0, for: token, at: now) })
        #expect(sessions.isValid(in: last, for: token, at: now))
    }
}

private func makeHeaders(_ fields: [(String, String)]) -> HeaderFields {
    var headers = HeaderFields()
    for (name, value) in fields {
        unsafe Array(name.utf8).withUnsafeBufferPointer { name in
            unsafe Array(value.utf8).withUnsafeBufferPointer { unsafe headers.append(name: name, value: $0) }
        }
    }
    return headers
}
