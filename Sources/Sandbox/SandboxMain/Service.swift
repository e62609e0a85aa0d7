import Glibc
import HTTPServer
import JSON
import Platform
import SandboxCore
import Systemd

/// A running sandbox: the world, and what is done for it. Lives on its loop's thread.
final class Service {
    private let loop: Loop
    private let surroundings: any Surroundings
    private let log: Log
    private let inbox: Mailbox<Asked>
    private let machines: Machines
    private let socket: StreamListener
    private var listener: Listener?
    private var world: World
    private var timer: (any LoopTimer)?
    private var watches: [any DescriptorWatch] = []
    private var signals: [any SignalWatch] = []
    private var proxies: [FrontID: Proxy] = [:]
    private var probes: [Probe: ConnectionAttempt] = [:]
    /// Answers that a fault makes late.
    private var late: [(due: Duration, exchange: Exchange, response: Response)] = []

    /// A request, on its way to the loop.
    private struct Asked: Sendable {
        let request: Request
        let exchange: Exchange
    }

    /// A fleet that asks once a second is far from it.
    private static let waitingMax = 1_024
    private static let refused = Response(
        status: 503, text: "spot-sandbox (not AWS) is asked too much, or told to hang\n")

    init(
        _ settings: Settings, environment: [String: String], surroundings: any Surroundings, log: Log
    ) throws {
        raiseDescriptorLimit()
        self.surroundings = surroundings
        self.log = log
        loop = try Loop()
        inbox = try Mailbox(capacity: Self.waitingMax)
        machines = Machines(
            boot: settings[SandboxSettings.boot], halt: settings[SandboxSettings.halt], environment: environment,
            loop: loop, log: log)
        let rules = Rules(settings)
        world = World(
            rules, chance: surroundings.random(),
            at: Moment(time: surroundings.monotonic(), wall: surroundings.wall()))
        let place = settings[SandboxSettings.listen]
        socket =
            place.address.isLoopback
            ? try StreamListener(on: "0.0.0.0", place.port, device: "lo")
            : try StreamListener(on: "\(place.address)", place.port)
        try begin(rules)
        log.notice(
            "serving", [.field("SANDBOX_ENDPOINT", rules.endpoint), .field("SANDBOX_WARNING", "this is not AWS")])
    }

    private func begin(_ rules: Rules) throws {
        var options = ListenerOptions(address: .socket(socket.descriptor.number), surroundings: surroundings)
        // The loop decides everything; they only read and write.
        options.workers = 2
        options.limits.connections = 1_024
        options.refusal = { Response(Reply($0.status, "\($0.reason)\n")) }
        let inbox = inbox
        listener = try Listener(options) { request, exchange in
            guard exchange.park(for: .seconds(60), otherwise: { Self.refused }) else { return }
            if !inbox.send(Asked(request: request, exchange: exchange)) { exchange.answer(Self.refused) }
        }
        watches.append(try inbox.attach(to: loop) { [unowned self] in take($0) })
        timer = try loop.makeTimer { [unowned self] in wake() }
        for signal in [SIGTERM, SIGINT] { signals.append(try loop.onSignal(signal) { [unowned self] in loop.stop(0) }) }
        let room = Room()
        for front in rules.balancers { try open(front, as: .balancer(front.name), room) }
        for front in rules.addresses { try open(front, as: .address(front.name), room) }
    }

    private func open(_ front: Front, as id: FrontID, _ room: Room) throws {
        proxies[id] = try Proxy(on: front, loop: loop, room: room) { [unowned self] endpoint in
            world.drained(id, endpoint)
            settle()
        }
    }

    func run() throws {
        _ = try loop.run()
        machines.killAll()
        listener?.stop(within: .seconds(1))
        log.notice("stopped")
    }

    private var now: Moment { Moment(time: surroundings.monotonic(), wall: surroundings.wall()) }

    // MARK: What comes in

    private func wake() {
        let now = now
        for answer in late where answer.due <= now.time { answer.exchange.answer(answer.response) }
        late.removeAll { $0.due <= now.time }
        world.wake(at: now)
        settle()
    }

    private func take(_ asked: Asked) {
        let now = now
        // Who listens on all addresses is reached by others than its own.
        guard IPv4(asked.request.peer.text)?.isPrivate == true else {
            asked.exchange.drop()
            return
        }
        var question = Question(asked.request)
        question.signer = Signature.signer(of: asked.request, in: world, at: now.wall)
        switch world.answer(question, at: now) {
        case .hang: break
        case .drop: asked.exchange.drop()
        case .reply(let reply, let delay) where delay > .zero:
            late.append((now.time + delay, asked.exchange, Response(reply)))
        case .reply(let reply, _): asked.exchange.answer(Response(reply))
        }
        settle()
    }

    // MARK: What comes of it

    private func settle() {
        var effects = world.takeEffects()
        while !effects.isEmpty {
            for effect in effects { perform(effect) }
            effects = world.takeEffects()
        }
        let due = [world.nextDue, late.map(\.due).min()].compactMap { $0 }.min()
        if let due { timer?.arm(at: due) } else { timer?.disarm() }
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .boot(let boot): machines.boot(boot)
        case .halt(let boot, let state): machines.halt(boot, state)
        case .kill(let boot, let state): machines.kill(boot, state)
        case .probe(let probe): look(probe)
        case .route(let front, let endpoints): proxies[front]?.route(to: endpoints)
        case .drain(let front, let endpoint):
            if proxies[front]?.drain(endpoint) ?? true { world.drained(front, endpoint) }
        case .cut(let front, let endpoint): proxies[front]?.cut(endpoint)
        case .tell(let instance, let text):
            let name: [LogField] = instance.map { [.field("SANDBOX_INSTANCE", $0)] } ?? []
            log.notice("world", name + [.field("SANDBOX_NEWS", text)])
        }
    }

    /// Whoever takes the connection is well.
    private func look(_ probe: Probe) {
        let attempt = try? ConnectionAttempt(to: probe.target.address, probe.target.port, on: loop) {
            [unowned self] result in
            if case .success = result { finish(probe, isWell: true) } else { finish(probe, isWell: false) }
        }
        probes[probe] = attempt
        // Some refusals come at once.
        if attempt == nil { world.probed(probe, isWell: false, at: now) }
    }

    private func finish(_ probe: Probe, isWell: Bool) {
        probes[probe] = nil
        world.probed(probe, isWell: isWell, at: now)
        settle()
    }
}

extension Question {
    init(_ request: Request) {
        self.init(request.method, request.path)
        host = request.headers[name: "Host"] ?? ""
        peer = request.peer.text
        for field in request.headers.all { headers[field.name.lowercased()] = field.value }
        body = request.body
    }
}

extension Response {
    init(_ reply: Reply) {
        self.init(status: reply.status, headers: [Self.server], body: reply.body)
        for field in reply.headers + [Reply.Header("Content-Type", reply.type)] {
            if let field = HeaderField(field.name, field.value) { headers.append(field) }
        }
    }

    private static let server = HeaderField(constant: "Server", "spot-sandbox (not AWS)")
}
