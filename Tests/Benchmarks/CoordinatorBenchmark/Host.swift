import AgentCore
import BenchmarkSupport
import CLinux
import JSON
import Platform
import Wire

/// One enrolled machine as the coordinator sees it: beats, parks, obeys, and comes back when the connection is lost.
final class Host {
    let number: Int
    let instance: InstanceID
    let slot: SlotID
    let token: String
    private(set) var role: Role
    private(set) var epoch: Epoch
    private(set) var configVersion: ConfigVersion

    private unowned let fleet: Fleet
    private var connection: Connection?
    private var backoff = Backoff()
    /// Its heartbeat is under way and was not answered yet.
    private(set) var isParked = false
    /// Told of each command when it has arrived.
    var obeys: ((Command, _ arrived: Duration) throws -> Void)?
    /// Told when the result of a command is stored.
    var settled: (() -> Void)?

    init(_ number: Int, _ reply: RegistrationReply, _ instance: InstanceID, in fleet: Fleet) {
        self.number = number
        self.instance = instance
        self.fleet = fleet
        slot = reply.slot
        token = reply.token.secret
        role = reply.role
        epoch = reply.epoch
        configVersion = reply.configuration.version
    }

    // MARK: What it says

    func heartbeat(at wall: Timestamp, uptime: Duration) -> Heartbeat {
        var heartbeat = Heartbeat(status: .online, instance: instance)
        heartbeat.instanceType = Fleet.type
        heartbeat.mode = .spot
        heartbeat.zone = Fleet.zone
        heartbeat.region = Fleet.region
        heartbeat.agentVersion = productVersion
        heartbeat.role = role
        heartbeat.epoch = epoch
        heartbeat.configVersion = configVersion
        heartbeat.monitored = [instance]
        let seconds = uptime.components.seconds
        heartbeat.health = HostHealth(uptimeSeconds: seconds, metadataAgeMilliseconds: 850)
        heartbeat.clock = HostClock(wall: wall, monotonicMilliseconds: seconds * 1_000 + Int64(number))
        if role == .replica { heartbeat.lacking = [] }
        return heartbeat
    }

    func request(_ route: Route, _ path: String, _ body: (some JSONWritable)? = String?.none) -> [UInt8] {
        httpRequest(route.row.method.rawValue, path, token: token, body.map { encodeJSON($0) } ?? [])
    }

    /// The whole request, as an agent sends it.
    func heartbeatRequest(wait: Int?, at wall: Timestamp, uptime: Duration) -> [UInt8] {
        let path = Route.heartbeat.path(slot) + (wait.map { "?wait=\($0)" } ?? "")
        return request(.heartbeat, path, heartbeat(at: wall, uptime: uptime))
    }

    // MARK: What it does

    /// Opens the connection, beats, and goes on for ever.
    func start() throws {
        connection = try Connection(fleet.swarm, to: fleet.port, number: number) { [unowned self] in try comeBack() }
        try beat()
    }

    func stop() {
        connection?.close()
        connection = nil
        isParked = false
    }

    private func beat() throws {
        isParked = true
        let request = heartbeatRequest(wait: Fleet.wait, at: fleet.wall, uptime: fleet.swarm.now)
        try connection?.send(request) { [unowned self] in try take($0) }
    }

    private func take(_ answer: Answer) throws {
        isParked = false
        fleet.answers += 1
        guard answer.status == 200 else {
            fleet.note("heartbeat answered \(answer.status): \(answer.text)")
            // A refusal is not asked again in a circle.
            return fleet.swarm.after(.seconds(1)) { [unowned self] in try beat() }
        }
        backoff.reset()
        if let connection { fleet.noteBack(self, on: connection) }
        if position(of: "\"commands\":[]", in: answer.body) != nil { return try beat() }
        let reply = try decodeJSON(HeartbeatReply.self, from: Array(answer.body))
        (role, epoch, configVersion) = (reply.role, reply.epoch, reply.configVersion)
        let arrived = fleet.swarm.now
        for command in reply.commands { try obeys?(command, arrived) }
        try report(reply.commands[...])
    }

    /// One result after the other on the same connection, then the next heartbeat.
    private func report(_ commands: ArraySlice<Command>) throws {
        guard let command = commands.first else { return try beat() }
        let path = Route.commandResult.path(slot, command.id)
        try connection?.send(request(.commandResult, path, result(of: command))) { [unowned self] answer in
            if answer.status != 200 { fleet.note("result answered \(answer.status): \(answer.text)") }
            settled?()
            try report(commands.dropFirst())
        }
    }

    /// All that is asked works at once, but for making a machine.
    private func result(of command: Command) -> CommandResult {
        let outcome: CommandResult.Outcome
        var facts: CommandResult.Facts?
        switch command.order {
        case .createReplica: outcome = .refused
        case .promote:
            outcome = .done
            facts = .activated(at: fleet.wall, verifiedAt: fleet.wall)
        default: outcome = .done
        }
        var result = CommandResult(
            outcome, message: "benchmark", instance: instance, attempt: command.attempt, epoch: command.epoch,
            finishedAt: fleet.wall)
        result.facts = facts
        return result
    }

    /// As agents do: at growing distances, each drawn by chance.
    private func comeBack() throws {
        isParked = false
        connection = nil
        fleet.losses += 1
        fleet.swarm.after(backoff.next(chance: fleet.surroundings.random())) { [unowned self] in
            if fleet.isCycling { try start() }
        }
    }
}

func httpRequest(_ method: String, _ path: String, token: String, _ body: [UInt8]) -> [UInt8] {
    Array(
        """
        \(method) \(path) HTTP/1.1\r
        Host: 127.0.0.1\r
        User-Agent: spot-agent/\(productVersion)\r
        Authorization: Bearer \(token)\r
        Spot-Protocol: \(protocolVersion)\r
        Content-Type: application/json\r
        Content-Length: \(body.count)\r
        \r

        """.utf8) + body
}
