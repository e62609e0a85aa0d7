import AgentCore
import AgentHost
import JSON
import Platform
import Systemd
import Wire

/// `spot-agent incidents`: what happened to this machine's agent, as the coordinator tells it; without one, what this machine
/// remembers.
enum IncidentsCommand {
    /// A person waits for it.
    private static let patience = Duration.seconds(10)

    static func run(_ invocation: Invocation, _ start: ProgramStart, _ program: ProgramDescription) -> ExitStatus {
        let isJSON = invocation.has(Option.json.name)
        let outcome = program.readSettings(invocation, start, standardFile: AgentSettings.standardFile)
        do throws(Refusal) {
            let id = try incident(invocation.arguments.first)
            let memory = try remembered(in: Folders(start.environment).state)
            guard let enrolment = memory.enrolment else {
                throw Refusal(.unavailable, "this machine is not enrolled yet: spot-agent status tells how far it is")
            }
            guard let server = outcome[AgentSettings.server] else {
                throw Refusal(.configuration, outcome.problems.joined(separator: "\n"))
            }
            let caFile = outcome[AgentSettings.caFile] ?? nil
            switch ask(server, caFile, enrolment, id, isJSON) {
            case .success(let body): return show(body, isList: id == nil, isJSON)
            case .failure(.unreachable(let sentence)), .failure(.rubbish(let sentence)):
                return tell(memory, because: sentence)
            case .failure(.refused(403...404, _, let sentence, _)) where id != nil:
                throw Refusal(.failure, "\(sentence); spot-agent incidents lists this agent's")
            case .failure(let failure): throw Refusal(.failure, "\(server) refused to tell: \(failure.sentence)")
            }
        } catch {
            StandardStream.error.write("\(error.sentence)\n")
            return error.status
        }
    }

    private struct Refusal: Error {
        let status: ExitStatus
        let sentence: String
        init(_ status: ExitStatus, _ sentence: String) { (self.status, self.sentence) = (status, sentence) }
    }

    private static func incident(_ text: String?) throws(Refusal) -> IncidentID? {
        guard let text else { return nil }
        do { return try IncidentID(text) } catch { throw Refusal(.usage, "incident \(text): \(error)") }
    }

    /// Only root reads it: the agent's token is in it.
    private static func remembered(in folder: String) throws(Refusal) -> Memory {
        do throws(PlatformError) { return try Memory(rememberedIn: folder) } catch {
            let isDenied = error.code == .denied
            throw Refusal(isDenied ? .noPermission : .failure, "\(error)\(isDenied ? ": run this as root" : "")")
        }
    }

    // MARK: The coordinator

    private static func ask(
        _ server: String, _ caFile: String?, _ enrolment: Enrolment, _ id: IncidentID?, _ isJSON: Bool
    ) -> Result<[UInt8], AskFailure> {
        do {
            let loop = try Loop()
            let inquiry = try Inquiry(loop: loop, server: server, caFile: caFile, token: enrolment.token)
            var answer: Result<[UInt8], AskFailure>?
            let type = id == nil || isJSON ? "application/json" : "text/plain"
            let query: [(QueryParameter, String)] = id == nil ? [(.agent, enrolment.slot.text)] : []
            inquiry.ask(
                id == nil ? .incidents : .incident, id.map { [$0] } ?? [], query: query, type: type, within: patience
            ) {
                answer = $0
                loop.stop(0)
            }
            _ = try withExtendedLifetime(inquiry) { try loop.run() }
            return answer ?? .failure(.unreachable("no answer came"))
        } catch { return .failure(.unreachable("\(error)")) }
    }

    // MARK: What is shown

    private static func show(_ body: [UInt8], isList: Bool, _ isJSON: Bool) -> ExitStatus {
        let text = String(decoding: body, as: UTF8.self)
        if isJSON { return write(text + "\n") }
        guard isList else { return write(printable(text)) }
        do { return write(page(of: try decodeJSON(IncidentList.self, from: body))) } catch {
            StandardStream.error.write("the coordinator's list of incidents cannot be read: \(error)\n")
            return .failure
        }
    }

    private static func tell(_ memory: Memory, because sentence: String) -> ExitStatus {
        StandardStream.error.write("\(sentence)\nWhat this machine remembers of its commands:\n\n")
        StandardStream.output.write(page(of: memory))
        return .unavailable
    }

    private static func write(_ text: String) -> ExitStatus {
        StandardStream.output.write(text) ? .success : .failure
    }
}
