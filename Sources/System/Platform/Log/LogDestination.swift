import Glibc

/// Where a program's entries go; chosen once, at its start.
package enum LogDestination: Sendable {
    /// The journal when standard error leads there, lines on standard error otherwise.
    case automatic
    case journal
    case standardError

    /// `identifier` is the program's name in the journal. `prefix` is what the names of its own fields begin with; lines
    /// leave it out. `environment` is asked for JOURNAL_STREAM. Without a socket for the journal it is lines after all.
    package func open(
        identifier: String, prefix: String, environment: [String: String], surroundings: any Surroundings,
        journalSocket: String = "/run/systemd/journal/socket", standardError: Int32 = 2
    ) -> any LogSink {
        if leadsToJournal(environment, standardError),
            let journal = try? JournalTransport(path: journalSocket, identifier: identifier, leavingOut: prefix)
        {
            return DropCountingSink(journal)
        }
        return DropCountingSink(LineTransport(to: standardError, leavingOut: prefix, surroundings: surroundings))
    }

    private func leadsToJournal(_ environment: [String: String], _ standardError: Int32) -> Bool {
        switch self {
        case .journal: true
        case .standardError: false
        // systemd.exec(5): device and inode of the stream it connected. They are compared, because a program that was started
        // with another standard error inherits the variable all the same.
        case .automatic: environment["JOURNAL_STREAM"] == Self.deviceAndInode(of: standardError)
        }
    }

    private static func deviceAndInode(of descriptor: Int32) -> String {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return "" }
        return "\(status.st_dev):\(status.st_ino)"
    }
}
