import Glibc
import HTTPServer
import Platform
import TestSupport
import Testing
import Wire

@testable import CoordinatorOperator

/// Where the coordinator is looked for, and its token.
struct AccessTests {
    private func withCoordinator(_ body: (FakeCoordinator, String) throws -> Void) throws {
        let coordinator = try FakeCoordinator { _, exchange in exchange.answer(.reply(AgentList(agents: []))) }
        defer { coordinator.stop() }
        try withTemporaryFolder { try body(coordinator, $0) }
    }

    private func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
        let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT, permissions: 0o600)
        try sendTo(file.number, text)
        unsafe chmod(path, mode)
    }

    private func sendTo(_ number: Int32, _ text: String) throws {
        guard StandardStream(descriptor: number).write(text) else { throw TestSupportError("write \(text)") }
    }

    @Test(arguments: ["127.0.0.1", "0.0.0.0"])
    func `the settings of serve say where it is, a wildcard means this machine`(host: String) throws {
        try withCoordinator { coordinator, _ in
            let said = try enter(["agents"], at: local(port: Int(coordinator.port), host: host))
            #expect(said.status == .success)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", 5000, false, "http://127.0.0.1:5000"), ("::", 443, true, "https://[::1]:443"),
        ("fd00::7", 5000, true, "https://[fd00::7]:5000"), ("127.0.0.1", 0, false, nil),
    ])
    func `an address is written as a URL has it`(host: String, port: Int, isTLS: Bool, url: String?) {
        let local = LocalCoordinator(host: host, port: port, isTLS: isTLS, adminToken: nil, environment: [:])
        #expect(local.url == url)
    }

    @Test func `a certificate of a private authority needs its file`() throws {
        try withTemporaryFolder { folder in
            let identity = try TLSIdentity(madeIn: folder)
            let coordinator = try FakeCoordinator(tls: identity) { _, exchange in
                exchange.answer(.reply(AgentList(agents: [])))
            }
            defer { coordinator.stop() }
            var here = local(port: Int(coordinator.port))
            here.isTLS = true
            #expect(try enter(["agents", "--ca-file", "\(folder)/certificate"], at: here).status == .success)
            let untrusted = try enter(["agents"], at: here)
            #expect(untrusted.errors.contains(": give --ca-file with the certificate of its authority, or, "))
            #expect(untrusted.status == .unavailable)
            let wrong = try enter(["agents", "--ca-file", "\(folder)/none"], at: here)
            #expect(wrong.errors.hasSuffix(": --ca-file names a file of certificates in PEM\n"))
            #expect(wrong.status == .usage)
            here.isTLS = false
            #expect(try enter(["agents"], at: here).status == .unavailable)
        }
    }

    @Test func `a port that only the kernel knows is asked for`() throws {
        let said = try enter(["agents"], at: local(port: 0))
        #expect(said.errors.hasSuffix(": give --server URL\n"))
        #expect(said.status == .configuration)
    }

    @Test func `the command line overrules the settings`() throws {
        try withCoordinator { coordinator, folder in
            try write("other-t0ken\n", to: "\(folder)/token")
            let server = "http://127.0.0.1:\(coordinator.port)/"
            let words = ["agents", "--server", server, "--token-file", "\(folder)/token"]
            let said = try enter(words, at: local(port: 1))
            #expect(said.status == .success)
            #expect(coordinator.asked.map(\.authorization) == ["Bearer other-t0ken"])
        }
    }

    @Test func `settings that cannot be read are no obstacle to a line that needs none`() throws {
        try withCoordinator { coordinator, folder in
            try write("other-t0ken", to: "\(folder)/token")
            let broken = LocalCoordinator(problems: ["PORT: expected a number"], environment: [:])
            let line = ["agents", "--server", "http://127.0.0.1:\(coordinator.port)"]
            #expect(try enter(line + ["--token-file", "\(folder)/token"], at: broken).status == .success)
            let said = try enter(["agents"], at: broken)
            #expect(
                said.errors
                    == "spot-coordinator: the settings, which say where the coordinator is, cannot be read: PORT: expected a "
                    + "number: run it with sudo, or give --server URL and --token-file PATH\n")
            #expect(said.status == .configuration)
        }
    }

    @Test func `the token is looked for in the state folders, in their order`() throws {
        try withCoordinator { coordinator, folder in
            try write("second-t0ken", to: "\(folder)/admin-token")
            var here = local(port: Int(coordinator.port), token: nil)
            here.tokenPlaces = ["\(folder)/none/admin-token", "\(folder)/admin-token"]
            #expect(try enter(["agents"], at: here).status == .success)
            #expect(coordinator.asked.map(\.authorization) == ["Bearer second-t0ken"])
        }
    }

    @Test func `the usual places are those where serve keeps its state`() {
        let make = { (environment: [String: String], database: String) in
            LocalCoordinator(
                host: "", port: 1, isTLS: false, adminToken: nil, databasePath: database, environment: environment
            ).tokenPlaces
        }
        let usual = ["/var/lib/spot-coordinator/admin-token", "./admin-token"]
        #expect(make([:], "") == usual)
        #expect(make(["STATE_DIRECTORY": ""], "") == usual)
        #expect(make(["STATE_DIRECTORY": "/srv/a:/srv/b"], "") == ["/srv/a/admin-token"] + usual)
        #expect(make(["STATE_DIRECTORY": "/srv/a"], "/data/spot.sqlite") == ["/data/admin-token"])
    }

    @Test func `without a token every place that was looked at is named`() throws {
        var here = local(port: 1, token: nil)
        here.tokenPlaces = ["/nonexistent/admin-token", "/proc/1/nothing/admin-token"]
        let said = try enter(["agents"], at: here)
        #expect(
            said.errors.hasPrefix(
                "spot-coordinator: no administrator's token: ADMIN_TOKEN and ADMIN_TOKEN_FILE are not set; "))
        for place in here.tokenPlaces {
            #expect(said.errors.contains(" \(place): no such file or directory (errno 2)"))
        }
        #expect(said.errors.hasSuffix(": give --token-file PATH, or run it where the coordinator keeps its state\n"))
        #expect(said.status == .noPermission)
    }

    @Test func `a token that everybody may read is used and told`() throws {
        try withCoordinator { coordinator, folder in
            try write("t0ken", to: "\(folder)/token", mode: 0o644)
            let said = try enter(["agents", "--token-file", "\(folder)/token"], at: local(port: Int(coordinator.port)))
            #expect(
                said.errors
                    == "spot-coordinator: \(folder)/token holds the administrator's token and everybody may read it: chmod 600\n"
            )
            #expect(said.status == .success)
        }
    }

    @Test(arguments: ["two words", "t\u{e9}", ""])
    func `what cannot be a token is refused without being shown`(text: String) throws {
        try withTemporaryFolder { folder in
            try write(text, to: "\(folder)/token")
            let said = try enter(["agents", "--token-file", "\(folder)/token"], at: local(port: 1))
            #expect(said.errors.hasPrefix("spot-coordinator: read secret \(folder)/token: "))
            #expect(text.isEmpty || !said.errors.contains(text))
            #expect(said.status == .noPermission)
        }
    }

    // Nobody could be reached at any of these, whatever came of the rule.
    @Test(arguments: [
        "http://ops.example.invalid:5000", "http://0.0.0.7", "http://127.0.0.1.example.invalid", "http://0.0.0.0:1",
        "http://127.0.0.1@example.invalid", "http://127.0.0.1:5000@example.invalid", "http://[::]:1",
        "http://localhost.example.invalid/", "http://127.0.0.1:1\\@example.invalid",
    ])
    func `the token does not go to another machine in plain sight unless that is asked for by name`(url: String) throws
    {
        let said = try enter(["agents", "--server", url], at: local(port: 1))
        #expect(
            said.errors.contains("--server \(quoted(url)): the administrator's token would cross the network readable"))
        #expect(said.errors.contains("--allow-plaintext"))
        #expect(said.status == .usage)
    }

    @Test(arguments: ["localhost", "127.0.0.1", "127.9.9.9"])
    func `on this machine nothing needs to be asked for`(host: String) throws {
        let said = try enter(["agents", "--server", "http://\(host):1"], at: local(port: 1))
        #expect(said.status == .unavailable, "\(said.errors)")
    }

    @Test func `plain HTTP to another machine that is asked for is tried`() throws {
        // The unspecified address, which the kernel takes for this machine: nobody else is spoken to.
        let said = try enter(["agents", "--server", "http://0.0.0.0:1", "--allow-plaintext"], at: local(port: 1))
        #expect(said.status == .unavailable, "\(said.errors)")
    }

    @Test(arguments: ["ftp://host", "host:5000", ""])
    func `a server is a URL`(text: String) throws {
        let said = try enter(["agents", "--server", text], at: local(port: 1))
        #expect(
            said.errors
                == "spot-coordinator: --server \(quoted(text)): expected a URL that begins with http:// or https://\n")
        #expect(said.status == .usage)
    }
}

extension TLSIdentity {
    /// A certificate for 127.0.0.1 that is its own authority, left in the folder's file `certificate`.
    fileprivate init(madeIn folder: String) throws {
        let tool = try ChildProcess(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(folder)/key", "-out",
                "\(folder)/certificate",
            ])
        let outcome = try tool.waitForEnd()
        guard outcome.end == .exited(0) else { throw TestSupportError("make a certificate: \(outcome.errors)") }
        self.init(certificate: try contents(of: "\(folder)/certificate"), key: try contents(of: "\(folder)/key"))
    }
}
