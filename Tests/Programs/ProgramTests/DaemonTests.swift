import Glibc
import Platform
import PretendMetadata
import TestSupport
import Testing

/// The two programs as a service manager sees them.
struct DaemonTests {
    /// A coordinator in a folder of its own, ready.
    private func withCoordinator(
        _ arguments: [String] = [], _ body: (ChildProcess, UInt16, borrowing FakeManager) throws -> Void
    ) throws {
        try withTemporaryFolder { folder in
            let manager = try FakeManager("\(folder)/notify")
            let port = try unusedLoopbackPort()
            let environment = ["STATE_DIRECTORY": folder, "NOTIFY_SOCKET": "\(folder)/notify", "PORT": "\(port)"]
            let child = try ChildProcess(
                builtProgram("spot-coordinator"), ["serve"] + arguments, environment: environment)
            let said = try manager.waitForMessage("READY=1")
            #expect(said.contains { $0.contains("STATUS=serving on http://127.0.0.1:\(port)") }, "\(said)")
            try body(child, port, manager)
        }
    }

    @Test func `a coordinator that is ready answers, and ends with status 0 when told to stop`() throws {
        try withCoordinator { child, port, manager in
            #expect(try get("/ping", from: port).hasSuffix("\r\n\r\npong"))
            #expect(try get("/", from: port).contains("\"name\":\"spot-coordinator\""))
            #expect(try get("/health", from: port).contains("\"status\":\"healthy\""))
            #expect(try get("/api/health", from: port).hasPrefix("HTTP/1.1 200 "))
            child.send(signal: SIGTERM)
            try manager.waitForMessage("STOPPING=1")
            let outcome = try child.waitForEnd(within: .seconds(6))
            #expect(outcome.status == 0)
            #expect(outcome.errors.contains("notice serving address=http://127.0.0.1:\(port)"))
            #expect(outcome.errors.contains("notice stopped"))
        }
    }

