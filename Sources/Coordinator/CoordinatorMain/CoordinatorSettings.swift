import CoordinatorOperator
import Crypto
import HTTPServer
import Platform
import Wire

/// What the coordinator can be told. The help, the errors and the parsing come from these declarations.
enum CoordinatorSettings {
    static let host = Setting<String>(
        "HOST", placeholder: "ADDRESS",
        expectation: "an IPv4 or IPv6 address, such as 127.0.0.1 or ::1 for this machine alone", default: "127.0.0.1",
        "The address to listen on; 0.0.0.0 or :: for all. Unused when systemd hands over a socket."
    ) { PeerAddress($0) == nil ? nil : $0 }
    static let port = Setting.integer(
        "PORT", 0...65_535, default: 5000, "The port to listen on; 0 lets the kernel choose a free one.")
    static let database = Setting<String>(
        "DATABASE_URL", placeholder: "sqlite:PATH", expectation: "sqlite: and a path of a file", default: "",
        "Where to remember everything. Left out: coordinator.sqlite in $STATE_DIRECTORY, else in the working folder."
    ) { text in
        if text.isEmpty { return "" }
        // SQLite's own notation has two more slashes before an absolute path: sqlite:///var/lib/…
        guard text.hasPrefix("sqlite:") else { return nil }
        let path = text.dropFirst("sqlite:".count)
        // :memory: would forget everything at each restart.
        guard !path.isEmpty, path.last != "/", path != ":memory:" else { return nil }
        return path.hasPrefix("/") ? "/" + path.drop { $0 == "/" } : String(path)
    }
    static let certificate = Setting.path(
        "TLS_CERT_FILE", "The certificate to serve HTTPS with, in PEM, followed by its chain."
    ).optional
    static let key = Setting.path("TLS_KEY_FILE", "The certificate's private key, in PEM.").optional
    static let allowPlaintext = Setting.boolean(
        "ALLOW_PLAINTEXT", default: false,
        "Serve other machines without TLS. Tokens then cross the network readable: only behind a proxy that adds TLS.")
    static let adminToken = Setting.secret(
        "ADMIN_TOKEN", expectation: adminTokenExpectation,
        "The administrator's token, 16 characters or more. Left out: one is made at the first start and kept, readable by "
            + "the service alone, in the file admin-token beside the database.", admits: isAdminToken
    ).optional
    static let adminTokenExpectation = "16 to 255 printable ASCII characters without a blank"
    /// Shorter ones can be guessed; 16 letters and digits cannot.
    static func isAdminToken(_ text: String) -> Bool { text.utf8.count >= 16 && (try? Token(text)) != nil }
    static let storeKey = Setting.secret(
        "STORE_KEY", expectation: "64 hexadecimal digits",
        "64 hexadecimal digits: the key that clients' tokens are sealed with. Left out: one is made at the first start and "
            + "kept beside the database in a file that ends in .key; no backup contains it."
    ) { bytes(hexadecimal: $0).flatMap(SymmetricKey.init) != nil }.optional
    static let corsOrigins = Setting<[String]>(
        "CORS_ORIGINS", placeholder: "ORIGINS",
        expectation:
            "at most 256 origins as browsers send them, such as https://ops.example.com or http://10.0.0.5:8080: "
            + "no path, no slash at the end, no capitals, no port that goes without saying; or *",
        default: "",
        "Pages that may call from other origins, such as https://ops.example.com; * lets any of them read."
    ) { text in
        let origins = text.split { $0 == "," || $0 == " " }.map(String.init)
        return origins.count <= 256 && origins.allSatisfy(isOrigin) ? origins : nil
    }
    static let trustedNetworks = Setting<[Network]>(
        "TRUSTED_DASHBOARD_NETWORKS", placeholder: "NETWORKS",
        expectation: "networks such as 10.0.0.0/8, separated by commas, with no bit set behind their prefix",
        default: "",
        "Networks whose browsers need no token: whoever is there is administrator. Requests through a proxy are not, and a "
            + "name in place of our address must be in CORS_ORIGINS."
    ) { text in
        let parts = text.split { $0 == "," || $0 == " " }
        let networks = parts.compactMap { Network(String($0)) }
        return networks.count == parts.count && networks.count <= 64 ? networks : nil
    }
    static let heartbeatTimeout = Setting.integer(
        "AGENT_HEARTBEAT_TIMEOUT", 10...86_400, default: 120,
        "Seconds of silence after which an agent counts as offline.")
    static let heartbeatSeconds = Setting.integer(
        "HEARTBEAT_SECONDS", 1...Limits.heartbeatSecondsMax, default: 3,
        "How often a new agent reports; each agent's own setting overrules it.")
    static let terminateWait = Setting.integer(
        "DEFAULT_TERMINATE_WAIT_SECONDS", 0...Limits.settingSecondsMax, default: 300,
        "How long a new agent's replaced machine is kept before it is terminated.")
    static let logLevel = Setting.choice(
        "LOG_LEVEL", default: LogThreshold.info, "The least important entries that are logged.")

