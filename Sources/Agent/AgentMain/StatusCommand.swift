import AgentCore
import AgentHost
import JSON
import Platform
import Wire

/// `spot-agent status`: what the running agent wrote of itself.
enum StatusCommand {
    static func run(_ invocation: Invocation, _ environment: [String: String], now: Timestamp) -> ExitStatus {
        let folder = Folders(environment).runtime
        let status: LocalStatus
        do { status = try StatusFile.read(in: folder) } catch {
            StandardStream.error.write("\(error)\nIs the agent running? systemctl status spot-agent tells.\n")
            return .unavailable
        }
        if invocation.has(Option.json.name) {
            StandardStream.output.write(String(decoding: encodeJSON(status), as: UTF8.self) + "\n")
        } else {
            StandardStream.output.write(status.page(at: now))
        }
        return StatusFile.isStale(status, at: now) ? .unavailable : .success
    }
}

extension LocalStatus {
    func sentence(server: String) -> String {
        let place = slot.map { slot in "\(role?.rawValue ?? "registered") of agent \(slot)" }
        let reach =
            switch contact.state {
            case .identifying: "asking the metadata service who this machine is"
            case .enrolling: "enrolling with \(server)"
            case .inContact: "in contact with \(server)"
            case .outOfContact: "no contact with \(server): \(contact.reason ?? "it has not answered yet")"
            case .deleted: "deleted by an administrator"
            case .leaving: "leaving"
            }
        let alarm = metadata.blindSince == nil ? nil : "BLIND: the metadata service does not answer"
        return ([alarm, notices.first?.what, place, reach].compactMap { $0 }).joined(separator: "; ")
    }

    /// For a person.
    func page(at now: Timestamp) -> String {
        var lines: [(String, String)] = []
        if StatusFile.isStale(self, at: now) {
            lines.append(("NOT RUNNING", "this was \(age(of: updatedAt, at: now)) ago; systemctl status spot-agent"))
        }
        lines.append(("instance", instance?.text ?? "not known yet"))
        lines.append(("agent", slot?.text ?? "not registered"))
        lines.append(("role", [role?.rawValue, epoch.map { "epoch \($0)" }].compactMap { $0 }.joined(separator: ", ")))
        for lack in lacking { lines.append(("not ready", lack)) }
        let state = contact.state.rawValue.map { $0 == "_" ? " " : $0 }
        lines.append(
            (
                "coordinator",
                "\(String(state)) for \(age(of: contact.since, at: now))" + (contact.reason.map { ": \($0)" } ?? "")
            ))
        let blind = metadata.blindSince.map { "BLIND for \(age(of: $0, at: now))" }
        lines.append(
            ("metadata", blind ?? metadata.answerAgeMilliseconds.map { "answered \($0) ms before" } ?? "not heard yet"))
        for notice in notices {
            lines.append(
                ("announced", "\(notice.what), incident \(notice.incident?.text ?? "not stored yet")"))
        }
        for command in commands {
            lines.append(("command", "\(command.type) \(command.id) for \(age(of: command.since, at: now))"))
        }
        lines.append(("outbox", "\(outbox.waiting) waiting"))
        if let offset = clockOffsetMilliseconds {
            lines.append(("clock", "\(abs(offset)) ms \(offset < 0 ? "ahead of" : "behind") the coordinator's"))
        }
        lines.append(("disk", diskFault ?? "well"))
        return lines.map { "\(padded($0)) \($1)\n" }.joined()
    }
}

private func padded(_ name: String) -> String { name + String(repeating: " ", count: max(0, 12 - name.count)) }

private func age(of time: Timestamp, at now: Timestamp) -> String {
    let seconds = max(0, (now - time).components.seconds)
    if seconds < 120 { return "\(seconds) s" }
    return seconds < 7_200 ? "\(seconds / 60) min" : "\(seconds / 3_600) h"
}
