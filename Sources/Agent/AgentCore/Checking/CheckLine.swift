package import JSON

/// One thing that `spot-agent check` looked at: what was found, and what is to be done about it.
package struct CheckLine: Sendable, Equatable {
    package enum Verdict: String, Sendable {
        case ok
        /// It works, but not as well as it could; or it could not be looked at because of another fault.
        case warning
        /// The agent cannot do its work.
        case failed
    }

    package let subject: String
    package let verdict: Verdict
    package let finding: String
    /// Nil where there is nothing to be done.
    package let remedy: String?

    static func ok(_ subject: String, _ finding: String) -> CheckLine {
        CheckLine(subject: subject, verdict: .ok, finding: finding, remedy: nil)
    }
    static func warning(_ subject: String, _ finding: String, _ remedy: String?) -> CheckLine {
        CheckLine(subject: subject, verdict: .warning, finding: finding, remedy: remedy)
    }
    static func failed(_ subject: String, _ finding: String, _ remedy: String) -> CheckLine {
        CheckLine(subject: subject, verdict: .failed, finding: finding, remedy: remedy)
    }
}

extension CheckLine: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("check", subject)
            fields.field("verdict", verdict.rawValue)
            fields.field("finding", finding)
            fields.optionalField("remedy", remedy)
        }
    }
}

/// All lines, for a person or a program.
package struct CheckPage: Sendable {
    package let lines: [CheckLine]
    package init(_ lines: [CheckLine]) { self.lines = lines }

    /// The worst of all.
    package var verdict: CheckLine.Verdict {
        if lines.contains(where: { $0.verdict == .failed }) { return .failed }
        return lines.contains { $0.verdict == .warning } ? .warning : .ok
    }

    package var text: String {
        let width = lines.map(\.subject.count).max() ?? 0
        return lines.map { line in
            let start = "\(padded(line.verdict.rawValue, to: 7))  \(padded(line.subject, to: width))  "
            let remedy = line.remedy.map { "\(String(repeating: " ", count: start.count))→ \($0)\n" }
            return "\(start)\(line.finding)\n\(remedy ?? "")"
        }.joined()
    }
}

extension CheckPage: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("verdict", verdict.rawValue)
            fields.field("checks", lines)
        }
    }
}

private func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
