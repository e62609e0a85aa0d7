import BenchmarkSupport
import Glibc
import JSON
import Platform
import Wire

/// All machines of one coordinator, and the operator beside them.
final class Fleet {
    static let region: Region = "us-east-1"
    static let zone: AvailabilityZone = "us-east-1b"
    static let type: InstanceType = "m5.large"
    /// Seconds that a heartbeat parks.
    static let wait = 3

    let swarm: Swarm
    let port: UInt16
    let surroundings = SystemSurroundings()
    private let operatorToken: String
    private(set) var hosts: [Host] = []
    private(set) var isCycling = false
    /// The operator's connections that wait for nothing.
    private var idle: [Connection] = []

    var answers = 0
    var losses = 0
    /// What went wrong, the first few in words.
    private(set) var faults: [String] = []
    private(set) var faultCount = 0

    init(_ swarm: Swarm, port: UInt16, operatorToken: String) {
        self.swarm = swarm
        self.port = port
        self.operatorToken = operatorToken
    }

    var wall: Timestamp { surroundings.wall() }

    func note(_ fault: String) {
        faultCount += 1
        if faults.count < 3 { faults.append(fault) }
    }

    // MARK: The operator

    /// One call, on a connection of the operator's that is free.
    func ask(_ route: Route, _ path: String, _ body: some JSONWritable, _ answered: @escaping (Answer) throws -> Void)
        throws
    {
        let connection = try idle.popLast() ?? Connection(swarm, to: port) {}
        let request = httpRequest(route.row.method.rawValue, path, token: operatorToken, encodeJSON(body))
        try connection.send(request) { [unowned self] answer in
            idle.append(connection)
            try answered(answer)
        }
    }

    func dropIdle() {
        for connection in idle { connection.close() }
        idle = []
    }

    /// Makes clients for so many slots; gives their tokens. A client may enrol so many hosts at once and no more.
    func makeClients(forSlots count: Int) throws -> [String] {
        try (0...count / Self.slotsOfClient).map { try makeClient("benchmark \($0)") }
    }

    private static let slotsOfClient = 1_000

    private func makeClient(_ name: String) throws -> String {
        var token: String?
        try ask(.createClient, Route.createClient.path(), ClientCreation(name: name)) { answer in
            guard answer.status == 200 || answer.status == 201 else {
                throw BenchmarkError("make a client: \(answer.status) \(answer.text)")
            }
            token = try decodeJSON(CreatedClient.self, from: Array(answer.body)).token.secret
        }
        try swarm.run(for: .seconds(10)) { token != nil }
        guard let token else { throw BenchmarkError("no client was made within 10 s") }
        return token
    }

    // MARK: Enrolment

    /// Enrols machines until there are `count`, over so many connections at once. With `pairs`, the last of them are
    /// replicas of the first slots. Returns how long it took.
    @discardableResult
    func enrol(_ count: Int, pairs: Int = 0, connections: Int = 64, tokens: [String]) throws -> Duration {
        let begin = swarm.moment
        // A replica needs its primary to be there.
        try enrol(upTo: count - pairs, connections, tokens) { $0 }
        try enrol(upTo: count, connections, tokens) { $0 - (count - pairs) }
        return swarm.moment - begin
    }

    private func enrol(upTo count: Int, _ width: Int, _ tokens: [String], _ slot: @escaping (Int) -> Int) throws {
        let first = hosts.count
        var next = first
        var done: [Int: Host] = [:]
        let connections = try (0..<min(width, count - first)).map { number in
            try Connection(swarm, to: port, number: number) {
                throw BenchmarkError("the coordinator closed a connection while agents enrolled")
            }
        }
        func enrolNext(_ connection: Connection) throws {
            guard next < count else { return }
            let number = next
            next += 1
            let slot = slot(number)
            let registration = try registration(number, slot: slot)
            let request = httpRequest(
                Route.register.row.method.rawValue, Route.register.path(), token: tokens[slot / Self.slotsOfClient],
                encodeJSON(registration))
            try connection.send(request) { [unowned self] answer in
                guard answer.status == 200 || answer.status == 201 else {
                    throw BenchmarkError("enrol: \(answer.status) \(answer.text)")
                }
                let reply = try decodeJSON(RegistrationReply.self, from: Array(answer.body))
                done[number] = Host(number, reply, registration.instance, in: self)
                try enrolNext(connection)
            }
        }
        for connection in connections { try enrolNext(connection) }
        guard try swarm.run(for: .seconds(90), until: { done.count == count - first }) else {
            throw BenchmarkError("only \(first + done.count) of \(count) agents were enrolled within 90 s")
        }
        for connection in connections { connection.close() }
        hosts += (first..<count).compactMap { done[$0] }
    }

    private func registration(_ number: Int, slot: Int) throws -> Registration {
        let digits = String(number, radix: 16)
        let instance = try InstanceID("i-" + String(repeating: "0", count: 17 - digits.count) + digits)
        var registration = Registration(
            logicalAgent: try LogicalAgentID("workload-\(slot)"), instance: instance, region: Self.region,
            hostname: "ip-10-0-0-\(number).ec2.internal")
        registration.instanceType = Self.type
        registration.zone = Self.zone
        registration.image = "ami-0a1b2c3d4e5f60718"
        registration.mode = .spot
        registration.privateAddress = "10.0.0.7"
        return registration
    }

    // MARK: Their life

    /// Starts those that are to live, spread over one park, and returns when each had an answer.
    func cycle(_ hosts: ArraySlice<Host>) throws {
        isCycling = true
        beginCounting(hosts)
        // Close together, as after a restart: it is on the coordinator to spread them.
        let spread = Duration.milliseconds(300) / hosts.count
        for (index, host) in hosts.enumerated() { swarm.after(spread * index) { try host.start() } }
        guard try swarm.run(for: .seconds(30), until: { isComplete }) else {
            throw BenchmarkError("only \(back.count) of \(hosts.count) agents had an answer within 30 s")
        }
    }

    func rest() {
        isCycling = false
        for host in hosts { host.stop() }
        dropIdle()
    }

    private var expected = 0
    private var since = Duration.zero
    private(set) var back: Set<Int> = []

    /// From here on it counts who has had an answer on a connection that was opened since.
    func beginCounting(_ hosts: ArraySlice<Host>) {
        expected = hosts.count
        since = swarm.moment
        back = []
    }

    var isComplete: Bool { back.count == expected }

    func noteBack(_ host: Host, on connection: Connection) {
        if back.count < expected && connection.openedAt >= since { back.insert(host.number) }
    }
}
