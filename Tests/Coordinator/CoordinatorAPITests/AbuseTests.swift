import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import HTTPServer

/// Requests that are broken, too long, too many, or not for here.
struct AbuseTests {
    /// What every answer that says no has.
    private func expectShape(_ answer: Answer, _ status: Int, _ code: String, said: String? = nil) throws {
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer["content-type"] == "application/json")
        let fields = try JSONDocument(answer.body).root.object()
        #expect(try fields["code"]?.string() == code)
        #expect(try fields["error_code"]?.string() == code)
        #expect(try fields["status"]?.string() == "error")
        #expect(try fields["success"]?.boolean() == false)
        #expect(fields["data"]?.isNull == true)
        #expect(try fields["request_id"]?.string().isEmpty == false)
        let sentence = try #require(try fields["error"]?.string())
        #expect(!sentence.isEmpty)
        if let said { #expect(sentence.contains(said)) }
    }

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
            try expectShape(try site.ask(ask), 400, "VALIDATION_ERROR")
            ask.body = padded(route, over: 1)
            try expectShape(try site.ask(ask), 413, "PAYLOAD_TOO_LARGE", said: "\(route.row.bodyBytes)")
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
            try expectShape(try connection.answer(), 413, "PAYLOAD_TOO_LARGE")
        }
    }

    @Test func `a long body is only taken from those who are known`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            var ask = Ask(.pricingReport, [host.slot])
            ask.body = [UInt8](repeating: UInt8(ascii: " "), count: Limits.smallBodyBytes + 1)
            try expectShape(try site.ask(ask), 413, "PAYLOAD_TOO_LARGE")
            // Who has an old token enrols again, and need not throw the report away.
            ask.bear("agent-old")
            try expectShape(try site.ask(ask), 401, "INVALID_TOKEN")
        }
    }

    @Test(arguments: [
        (#"{"status":"online""#, ""), (#"{"status":"online","status":"online"}"#, "status"),
        (#"["status"]"#, "object"), (#"{"status":7,"instance_id":"i-0123456789abcdef0"}"#, "status"),
        (#"{"status":"asleep","instance_id":"i-0123456789abcdef0"}"#, "status"),
        (#"{"status":"online"}"#, "instance_id"), (#"{"status":"online","instance_id":"i-1"}"#, "instance_id"),
        (#"{"status":"online","instance_id":"i-0123456789abcdef0","health":{"outbox":-1}}"#, "health"),
        (#"{"status":"online","instance_id":"i-0123456789abcdef0","lacking":["a",2]}"#, "lacking[1]"),
        ("\u{FEFF}{}", ""), ("nothing", ""), ("{}x", ""),
    ])
    func `a broken body is refused with the path of the fault`(body: String, path: String) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            var ask = host.ask(.heartbeat)
            ask.body = Array(body.utf8)
            try expectShape(try site.ask(ask), 400, "VALIDATION_ERROR", said: path)
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

    // MARK: Paths and methods

    @Test(arguments: ["/nothing", "/api/agents/", "/api/agents//config", "/api/admin/clients/a/b/c", "/health/"])
    func `an unknown path is not found, whatever the method and without a look at the token`(path: String) throws {
        try withCoordinator { site in
            for method in ["GET", "POST", "DELETE", "PATCH"] {
                for token in [nil, Site.adminToken, "wrong"] {
                    try expectShape(try site.ask(Ask(method, path, token: token)), 404, "NOT_FOUND", said: path)
                }
            }
        }
    }

    @Test(arguments: [
        ("PUT", "/health", "GET, HEAD"), ("GET", "/api/agents/a/heartbeat", "POST"),
        ("POST", "/api/agents/a/replicas/b", "PUT, DELETE"), ("BREW", "/api/admin/session", "POST, DELETE"),
    ])
    func `a wrong method is told which are right`(method: String, path: String, allowed: String) throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask(method, path))
            try expectShape(answer, 405, "METHOD_NOT_ALLOWED", said: method)
            #expect(answer["allow"] == allowed)
        }
    }

    @Test func `HEAD answers as GET does, without a body`() throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask("HEAD", "/health"))
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "application/json")
            #expect(try site.ask(Ask("HEAD", "/api/admin/agents")).status == 401)
        }
    }

    @Test(arguments: [
        "None", "null", "undefined", "a%20b", "%C3%A4", "a'b", String(repeating: "x", count: 65), "i-0123456789abcdef0",
    ])
    func `what cannot be a name, or is nobody's, is not found`(name: String) throws {
        try withCoordinator { site in
            for ask in [
                Ask("GET", "/api/agents/\(name)"), Ask("GET", "/api/agents/\(name)/emergency-status"),
                Ask("GET", "/api/agents/\(name)/replicas"),
                Ask("GET", "/api/incidents/\(name)"), Ask("DELETE", "/api/admin/clients/\(name)"),
                Ask("GET", "/api/admin/clients/\(name)/token"),
                Ask("POST", "/api/admin/clients/\(name)/regenerate-token"),
                Ask("DELETE", "/api/client/agents/\(name)"), Ask("POST", "/api/client/agents/\(name)/settings"),
                Ask("POST", "/api/client/agents/\(name)/toggle-enabled"),
                Ask("DELETE", "/api/agents/a/replicas/\(name)"), Ask("POST", "/api/agents/a/replicas/\(name)/promote"),
                Ask("POST", "/api/client/instances/\(name)/force-switch", body: #"{"target":"ondemand"}"#),
                Ask("POST", "/api/admin/agents/\(name)/switch", body: #"{"target":"ondemand"}"#),
                Ask("POST", "/api/admin/agents/a/instances/\(name)/promote"),
            ] {
                var ask = ask
                ask.bear(Site.adminToken)
                let answer = try site.ask(ask)
                #expect(answer.verdict == "404 NOT_FOUND", "\(ask.method) \(ask.target): \(answer.text)")
            }
        }
    }

    @Test(arguments: ["%00", "a%0Ab", "%7f", "%ff", "%c3%28", "a%2fb", "%zz", "..", "%2e%2e"])
    func `a path that means nothing, or two things, is refused`(name: String) throws {
        try withCoordinator { site in
            let ask = Ask("GET", "/api/agents/\(name)", token: Site.adminToken).with("X-Request-ID", "mine")
            let answer = try site.ask(ask)
            try expectShape(answer, 400, "VALIDATION_ERROR")
            #expect(answer.error?.request == "mine")
        }
    }

    // MARK: Queries

    @Test(arguments: [
        (Route.agents, "status=asleep", "status"), (.agents, "client_id=a%20b", "client_id"),
        (.agents, "limit=0", "limit"), (.agents, "limit=-1", "limit"), (.agents, "limit=ten", "limit"),
        (.instances, "role=king", "role"), (.instances, "mode=cheap", "mode"), (.instances, "status=gone", "status"),
        (.commands, "state=lost", "state"), (.commands, "agent_id=a%20b", "agent_id"),
        (.incidents, "state=lost", "state"), (.events, "wait=soon", "wait"), (.events, "wait=-1", "wait"),
        (.events, "after=a%20b", "after"),
        // A cursor of nobody, of another list, and of a log that is longer.
        (.agents, "after=x", "cursor"), (.agents, "after=e1-1", "cursor"), (.agents, "after=a1-nobody", "cursor"),
        (.instances, "after=i1-x", "cursor"), (.instances, "after=e1-1", "cursor"), (.commands, "after=n1-x", "cursor"),
        (.incidents, "after=c1-x", "cursor"), (.events, "after=e1-zzz", "cursor"), (.events, "after=e1--1", "cursor"),
        (.events, "after=e1-zzz&wait=5", "cursor"),
    ])
    func `a word in a query that has no meaning there is refused, and named`(
        route: Route, query: String, named: String
    ) throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask(route, query: "?\(query)", token: Site.adminToken))
            try expectShape(answer, 400, "VALIDATION_ERROR", said: named)
        }
    }

    @Test(arguments: ["limit=9999999", "status=all", "status=&client_id=", "unheard=of", "limit=1&limit=x"])
    func `what pages of the original add to a query does no harm`(query: String) throws {
        try withCoordinator { site in
            let _ = try site.ask(Ask(.agents, query: "?\(query)", token: Site.adminToken)).read(AgentList.self)
        }
    }

    @Test(arguments: ["status=ready", "status=lost"])
    func `replicas are asked for by a word of theirs`(query: String) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let answer = try site.ask(host.ask(.replicas, query: "?\(query)"))
            #expect(answer.verdict == (query == "status=ready" ? "200" : "400 VALIDATION_ERROR"))
        }
    }

    @Test(arguments: ["wait=x", "wait=-1", "wait=1.5", "wait=99999999999999999999"])
    func `a heartbeat's wait is whole seconds`(query: String) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let answer = try site.ask(host.ask(.heartbeat, query: "?\(query)", host.heartbeat))
            try expectShape(answer, 400, "VALIDATION_ERROR", said: "wait")
        }
    }

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
            try expectShape(try site.ask(ask), 401, "INVALID_AUTH_FORMAT")
        }
    }

    @Test(arguments: ["bearer", "BEARER", "Bearer  "])
    func `the scheme is read in whatever case`(scheme: String) throws {
        try withCoordinator { site throws in
            #expect(try site.ask(Ask(.agents).with("authorization", "\(scheme) \(Site.adminToken)")).status == 200)
        }
    }

    @Test(arguments: ["Bearer \(Site.adminToken)x", "Bearer \(Site.adminToken) x", "Bearer admin-0c4f1", "Bearer ä€"])
    func `a token is known whole or not at all`(value: String) throws {
        try withCoordinator { site in
            try expectShape(try site.ask(Ask(.agents).with("Authorization", value)), 401, "INVALID_TOKEN")
        }
    }

    @Test func `a header that is too long is refused`() throws {
        try withCoordinator { site in
            let filler = String(repeating: "x", count: 4_500)
            let answer = try site.ask(Ask(.health).with("X-Request-ID", "mine").with("X-Filler", filler))
            try expectShape(answer, 431, "VALIDATION_ERROR", said: "4096")
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

    // MARK: Too much

    @Test func `a host that asks in a circle is slowed down, and no other`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let (busy, calm) = (try site.register(client), try site.register(client))
            let connection = try Connection(to: site)
            var answers = 0
            while try connection.ask(busy.ask(.configuration)).status == 200 { answers += 1 }
            #expect(answers == 500)
            let slowed = try connection.ask(busy.ask(.configuration))
            try expectShape(slowed, 429, "TOO_MANY_REQUESTS")
            #expect(slowed["retry-after"] == "1")
            #expect(try site.ask(calm.ask(.configuration)).status == 200)
            site.surroundings.advance(by: .seconds(1))
            #expect(try connection.ask(busy.ask(.configuration)).status == 200)
        }
    }

    @Test func `wrong tokens again and again cost time, and good ones beside them none`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            site.secret("guess")
            for _ in 0..<5 { #expect(try site.ask(Ask(.agents, token: "guess")).status == 401) }
            let guess = try Connection(to: site)
            try guess.send(Ask(.agents, token: "guess-6"))
            // Good ones pass while the guess waits.
            #expect(try site.ask(host.ask(.configuration)).status == 200)
            #expect(try site.ask(Ask(.agents, token: Site.adminToken)).status == 200)
            try site.advance(by: .milliseconds(1_100))
            #expect(try guess.answer().verdict == "401 INVALID_TOKEN")
            let warnings = site.log.lines.filter { $0.contains("wrong credentials") }
            #expect(warnings.count == 1)
            #expect(warnings.first?.contains("127.0.0.1") == true)
            // A minute later it is forgotten.
            try site.advance(by: .seconds(60))
            #expect(try site.ask(Ask(.agents, token: "guess")).status == 401)
        }
    }

    @Test func `only so many guesses wait, and further ones are sent away`() throws {
        try withCoordinator { site in
            for _ in 0..<5 { _ = try site.ask(Ask(.agents, token: "guess")) }
            var waiting: [Connection] = []
            for _ in 0..<256 {
                let guess = try Connection(to: site)
                try guess.send(Ask(.agents, token: "guess"))
                waiting.append(guess)
            }
            try eventually("all of them wait") { site.parked == 256 }
            let answer = try site.ask(Ask(.agents, token: "guess"))
            try expectShape(answer, 429, "TOO_MANY_REQUESTS")
            #expect(answer["retry-after"] == "1")
            #expect(try site.ask(Ask(.agents, token: Site.adminToken)).status == 200)
            try site.advance(by: .milliseconds(1_100))
            for guess in waiting { _ = try guess.answer() }
        }
    }

    @Test func `when too much waits to be stored, a report is refused and a heartbeat is not`() throws {
        let held = Latch("the writer's turn")
        let isHeld = Locked(false)
        try withCoordinator(committed: { if isHeld.withLock({ $0 }) { try? held.wait(within: .seconds(60)) } }) {
            site in
            defer { held.open() }
            let host = try site.register(try site.makeClient())
            #expect(try site.ask(host.ask(.heartbeat, [], host.heartbeat)).status == 200)
            isHeld.withLock { $0 = true }
            // This one reaches the disk and no further; behind it the queue fills.
            site.heart.createClient(
                ClientCreation(name: "held"), token: try Token("t"), hash: [UInt8](repeating: 7, count: 32),
                seal: { _ in [] }, answer: { _ in })
            let refusal = Awaited<String>("the first that does not fit")
            for _ in 0..<30_000 where !refusal.isSet {
                site.heart.client(host.client.id) { outcome in
                    if case .unavailable(let reason) = outcome { refusal.set(reason) }
                }
            }
            #expect(try refusal.get() == "too much is waiting to be stored")

            let report = TerminationReport(stamp: host.stamp(), target: host.instance, success: false)
            let answer = try site.ask(host.ask(.terminationReport, [], report))
            try expectShape(answer, 503, "UNAVAILABLE", said: "nothing was changed")
            #expect(answer["retry-after"] == "1")
            #expect(!answer.text.contains("waiting to be stored"))
            let ordered = try site.ask(Ask(.deleteSlot, [host.slot], token: Site.adminToken))
            try expectShape(ordered, 503, "UNAVAILABLE", said: "waiting to be stored")

            var news = host.heartbeat
            news.lacking = ["disk"]
            #expect(try site.ask(host.ask(.heartbeat, query: "?wait=3", news)).status == 200)
        }
    }

    @Test func `a disk that hangs keeps nobody waiting for ever`() throws {
        let held = Latch("the writer's turn")
        let isHeld = Locked(false)
        try withCoordinator(committed: { if isHeld.withLock({ $0 }) { try? held.wait(within: .seconds(60)) } }) {
            site in
            defer { held.open() }
            let host = try site.register(try site.makeClient())
            isHeld.withLock { $0 = true }
            let (report, beat) = (try Connection(to: site), try Connection(to: site))
            try report.send(
                host.ask(
                    .terminationReport, [],
                    TerminationReport(stamp: host.stamp(), target: host.instance, success: false)))
            var news = host.heartbeat
            news.lacking = ["disk"]
            try beat.send(host.ask(.heartbeat, [], news))
            try eventually("two requests are parked") { site.parked == 2 }
            try site.advance(by: .milliseconds(10_100))
            try expectShape(try report.answer(), 503, "UNAVAILABLE", said: "asking again is safe")
            #expect(try beat.answer().status == 200)
        }
    }

    @Test func `one connection too many is told so in the same shape`() throws {
        try withCoordinator({ $0.limits.connections = 1 }) { site in
            let first = try Connection(to: site)
            #expect(try first.ask(Ask(.ping)).status == 200)
            let second = try Connection(to: site)
            let answer = try second.answer()
            try expectShape(answer, 503, "UNAVAILABLE")
            #expect(answer["retry-after"] == "1")
        }
    }

    @Test func `a request that nobody answered is our own fault`() throws {
        try withCoordinator { site in
            let refusal = site.api.refusal(Refusal(status: 500, reason: "the request was not answered", request: nil))
            try expectShape(
                Answer(
                    status: refusal.status, headers: refusal.headers.map { ($0.name.lowercased(), $0.value) },
                    body: refusal.body), 500, "SERVER_ERROR")
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
