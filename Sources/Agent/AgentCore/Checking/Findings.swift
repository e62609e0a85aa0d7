package import JSON
package import Wire

/// What `spot-agent check` found. Nil, or not there: it was not asked, or there was no answer in time.
package struct Findings: Sendable {
    // The configuration
    package var problems: [String] = []
    package var notices: [String] = []
    /// What settings name, by the settings' names.
    package var paths: [String: String] = [:]
    /// Nil: it is not valid, so nobody is asked.
    package var server: String?
    package var hasToken = false
    package var region: Region?
    package var makesImages = false
    package var takeOver = TakeOver()
    // The coordinator
    package var service: Result<ServiceDescription, AskFailure>?
    package var client: Result<ValidatedClient, AskFailure>?
    package var coordinatorClock: ClockReading?
    // AWS
    package var metadata: [MetadataItem: MetadataReading] = [:]
    package var cloudClock: ClockReading?
    package internal(set) var rights: [Right: RightFinding] = [:]
    package var volumes: [ResourceID: CloudAnswer.Volume] = [:]
    package var healthChecks: [TargetGroup: CloudAnswer.HealthCheck] = [:]
    // This machine
    package var folder: FolderFinding?
    package var daemon: DaemonFinding?
    package var units: UnitsFinding?
    package var hooks: HooksFinding?
    /// The slot's, as far as this machine knows it.
    package var failoverDeadline = Duration.seconds(SlotSettings().failoverDeadlineSeconds)

    package init() {}

    package var lines: [CheckLine] {
        configurationLines + [serverLine, tokenLine, metadataLine] + rightLines + takeOverLines
            + [clockLine, folderLine, daemonLine]
    }

    /// Where a right is tried on several things, the worst that was found: a policy may name some of them only.
    package mutating func note(_ finding: RightFinding, of right: Right) {
        switch (rights[right], finding) {
        case (.denied, _), (.unknown, .held): break
        default: rights[right] = finding
        }
    }

    /// Known better now: a launch was tried with less.
    package mutating func renew(_ found: [Right: RightFinding]) { rights.merge(found) { $1 } }

    static let late = "no answer came in time"

    private var configurationLines: [CheckLine] {
        let subject = "configuration"
        let problems = problems.map { CheckLine.failed(subject, $0, "spot-agent run --help explains each setting") }
        let notices = notices.map { CheckLine.warning(subject, $0, nil) }
        let found = problems + notices + hiddenLines
        return found.isEmpty ? [.ok(subject, "valid")] : found
    }

    /// What the unit's ProtectHome= and PrivateTmp= hide from the service, and a check by hand sees.
    private static let hiddenFolders = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"]

    private var hiddenLines: [CheckLine] {
        paths.sorted { $0.key < $1.key }.compactMap { name, path in
            guard let folder = Self.hiddenFolders.first(where: path.hasPrefix) else { return nil }
            return .warning(
                "configuration", "\(name) is \(path): spot-agent.service sees nothing of what is in \(folder)",
                "keep it in /etc/spot-optimizer")
        }
    }
}

/// How another clock stands to ours.
package struct ClockReading: Sendable, Equatable {
    /// How far ours is ahead.
    package var ahead: Duration
    /// So much either way it may be more or less.
    package var margin: Duration

    package init(ahead: Duration, margin: Duration) {
        self.ahead = ahead
        self.margin = margin
    }

    /// From an answer of another clock's time to a question.
    package init(askedAt: Timestamp, theirs: Timestamp, answeredAt: Timestamp) {
        let half = (answeredAt - askedAt) / 2
        self.init(ahead: askedAt + half - theirs, margin: half < .zero ? .zero - half : half)
    }

    /// That much they differ at least.
    var difference: Duration { max(.zero, max(ahead, .zero - ahead) - margin) }
}

/// The state folder, as whoever checks sees it.
package enum FolderFinding: Sendable, Equatable {
    /// `isNamed`: somebody chose it, so systemd will not make it.
    case absent(path: String, isNamed: Bool)
    /// It cannot be looked at, or is no folder: the sentence says which.
    case unusable(String)
    case there(Facts)

    package struct Facts: Sendable, Equatable {
        package var path: String
        package var permissions: UInt32
        /// Why no file can be made in it.
        package var fault: String?
        package var freeBytes: Int64
        package var hasFreeFiles: Bool

        package init(path: String, permissions: UInt32, fault: String?, freeBytes: Int64, hasFreeFiles: Bool) {
            self.path = path
            self.permissions = permissions
            self.fault = fault
            self.freeBytes = freeBytes
            self.hasFreeFiles = hasFreeFiles
        }
    }
}

/// What the running agent says of itself.
package enum DaemonFinding: Sendable, Equatable {
    case silent(reason: String)
    /// It said this once, but does not any more.
    case stale(LocalStatus)
    case fresh(LocalStatus)
}
