import Glibc
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What the built coordinator makes of its settings, wherever they come from.
struct SettingsTests {
    enum Source: String, CaseIterable, Sendable { case file, environment, flags }

    /// Starts a coordinator in `folder` that is told `settings` by `source`; secrets, which have no flag, come by the
    /// environment then.
    private func start(
        in folder: String, _ settings: [String: String], by source: Source, secrets: [String: String] = [:]
    ) throws -> RunningCoordinator {
        switch source {
        case .file:
            let lines = settings.merging(secrets) { $1 }.map { "\($0.key)=\($0.value)\n" }.joined()
            try replaceFile("\(folder)/coordinator.env", with: Array(lines.utf8))
            return try RunningCoordinator(in: folder, arguments: ["--config", "\(folder)/coordinator.env"])
        case .environment: return try RunningCoordinator(in: folder, environment: settings.merging(secrets) { $1 })
        case .flags:
            let flags = settings.map { "--\(String($0.key.lowercased().map { $0 == "_" ? "-" : $0 }))=\($0.value)" }
            return try RunningCoordinator(in: folder, arguments: flags, environment: secrets)
        }
    }

    @Test(arguments: Source.allCases)
    func `each setting takes effect from a file, from the environment and by its flag`(source: Source) throws {
        try withTemporaryFolder { folder in
            let settings = [
                "DATABASE_URL": "sqlite://\(folder)/other.sqlite", "CORS_ORIGINS": "https://ops.example.com",
                "HEARTBEAT_SECONDS": "7", "DEFAULT_TERMINATE_WAIT_SECONDS": "77", "AGENT_HEARTBEAT_TIMEOUT": "60",
                "TRUSTED_DASHBOARD_NETWORKS": "127.0.0.0/8", "LOG_LEVEL": "error",
            ]
            let coordinator = try start(
                in: folder, settings, by: source, secrets: ["ADMIN_TOKEN": "admin-0123456789abcdef"])
            let agents = try coordinator.connect().ask(
                "GET", Route.agents.path(), headers: ["Origin: https://ops.example.com"])
            #expect(agents.status == 200, "a trusted network needs no token: \(agents.text)")
            #expect(agents.head.contains("Access-Control-Allow-Origin: https://ops.example.com"))
            let client = try coordinator.ask(
                "POST", Route.createClient.path(), token: "admin-0123456789abcdef", body: ClientCreation(name: "acme"))
            let token = try client.decode(CreatedClient.self).token
            let enrolled = try coordinator.enrol(.of("web-1", machine: 1), with: token)
            #expect(enrolled.configuration.settings.heartbeatSeconds == 7)
            #expect(enrolled.configuration.settings.terminateWaitSeconds == 77)
            #expect(fileExists("\(folder)/other.sqlite"))
            #expect(!fileExists("\(folder)/coordinator.sqlite"))
            #expect(!fileExists("\(folder)/admin-token"), "a configured token is not made")
            #expect(try coordinator.stop().errors.isEmpty, "only errors were to be logged")
        }
    }

