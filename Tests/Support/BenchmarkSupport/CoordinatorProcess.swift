import Glibc
import Platform
package import TestSupport

/// The program under test, in a folder and on a port of its own.
package final class CoordinatorProcess {
    /// As ADMIN_TOKEN gives it.
    package static let operatorToken = "benchmark-operator-token"

    package let folder: String
    package let port: UInt16
    private let program: String
    private let settings: [String: String]
    private var process: ChildProcess?

    /// `settings` are those that differ from what a new installation has.
    package init(_ program: String, folder: String, settings: [String: String] = [:]) throws {
        self.program = program
        self.folder = folder
        self.settings = settings
        port = try unusedLoopbackPort()
        try makeFolder(folder)
        try writeFile("\(folder)/empty.env", [])
    }

    /// Starts it and returns how long it took from there to its first answer.
    @discardableResult
    package func start(_ certificate: Certificate? = nil) throws -> Duration {
        precondition(process == nil, "it runs already")
        var environment = settings
        environment["HOST"] = "127.0.0.1"
        environment["PORT"] = "\(port)"
        environment["DATABASE_URL"] = "sqlite:\(folder)/coordinator.sqlite"
        environment["ADMIN_TOKEN"] = Self.operatorToken
        environment["TLS_CERT_FILE"] = certificate?.certificate
        environment["TLS_KEY_FILE"] = certificate?.key
        let begin = SystemSurroundings().monotonic()
        // Its log goes into a file, where writing costs about what the journal's socket does; nobody reads a pipe meanwhile.
        let script = "exec \"$0\" serve --config \"$1/empty.env\" 2>>\"$1/log\""
        let process = try ChildProcess("/bin/sh", ["-c", script, program, folder], environment: environment)
        self.process = process
        while true {
            if certificate == nil ? answersPing() : (try? connect(toPort: port)) != nil { break }
            let took = SystemSurroundings().monotonic() - begin
            guard took < .seconds(30), !hasEnded else {
                self.process = nil
                process.send(signal: SIGKILL)
                throw BenchmarkError("the coordinator did not come to serve: \(log)")
            }
            usleep(500)
        }
        return SystemSurroundings().monotonic() - begin
    }

    private func answersPing() -> Bool {
        guard let socket = try? connect(toPort: port) else { return false }
        let request = Array("GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        guard (try? sendAll(request, to: socket.number)) != nil else { return false }
        return (try? receiveSome(from: socket.number))?.isEmpty == false
    }

    package func send(signal: Int32) { process?.send(signal: signal) }

    /// It has ended and waits to be reaped.
    package var hasEnded: Bool { (try? state()) == "Z" }

    /// Reaps it; it was told to end, or is told to now.
    package func stop(_ signal: Int32 = SIGTERM) throws {
        guard let process else { return }
        self.process = nil
        process.send(signal: signal)
        let outcome = try process.waitForEnd(within: .seconds(30))
        guard outcome.end == .exited(0) || outcome.end == .killed(signal: SIGKILL) else {
            throw BenchmarkError("the coordinator ended with \(outcome.end): \(log)")
        }
    }

    /// The last that it said.
    private var log: String {
        guard let text = try? readSmallFile("\(folder)/log", limit: 1 << 28) else { return "nothing" }
        return String(decoding: text.suffix(2_000), as: UTF8.self)
    }

    package var id: Int32 { process?.id ?? 0 }

    private func state() throws -> Substring? {
        let text = try readText("/proc/\(id)/stat")
        // The name is in parentheses and may hold spaces; the state follows it.
        return text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ").dropFirst().first
    }

    /// Resident memory in bytes.
    package func resident() throws -> Int {
        let path = "/proc/\(id)/smaps_rollup"
        let line = try readText(path).split(separator: "\n").first { $0.hasPrefix("Rss:") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw BenchmarkError("\(path) has no Rss")
        }
        return kilobytes * 1_024
    }
}
