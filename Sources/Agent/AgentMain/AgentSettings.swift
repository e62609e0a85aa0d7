import AgentCore
import AgentHost
import Platform
import Wire

/// What the agent can be told, by the names that the original agents and AWS's own tools read. The help, the errors and the
/// parsing come from these declarations.
enum AgentSettings {
    // The coordinator
    static let server = Setting.url(
        "SPOT_OPTIMIZER_SERVER_URL", aliases: ["BACKEND_URL", "CENTRAL_SERVER_URL"], default: "http://localhost:5000",
        "The coordinator's address.")
    static let clientToken = Setting.secret(
        "SPOT_OPTIMIZER_CLIENT_TOKEN", aliases: ["CLIENT_TOKEN"],
        expectation: "a client's token: 1 to 255 printable ASCII characters without a blank",
        "The client's token, which enrols this machine; spot-coordinator client token shows it."
    ) { (try? Token($0)) != nil }
    static let caFile = Setting.path(
        "SERVER_CA_FILE",
        "Certificates (PEM) of the authorities that may vouch for the coordinator, instead of the system's."
    ).optional
    static let logicalAgent = Setting<LogicalAgentID>(
        "LOGICAL_AGENT_ID", placeholder: "NAME", expectation: "1 to 255 bytes without a control character",
        default: nil,
        "The workload's name, the same on every machine that may run it. Left out: the instance's id."
    ) { try? LogicalAgentID($0) }.optional
    static let region = Setting<Region>(
        "AWS_REGION", aliases: ["AWS_DEFAULT_REGION"], placeholder: "REGION", expectation: "a region such as us-east-1",
        default: nil, "The region. Left out: the one that the instance is in."
    ) { try? Region($0) }.optional

    // How often
    static let noticePeriod = Setting.seconds(
        "TERMINATION_CHECK_INTERVAL", 1...3_600, default: "1",
        "How often to look for an interruption notice; 5 is the longest that is done.")
    static let rebalancePeriod = Setting.seconds(
        "REBALANCE_CHECK_INTERVAL", 1...3_600, default: "5", "How often to look for a rebalance recommendation.")
    static let pricesPeriod = Setting.seconds(
        "PRICING_REPORT_INTERVAL", 60...86_400, default: "300",
        "How often to report prices, on the one agent of a kind that the coordinator has chosen for it.")
    static let cleanupPeriod = Setting.seconds(
        "CLEANUP_INTERVAL", 60...604_800, default: "3600", "How often to remove what earlier switches left.")

    // What is done
    static let autoTerminate = Setting.boolean(
        "AUTO_TERMINATE_OLD_INSTANCE", "Terminate a machine that was replaced: proposed when this one founds its agent."
    ).optional
    static let terminateWait = Setting.integer(
        "TERMINATE_WAIT_TIME", 0...Limits.settingSecondsMax,
        "Seconds that a replaced machine is kept before that: proposed likewise."
    ).optional
    static let makesImage = Setting.boolean(
        "CREATE_SNAPSHOT_ON_SWITCH", default: false,
        "Make an image of this machine for each switch, which takes minutes; else the new one starts from this one's image."
    )
    static let snapshotDays = Setting.integer(
        "CLEANUP_SNAPSHOTS_OLDER_THAN_DAYS", 1...3_650, default: 7, "The age at which our own snapshots are removed.")
    static let imageDays = Setting.integer(
        "CLEANUP_AMIS_OLDER_THAN_DAYS", 1...3_650, default: 30, "The age at which our own images are removed.")

