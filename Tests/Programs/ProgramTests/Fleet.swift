import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Wire

/// Machines of one client: the built coordinator, and for each machine a metadata service, a state folder and the built agent.
final class Fleet {
    let folder: String
    let coordinator: RunningCoordinator
    let client: CreatedClient
    private var made = 0

    init(in folder: String) throws {
        self.folder = folder
        coordinator = try RunningCoordinator(in: folder)
        client = try coordinator.makeClient()
    }

    /// A machine whose agent is not started yet. Named by the slot's name and, when nobody knows it, an id of its own.
    func machine(
        _ slot: String, _ instance: InstanceID? = nil, values: [String: String] = [:], more: [String: String] = [:]
    ) throws -> FleetMachine {
        made += 1
        let instance = try instance ?? InstanceID(numbered: 0x1000 + made)
        var all = PretendMetadata.ordinary
        all["instance-id"] = instance.text
        all.merge(values) { $1 }
        let state = "\(folder)/agent-\(made)"
        unsafe mkdir(state, 0o700)
        let metadata = try PretendMetadata(values: all)
        let road = try Interposer(to: coordinator.port)
        let environment = [
            "SPOT_OPTIMIZER_SERVER_URL": "http://127.0.0.1:\(road.port)",
            "SPOT_OPTIMIZER_CLIENT_TOKEN": client.token.secret, "LOGICAL_AGENT_ID": slot,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint, "STATE_DIRECTORY": state,
        ].merging(more) { $1 }
        return FleetMachine(instance, slot, metadata, road, state, environment)
    }

    // MARK: What an operator sees and does

    func slot(_ name: String) throws -> SlotID {
        let reply = try coordinator.ask("GET", Route.agents.path(), token: coordinator.adminToken)
        let found = try reply.decode(AgentList.self).agents.first { $0.logicalAgent.text == name }
        guard let found else { throw TestSupportError("the coordinator has no agent \(name)") }
        return found.id
    }

    func detail(_ name: String) throws -> AgentDetail {
        try coordinator.ask("GET", Route.agent.path(slot(name)), token: coordinator.adminToken).decode(AgentDetail.self)
    }

    func change(_ name: String, _ change: SlotSettingsChange) throws {
        let path = try Route.changeSettings.path(slot(name))
        let reply = try coordinator.ask("POST", path, token: coordinator.adminToken, body: change)
        guard reply.status == 200 else { throw TestSupportError("change \(name): \(reply.text)") }
    }

    func askSwitch(_ name: String, to target: ForceSwitch.Target) throws -> CommandID {
        let path = try Route.switchSlot.path(slot(name))
        let reply = try coordinator.ask(
            "POST", path, token: coordinator.adminToken, body: ForceSwitch(target: target))
        guard reply.status < 300 else { throw TestSupportError("switch \(name): \(reply.text)") }
        return try reply.decode(QueuedCommand.self).command
    }

    func commands(_ name: String) throws -> [CommandSummary] {
        let path = try "\(Route.commands.path())?agent_id=\(slot(name))"
        return try coordinator.ask("GET", path, token: coordinator.adminToken).decode(CommandList.self).commands
    }

    /// What became of a command, once it is known.
    func outcome(of id: CommandID, _ name: String, within limit: Duration = .seconds(20)) throws -> CommandSummary {
        var ended: CommandSummary?
        try eventually("the end of \(id)", within: limit) {
            ended = try commands(name).first { $0.id == id && !$0.state.isOpen }
            return ended != nil
        }
        guard let ended else { preconditionFailure("it was awaited") }
        return ended
    }

    func events(_ name: String) throws -> [LogLine] {
        let path = try "\(Route.events.path())?agent_id=\(slot(name))&limit=500"
        return try coordinator.ask("GET", path, token: coordinator.adminToken).decode(LogLines.self).events
    }

