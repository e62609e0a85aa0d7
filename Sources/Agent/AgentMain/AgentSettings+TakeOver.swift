import AgentCore
import AgentHost
import Platform
import Wire

// Taking the workload over, and letting it go, on this machine.
extension AgentSettings {
    enum LastResort: String, CaseIterable, Sendable { case none, poweroff }

    static let hooksFolder = Setting.path(
        "HOOKS_DIR", default: "/etc/spot-optimizer/hooks",
        "The folder of the hooks: executables in notice.d, drain.d, fence.d, promote.d, ready.d and verify.d, run as root in "
            + "name order. What a stage's hooks take, the hand-over takes longer.")
    static let drainUnits = units(
        "DRAIN_UNITS",
        "Units that are stopped first on a machine that lets the workload go, such as the socket or proxy in front of it; in "
            + "this order, as the promote units after them in the reverse of theirs.")
    static let promoteUnits = units(
        "PROMOTE_UNITS",
        "The workload's units: started in this order on the machine that takes it over, each when the one before is active, and "
            + "stopped on the one that lets it go. What is not named here goes on running there.")
    static let verifyURL = Setting<String>(
        "VERIFY_URL", placeholder: "URL", expectation: "an http or https URL without a user and a fragment",
        default: nil,
        "Proves that the workload serves on this machine: the page is there with a status from 200 to 299. Ask the machine "
            + "itself, not a balancer. Without one of the three proofs no hand-over counts as met.",
        parse: probeURL
    ).optional
    static let verifyPort = Setting<Probe>(
        "VERIFY_TCP", placeholder: "HOST:PORT", expectation: "localhost or an address in figures, a colon, and a port",
        default: nil, "Proves it instead: a connection is taken, which says less than a page.", parse: probePort
    ).optional
    static let verifyCommand = Setting<[String]>(
        "VERIFY_COMMAND", placeholder: "COMMAND", expectation: "an absolute path, and arguments separated by blanks",
        default: nil, "Proves it instead: the program ends with 0. It is run as root, and by no shell."
    ) { text in
        let words = text.split(separator: " ").map(String.init)
        return words.first?.hasPrefix("/") == true && text.utf8.count <= 4096 ? words : nil
    }.optional
    static let address = Setting<ResourceID>(
        "ELASTIC_IP_ALLOCATION_ID", placeholder: "ID",
        expectation: "an allocation's id such as eipalloc-0123456789abcdef0", default: nil,
        "The elastic IP that moves to the machine that serves: a second or two, and connections through it break."
    ) { resource($0, "eipalloc-") }.optional
    static let volumes = Setting<[DataVolume]>(
        "DATA_VOLUME_IDS", placeholder: "LIST",
        expectation: "volumes' ids, each perhaps with :/dev/sdX, separated by commas or blanks, each once",
        default: nil,
        "Volumes that are wherever the workload is; without a device the first free from /dev/sdf on. They make the hand-over "
            + "exclusive, cost it ten seconds and more, bind it and its replicas to one zone, and are never detached by force.",
        parse: dataVolumes
    ).optional
    static let targetGroups = Setting<[TargetGroup]>(
        "TARGET_GROUP_ARNS", placeholder: "LIST", expectation: "ARNs of target groups, separated by commas or blanks",
        default: nil,
        "Load balancers' groups of instances that the serving machine is a member of. They send it traffic only after their own "
            + "health checks."
    ) { text in list(text, of: TargetGroup.init) }.optional
    static let lastResort = Setting.choice(
        "FENCE_LAST_RESORT", default: LastResort.none,
        "What is done when the workload cannot be stopped here though another machine waits for it: none leaves the slot without "
            + "a primary and raises an alarm, poweroff takes the whole machine down at once.")

    // Proposed for a slot that is founded
    static let handOver = Setting<HandOver>(
        "HAND_OVER", placeholder: "overlap|exclusive", expectation: "overlap or exclusive", default: nil,
        "Whether two machines may serve at once for a moment (overlap: no gap), or never (exclusive: a gap from the stop of one "
            + "to the start of the other). \(onlyProposed)"
    ) { HandOver(rawValue: $0.lowercased()) }.optional
    static let failoverDeadline = Setting.integer(
        "FAILOVER_DEADLINE_SECONDS", 1...120,
        "Seconds from a notice to a proven new primary; a later one is counted as missed. \(onlyProposed)"
    ).optional
    /// Below 15 the coordinator refuses it: a heartbeat that is late would stop the workload.
    static let lease = Setting<Int>(
        "LEASE_SECONDS", placeholder: "SECONDS",
        expectation: "0, or a whole number from 15 to \(Limits.settingSecondsMax)", default: nil,
        "With HAND_OVER=exclusive: a machine stops the workload by itself after so long without the coordinator, and another may "
            + "take over from one that is silent. The price: a coordinator that is away longer stops it as well. 0: never. "
            + onlyProposed
    ) { text in Int(text).flatMap { $0 == 0 || (15...Limits.settingSecondsMax).contains($0) ? $0 : nil } }.optional
    static let drainBudget = Setting.integer(
        "DRAIN_BUDGET_SECONDS", Limits.drainSeconds,
        "Seconds that a machine may take to drain before its units are stopped; they count against the deadline where the "
            + "hand-over is exclusive. \(onlyProposed)"
    ).optional
    private static let onlyProposed =
        "Only proposed: it counts when this machine founds its agent, later the coordinator's does."

    static let takeOver = [
        hooksFolder.listed, drainUnits.listed, promoteUnits.listed, verifyURL.listed, verifyPort.listed,
        verifyCommand.listed, address.listed, volumes.listed, targetGroups.listed, lastResort.listed, handOver.listed,
        failoverDeadline.listed, lease.listed, drainBudget.listed,
    ]

    /// The hooks that are there now. It waits for the disk.
    static func hooks(_ settings: Settings) -> HookFolder.All { HookFolder.all(in: settings[hooksFolder]) }

    /// What no setting shows alone, also beside settings that are wrong themselves.
    static func contradictions(in outcome: SettingsOutcome) -> [String] {
        var found: [String] = []
        let proofs = [
            ("VERIFY_URL", (outcome[verifyURL] ?? nil) != nil), ("VERIFY_TCP", (outcome[verifyPort] ?? nil) != nil),
            ("VERIFY_COMMAND", (outcome[verifyCommand] ?? nil) != nil),
        ].filter(\.1).map(\.0)
        if proofs.count > 1 {
            found.append(
                "\(proofs.joined(separator: " and ")): one of them is the proof that the workload serves; leave one")
        }
        if let volumes = outcome[volumes] ?? nil, !volumes.isEmpty, outcome[handOver] == .overlap {
            found.append(
                "DATA_VOLUME_IDS and HAND_OVER=overlap: a volume is at one machine only; leave out one, or set exclusive"
            )
        }
        // What cannot be read contradicts nothing.
        let holdsVolumes = outcome[volumes].map { !($0 ?? []).isEmpty } ?? true
        let isOverlap = outcome[handOver].map { $0 != .exclusive } ?? false
        if let seconds = outcome[lease] ?? nil, seconds > 0, isOverlap, !holdsVolumes {
            found.append(
                "LEASE_SECONDS: it needs HAND_OVER=exclusive, as only there a machine stops rather than serve twice")
        }
        return found
    }
}
