import CoordinatorHeart
import HTTPServer
import JSON
import OldAgents
import Platform
import TestSupport
import Wire

/// Lets players of the old agents live against a site, second by second of its clock, and keeps what they asked.
struct OldDriver {
    var fleet = OldFleet()
    let site: Site
    let tenant: Tenant
    private let connection: Connection
    private let start: Duration
    private let beginning: EventCursor
    private(set) var asked: [(at: Duration, instance: String, call: OldCall, status: Int)] = []

    init(_ site: Site) throws {
        self.site = site
        start = site.surroundings.monotonic()
        tenant = try site.makeClient()
        beginning = try site.ask(Ask(.events, token: Site.adminToken)).read(LogLines.self).next
        connection = try Connection(to: site)
    }

    /// The players' clock is at zero when it begins.
    var now: Duration { site.surroundings.monotonic() - start }

    mutating func found(_ build: OldBuild, named name: String) -> String {
        fleet.found(build, OldEnvironment(token: tenant.token, logicalID: name), at: now)
    }

    /// Lets seconds pass for the players and for the coordinator, whose jobs do what they do.
    mutating func pass(_ seconds: Int) throws {
        for _ in 0..<seconds {
            try turn()
            site.surroundings.advance(by: .seconds(1))
            site.heart.beat()
            site.heart.passTime()
            site.heart.examineLiveness()
            site.heart.settle(within: .seconds(10))
        }
    }

    private mutating func turn() throws {
        while true {
            let calls = fleet.advance(to: now)
            if calls.isEmpty { return }
            for (instance, call) in calls {
                var ask = Ask(call.method, call.path, token: tenant.token)
                ask.headers.append(("Content-Type", "application/json"))
                if let id = call.requestID { ask.headers.append(("X-Request-ID", id)) }
                ask.body = call.body.map { encodeJSON($0) }
                let answer = try connection.ask(ask)
                asked.append((now, instance, call, answer.status))
                fleet.answer(instance, call.id, OldReply(status: answer.status, body: answer.body))
            }
        }
    }

    func count(_ path: String, of instance: String? = nil) -> Int {
        asked.count { $0.call.path.hasSuffix(path) && (instance == nil || $0.instance == instance) }
    }

    /// Requests that were refused, as text.
    var refused: [String] {
        asked.filter { $0.status >= 400 }.map { "\($0.at) \($0.call.method) \($0.call.path): \($0.status)" }
    }

    /// The slot of the machine, as an operator sees it.
    func agent(_ instance: String) throws -> AgentDetail {
        let id = fleet.players[instance]?.agentID ?? "none"
        return try site.order(.agent, [id])
    }

    /// What the log got since it began.
    func events() throws -> [LogLine] {
        var (all, after) = ([LogLine](), beginning)
        while true {
            let query = "?limit=500&after=\(after)"
            let page = try site.ask(Ask(.events, query: query, token: Site.adminToken)).read(LogLines.self)
            if page.events.isEmpty { return all }
            all += page.events
            after = page.next
        }
    }
}
