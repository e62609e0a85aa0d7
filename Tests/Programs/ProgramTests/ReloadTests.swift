import Glibc
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// SIGHUP: what a running coordinator takes from its configuration, and what it does not let in.
struct ReloadTests {
    private static let first = "first-0123456789abcdef", second = "second-0123456789abcdef"

    /// A coordinator whose file says `before`; `after` replaces it, and SIGHUP tells.
    private func withReloaded(
        from before: String, to after: String, _ body: (RunningCoordinator) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            let file = "\(folder)/coordinator.env"
            try replaceFile(file, with: Array(before.utf8))
            let coordinator = try RunningCoordinator(in: folder, arguments: ["--config", file])
            try replaceFile(file, with: Array(after.utf8))
            try reload(coordinator)
            try body(coordinator)
        }
    }

    private func reload(_ coordinator: RunningCoordinator) throws {
        coordinator.process.send(signal: SIGHUP)
        let said = try coordinator.manager.waitForMessage("READY=1")
        #expect(said.contains { $0.contains("RELOADING=1") && $0.contains("MONOTONIC_USEC=") }, "\(said)")
    }

    /// Whether each of these tokens, or none, opens the administrator's door.
    private func admits(_ coordinator: RunningCoordinator, _ tokens: String?...) throws -> [Bool] {
        try tokens.map { try coordinator.ask("GET", Route.agents.path(), token: $0).status == 200 }
    }

    @Test func `a new administrator's token takes the place of the old one at once`() throws {
        try withReloaded(from: "ADMIN_TOKEN=\(Self.first)", to: "ADMIN_TOKEN=\(Self.second)") { coordinator in
            let admitted = try admits(coordinator, Self.first, Self.second)
            #expect(admitted == [false, true])
        }
    }

    @Test func `a new token in the file that was made takes the place of the old one`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            let made = try coordinator.adminToken
            try replaceFile("\(folder)/admin-token", with: Array("\(Self.second)\n".utf8))
            try reload(coordinator)
            #expect(try admits(coordinator, made, Self.second) == [false, true])
        }
    }

    @Test func `a short token in the file that was made is not let in, the old one stays`() throws {
        try withTemporaryFolder { folder in
            let coordinator = try RunningCoordinator(in: folder)
            let made = try coordinator.adminToken
            try replaceFile("\(folder)/admin-token", with: Array("short\n".utf8))
            try reload(coordinator)
            #expect(try admits(coordinator, made, "short") == [true, false])
            try coordinator.process.waitForText("admin-token: expected 16 to 255 printable ASCII characters")
        }
    }

    @Test func `trusted networks and origins change for the next request`() throws {
        let token = "ADMIN_TOKEN=\(Self.first)\n"
        try withReloaded(
            from: token + "TRUSTED_DASHBOARD_NETWORKS=127.0.0.0/8\nCORS_ORIGINS=https://old.example.com",
            to: token + "CORS_ORIGINS=https://new.example.com"
        ) { coordinator in
            #expect(try admits(coordinator, nil) == [false])
            for (origin, isAllowed) in [("https://new.example.com", true), ("https://old.example.com", false)] {
                let reply = try coordinator.connect().ask("GET", "/health", headers: ["Origin: \(origin)"])
                #expect(reply.head.contains("Access-Control-Allow-Origin: \(origin)") == isAllowed)
            }
        }
    }

    @Test(arguments: [
        "ADMIN_TOKEN=short", "LOG_LEVEL=loud\nADMIN_TOKEN=\(second)", "NONSENSE=1\nADMIN_TOKEN=\(second)",
    ])
    func `a broken configuration changes nothing, and says so`(broken: String) throws {
        try withReloaded(from: "ADMIN_TOKEN=\(Self.first)", to: broken) { coordinator in
            try coordinator.process.waitForText("error not reloaded, the settings before stay in force reason=")
            #expect(try admits(coordinator, Self.first, Self.second) == [true, false])
        }
    }

    @Test func `what only a restart can change stays as it was, and the log says which`() throws {
        try withReloaded(
            from: "ADMIN_TOKEN=\(Self.first)\nHEARTBEAT_SECONDS=5", to: "ADMIN_TOKEN=\(Self.first)\nHEARTBEAT_SECONDS=9"
        ) { coordinator in
            try coordinator.process.waitForText("restart to change them")
            let client = try coordinator.ask(
                "POST", Route.createClient.path(), token: Self.first, body: ClientCreation(name: "acme"))
            let enrolled = try coordinator.enrol(
                .of("web-1", machine: 1), with: client.decode(CreatedClient.self).token)
            #expect(enrolled.configuration.settings.heartbeatSeconds == 5)
        }
    }
}
