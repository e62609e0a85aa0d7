import AgentCore
import AgentHost
import JSON
import Platform
import Wire

/// `spot-agent drill`: has the workload move the real way, and says how well it did; or asks only whether it would.
enum DrillCommand {
    static func run(_ invocation: Invocation, _ start: ProgramStart, _ program: ProgramDescription) -> ExitStatus {
        let isJSON = invocation.has(Option.json.name)
        do throws(CommandRefusal) {
            let kind = try kind(invocation.options[Option.kind.name])
            let asker = try Asker(invocation, start, program)
            if invocation.has(Option.dryRun.name) { return show(try readiness(asker), isJSON) }
            let following = Following(asker, folder: Folders(start.environment).runtime)
            let drill = try following.begin(kind)
            return show(try following.end(of: drill), drill, isJSON)
        } catch {
            StandardStream.error.write("\(printable(error.sentence))\n")
            return error.status
        }
    }

    private static func kind(_ word: String?) throws(CommandRefusal) -> Drill.Kind {
        guard let word else { return .terminate }
        guard let kind = Drill.Kind(rawValue: word) else {
            throw CommandRefusal(.usage, "--kind: expected \(Option.kindWords), found \"\(word)\"")
        }
        return kind
    }

    private static func printable(_ text: String) -> String { IncidentsCommand.printable(text) }

    // MARK: Would it be survived?

    private static func readiness(_ asker: Asker) throws(CommandRefusal) -> SlotReadiness {
        switch asker.ask(.readiness, [asker.enrolment.slot]) {
        case .success(let body):
            do { return try decodeJSON(SlotReadiness.self, from: body) } catch {
                throw CommandRefusal(.failure, "the coordinator's answer cannot be read: \(error)")
            }
        case .failure(.unreachable(let sentence)), .failure(.rubbish(let sentence)):
            throw CommandRefusal(.unavailable, sentence)
        case .failure(let failure):
            throw CommandRefusal(.failure, "\(asker.server) refused to tell: \(failure.sentence)")
        }
    }

    private static func show(_ readiness: SlotReadiness, _ isJSON: Bool) -> ExitStatus {
        let text = isJSON ? String(decoding: encodeJSON(readiness), as: UTF8.self) + "\n" : printable(readiness.page)
        return StandardStream.output.write(text) && readiness.survives ? .success : .failure
    }

    // MARK: How it went

    private static func show(_ incident: Incident, _ drill: Drill, _ isJSON: Bool) -> ExitStatus {
        let card = Scorecard(incident, storedAfterMilliseconds: drill.storedAfterMilliseconds)
        let text =
            isJSON
            ? String(decoding: encodeJSON(Page(card: card, incident: incident)), as: UTF8.self) + "\n"
            : incident.story(printable) + "\n" + card.text(printable)
        return StandardStream.output.write(text) && card.isMet ? .success : .failure
    }

    private struct Page: JSONWritable {
        let card: Scorecard
        let incident: Incident

        func write(to writer: inout JSONWriter) {
            writer.object { fields in
                fields.field("scorecard", card)
                fields.field("incident", incident)
            }
        }
    }
}

extension Option {
    fileprivate static var kindWords: String { Drill.Kind.allCases.map(\.rawValue).joined(separator: " or ") }
    static let kind = Option(
        "kind", value: "KIND", "What is made up: \(kindWords). Left out: \(Drill.Kind.terminate.rawValue).")
    static let dryRun = Option("dry-run", "Only ask the coordinator whether the agent would survive it.")
}

extension SlotReadiness {
    fileprivate var page: String {
        let verdict = survives ? "it would survive an interruption now" : "it would NOT survive an interruption now"
        let facts = "\(handOver.rawValue), deadline \(deadlineSeconds) s, primary \(primary?.text ?? "none")"
        let stand = replicas.map { replica in
            let lacks = replica.lacking.map { $0.joined(separator: "; ") } ?? "it has not looked yet"
            let state = replica.isReady ? "ready" : replica.isFresh ? "not ready: \(lacks)" : "not heard"
            return "replica  \(replica.instance)\(replica.zone.map { " in \($0)" } ?? ""): \(state)"
        }
        let lines =
            ["\(verdict) (\(facts))"] + reasons.map { "reason   \($0)" } + warnings.map { "warning  \($0)" } + stand
        return lines.map { "\($0)\n" }.joined()
    }
}
