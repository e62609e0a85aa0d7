import Platform
import Wire

/// What the coordinator can be told. The help, the errors and the parsing come from these declarations.
enum CoordinatorSettings {
    static let host = Setting.text(
        "HOST", placeholder: "ADDRESS", limit: 64, default: "127.0.0.1",
        "The IPv4 or IPv6 address to listen on; 0.0.0.0 or :: for all. Unused when systemd hands over a socket.")
    static let port = Setting.integer(
        "PORT", 0...65_535, default: 5000, "The port to listen on; 0 lets the kernel choose a free one.")
    static let database = Setting<String>(
        "DATABASE_URL", placeholder: "sqlite:PATH", expectation: "sqlite: and an absolute path", default: "",
        "Where to remember everything. Left out: coordinator.sqlite in $STATE_DIRECTORY, else in the working folder."
    ) { text in
        if text.isEmpty { return "" }
        // SQLite's own notation has two more slashes before an absolute path: sqlite:///var/lib/…
        guard text.hasPrefix("sqlite:") else { return nil }
        let path = text.dropFirst("sqlite:".count)
        return path.hasPrefix("/") ? "/" + path.drop { $0 == "/" } : nil
    }
    static let certificate = Setting.path(
        "TLS_CERT_FILE", "The certificate to serve HTTPS with, in PEM, followed by its chain."
    ).optional
    static let key = Setting.path("TLS_KEY_FILE", "The certificate's private key, in PEM.").optional
    static let allowPlaintext = Setting.boolean(
        "ALLOW_PLAINTEXT", default: false,
        "Serve other machines without TLS. Tokens then cross the network readable: only behind a proxy that adds TLS.")
    static let logLevel = Setting.choice(
        "LOG_LEVEL", default: LogThreshold.info, "The least important entries that are logged.")

    static let schema = SettingsSchema(
        [
            host.listed, port.listed, database.listed, certificate.listed, key.listed, allowPlaintext.listed,
            logLevel.listed,
        ],
        retired: [
            .beginning("DB_"), .beginning("FLASK_"), .beginning("DECISION_ENGINE_"), .exactly("MODEL_DIR"),
            .exactly("ENABLE_BACKGROUND_JOBS"), .exactly("ADMIN_TOKEN"), .exactly("CORS_ORIGINS"),
            .exactly("AGENT_HEARTBEAT_TIMEOUT"), .exactly("DEFAULT_TERMINATE_WAIT_SECONDS"),
        ])

    static let standardFile = "/etc/spot-optimizer/coordinator.env"

    static let program = ProgramDescription(
        name: "spot-coordinator", version: "\(productVersion) (protocol \(protocolVersion))",
        summary: "The central service of spot: agents on EC2 spot instances report to it and obey it.",
        subcommands: [
            Subcommand("serve", "Listen and serve until SIGTERM.", options: [.configFile], takesSettings: true),
            Subcommand(
                "check-config", "Check the settings, report every problem at once, and do nothing else.",
                options: [.configFile], takesSettings: true),
        ],
        settings: schema,
        notes: [
            "The settings are read from \(standardFile) when it is there.",
            "Logs go to the journal (journalctl -u spot-coordinator), or to standard error where there is none.",
        ])
}
