import CoordinatorAPI
import CoordinatorHeart
import Crypto
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// A coordinator as its callers meet it: a real heart on a real file, behind a real listener. Its clocks stand still until
/// a test moves them.
final class Site: Sendable {
    static let adminToken = "admin-0c4f1d"

    let surroundings = ManualSurroundings()
    let heart: Heart
    let door: Door
    let api: API
    let vitals: Vitals
    let log: CapturedLog
    private let listener: Listener
    private let state = Locked(State())

    private struct State {
        /// Every token that was used, and all that was said to those who were refused.
        var secrets = [Site.adminToken]
        var refusals: [String] = []
        var serial = 0
    }

    fileprivate init(
        _ folder: String, tailLines: Int, _ adjust: (inout ListenerOptions) -> Void,
        _ committed: @escaping @Sendable () -> Void
    ) throws {
        let log = CapturedLog()
        self.log = log
        var settings = HeartSettings(databasePath: "\(folder)/coordinator.sqlite")
        settings.tailLines = tailLines
        heart = try Heart(settings, surroundings: surroundings) { events in
            for event in events { log.add("\(event)") }
            committed()
        }
        let key = try SymmetricKey.random()
        door = Door(heart: heart, rules: Site.rules(), sessionKey: try SymmetricKey.random())
        vitals = Vitals(started: surroundings.monotonic())
        let api = API(
            heart: heart, vitals: vitals, door: door, vault: Vault(key: key),
            surroundings: surroundings)
        self.api = api
        var options = ListenerOptions(address: .address("127.0.0.1", port: 0), surroundings: surroundings)
        options.workers = 2
        options.bodyLimit = { api.bodyLimit($0) }
        options.refusal = { api.refusal($0) }
        adjust(&options)
        listener = try Listener(options) { api.handle($0, $1) }
    }

    var port: UInt16 { listener.port ?? 0 }
    var host: String { "127.0.0.1:\(port)" }

    /// Requests that are held now.
    var parked: Int { Int(listener.counters.parked) }

    static func rules(
        token: String = Site.adminToken, origins: [String] = [], networks: [String] = []
    ) -> Door.Rules {
        Door.Rules(
            adminToken: SHA256.hash(Array(token.utf8)), origins: origins,
            trustedNetworks: networks.compactMap { Network($0) })
    }

    // MARK: Asking

    /// On a connection of its own.
    func ask(_ ask: Ask) throws -> Answer { try Connection(to: self).ask(ask) }

    /// As the administrator.
    func order<Reply: WireObject>(
        _ route: Route, _ values: [String] = [], _ body: (any JSONWritable)? = nil, _ type: Reply.Type = Reply.self
    ) throws -> Reply {
        try ask(Ask(route, values, token: Site.adminToken, body: body)).read(type)
    }

    /// Lets time pass, and has the listener look at its clock: it looks at the latest when somebody comes.
    func advance(by time: Duration) throws {
        surroundings.advance(by: time)
        _ = try ask(Ask(.ping))
    }

    func secret(_ token: String) { state.withLock { $0.secrets.append(token) } }

    func nextSerial() -> Int {
        state.withLock { state in
            state.serial += 1
            return state.serial
        }
    }

    func note(_ answer: Answer) {
        guard answer.status >= 400 else { return }
        state.withLock { $0.refusals.append("\(answer.headers) \(answer.text)") }
    }

    /// No token may be in what was logged, or in what was said to those who were refused.
    fileprivate func expectDiscretion() {
        let (secrets, refusals) = state.withLock { ($0.secrets, $0.refusals) }
        for text in log.lines + refusals {
            for secret in secrets where text.contains(secret) { Issue.record("a token is told: \(text)") }
        }
    }

    fileprivate func stop() {
        listener.stop(within: .seconds(5))
        heart.stop()
    }
}

/// Runs a coordinator while `body` does. `committed` is called on the writer's thread after each commit that has events, which
/// so can be held up.
func withCoordinator(
    _ adjust: (inout ListenerOptions) -> Void = { _ in }, tailLines: Int = 4_096,
    committed: @escaping @Sendable () -> Void = {},
    _ body: (Site) throws -> Void
) throws {
    try withTemporaryFolder { folder in
        let site = try Site(folder, tailLines: tailLines, adjust, committed)
        defer { site.stop() }
        try body(site)
        site.expectDiscretion()
    }
}

/// What went into the log, as text.
final class CapturedLog: Sendable {
    private let text = Locked<[String]>([])

    var lines: [String] { text.withLock { $0 } }
    func add(_ line: String) { text.withLock { $0.append(line) } }
}
