import Glibc
import Platform

/// One row: what wrk counted and what the server's processes used meanwhile.
private struct Load {
    let requestsPerSecond: Double
    let microsecondsPerRequest: Double
}

func compareThroughput() throws {
    print("POST 400 B -> 200 B, kept connections, 2 threads each, wrk -t2, 3 s, best of 3 by CPU")
    print("connections  server         req/s   CPU us/req")
    for connections in [64, 1_000] {
        let (server, port) = try startServer()
        let ours = try best(port: port, connections: connections) { try cpuSeconds(of: [server.id]) }
        let (nginx, nginxPort) = try startNginx()
        let theirs = try best(port: nginxPort, connections: connections) { try cpuSeconds(of: children(of: nginx.id)) }
        show(connections, "HTTPServer", ours)
        show(connections, "nginx", theirs)
        print("             ratio         \(rounded(ours.microsecondsPerRequest / theirs.microsecondsPerRequest, 2))")
    }
}

func startServer() throws -> (Child, port: UInt16) {
    let server = try Child("/proc/self/exe", ["serve"])
    server.awaitGreeting()
    guard let port = UInt16(server.greeting) else { throw BenchmarkError("the server did not start") }
    return (server, port)
}

private func startNginx() throws -> (Child, port: UInt16) {
    let port: UInt16 = 18_480
    let folder = "/tmp/http-benchmark-\(getpid())"
    unsafe mkdir(folder, 0o700)
    let body = String(repeating: "x", count: 200)
    try writeFile(
        "\(folder)/nginx.conf",
        """
        worker_processes 2; pid \(folder)/pid; error_log \(folder)/error.log crit; daemon off;
        events { worker_connections 4096; }
        http {
            access_log off; keepalive_requests 1000000000; client_body_temp_path \(folder)/b;
            proxy_temp_path \(folder)/p; fastcgi_temp_path \(folder)/f; uwsgi_temp_path \(folder)/u; scgi_temp_path \(folder)/s;
            server { listen 127.0.0.1:\(port) reuseport; location / { return 200 "\(body)"; } }
        }
        """)
    let nginx = try Child("nginx", ["-p", folder, "-e", "\(folder)/error.log", "-c", "\(folder)/nginx.conf"])
    while (try? Client(port: port)) == nil { sched_yield() }
    return (nginx, port)
}

private func best(port: UInt16, connections: Int, cpu: () throws -> Double) throws -> Load {
    let script = "/tmp/http-benchmark-\(getpid()).lua"
    try writeFile(
        script,
        """
        wrk.method = "POST"
        wrk.body = string.rep("y", 400)
        wrk.headers["Content-Type"] = "application/json"
        """)
    var best: Load?
    for _ in 0..<3 {
        let before = try cpu()
        let output = try run("wrk -t2 -c\(connections) -d3s -s \(script) http://127.0.0.1:\(port)/ 2>&1")
        let used = try cpu() - before
        // "  456789 requests in 3.00s, 123.45MB read"
        let words = output.split(separator: " ")
        guard let index = words.firstIndex(of: "requests"), index > 0,
            let count = Double(words[index - 1].split(separator: "\n").last ?? ""), count > 0
        else { throw BenchmarkError("wrk said: \(output)") }
        let load = Load(requestsPerSecond: count / 3, microsecondsPerRequest: used / count * 1_000_000)
        if load.microsecondsPerRequest < best?.microsecondsPerRequest ?? .infinity { best = load }
    }
    unsafe unlink(script)
    guard let best else { throw BenchmarkError("nothing was measured") }
    return best
}

private func show(_ connections: Int, _ name: String, _ load: Load) {
    let columns = [
        String(connections), name, rounded(load.requestsPerSecond, 0), rounded(load.microsecondsPerRequest, 2),
    ]
    let widths = [13, 13, 10, 10]
    print(zip(columns, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }.joined())
}

func rounded(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let number = (value * scale).rounded() / scale
    return digits == 0 ? String(Int(number)) : String(number)
}

/// User and system time so far.
private func cpuSeconds(of processes: [Int32]) throws -> Double {
    try processes.reduce(0) { sum, id in
        let text = try readText("/proc/\(id)/stat")
        // The name is in parentheses and may hold spaces; utime and stime are the 12th and 13th word after it.
        let words = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard words.count > 13, let user = Double(words[12]), let system = Double(words[13]) else {
            throw BenchmarkError("/proc/\(id)/stat reads \(text)")
        }
        return sum + (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

private func children(of id: Int32) throws -> [Int32] {
    try readText("/proc/\(id)/task/\(id)/children").split(separator: " ").compactMap { Int32($0) }
}

func readText(_ path: String) throws -> String {
    String(decoding: try readSmallFile(path, limit: 1 << 16), as: UTF8.self)
}

private func writeFile(_ path: String, _ text: String) throws {
    let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, permissions: 0o600)
    let bytes = Array(text.utf8)
    guard unsafe write(file.number, bytes, bytes.count) == bytes.count else { throw BenchmarkError("write \(path)") }
}

private func run(_ line: String) throws -> String {
    guard let pipe = unsafe popen(line, "re") else { throw BenchmarkError("run \(line)") }
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
        let count = unsafe fread(&buffer, 1, buffer.count, pipe)
        if count == 0 { break }
        output += buffer[..<count]
    }
    guard unsafe pclose(pipe) == 0 else { throw BenchmarkError("\(line): \(String(decoding: output, as: UTF8.self))") }
    return String(decoding: output, as: UTF8.self)
}
