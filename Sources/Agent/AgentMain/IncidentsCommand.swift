import AgentCore
import AgentHost
import JSON
import Platform
import Wire

/// `spot-agent incidents`: what happened to this machine's agent, as the coordinator tells it; without one, what this machine
/// remembers.
enum IncidentsCommand {
    static func run(_ invocation: Invocation, _ start: ProgramStart, _ program: ProgramDescription) -> ExitStatus {
        let isJSON = invocation.has(Option.json.name)
        do throws(CommandRefusal) {
            let id = try incident(invocation.arguments.first)
            let asker = try Asker(invocation, start, program)
            let type = id == nil || isJSON ? "application/json" : "text/plain"
            let query: [(QueryParameter, String)] = id == nil ? [(.agent, asker.enrolment.slot.text)] : []
            switch asker.ask(id == nil ? .incidents : .incident, id.map { [$0] } ?? [], query: query, type: type) {
            case .success(let body): return show(body, isList: id == nil, isJSON)
            case .failure(.unreachable(let sentence)), .failure(.rubbish(let sentence)):
                return tell(asker.memory, because: sentence)
            case .failure(.refused(403...404, _, let sentence, _)) where id != nil:
                throw CommandRefusal(.failure, "\(sentence); spot-agent incidents lists this agent's")
            case .failure(let failure):
                throw CommandRefusal(.failure, "\(asker.server) refused to tell: \(failure.sentence)")
            }
        } catch {
            StandardStream.error.write("\(error.sentence)\n")
            return error.status
        }
    }

    private static func incident(_ text: String?) throws(CommandRefusal) -> IncidentID? {
        guard let text else { return nil }
        do { return try IncidentID(text) } catch { throw CommandRefusal(.usage, "incident \(text): \(error)") }
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
