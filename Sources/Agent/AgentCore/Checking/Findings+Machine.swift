import Wire

extension Findings {
    /// The record is a few hundred kilobytes, and written anew beside itself.
    private static let leastBytes: Int64 = 4 << 20
    /// What an outage of a day may bring, and others who fill the disk meanwhile.
    private static let enoughBytes: Int64 = 64 << 20

    var folderLine: CheckLine {
        let subject = "state folder"
        switch folder {
        case nil: return .failed(subject, "the disk did not answer in time", "look at the disk and at dmesg")
        case .absent(let path, isNamed: true):
            return .failed(subject, "\(path) is not there", "mkdir -m 700 \(path), for the user that the agent runs as")
        case .absent(let path, isNamed: false):
            return .warning(
                subject, "\(path) is not there yet", "systemd makes it when spot-agent.service first starts")
        case .unusable(let sentence): return .failed(subject, sentence, "STATE_DIRECTORY must name a folder")
        case .there(let facts): return judge(facts)
        }
    }

    private func judge(_ facts: FolderFinding.Facts) -> CheckLine {
        let subject = "state folder"
        let space = "\(facts.freeBytes >> 20) MiB free"
        if let fault = facts.fault {
            return .failed(
                subject, fault,
                "make it writable for the user that the agent runs as; run this as that user, usually root")
        }
        if facts.freeBytes < Self.leastBytes || !facts.hasFreeFiles {
            let what = facts.hasFreeFiles ? space : "no room for another file"
            return .failed(subject, "\(facts.path): \(what)", "make room: a restart would forget what is under way")
        }
        if facts.permissions & 0o077 != 0 {
            return .warning(
                subject, "\(facts.path) has mode \(octal(facts.permissions)): others may look into it",
                "chmod 700 \(facts.path)")
        }
        if facts.freeBytes < Self.enoughBytes { return .warning(subject, "\(facts.path): \(space)", "make room") }
        return .ok(subject, "\(facts.path) is writable, \(space)")
    }

    private func octal(_ permissions: UInt32) -> String {
        let digits = String(permissions & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    var daemonLine: CheckLine {
        let subject = "daemon"
        switch daemon {
        case nil: return .warning(subject, "the disk did not answer in time", "look at the disk and at dmesg")
        case .silent(let reason):
            return .warning(subject, "it does not run: \(reason)", "systemctl enable --now spot-agent")
        case .stale: return .warning(subject, "it does not run any more", "systemctl status spot-agent tells why")
        case .fresh(let status): return judge(status)
        }
    }

    private func judge(_ status: LocalStatus) -> CheckLine {
        let subject = "daemon"
        if let fault = status.diskFault {
            return .failed(subject, "it runs, but its disk takes nothing: \(fault)", "make room, or repair the disk")
        }
        if status.metadata.blindSince != nil {
            return .failed(subject, "it runs, but is blind: no notice would be seen", "see metadata, above")
        }
        switch status.contact.state {
        case .inContact:
            let place = [status.role?.rawValue, status.slot.map { "agent \($0)" }].compactMap(\.self)
            return .ok(subject, "it runs, in contact: \(place.joined(separator: " of "))")
        case .deleted:
            return .failed(
                subject, "it runs, but an administrator deleted this agent",
                "systemctl reload spot-agent enrols it again")
        case .identifying, .enrolling, .outOfContact, .leaving:
            let state = String(status.contact.state.rawValue.map { $0 == "_" ? " " : $0 })
            let reason = status.contact.reason.map { ": \($0)" } ?? ""
            return .warning(subject, "it runs, \(state)\(reason)", "journalctl -u spot-agent tells more")
        }
    }
}
