import AgentCore
import AgentHost
import Platform
import Systemd
import Wire

/// Asks the coordinator in the agent's own name, for a person at this machine.
struct Asker {
    /// What this machine remembers.
    let memory: Memory
    let enrolment: Enrolment
    let server: String
    private let caFile: String?

    /// A person waits for it.
    private static let patience = Duration.seconds(10)

    init(_ invocation: Invocation, _ start: ProgramStart, _ program: ProgramDescription) throws(CommandRefusal) {
        let outcome = program.readSettings(invocation, start, standardFile: AgentSettings.standardFile)
        memory = try Self.remembered(in: Folders(start.environment).state)
        guard let enrolment = memory.enrolment else {
            throw CommandRefusal(
                .unavailable, "this machine is not enrolled yet: spot-agent status tells how far it is")
        }
        guard let server = outcome[AgentSettings.server] else {
            throw CommandRefusal(.configuration, outcome.problems.joined(separator: "\n"))
        }
        (self.enrolment, self.server) = (enrolment, server)
        caFile = outcome[AgentSettings.caFile] ?? nil
    }

    /// Only root reads it: the agent's token is in it.
    private static func remembered(in folder: String) throws(CommandRefusal) -> Memory {
        do throws(PlatformError) { return try Memory(rememberedIn: folder) } catch {
            let isDenied = error.code == .denied
            throw CommandRefusal(isDenied ? .noPermission : .failure, "\(error)\(isDenied ? ": run this as root" : "")")
        }
    }

    func ask(
        _ route: Route, _ values: [any PathValue] = [], query: [(QueryParameter, String)] = [],
        type: String = "application/json"
    ) -> Result<[UInt8], AskFailure> {
        do {
            let loop = try Loop()
            let inquiry = try Inquiry(loop: loop, server: server, caFile: caFile, token: enrolment.token)
            var answer: Result<[UInt8], AskFailure>?
            inquiry.ask(route, values, query: query, type: type, within: Self.patience) {
                answer = $0
                loop.stop(0)
            }
            _ = try withExtendedLifetime(inquiry) { try loop.run() }
            return answer ?? .failure(.unreachable("no answer came"))
        } catch { return .failure(.unreachable("\(error)")) }
    }
}

/// Why a sub-command ends without having done what it was asked for.
struct CommandRefusal: Error {
    let status: ExitStatus
    let sentence: String
    init(_ status: ExitStatus, _ sentence: String) { (self.status, self.sentence) = (status, sentence) }
}
