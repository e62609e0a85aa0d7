import AgentCore
import AgentHost
import Glibc
import JSON
import Platform
import Wire

/// A drill from outside: asks the running agent for it, and looks on until the coordinator's verdict.
struct Following {
    private let asker: Asker
    private let folder: String
    private let surroundings = SystemSurroundings()

    /// The loop takes it in its next turn, and writes its status a second later at the latest.
    private static let takenWithin = Duration.seconds(5)
    /// Longer than the agent tries to tell the coordinator of one.
    private static let storedWithin = Duration.seconds(35)
    /// Beyond the deadline: what an old primary takes to stop, so that its steps are in the story.
    private static let grace = Duration.seconds(30)
    /// As long as the coordinator gives a replica to be ready for one that has no deadline.
    private static let withoutDeadline = Duration.seconds(600)
    /// A host with nothing to stop has no steps.
    private static let toldWithin = Duration.seconds(1)
    private static let pause = Duration.milliseconds(100)

    init(_ asker: Asker, folder: String) { (self.asker, self.folder) = (asker, folder) }

    // MARK: The agent

    /// The drill once the coordinator has it.
    func begin(_ kind: Drill.Kind) throws(CommandRefusal) -> Drill {
        let agent = try runningAgent()
        let request = Drill.Request(kind, name: String(surroundings.random(), radix: 16))
        do throws(PlatformError) { try DrillRequest.leave(request, in: folder) } catch {
            throw CommandRefusal(error.code == .denied ? .noPermission : .failure, "\(error)")
        }
        guard kill(agent, SIGUSR1) == 0 else {
            DrillRequest.withdraw(from: folder)
            throw CommandRefusal(.unavailable, "wake the agent, process \(agent): \(describe(errno: lastErrno))")
        }
        _ = try drill(request.name, within: Self.takenWithin) { _ in true }
        let drill = try drill(request.name, within: Self.storedWithin) { $0.incident != nil || $0.refusal != nil }
        if let refusal = drill.refusal { throw CommandRefusal(.failure, "no drill: \(refusal)") }
        return drill
    }

    /// A number that another process has by now gets no signal, which would end it.
    private func runningAgent() throws(CommandRefusal) -> Int32 {
        let advice = "systemctl status spot-agent tells whether it runs"
        guard let status = try? StatusFile.read(in: folder), !StatusFile.isStale(status, at: surroundings.wall()),
            let process = status.process, process > 1,
            let name = try? readSmallFile("/proc/\(process)/comm", limit: 64), name == Array("spot-agent\n".utf8)
        else { throw CommandRefusal(.unavailable, "no agent runs here that takes a drill: \(advice)") }
        return process
    }

    private func drill(
        _ name: String, within limit: Duration, where isFit: (Drill) -> Bool
    ) throws(CommandRefusal) -> Drill {
        let deadline = surroundings.monotonic() + limit
        while surroundings.monotonic() < deadline {
            let known = (try? StatusFile.read(in: folder))?.drills.first { $0.name == name }
            if let known, isFit(known) { return known }
            rest(Self.pause)
        }
        DrillRequest.withdraw(from: folder)
        let seconds = limit.components.seconds
        throw CommandRefusal(.unavailable, "the running agent did not answer in \(seconds) s: journalctl -u spot-agent")
    }

    // MARK: The coordinator

    /// The incident when it is closed, or as it is when that takes too long.
    func end(of drill: Drill) throws(CommandRefusal) -> Incident {
        guard let id = drill.incident else { preconditionFailure("one that is stored has an incident") }
        let began = surroundings.monotonic()
        var limit = Self.grace
        while true {
            let answer = asker.ask(.incident, [id])
            let isLate = surroundings.monotonic() - began >= limit
            if case .success(let body) = answer {
                let incident = try read(body)
                let given = incident.deadline.map { $0 - incident.detectedAt } ?? Self.withoutDeadline
                limit = given + Self.grace
                if incident.state != .open { return try withLastSteps(incident) }
                if isLate { return incident }
            } else if case .failure(let failure) = answer, isLate {
                throw CommandRefusal(
                    .unavailable, "incident \(id) began, and what became of it is not known: \(failure.sentence)")
            }
            rest(Self.pause)
        }
    }

    /// The verdict is the successor's; what the old primary did after it is told later.
    private func withLastSteps(_ closed: Incident) throws(CommandRefusal) -> Incident {
        guard closed.successor != nil else { return closed }
        var (incident, deadline) = (closed, surroundings.monotonic() + Self.grace)
        while !hasLetGo, surroundings.monotonic() < deadline { rest(Self.pause) }
        deadline = min(deadline, surroundings.monotonic() + Self.toldWithin)
        while !incident.ledger.contains(where: { $0.instance == closed.instance }),
            surroundings.monotonic() < deadline
        {
            rest(Self.pause)
            if case .success(let body) = asker.ask(.incident, [closed.id]) { incident = try read(body) }
        }
        return incident
    }

    private var hasLetGo: Bool {
        guard let status = try? StatusFile.read(in: folder) else { return false }
        return status.role != .primary && status.commands.isEmpty
    }

    private func read(_ body: [UInt8]) throws(CommandRefusal) -> Incident {
        do { return try decodeJSON(Incident.self, from: body) } catch {
            throw CommandRefusal(.failure, "the coordinator's incident cannot be read: \(error)")
        }
    }

    private func rest(_ time: Duration) { _ = poll(nil, 0, Int32(max(0, time / .milliseconds(1)))) }
}
