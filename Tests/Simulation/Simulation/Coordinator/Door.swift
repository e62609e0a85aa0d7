import CoordinatorHeart
import Crypto
import JSON
import Platform
import Wire

/// Takes requests as `CoordinatorAPI` does, without sockets: the same admission, the same reading of bodies, the same calls of
/// the heart, and the same parking. What it does not do is what no simulated host or operator asks for.
final class Door: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    let heart: Heart
    unowned let coordinator: Coordinator
    private var open: [Int: Exchange] = [:]
    private var count = 0

    /// How long the store may take before the caller is told to come again.
    static let patience = Duration.seconds(10)

    init(_ heart: Heart, _ coordinator: Coordinator) {
        self.heart = heart
        self.coordinator = coordinator
    }

    var world: World { coordinator.world }

    /// The process has ended: gives those who were not answered, in the order in which they came.
    func end() -> [@Sendable (Response?) -> Void] {
        let left = open.sorted { $0.key < $1.key }.compactMap { $0.value.takeReply() }
        open = [:]
        return left
    }

    // MARK: Exchanges

    /// One request and its one answer.
    final class Exchange: @unchecked Sendable {
        // Unchecked: a simulation is one thread.
        let number: Int
        let request: Request
        /// Nil once it was used: whoever keeps the exchange need not keep who asked.
        private var reply: (@Sendable (Response?) -> Void)?
        private weak var door: Door?
        private unowned let coordinator: Coordinator
        private let life: Int
        private var isOver: Bool { reply == nil }

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
            defer { reply = nil }
            return reply
        }

        /// False: it was answered before, or whoever answers is dead.
        @discardableResult
        func answer(_ response: Response) -> Bool {
            guard isAlive, let reply = takeReply() else { return false }
            door?.open[number] = nil
            reply(response)
            return true
        }

        func refuse(_ code: ErrorCode, _ sentence: String) { answer(.refusal(ErrorReply(code, sentence))) }

        func body<Body: WireObject>(_ type: Body.Type = Body.self) -> Body? {
            do throws(JSONError) {
                let bytes = request.body.isEmpty ? Array("{}".utf8) : request.body
                return try decodeJSON(
                    type, from: JSONDocument(bytes, limits: JSONLimits(bytes: request.route.bodyBytes)))
            } catch {
                refuse(.validation, "\(error)")
                return nil
            }
        }

        func value<Kind: IdentifierKind>(_ place: Int, of kind: Kind.Type = Kind.self) -> Identifier<Kind>? {
            do throws(WireError) { return try Identifier<Kind>(request.values[place]) } catch {
                refuse(.notFound, "no such thing: \(error)")
                return nil
            }
        }

        /// Answers when the heart has, or with `otherwise` when the time is over.
        func park(for time: Duration, otherwise late: @escaping () -> Response) {
            coordinator.world.agenda.plan(after: time) { [self] in if !isOver && isAlive { answer(late()) } }
        }

        func later<Reply: WireObject & Sendable>(
            _ ask: (@escaping @Sendable (Outcome<Reply>) -> Void) -> Void,
            and then: @escaping @Sendable (Outcome<Reply>) -> Void = { _ in }
        ) {
            park(for: Door.patience) { .refusal(ErrorReply(.unavailable, "the store is slow; asking again is safe")) }
            ask { outcome in
                let isHeard =
                    switch outcome {
                    case .done(let reply): self.answer(.json(reply))
                    case .refused(let reply): self.answer(.refusal(reply))
                    case .unavailable(let reason): self.answer(.refusal(ErrorReply(.unavailable, reason)))
                    }
                if isHeard { then(outcome) }
            }
        }
    }

    // MARK: Who comes in

    func enter(_ request: Request, _ reply: @escaping @Sendable (Response?) -> Void) {
        count += 1
        let exchange = Exchange(count, request, self, reply)
        open[count] = exchange
        guard let token = request.token else { return serveOperator(exchange) }
        let words = SHA256.hash(Array(token.secret.utf8)).words
        if let line = heart.line(forToken: words) { return admit(line, exchange) }
        guard let tenant = heart.tenant(forToken: words) else {
            return exchange.refuse(.invalidToken, "this token is not, or no longer, known")
        }
        guard request.route == .register else { return exchange.refuse(.forbidden, "a client's token only enrols") }
        register(exchange, tenant.client)
    }

    private func admit(_ line: Line, _ exchange: Exchange) {
        let route = exchange.request.route
        guard exchange.request.values.first == line.slot.text else {
            return exchange.refuse(.forbidden, "this token belongs to another agent")
        }
        let isNotice = route == .terminationImminent || route == .rebalanceRecommendation
        guard line.admits(aNotice: isNotice, at: coordinator.clock.monotonic()) else {
            return exchange.refuse(.tooManyRequests, "this host asks too often: slow down")
        }
        serveHost(exchange, line)
    }

    private func register(_ exchange: Exchange, _ client: ClientID) {
        guard let registration = exchange.body(Registration.self) else { return }
        let token = world.makeToken("agent")
        let hash = SHA256.hash(Array(token.secret.utf8)).bytes
        exchange.later({ heart.register(registration, of: client, token: token, hash: hash, answer: $0) }) {
            [world] outcome in
            if case .done(let reply) = outcome { world.acknowledged(.host(registration.instance), in: reply.slot) }
        }
    }
}

extension Response {
    static func json(_ body: some WireObject) -> Response { Response(status: 200, body: encodeJSON(body)) }

    static func refusal(_ reply: ErrorReply) -> Response {
        let isLater = reply.code == .tooManyRequests || reply.code == .unavailable
        return Response(status: reply.code.httpStatus, retryAfter: isLater ? "1" : nil, body: encodeJSON(reply))
    }
}

extension ErrorCode {
    /// As `CoordinatorAPI` has it.
    fileprivate var httpStatus: Int {
        switch self {
        case .validation, .configuration: 400
        case .unauthorized, .invalidToken, .invalidAuthFormat: 401
        case .inactiveClient, .forbidden: 403
        case .notFound: 404
        case .conflict: 409
        case .gone: 410
        case .tooLarge: 413
        case .tooManyRequests: 429
        case .unavailable: 503
        default: 500
        }
    }
}
