import CoordinatorAPI
import CoordinatorHeart
import Crypto
import HTTPServer
import JSON
import Platform
import Wire

/// The real `CoordinatorAPI`, with requests that come and are answered without sockets.
final class Door: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    static let administrator: Token = {
        do { return try Token("administrator") } catch { preconditionFailure("\(error)") }
    }()
    private static let key = SymmetricKey(Array(repeating: 1, count: SymmetricKey.size))

    private let heart: Heart
    private let api: API
    unowned let coordinator: Coordinator
    private var open: [Int: Exchange] = [:]
    private var count = 0

    init(_ heart: Heart, _ coordinator: Coordinator) {
        guard let key = Self.key else { preconditionFailure("a key is \(SymmetricKey.size) bytes") }
        self.heart = heart
        self.coordinator = coordinator
        let chance = OnOneThread(value: coordinator.world.chance)
        let rules = CoordinatorAPI.Door.Rules(adminToken: SHA256.hash(Array(Self.administrator.secret.utf8)))
        api = API(
            heart: heart, vitals: Vitals(started: coordinator.clock.monotonic()),
            door: CoordinatorAPI.Door(heart: heart, rules: rules, sessionKey: key),
            vault: Vault(key: key, chance: { Chance(seed: chance.value.next()).bytes($0) }),
            surroundings: coordinator.clock)
    }

    var world: World { coordinator.world }

    /// The process has ended: gives those who were not answered, in the order in which they came.
    func end() -> [@Sendable (Response?) -> Void] {
        let left = open.sorted { $0.key < $1.key }.compactMap { $0.value.takeReply() }
        open = [:]
        return left
    }

    func enter(_ request: Request, _ reply: @escaping @Sendable (Response?) -> Void) {
        count += 1
        let exchange = Exchange(count, request, self, reply)
        open[count] = exchange
        guard let received = request.received(as: count) else { preconditionFailure("\(request.target) is no target") }
        if world.mutations.are(.acknowledgedBeforeCommit), request.isReport, isKnown(request.token) {
            exchange.answer(HTTPServer.Response(status: 200, body: encodeJSON(ReportReply(.duplicate))))
        }
        if let (machine, call) = world.oldCall(of: request) { world.checks.heard(machine, call) }
        api.handle(received, exchange)
    }

    private func isKnown(_ token: Token?) -> Bool {
        token.map { heart.line(forToken: SHA256.hash(Array($0.secret.utf8)).words) != nil } ?? false
    }

    /// One request and its one answer.
    final class Exchange: Answering, @unchecked Sendable {
        // Unchecked: a simulation is one thread.
        private let number: Int
        private let request: Request
        /// Nil once it was used: whoever keeps the exchange need not keep who asked, nor what there was to say.
        private var reply: (@Sendable (Response?) -> Void)?
        private var otherwise: (@Sendable () -> HTTPServer.Response)?
        private weak var door: Door?
        private unowned let coordinator: Coordinator
        private let life: Int

        init(_ number: Int, _ request: Request, _ door: Door, _ reply: @escaping @Sendable (Response?) -> Void) {
            self.number = number
            self.request = request
            self.door = door
            self.reply = reply
            coordinator = door.coordinator
            life = coordinator.life
        }

        private var isAlive: Bool { coordinator.life == life && coordinator.isUp && !coordinator.isDying }

        func takeReply() -> (@Sendable (Response?) -> Void)? {
            defer { (reply, otherwise) = (nil, nil) }
            return reply
        }

        /// False also when whoever answers is dead.
        @discardableResult
        func answer(_ response: HTTPServer.Response) -> Bool {
            guard isAlive, let reply = takeReply() else { return false }
            door?.open[number] = nil
            let world = coordinator.world
            let response = world.mutations.leaves(Response(response), to: request, world)
            reply(response)
            world.noteAcknowledged(response, to: request)
            return true
        }

        @discardableResult
        func park(for time: Duration, otherwise: @escaping @Sendable () -> HTTPServer.Response) -> Bool {
            guard reply != nil else { return false }
            self.otherwise = otherwise
            coordinator.world.agenda.plan(after: time) { [self] in
                if isAlive, let late = self.otherwise { answer(late()) }
            }
            return true
        }

        /// Nobody here listens to the live stream.
        func stream(_ headers: [HeaderField]) -> ResponseStream? { nil }
    }
}

extension Request {
    /// As it comes out of a socket. Nobody draws a name for one that has one.
    fileprivate func received(as number: Int) -> HTTPServer.Request? {
        var fields = [("X-Request-ID", requestID ?? "request-\(number)")]
        if let token { fields.append(("Authorization", "Bearer \(token.secret)")) }
        if route != nil { fields.append((protocolHeader, "\(protocolVersion)")) }
        if let ifNoneMatch { fields.append(("If-None-Match", ifNoneMatch)) }
        return HTTPServer.Request(
            method: method, target: target, headers: HeaderFields(fields), body: body, peer: address, isTLS: true)
    }

    fileprivate var isReport: Bool {
        switch route {
        case .pricingReport, .switchReport, .terminationReport, .cleanupReport: true
        default: false
        }
    }
}

extension Response {
    fileprivate init(_ response: HTTPServer.Response) {
        let retryAfter = response.headers.first { $0.name == "Retry-After" }?.value
        self.init(status: response.status, retryAfter: retryAfter, body: response.body)
    }
}
