import BenchmarkSupport
import Glibc
import Platform
import TestSupport

/// nginx on two workers that answers everything with 200 and a body of that length, having read the request.
final class Nginx {
    let port: UInt16
    private let process: ChildProcess

    init(in folder: String, answering bytes: Int, _ certificate: Certificate? = nil) throws {
        port = try unusedLoopbackPort()
        let folder = "\(folder)/nginx"
        try makeFolder(folder)
        let tls = certificate.map { "ssl_certificate \($0.certificate); ssl_certificate_key \($0.key);" } ?? ""
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map { "\($0)_temp_path \(folder)/\($0);" }
        let body = String(repeating: "x", count: bytes)
        let configuration = """
            worker_processes 2; pid \(folder)/pid; error_log \(folder)/error.log crit; daemon off;
            events { worker_connections 4096; }
            http {
                access_log off; keepalive_requests 1000000000; \(temporary.joined(separator: " ")) \(tls)
                server {
                    listen 127.0.0.1:\(port) \(certificate == nil ? "" : "ssl") reuseport;
                    default_type application/json;
                    location / { return 200 "\(body)"; }
                }
            }
            """
        try writeFile("\(folder)/nginx.conf", Array(configuration.utf8))
        process = try ChildProcess(
            try findProgram("nginx", package: "nginx-light"),
            ["-p", folder, "-e", "\(folder)/error.log", "-c", "\(folder)/nginx.conf"])
        let deadline = SystemSurroundings().monotonic() + .seconds(10)
        while (try? connect(toPort: port)) == nil {
            guard SystemSurroundings().monotonic() < deadline else { throw BenchmarkError("nginx did not start") }
            usleep(1_000)
        }
    }

    func used() throws -> Duration {
        let children = try readText("/proc/\(process.id)/task/\(process.id)/children")
        return try processorTime(of: children.split(separator: " ").compactMap { Int32($0) })
    }

    /// Its workers end with it, when it is asked and not killed.
    func stop() throws {
        process.send(signal: SIGTERM)
        _ = try process.waitForEnd()
    }
}

/// Requests that are written once and sent in turn by wrk's two threads.
struct Requests {
    private let script: String
    private let wrk: String

    init(_ requests: [[UInt8]], in folder: String) throws {
        wrk = try findProgram("wrk", package: "wrk")
        script = "\(folder)/requests.lua"
        var bytes: [UInt8] = []
        for request in requests { bytes += Array("\(request.count)\n".utf8) + request }
        try writeFile("\(folder)/requests", bytes)
        let program = """
            local threads = 0
            function setup(thread)
               thread:set("number", threads)
               threads = threads + 1
            end
            function init(arguments)
               requests, at = {}, 0
               local file, place = io.open("\(folder)/requests", "rb"), 0
               while true do
                  local length = file:read("*n")
                  if not length then break end
                  file:read(1)
                  local text = file:read(length)
                  if place % 2 == number then requests[#requests + 1] = text end
                  place = place + 1
               end
               file:close()
            end
            function request()
               at = at % #requests + 1
               return requests[at]
            end
            """
        try writeFile(script, Array(program.utf8))
    }

    /// Sends for that long and returns how many were answered.
    func send(to port: UInt16, tls: Bool = false, connections: Int, for time: Duration) throws -> Int {
        let outcome = try ChildProcess(
            wrk,
            [
                "-t2", "-c\(connections)", "-d\(time.components.seconds)s", "-s", script,
                "\(tls ? "https" : "http")://127.0.0.1:\(port)/",
            ]
        ).waitForEnd(within: time + .seconds(20))
        let text = outcome.output
        guard !text.contains("Non-2xx"), !text.contains("Socket errors: connect") || isHarmless(text) else {
            throw BenchmarkError("wrk said: \(text)")
        }
        // "  456789 requests in 3.00s, 123.45MB read"
        let words = text.split { $0 == " " || $0 == "\n" }
        guard let index = words.firstIndex(of: "requests"), index > 0, let count = Int(words[index - 1]), count > 0
        else { throw BenchmarkError("wrk said: \(text) \(outcome.errors)") }
        return count
    }

    /// A time-out alone means that an answer took over two seconds; connections that fail mean that nothing was measured.
    private func isHarmless(_ text: String) -> Bool { text.contains("connect 0, read 0, write 0") }
}