    @Test func `a path that is not there, and a method that is not for it, get the error object`() throws {
        try withCoordinator { _, port, _ in
            let unknown = try get("/nothing", from: port)
            #expect(unknown.hasPrefix("HTTP/1.1 404 "))
            #expect(unknown.contains("\"error\":\"no such path: /nothing\""))
            #expect(unknown.contains("\"code\":\"NOT_FOUND\""))
            let wrong = try request("DELETE /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to: port)
            #expect(wrong.hasPrefix("HTTP/1.1 405 "))
            #expect(wrong.contains("\r\nAllow: GET, HEAD\r\n"))
        }
    }

    @Test func `a coordinator may open as many descriptors as the machine allows it`() throws {
        try withCoordinator { child, _, _ in
            let limits = String(decoding: try readSmallFile("/proc/\(child.id)/limits", limit: 8192), as: UTF8.self)
            let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            #expect(numbers.count == 2 && numbers[0] == numbers[1], "\(line)")
        }
    }

    @Test func `a taken port is named and ends with status 69`() throws {
        try withCoordinator { _, port, _ in
            try withTemporaryFolder { folder in
                let second = try ChildProcess(
                    builtProgram("spot-coordinator"), ["serve", "--port", "\(port)"],
                    environment: ["STATE_DIRECTORY": folder])
                let outcome = try second.waitForEnd()
                #expect(outcome.status == 69)
                #expect(outcome.errors.contains("listen on 127.0.0.1:\(port): address already in use"))
                let next = try RunningCoordinator(in: folder)
                #expect(try !next.stop().errors.contains("the last stop was not clean"))
            }
        }
    }

    @Test func `other machines are not served without TLS unless that is asked for by name`() throws {
        try withTemporaryFolder { folder in
            let environment = ["STATE_DIRECTORY": folder, "PORT": "\(try unusedLoopbackPort())", "HOST": "0.0.0.0"]
            let refused = try ChildProcess(builtProgram("spot-coordinator"), ["serve"], environment: environment)
            let outcome = try refused.waitForEnd()
            #expect(outcome.status == 78)
            for word in ["TLS_CERT_FILE", "HOST=127.0.0.1", "ALLOW_PLAINTEXT=1"] {
                #expect(outcome.errors.contains(word))
            }
            let allowed = try ChildProcess(
                builtProgram("spot-coordinator"), ["serve", "--allow-plaintext=true"], environment: environment)
            try allowed.waitForText("notice serving")
        }
    }

    @Test func `a state folder that cannot be written ends with a sentence and status 77`() throws {
        let child = try ChildProcess(
            builtProgram("spot-coordinator"), ["serve", "--port", "0"], environment: ["STATE_DIRECTORY": "/nowhere"])
        let outcome = try child.waitForEnd()
        #expect(outcome.status == 77)
        #expect(outcome.errors.contains("/nowhere/coordinator.sqlite"))
    }

    @Test func `over TLS an agent trusts its coordinator by the CA file and not without it`() throws {
        try withTemporaryFolder { folder in
            let (certificate, key) = ("\(folder)/tls.crt", "\(folder)/tls.key")
            let made = try ChildProcess(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                    "-keyout", key, "-out", certificate, "-subj", "/CN=spot", "-addext", "subjectAltName=IP:127.0.0.1",
                ]
            ).waitForEnd()
            #expect(made.status == 0, "\(made.errors)")
            let url = "https://127.0.0.1:\(try unusedLoopbackPort())"
            let port = String(url.split(separator: ":")[2])
            let coordinator = try ChildProcess(
                builtProgram("spot-coordinator"), ["serve", "--port", port],
                environment: ["STATE_DIRECTORY": folder, "TLS_CERT_FILE": certificate, "TLS_KEY_FILE": key])
            try coordinator.waitForText("notice serving address=\(url)")
            let metadata = try PretendMetadata()
            defer { metadata.stop() }
            func environment(_ name: String) -> [String: String] {
                [
                    "SPOT_OPTIMIZER_SERVER_URL": url, "SPOT_OPTIMIZER_CLIENT_TOKEN": "token-of-nobody",
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint, "STATE_DIRECTORY": folder,
                ]
            }
            let trusting = try ChildProcess(
                builtProgram("spot-agent"), ["run"],
                environment: environment("trusting").merging(["SERVER_CA_FILE": certificate]) { $1 })
            // The token is nobody's, and being told so is contact.
            try trusting.waitForText("error the coordinator does not enrol this machine")
            let stranger = try ChildProcess(
                builtProgram("spot-agent"), ["run"], environment: environment("stranger"))
            try stranger.waitForText("warning no contact with the coordinator")
            try stranger.waitForText("name its certificate in SERVER_CA_FILE")
        }
    }

    @Test func `TLS files that are missing or half given are told at the start`() throws {
        try withTemporaryFolder { folder in
            func serve(_ environment: [String: String]) throws -> ChildOutcome {
                let environment = environment.merging(["STATE_DIRECTORY": folder, "PORT": "0"]) { $1 }
                return try ChildProcess(builtProgram("spot-coordinator"), ["serve"], environment: environment)
                    .waitForEnd()
            }
            let half = try serve(["TLS_CERT_FILE": "\(folder)/tls.crt"])
            #expect(half.status == 78)
            #expect(half.errors.contains("TLS_CERT_FILE and TLS_KEY_FILE need each other"))
            let missing = try serve(["TLS_CERT_FILE": "\(folder)/tls.crt", "TLS_KEY_FILE": "\(folder)/tls.key"])
            #expect(missing.status == 78)
            #expect(
                missing.errors.contains("TLS_CERT_FILE: read TLS file \(folder)/tls.crt: no such file or directory"))
            #expect(missing.errors.contains("TLS_KEY_FILE: read TLS file \(folder)/tls.key: no such file or directory"))
        }
    }

    private func get(_ path: String, from port: UInt16) throws -> String {
        try request("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to: port)
    }

    private func request(_ text: String, to port: UInt16) throws -> String {
        let connection = try connect(toPort: port)
        try sendAll(Array(text.utf8), to: connection.number)
        return String(decoding: try receiveAll(from: connection.number), as: UTF8.self)
    }
}