    static let schema = SettingsSchema(
        [
            host.listed, port.listed, database.listed, certificate.listed, key.listed, allowPlaintext.listed,
            adminToken.listed, storeKey.listed, corsOrigins.listed, trustedNetworks.listed, heartbeatTimeout.listed,
            heartbeatSeconds.listed, terminateWait.listed, logLevel.listed,
        ],
        retired: [
            "DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME", "DB_DATABASE", "DB_POOL_SIZE", "DB_MAX_OVERFLOW",
            "DB_POOL_RECYCLE",
            "FLASK_ENV", "FLASK_DEBUG", "DECISION_ENGINE_DIR", "DECISION_ENGINE_MODULE", "DECISION_ENGINE_CLASS",
            "MODEL_DIR",
            "ENABLE_BACKGROUND_JOBS",
        ].map { .exactly($0) } + [.beginning("DB_"), .beginning("FLASK_"), .beginning("DECISION_ENGINE_")])

    static let standardFile = "/etc/spot-optimizer/coordinator.env"

    static let program = ProgramDescription(
        name: "spot-coordinator", version: "\(productVersion) (protocol \(protocolVersion))",
        summary: "The central service of spot: agents on EC2 spot instances report to it and obey it.",
        subcommands: [
            Subcommand("serve", "Listen and serve until SIGTERM.", options: [.configFile], takesSettings: true),
            Subcommand(
                "check-config", "Check the settings, report every problem at once, and do nothing else.",
                options: [.configFile], takesSettings: true),
            Subcommand(
                "backup",
                "Copy the database to FILE while the coordinator runs. The key beside the database is not in it.",
                options: [.configFile], arguments: [Argument("FILE", "The copy; replaced if it is there.")],
                takesSettings: true),
            Subcommand(
                "restore", "Put the copy FILE in the place of the database. The coordinator must be stopped.",
                options: [.configFile], arguments: [Argument("FILE", "What `backup` made.")], takesSettings: true),
        ] + OperatorCommands.subcommands,
        settings: schema,
        notes: [
            "Without DATABASE_URL and $STATE_DIRECTORY, backup and restore work on the service's database in "
                + "/var/lib/spot-coordinator, if that folder is there.",
            "The settings are read from \(standardFile) when it is there.",
            "Logs go to the journal (journalctl -u spot-coordinator), or to standard error where there is none.",
        ])
}

/// Whether a browser can send it as the origin of a page: what is compared letter by letter must be written as it comes.
private func isOrigin(_ text: String) -> Bool {
    if text == "*" || text == "null" { return true }
    guard let mark = text.firstRange(of: "://"), text == text.lowercased() else { return false }
    let (scheme, authority) = (text[..<mark.lowerBound], text[mark.upperBound...])
    let goesWithoutSaying = scheme == "http" ? ":80" : scheme == "https" ? ":443" : "/"
    return !scheme.isEmpty && !authority.isEmpty && !authority.hasSuffix(goesWithoutSaying)
        && authority.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !authority.contains { "/?#@\\\"".contains($0) }
}