    @Test(.enabled(if: TestTier.current == .full, "takes ten seconds: only with --full"))
    func `an agent that is silent for AGENT_HEARTBEAT_TIMEOUT is offline, and not before`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder, environment: ["AGENT_HEARTBEAT_TIMEOUT": "10"])
            _ = try coordinator.enrol(.of("web-1", machine: 1), with: coordinator.makeClient().token)
            let began = SystemSurroundings().monotonic()
            try coordinator.waitUntil("/metrics", within: .seconds(20)) {
                $0.text.contains("spot_hosts_enrolled{kind=\"offline\"} 1")
            }
            let took = SystemSurroundings().monotonic() - began
            #expect(took > .seconds(9) && took < .seconds(16), "\(took)")
        }
    }

    @Test(arguments: Source.allCases)
    func `the address to listen on comes from a file, from the environment and by its flag`(source: Source) throws {
        try withTemporaryFolder { folder in
            let port = try unusedLoopbackPort()
            let coordinator = try start(in: folder, ["HOST": "127.0.0.2", "PORT": "\(port)"], by: source)
            // What the fixture says about the port in the environment overrules a file.
            let expected = source == .file ? coordinator.port : port
            try coordinator.process.waitForText("notice serving address=http://127.0.0.2:\(expected)")
        }
    }

    @Test func `the administrator's token comes from a file that is named, and from a credential before all others`()
        throws
    {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/token", with: Array("named-0123456789abcdef\n".utf8))
            unsafe mkdir("\(folder)/credentials", 0o700)
            try replaceFile("\(folder)/credentials/admin-token", with: Array("credential-0123456789".utf8))
            var environment = ["ADMIN_TOKEN_FILE": "\(folder)/token"]
            func admits(_ token: String) throws -> Bool {
                let coordinator = try RunningCoordinator(in: folder, environment: environment)
                defer { _ = try? coordinator.stop() }
                return try coordinator.ask("GET", Route.agents.path(), token: token).status == 200
            }
            #expect(try admits("named-0123456789abcdef"))
            environment["CREDENTIALS_DIRECTORY"] = "\(folder)/credentials"
            #expect(try admits("credential-0123456789"))
            #expect(try !admits("named-0123456789abcdef"))
        }
    }

    @Test func `without a configured token one is made, kept private, named in the log and the same after a restart`()
        throws
    {
        try withTemporaryFolder { folder in
            let first = try RunningCoordinator(in: folder)
            try first.process.waitForText("notice the administrator's token is in a file file=\(folder)/admin-token")
            for file in ["admin-token", "coordinator.sqlite.key", "coordinator.sqlite"] {
                #expect(try permissions(of: "\(folder)/\(file)") == 0o600, "\(file)")
            }
            let token = try first.adminToken
            let client = try first.makeClient()
            let said = try first.stop()
            #expect(!said.errors.contains(token))
            let second = try RunningCoordinator(in: folder)
            #expect(try second.adminToken == token)
            // Sealed with the key, so that is the same as well.
            let shown = try second.ask("GET", Route.showToken.path(client.id), token: token)
            #expect(try shown.decode(ClientToken.self).token == client.token)
        }
    }

    @Test func `a database without its key says so, and what still works`() throws {
        try withTemporaryFolder { folder in
            let first = try RunningCoordinator(in: folder)
            let client = try first.makeClient()
            _ = try first.stop()
            unsafe unlink("\(folder)/coordinator.sqlite.key")
            let second = try RunningCoordinator(in: folder)
            try second.process.waitForText("warning the key of the clients' tokens was missing")
            #expect(try second.ask("GET", Route.showToken.path(client.id), token: second.adminToken).status == 409)
            _ = try second.enrol(.of("web-1", machine: 1), with: client.token)
        }
    }

    @Test(arguments: ["check-config", "serve"])
    func `the old server's names are accepted with one notice`(subcommand: String) throws {
        try withTemporaryFolder { folder in
            let file = "\(folder)/old.env"
            let lines =
                "DB_HOST=db\nDB_PORT=3306\nDB_PASSWORD=hunter2hunter2\nFLASK_ENV=production\nFLASK_DEBUG=0\nPORT=0\n"
            try replaceFile(file, with: Array(lines.utf8))
            let child = try ChildProcess(
                builtProgram("spot-coordinator"), [subcommand, "--config", file],
                environment: ["STATE_DIRECTORY": folder])
            if subcommand == "serve" {
                try child.waitForText("notice serving")
                child.send(signal: SIGTERM)
            }
            let outcome = try child.waitForEnd()
            #expect(outcome.status == 0)
            let notices = outcome.errors.split(separator: "\n").filter { $0.contains("without effect") }
            #expect(notices.count == 1, "\(outcome.errors)")
            for name in ["DB_HOST", "DB_PORT", "DB_PASSWORD", "FLASK_ENV", "FLASK_DEBUG"] {
                #expect(notices.first?.contains(name) == true, "\(name)")
            }
            #expect(!outcome.errors.contains("hunter2"))
        }
    }

    @Test func `the old server's names in the environment bring the same notice, those of others none`() throws {
        try withTemporaryFolder { folder in
            let outcome = try ChildProcess(
                builtProgram("spot-coordinator"), ["check-config"],
                environment: ["STATE_DIRECTORY": folder, "DB_HOST": "db", "FLASK_ENV": "x", "DB_SERVICE_PORT": "1"]
            ).waitForEnd()
            #expect(outcome.status == 0)
            #expect(outcome.errors == "notice: environment: known, but without effect: DB_HOST, FLASK_ENV\n")
        }
    }

    @Test func `an empty STATE_DIRECTORY is none`() throws {
        try withTemporaryFolder { folder in
            let child = try ChildProcess(
                "/usr/bin/env", ["-C", folder, builtProgram("spot-coordinator"), "serve"],
                environment: ["STATE_DIRECTORY": "", "PORT": "0"])
            try child.waitForText("notice serving")
            child.send(signal: SIGTERM)
            #expect(try child.waitForEnd(within: .seconds(6)).status == 0)
            #expect(fileExists("\(folder)/coordinator.sqlite") && !fileExists("/coordinator.sqlite"))
        }
    }

    @Test(arguments: ["check-config", "serve"])
    func `whatever is wrong is reported at once`(subcommand: String) throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/tls.crt", with: Array("Dear all\n".utf8))
            let outcome = try ChildProcess(
                builtProgram("spot-coordinator"), [subcommand],
                environment: [
                    "STATE_DIRECTORY": folder, "PORT": "many", "HOST": "localhost",
                    "TLS_CERT_FILE": "\(folder)/tls.crt",
                    "TLS_KEY_FILE": "\(folder)/tls.key",
                ]
            ).waitForEnd()
            #expect(outcome.status == 78)
            for words in [
                "PORT: expected a whole number", "HOST: expected an IPv4 or IPv6 address, such as 127.0.0.1 or ::1",
                "TLS_KEY_FILE: read TLS file \(folder)/tls.key: no such file or directory",
            ] {
                #expect(outcome.errors.contains(words), "\(outcome.errors)")
            }
            #expect(!outcome.errors.contains("other machines could reach this address"))
        }
    }

    @Test(arguments: ["check-config", "serve"])
    func `TLS files that cannot be served with are named, with what is wrong`(subcommand: String) throws {
        try withTemporaryFolder { folder in
            for name in ["one", "two"] {
                let made = try ChildProcess(
                    "/usr/bin/openssl",
                    [
                        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "1",
                        "-subj", "/CN=\(name)", "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).crt",
                    ]
                ).waitForEnd()
                #expect(made.status == 0, "\(made.errors)")
            }
            try replaceFile("\(folder)/letter", with: Array("Dear all\n".utf8))
            let cases = [
                ("letter", "one.key", "TLS_CERT_FILE: \(folder)/letter: expected a certificate in PEM"),
                ("one.crt", "letter", "TLS_KEY_FILE: \(folder)/letter: expected a private key in PEM"),
                ("one.crt", "two.key", "TLS_KEY_FILE: \(folder)/two.key: the private key of another certificate"),
            ]
            for (certificate, key, words) in cases {
                let outcome = try ChildProcess(
                    builtProgram("spot-coordinator"), [subcommand],
                    environment: [
                        "STATE_DIRECTORY": folder, "PORT": "0", "TLS_CERT_FILE": "\(folder)/\(certificate)",
                        "TLS_KEY_FILE": "\(folder)/\(key)",
                    ]
                ).waitForEnd()
                #expect(outcome.status == 78 && outcome.errors.contains(words), "\(outcome.errors)")
            }
        }
    }

    @Test func `a made token's file that everybody may read is told, as one that is named`() throws {
        try withTemporaryFolder { folder in
            _ = try RunningCoordinator(in: folder).stop()
            for file in ["admin-token", "coordinator.sqlite.key"] { unsafe chmod("\(folder)/\(file)", 0o644) }
            let said = try RunningCoordinator(in: folder).stop().errors
            for file in ["admin-token", "coordinator.sqlite.key"] {
                #expect(said.contains("everybody may read \(folder)/\(file)"), "\(said)")
            }
        }
    }

    @Test(arguments: [
        (["ADMIN_TOKEN": "too-short"], "ADMIN_TOKEN: expected 16 to 255 printable ASCII characters"),
        (["ADMIN_TOKEN": "a token with blanks in it"], "ADMIN_TOKEN: expected 16 to 255 printable ASCII characters"),
        (["STORE_KEY": "00ff"], "STORE_KEY: expected 64 hexadecimal digits"),
        (["HOST": "0.0.0.0"], "ALLOW_PLAINTEXT=1"), (["HOST": "::"], "ALLOW_PLAINTEXT=1"),
        (["TLS_CERT_FILE": "/x/tls.crt"], "TLS_CERT_FILE and TLS_KEY_FILE need each other"),
        (["DATABASE_URL": "postgres://db/spot"], "DATABASE_URL: expected sqlite: and a path"),
        (["DATABASE_URL": "sqlite::memory:"], "DATABASE_URL: expected sqlite: and a path of a file"),
        (["HOST": "zz"], "HOST: expected an IPv4 or IPv6 address"),
        (["CORS_ORIGINS": "https://a.example,ops.example.com"], "CORS_ORIGINS: expected at most 256 origins"),
        (["CORS_ORIGINS": "https://ops.example.com/"], "CORS_ORIGINS: expected at most 256 origins"),
        (["CORS_ORIGINS": "https://ops.example.com:443"], "CORS_ORIGINS: expected at most 256 origins"),
        (["CORS_ORIGINS": "https://Ops.example.com"], "CORS_ORIGINS: expected at most 256 origins"),
        (["TRUSTED_DASHBOARD_NETWORKS": "10.0.0.1/8"], "TRUSTED_DASHBOARD_NETWORKS: expected networks"),
        (["HEARTBEAT_SECONDS": "0"], "HEARTBEAT_SECONDS: expected a whole number from 1 to 300"),
        (["ADMIN_TOKEN_FILE": "/nowhere/token"], "/nowhere/token: no such file or directory"),
    ])
    func `what cannot work is refused with a sentence and status 78, by serve and by check-config`(
        settings: [String: String], sentence: String
    ) throws {
        try withTemporaryFolder { folder in
            for subcommand in ["serve", "check-config"] {
                let environment = settings.merging(["STATE_DIRECTORY": folder]) { $1 }
                let outcome = try ChildProcess(
                    builtProgram("spot-coordinator"), [subcommand], environment: environment
                ).waitForEnd()
                #expect(outcome.status == 78, "\(subcommand)")
                #expect(outcome.errors.contains(sentence), "\(subcommand): \(outcome.errors)")
                for secret in ["too-short", "with blanks", "00ff"] { #expect(!outcome.errors.contains(secret)) }
            }
            #expect(!fileExists("\(folder)/coordinator.sqlite"), "nothing is made before the settings are right")
        }
    }

    @Test func `a secret in a file that is not what is expected is refused, not replaced by one that is made`() throws {
        try withTemporaryFolder { folder in
            try replaceFile("\(folder)/token", with: Array("short\n".utf8))
            let outcome = try ChildProcess(
                builtProgram("spot-coordinator"), ["serve"],
                environment: ["STATE_DIRECTORY": folder, "ADMIN_TOKEN_FILE": "\(folder)/token"]
            ).waitForEnd()
            #expect(outcome.status == 78)
            #expect(outcome.errors.contains("ADMIN_TOKEN_FILE: expected 16 to 255 printable ASCII characters"))
        }
    }

}
