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

    @Test(arguments: [
        (["ADMIN_TOKEN": "too-short"], "ADMIN_TOKEN: expected 16 to 255 printable ASCII characters"),
        (["ADMIN_TOKEN": "a token with blanks in it"], "ADMIN_TOKEN: expected 16 to 255 printable ASCII characters"),
        (["STORE_KEY": "00ff"], "STORE_KEY: expected 64 hexadecimal digits"),
        (["HOST": "0.0.0.0"], "ALLOW_PLAINTEXT=1"), (["HOST": "::"], "ALLOW_PLAINTEXT=1"),
        (["TLS_CERT_FILE": "/x/tls.crt"], "TLS_CERT_FILE and TLS_KEY_FILE need each other"),
        (["DATABASE_URL": "postgres://db/spot"], "DATABASE_URL: expected sqlite: and a path"),
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

    private func permissions(of path: String) throws -> UInt32 {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw TestSupportError("stat \(path): \(describe(errno: errno))") }
        return status.st_mode & 0o777
    }
}
