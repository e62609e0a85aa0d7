import Platform
import Wire

/// What the agent can be told. The help, the errors and the parsing come from these declarations.
enum AgentSettings {
    static let server = Setting.url(
        "SPOT_OPTIMIZER_SERVER_URL", aliases: ["BACKEND_URL", "CENTRAL_SERVER_URL"], default: "http://localhost:5000",
        "The coordinator's address.")
    static let caFile = Setting.path(
        "SERVER_CA_FILE",
        "Certificates (PEM) of the authorities that may vouch for the coordinator, instead of the system's."
    ).optional
    static let heartbeat = Setting.seconds(
        "HEARTBEAT_INTERVAL", 1...300, default: "30", "How often to ask whether the coordinator is there.")
    static let logLevel = Setting.choice(
        "LOG_LEVEL", default: LogThreshold.info, "The least important entries that are logged.")

    /// Names of the original agents that this version does nothing with.
    private static let withoutEffect = [
        "SPOT_OPTIMIZER_CLIENT_TOKEN", "SPOT_OPTIMIZER_CLIENT_TOKEN_FILE", "CLIENT_TOKEN", "LOGICAL_AGENT_ID",
        "AWS_REGION",
        "PENDING_COMMANDS_CHECK_INTERVAL", "CONFIG_REFRESH_INTERVAL", "PRICING_REPORT_INTERVAL",
        "TERMINATION_CHECK_INTERVAL", "REBALANCE_CHECK_INTERVAL", "EMERGENCY_CHECK_INTERVAL", "ML_DECISION_INTERVAL",
        "AUTO_TERMINATE_OLD_INSTANCE", "TERMINATE_WAIT_TIME", "CREATE_SNAPSHOT_ON_SWITCH", "REPLICA_ENABLED",
        "REPLICA_COUNT", "CLOUD_PROVIDER", "CLOUD_ACCOUNT",
    ]

    static let schema = SettingsSchema(
        [server.listed, caFile.listed, heartbeat.listed, logLevel.listed],
        retired: withoutEffect.map { .exactly($0) } + [.beginning("CLEANUP_")])

    static let standardFile = "/etc/spot-optimizer/agent.env"

    static let program = ProgramDescription(
        name: "spot-agent", version: "\(productVersion) (protocol \(protocolVersion))",
        summary: "The daemon of spot on each EC2 instance. It keeps in touch with the coordinator.",
        subcommands: [
            Subcommand("run", "Run until SIGTERM.", options: [.configFile], takesSettings: true),
            Subcommand(
                "check-config", "Check the settings, report every problem at once, and do nothing else.",
                options: [.configFile], takesSettings: true),
        ],
        settings: schema,
        notes: [
            "The settings are read from \(standardFile) when it is there; SIGHUP reads them again.",
            "Logs go to the journal (journalctl -u spot-agent), or to standard error where there is none.",
        ])
}
