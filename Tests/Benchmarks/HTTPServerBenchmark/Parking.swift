import Glibc
import Platform

/// Parks `count` requests, wakes some one by one and then all at once.
func measureParking(_ count: Int) throws {
    let (server, port) = try startServer()
    let control = try Client(port: port)
    try control.ask("/")
    let before = try residentBytes(of: server.id)
    let clients = try (0..<count).map { number in
        let client = try Client(port: port)
        try client.send("/park?id=\(number)")
        return client
    }
    // One worker serves one connection, so its answer says nothing of the others: asked until the memory stands still.
    var after = try residentBytes(of: server.id)
    while true {
        for _ in 0..<2_000 { try control.ask("/") }
        let now = try residentBytes(of: server.id)
        if now == after { break }
        after = now
    }
    var waits: [Duration] = []
    for round in 0..<500 {
        let number = (round * 7_919) % count
        let begin = SystemSurroundings().monotonic()
        try control.send("/wake?id=\(number)")
        try clients[number].receive()
        waits.append(SystemSurroundings().monotonic() - begin)
        try control.receive()
        try clients[number].send("/park?id=\(number)")
        try control.ask("/")
    }
    waits.sort()
    let begin = SystemSurroundings().monotonic()
    try control.send("/wake-all")
    for client in clients { try client.receive() }
    let all = SystemSurroundings().monotonic() - begin
    let again = try residentBytes(of: server.id)
    print("\(count) parked on 2 workers:")
    print("  resident memory each    \((after - before) / count) B, after one answer \((again - before) / count) B")
    print(
        "  wake one, from asking for it to its answer  p50 \(microseconds(waits[waits.count / 2]))  p99 \(microseconds(waits[waits.count * 99 / 100]))"
    )
    print("  wake all                \(microseconds(all))")
}

private func microseconds(_ duration: Duration) -> String { "\(rounded(duration / .microseconds(1), 0)) us" }

private func residentBytes(of id: Int32) throws -> Int {
    let pages = try readText("/proc/\(id)/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) }
    return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
}

func allowManyDescriptors() throws {
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(kind, &limit) == 0 else { throw BenchmarkError("ask for the descriptor limit") }
    limit.rlim_cur = limit.rlim_max
    guard unsafe setrlimit(kind, &limit) == 0 else { throw BenchmarkError("raise the descriptor limit") }
}

/// A blocking client on one kept connection.
final class Client {
    private let socket: FileDescriptor

    init(port: UInt16) throws {
        let number = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw BenchmarkError("make a socket: \(describe(errno: errno))") }
        socket = FileDescriptor(owning: number)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe connect(
                number, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self),
                socklen_t(MemoryLayout<sockaddr_in>.size))
        }
        guard connected == 0 else { throw BenchmarkError("connect: \(describe(errno: errno))") }
    }

    func send(_ target: String) throws {
        let request = Array(
            "GET \(target) HTTP/1.1\r\nHost: localhost\r\nUser-Agent: spot-agent/1.0\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n"
                .utf8)
        guard unsafe write(socket.number, request, request.count) == request.count else { throw BenchmarkError("send") }
    }

    /// One answer; all of them fit into one segment.
    func receive() throws {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        guard unsafe read(socket.number, &buffer, buffer.count) > 0 else { throw BenchmarkError("the server closed") }
    }

    func ask(_ target: String) throws {
        try send(target)
        try receive()
    }
}