    // AWS
    static let metadataEndpoint = Setting.url(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT", "The metadata service's address, instead of the usual one."
    ).optional
    static let metadataMode = Setting<Bool>(
        "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", placeholder: "IPv4|IPv6", expectation: "IPv4 or IPv6",
        default: "IPv4",
        "Which of its two usual addresses to ask."
    ) { ["ipv4": false, "ipv6": true][$0.lowercased()] }
    static let cloudEndpoints = [
        Setting.url("AWS_ENDPOINT_URL", "Where to ask all of AWS, instead of its own addresses.").optional,
        Setting.url("AWS_ENDPOINT_URL_EC2", "Where to ask EC2.").optional,
        Setting.url("AWS_ENDPOINT_URL_PRICING", "Where to ask the price list.").optional,
        Setting.url("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "Where to ask the load balancers.").optional,
    ]
    static let cloudCAFile = Setting.path(
        "AWS_CA_BUNDLE", "Certificates (PEM) of the authorities that may vouch for AWS, instead of the system's."
    ).optional
    static let accessKey = Setting.text(
        "AWS_ACCESS_KEY_ID", "Who asks AWS, with the two below; left out, the instance's role does."
    ).optional
    static let secretKey = Setting.secret("AWS_SECRET_ACCESS_KEY", "The key's secret.").optional
    static let sessionToken = Setting.secret("AWS_SESSION_TOKEN", "For temporary keys.").optional

    static let logLevel = Setting.choice(
        "LOG_LEVEL", default: LogThreshold.info, "The least important entries that are logged.")

    /// Names of the original agents that this one does nothing with: the coordinator sets the pace, and wakes us with
    /// commands and configuration.
    private static let withoutEffect = [
        "HEARTBEAT_INTERVAL", "PENDING_COMMANDS_CHECK_INTERVAL", "CONFIG_REFRESH_INTERVAL", "EMERGENCY_CHECK_INTERVAL",
        "ML_DECISION_INTERVAL", "REPLICA_ENABLED", "REPLICA_COUNT", "CLOUD_PROVIDER", "CLOUD_ACCOUNT",
    ]

    static let schema = SettingsSchema(
        [
            server.listed, clientToken.listed, caFile.listed, logicalAgent.listed, region.listed, noticePeriod.listed,
            rebalancePeriod.listed, pricesPeriod.listed, cleanupPeriod.listed, autoTerminate.listed,
            terminateWait.listed, makesImage.listed, snapshotDays.listed, imageDays.listed, metadataEndpoint.listed,
            metadataMode.listed,
        ] + takeOver + cloudEndpoints.map(\.listed) + [
            cloudCAFile.listed, accessKey.listed, secretKey.listed, sessionToken.listed, logLevel.listed,
        ],
        retired: withoutEffect.map { .exactly($0) })

    /// The settings as the command line and the environment have them, contradictions included.
    static func read(_ invocation: Invocation, _ start: ProgramStart) -> SettingsOutcome {
        let outcome = program.readSettings(invocation, start, standardFile: standardFile)
        return outcome.adding(problems: contradictions(in: outcome))
    }

    static let standardFile = "/etc/spot-optimizer/agent.env"
    /// Where the unit has systemd make the two folders.
    static let standardStateFolder = "/var/lib/spot-agent"
    static let standardRuntimeFolder = "/run/spot-agent"

    private static let checkNotes = [
        "Looked at are the settings, the coordinator, the client's token, the metadata service, each right in AWS, what would "
            + "follow the workload, its units, the clocks, the state folder and the running agent. Each line is ok, warning or failed, with the remedy below it. The exit "
            + "status is 0 without a failed line and 1 with one.",
        "It enrols nobody and writes nothing, so it may be run before the first start and beside a running agent; what would "
            + "change something in AWS is asked with DryRun. It takes at most 15 seconds.",
        "Run it as root: without a token in its own environment it takes the credential client-token that the service has.",
    ]

    private static let incidentNotes = [
        "The coordinator is asked in the agent's own name; only root can read the token that takes. Without an answer it shows "
            + "what this machine remembers: its commands, with what each step of a hand-over took and was given. The exit "
            + "status is then 69."
    ]

    private static let drillNotes = [
        "The running agent tells the coordinator of an end that nobody announced, and the workload moves as it would: a replica "
            + "takes over, and this machine lets it go. A drill that would not be survived is refused, with the reasons, and "
            + "nothing has changed. With --kind rebalance it is only made sure that a replica is ready.",
        "Shown are the course of it and a scorecard. The exit status is 0 when the deadline was met, 1 when it was missed or the "
            + "drill refused, 69 when the coordinator or the agent was not reached. Only root may ask for one.",
    ]

    static let program = ProgramDescription(
        name: "spot-agent", version: "\(productVersion) (protocol \(protocolVersion))",
        summary:
            "The daemon of spot on each EC2 instance: watches what becomes of it, reports, and obeys the coordinator.",
        subcommands: [
            Subcommand("run", "Run until SIGTERM.", options: [.configFile], takesSettings: true),
            Subcommand(
                "check", "Look whether all is there that the agent needs, and say what to do where it is not.",
                options: [.configFile, .json], takesSettings: true, notes: checkNotes),
            Subcommand("status", "Show what the running agent is doing.", options: [.json]),
            Subcommand(
                "drill", "Rehearse an interruption of this machine, and say how well it went.",
                options: [.configFile, .kind, .dryRun, .json], takesSettings: true, notes: drillNotes),
            Subcommand(
                "incidents", "Show what happened to this agent, or one incident as a timeline.",
                options: [.configFile, .json], arguments: [Argument("ID", "The incident.", count: .atMostOne)],
                takesSettings: true, notes: incidentNotes),
            Subcommand(
                "check-config", "Check the settings, report every problem at once, and do nothing else.",
                options: [.configFile], takesSettings: true),
        ],
        settings: schema,
        notes: [
            "The settings are read from \(standardFile) when it is there; SIGHUP reads them again, and all but "
                + "LOG_LEVEL and the credential client-token take effect at once.",
            "Logs go to the journal (journalctl -u spot-agent), or to standard error where there is none.",
            "What must survive a restart is kept in $STATE_DIRECTORY, else in \(standardStateFolder).",
        ])
}

extension Option {
    static let json = Option("json", "Show it as JSON instead of text for people.")
}

extension AgentOptions {
    /// `hooks` are the stages for which there are some.
    init(_ settings: Settings, hostname: String, hooks: Set<HookStage>) {
        var proposed = SlotSettingsChange()
        if let terminates = settings[AgentSettings.autoTerminate] {
            proposed[.autoTerminateEnabled] = .flag(terminates)
        }
        if let seconds = settings[AgentSettings.terminateWait] { proposed[.terminateWaitSeconds] = .whole(seconds) }
        proposed.propose(settings)
        self.init(hostname: hostname, proposed: proposed)
        takeOver = TakeOver(settings, hooks: hooks)
        logicalAgent = settings[AgentSettings.logicalAgent]
        region = settings[AgentSettings.region]
        makesImageOnSwitch = settings[AgentSettings.makesImage]
        noticePeriod = min(settings[AgentSettings.noticePeriod], .seconds(5))
        rebalancePeriod = settings[AgentSettings.rebalancePeriod]
        pricesPeriod = settings[AgentSettings.pricesPeriod]
        cleanupPeriod = settings[AgentSettings.cleanupPeriod]
        snapshotsOlderThanDays = settings[AgentSettings.snapshotDays]
        imagesOlderThanDays = settings[AgentSettings.imageDays]
    }
}

extension CloudSettings {
    init(_ settings: Settings) { self.init({ settings[$0] }, secret: { settings[$0] }) }
    /// As much of it as is valid.
    init(_ outcome: SettingsOutcome) { self.init({ outcome[$0] ?? nil }, secret: { outcome[$0] ?? nil }) }

    private init(_ value: (Setting<String?>) -> String?, secret: (Setting<Secret?>) -> Secret?) {
        var values: [String: String] = [:]
        for (name, setting) in zip(
            [
                "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_PRICING",
                "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
            ], AgentSettings.cloudEndpoints)
        {
            values[name] = value(setting)
        }
        values["AWS_CA_BUNDLE"] = value(AgentSettings.cloudCAFile)
        values["AWS_ACCESS_KEY_ID"] = value(AgentSettings.accessKey)
        values["AWS_SECRET_ACCESS_KEY"] = secret(AgentSettings.secretKey)?.reveal()
        values["AWS_SESSION_TOKEN"] = secret(AgentSettings.sessionToken)?.reveal()
        self.init(values)
    }
}
