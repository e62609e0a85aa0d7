import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Wire

/// A heart on a database of its own, with time that stands still until a test moves it.
final class Site {
    let heart: Heart
    let surroundings: ManualSurroundings
    /// What was told of the machine's clock: how far it was set, and nil once it was followed.
    var clockReports: [Duration?] { reported.wait(until: .zero) { $0 } ?? [] }
    private let reported = Monitor<[Duration?]>([])
    private let seen = Monitor<[Event]>([])

    init(folder: String, surroundings: ManualSurroundings = ManualSurroundings()) throws {
        self.surroundings = surroundings
        heart = try Heart(
            HeartSettings(databasePath: "\(folder)/coordinator.sqlite"), surroundings: surroundings,
            observeClock: { [reported] lag in reported.change { $0.append(lag) } }
        ) { [seen] events in seen.change { $0 += events } }
    }

    /// What the observer was told, which is behind the answers, of all that was asked so far.
    var events: [Event] {
        heart.settle(within: .seconds(10))
        return seen.wait(until: .zero) { $0 } ?? []
    }

    /// Waits until the observer was told of a line of that kind.
    @discardableResult
    func waitForEvent(_ kind: EventKind) throws -> Event {
        let deadline = SystemSurroundings().monotonic() + .seconds(10)
        let found = seen.wait(until: deadline) { events in events.last { $0.kind == kind } }
        guard let found else { throw TestSupportError("no \(kind) came; there were \(events.map(\.kind))") }
        return found
    }
}

/// Runs `body` with a heart on a fresh database, and stops it.
func withSite<Value>(_ body: (Site) throws -> Value) throws -> Value {
    try withTemporaryFolder { folder in
        let site = try Site(folder: folder)
        defer { site.heart.stop() }
        return try body(site)
    }
}

/// The reply of the heart to one question; throws what else it said.
func ask<Reply: Sendable>(
    _ ask: (@escaping @Sendable (Outcome<Reply>) -> Void) -> Void
) throws -> Reply {
    switch try outcome(ask) {
    case .done(let reply): return reply
    case .refused(let reply): throw TestSupportError("refused: \(reply.code.rawValue) \(reply.error)")
    case .unavailable(let reason): throw TestSupportError("unavailable: \(reason)")
    }
}

func outcome<Reply: Sendable>(
    _ ask: (@escaping @Sendable (Outcome<Reply>) -> Void) -> Void
) throws -> Outcome<Reply> {
    let answer = Awaited<Outcome<Reply>>("the heart's answer")
    ask { answer.set($0) }
    return try answer.get()
}

/// A token with the hash that stands for it here: the heart only ever sees hashes.
struct Credential {
    let token: Token
    let hash: [UInt8]
    /// The same as four words.
    var words: SIMD4<UInt64> { SIMD4(repeating: UInt64(hash[0]) * 0x0101_0101_0101_0101) }

    init(_ number: UInt8) throws {
        token = try Token("token-\(number)")
        hash = [UInt8](repeating: number, count: 32)
    }
}

extension Site {
    func makeClient(_ name: String = "acme", _ number: UInt8 = 1) throws -> ClientID {
        let credential = try Credential(number)
        return try ask {
            heart.createClient(
                ClientCreation(name: name), token: credential.token, hash: credential.hash, seal: { _ in [1, 2, 3] },
                answer: $0)
        }.id
    }

    /// Done by the writer in its turn, between what was queued before and after: making a client calls back within the batch.
    @discardableResult
    func doInTurn(
        _ number: UInt8, _ body: @escaping @Sendable () throws -> Void
    ) throws -> Awaited<Outcome<CreatedClient>> {
        let credential = try Credential(number)
        let answer = Awaited<Outcome<CreatedClient>>("the client \(number)")
        heart.createClient(
            ClientCreation(name: "client-\(number)"), token: credential.token, hash: credential.hash,
            seal: { _ in
                try body()
                return [1]
            }, answer: { answer.set($0) })
        return answer
    }

    /// Holds the writer until the latch is open: what is queued from now on and until then is one batch.
    @discardableResult
    func holdWriter(_ number: UInt8 = 20, until latch: Latch) throws -> Awaited<Outcome<CreatedClient>> {
        let isHeld = Latch("the writer's turn")
        let held = try doInTurn(number) {
            isHeld.open()
            try latch.wait()
        }
        try isHeld.wait()
        return held
    }

    @discardableResult
    func register(
        _ instance: InstanceID, of client: ClientID, as name: LogicalAgentID = "web", token number: UInt8,
        _ change: (inout Registration) -> Void = { _ in }
    ) throws -> (line: Line, reply: RegistrationReply) {
        let credential = try Credential(number)
        var registration = Registration(logicalAgent: name, instance: instance, region: "us-east-1", hostname: "h")
        registration.instanceType = "m5.large"
        registration.zone = "us-east-1a"
        registration.mode = .spot
        change(&registration)
        let reply = try ask {
            heart.register(registration, of: client, token: credential.token, hash: credential.hash, answer: $0)
        }
        return (try line(number), reply)
    }

    /// Of the host that was registered with that token.
    func line(_ number: UInt8) throws -> Line {
        guard let line = heart.line(forToken: try Credential(number).words) else {
            throw TestSupportError("nobody is known by token \(number)")
        }
        return line
    }

    /// What a host says every few seconds.
    func heartbeat(
        _ line: Line, as role: Role? = nil, lacking: [String]? = nil, running: [CommandID] = [],
        knowing version: ConfigVersion? = nil
    ) -> Heartbeat {
        var heartbeat = Heartbeat(status: .online, instance: line.instance)
        heartbeat.role = role
        heartbeat.agentVersion = productVersion
        heartbeat.configVersion = version
        heartbeat.instanceType = "m5.large"
        heartbeat.zone = "us-east-1a"
        heartbeat.region = "us-east-1"
        heartbeat.mode = .spot
        heartbeat.lacking = lacking
        heartbeat.running = running
        return heartbeat
    }

    /// Sends a heartbeat and gives what it is answered, decided or not.
    @discardableResult
    func beat(
        _ line: Line, as role: Role? = nil, lacking: [String]? = nil, running: [CommandID] = [],
        knowing version: ConfigVersion? = nil
    ) throws -> [Command] {
        let heartbeat = heartbeat(line, as: role, lacking: lacking, running: running, knowing: version)
        if case .quiet = heart.hear(heartbeat, on: line, wait: .zero) { return [] }
        return try ask { heart.decide(heartbeat, on: line, answer: $0) }.commands
    }

    /// Parks a heartbeat; the value is the answer that wakes it.
    func park(_ line: Line, lacking: [String]? = nil) throws -> Awaited<HeartbeatReply> {
        let heartbeat = heartbeat(line, lacking: lacking)
        if case .news = heart.hear(heartbeat, on: line, wait: .seconds(3)) {
            _ = try ask { heart.decide(heartbeat, on: line, answer: $0) }
        }
        let (answer, call) = makeCall(of: line)
        guard line.park(call, wasQuiet: true) else {
            throw TestSupportError("\(line.instance) has something to do and cannot park")
        }
        return answer
    }

    /// A call to park, and the answer that it will get.
    func makeCall(of line: Line) -> (answer: Awaited<HeartbeatReply>, ParkedCall) {
        let answer = Awaited<HeartbeatReply>("the answer to the heartbeat of \(line.instance)")
        let call = ParkedCall(receivedAt: surroundings.wall(), configVersion: line.configVersion) { reply in
            answer.set(reply)
            return true
        }
        return (answer, call)
    }
}