    func waitForEvent(_ kind: String, _ name: String, within limit: Duration = .seconds(10)) throws -> LogLine {
        var found: LogLine?
        try eventually("\(kind) of \(name)", within: limit) {
            found = try events(name).first { $0.kind == kind }
            return found != nil
        }
        guard let found else { preconditionFailure("it was awaited") }
        return found
    }

    func incidents(_ name: String) throws -> [Incident] {
        let path = try "\(Route.incidents.path())?agent_id=\(slot(name))"
        return try coordinator.ask("GET", path, token: coordinator.adminToken).decode(IncidentList.self).incidents
    }
}

/// One machine of a fleet.
final class FleetMachine {
    let instance: InstanceID
    let slot: String
    private(set) var metadata: PretendMetadata
    /// Between its agent and the coordinator.
    let road: Interposer
    let state: String
    var environment: [String: String]
    private(set) var agent: ChildProcess?

    init(
        _ instance: InstanceID, _ slot: String, _ metadata: PretendMetadata, _ road: Interposer, _ state: String,
        _ environment: [String: String]
    ) {
        self.instance = instance
        self.slot = slot
        self.metadata = metadata
        self.road = road
        self.state = state
        self.environment = environment
    }

    deinit {
        agent = nil
        road.stop()
        metadata.stop()
    }

    /// `runner` is the program that becomes the agent, with its arguments.
    @discardableResult
    func start(_ runner: [String] = []) throws -> ChildProcess {
        let line = try runner + [builtProgram("spot-agent"), "run"]
        let started = try ChildProcess(line[0], Array(line.dropFirst()), environment: environment)
        agent = started
        return started
    }

    func startInContact() throws -> ChildProcess {
        let started = try start()
        try started.waitForText("notice in contact with the coordinator")
        return started
    }

    @discardableResult
    func kill() throws -> String { try end(SIGKILL) }

    /// All that it said.
    @discardableResult
    func stop() throws -> String { try end(SIGTERM) }

    private func end(_ signal: Int32) throws -> String {
        guard let agent else { return "" }
        agent.send(signal: signal)
        let said = try agent.waitForEnd().errors
        self.agent = nil
        return said
    }

    /// After it was stopped, at the same place.
    func restartMetadata() throws { metadata = try PretendMetadata(values: metadata.values, port: metadata.port) }

    func announce(_ action: String = "terminate") {
        metadata.set("spot/instance-action", #"{"action": "\#(action)", "time": "2099-01-01T00:00:00Z"}"#)
    }

    func order(_ order: Order, as id: CommandID) throws -> CommandResult {
        try road.order(order, as: id, to: instance)
    }
}

extension Interposer {
    /// Has the coordinator's next answer to a heartbeat bring this order as well, and gives what the agent answers to it.
    func order(
        _ order: Order, as id: CommandID, to instance: InstanceID, within limit: Duration = .seconds(20)
    ) throws -> CommandResult {
        let isOrdered = Locked(false)
        let before = seen.count
        behave { asked in
            guard asked.target.contains("/heartbeat") else { return .pass }
            return .alter { reply in
                guard var heard = try? reply.decode(HeartbeatReply.self),
                    isOrdered.withLock({ wasOrdered in
                        defer { wasOrdered = true }
                        return !wasOrdered
                    })
                else { return reply }
                heard.commands.append(
                    Command(
                        id: id, instance: instance, order: order, priority: 75, createdAt: heard.serverTime,
                        expiresAt: heard.serverTime + .seconds(600), leaseSeconds: 10, attempt: 1, epoch: heard.epoch))
                return PlainReply(200, encodeJSON(heard))
            }
        }
        // The heartbeat that is parked now was asked before.
        cutAll()
        defer { pass() }
        return try wait(for: "the result of \(id)", after: before, within: limit) { asked in
            guard asked.target.contains("/commands/\(id)/executed") else { return nil }
            return try? decodeJSON(CommandResult.self, from: asked.body)
        }
    }
}

extension String {
    /// How many lines of a log say it.
    func lines(saying text: String) -> Int { split(separator: "\n").count { $0.contains(text) } }
}
