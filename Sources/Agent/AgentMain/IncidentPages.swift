import AgentCore
import JSON
import Wire

extension IncidentsCommand {
    static func page(of list: IncidentList) -> String {
        guard !list.incidents.isEmpty else { return "no incidents\n" }
        let rows = list.incidents.map { incident in
            [
                incident.id.text, incident.instance.text, incident.kind.rawValue, incident.state.rawValue,
                "\(incident.detectedAt)", incident.successor?.text ?? "-",
                incident.verifiedAt.map { seconds($0 - incident.detectedAt) } ?? "-",
            ]
        }
        let head = ["INCIDENT", "INSTANCE", "KIND", "STATE", "FIRST SIGNAL", "SUCCESSOR", "PROVEN AFTER"]
        // The coordinator gives the newest; a person who wants older ones asks it with more to choose from.
        let more = list.next == nil ? "" : "older ones: spot-coordinator incidents --agent \(list.incidents[0].slot)\n"
        return columns([head] + rows) + more
    }

    /// So many commands are shown: what happened last, and the ones before for comparison.
    private static let commandsShown = 20

    static func page(of memory: Memory) -> String {
        let open = memory.open.map { known in
            "\(known.command.id) \(known.command.order.type), under way since \(known.takenAt)\n"
        }
        let ended = memory.ended.suffix(commandsShown).reversed().map { known in
            let result = known.result
            let head =
                "\(known.command) \(result.outcome.rawValue) at \(result.finishedAt): \(printable(result.message))\n"
            return head + columns(result.ledger.map(row))
        }
        return open.isEmpty && ended.isEmpty ? "no commands\n" : (open + ended).joined(separator: "\n")
    }

    private static func row(of step: LedgerStep) -> [String] {
        let took = step.tookMilliseconds.map { seconds(.milliseconds($0)) } ?? "-"
        return [
            "   ", printable(step.name), took, "of \(seconds(.milliseconds(step.budgetMilliseconds)))",
            step.outcome.rawValue,
        ]
    }

    /// With the thousandths that failovers are judged by.
    private static func seconds(_ time: Duration) -> String {
        let milliseconds = Int64(time / .milliseconds(1))
        let digits = String(abs(milliseconds) % 1_000)
        let fraction = String(repeating: "0", count: 3 - digits.count) + digits
        return "\(milliseconds < 0 ? "-" : "")\(abs(milliseconds) / 1_000).\(fraction) s"
    }

    private static func columns(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        for row in rows {
            for (at, cell) in row.enumerated() {
                if at == widths.count { widths.append(0) }
                widths[at] = max(widths[at], cell.count)
            }
        }
        return rows.map { row in
            let cells = row.enumerated().map { at, cell in
                at == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[at] - cell.count)
            }
            return cells.joined(separator: "  ") + "\n"
        }
        .joined()
    }

    /// Without what could steer a terminal: some of the words are others'.
    static func printable(_ text: String) -> String {
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            clean.append(isControl && scalar != "\n" ? "?" : scalar)
        }
        return String(clean)
    }
}
