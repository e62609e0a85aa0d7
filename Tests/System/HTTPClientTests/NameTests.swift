import Glibc
import HTTPClient
import Platform
import TestSupport
import Testing

/// Names, in a network of the test's own with its own hosts file and a name server that takes questions and never
/// answers. Needs root, because unshare(2) does.
@Suite(.serialized, .enabled(if: getuid() == 0, "left out: a network of its own needs root"))
struct NameTests {
    @Test(arguments: LoopKind.allCases)
    func `a silent name server costs the deadline, a few threads, and the loop nothing`(on kind: LoopKind) throws {
        struct Facts: Sendable {
            var codes: [TransportError.Code?] = []
            var texts: Set<String> = []
            var slowest: Duration = .zero
            var literalStatus = 0
            var mostThreads = 0
            var closing: Duration = .zero
            var late: Duration = .zero
        }
        // A resolver thread is called like the one it was started from, and outlives it: each run has a name of its own.
        let name: StaticString = kind == .poll ? "silent-dns-poll" : "silent-dns-sd"
        let facts = try inOwnNetwork(name) { _ in
            let silent = try NameServer()
            return try LoopbackServer.run(answerAll) { server in
                var facts = Facts()
                let client = try Client(on: kind) { $0.maxLookups = 2 }
                let meter = try LatenessMeter(on: client.loop)
                for round in 0..<3 {
                    var ended = 0
                    let start = SystemSurroundings().monotonic()
                    for number in 0..<6 {
                        let url = "http://name\(round)-\(number / 2).example/"
                        client.transport.send(get(url, deadline: .milliseconds(300))) { outcome in
                            ended += 1
                            facts.slowest = max(facts.slowest, SystemSurroundings().monotonic() - start)
                            if case .failure(let error) = outcome {
                                facts.codes.append(error.code)
                                facts.texts.insert(error.description)
                            }
                        }
                    }
                    facts.literalStatus = try client.answer(to: get(server.url())).status
                    _ = client.run { ended == 6 }
                    facts.mostThreads = max(facts.mostThreads, try threadCount(named: name) - 1)
                }
                client.transport.send(get("http://last.example/")) { _ in facts.codes.append(nil) }
                try client.settle()
                facts.closing = elapsed { client.transport.close() }
                client.pass(.milliseconds(50))
                facts.late = meter.worst
                _ = silent.socket.number
                return facts
            }
        }
        #expect(facts.codes == Array(repeating: .deadlinePassed, count: 18))
        #expect(
            facts.texts.contains(
                "GET http://name0-0.example/: no complete answer in 0.3 seconds while looking up name0-0.example"))
        #expect(facts.slowest < .milliseconds(300) + lateLimit, "\(facts.slowest)")
        #expect(facts.literalStatus == 200, "an address needs no name server")
        #expect(facts.mostThreads == 2, "one thread for each lookup that may run")
        #expect(facts.closing < lateLimit, "\(facts.closing)")
        #expect(facts.late < lateLimit, "\(facts.late)")
        print("silent name server, \(kind): timer late by \(facts.late), closing took \(facts.closing)")
    }

    @Test func `a name that is known is reached by all who wait for it`() throws {
        let answers = try inOwnNetwork("known-name", hosts: "127.0.0.1 one.example") { _ in
            try LoopbackServer.run(answerAll) { server in
                let client = try Client()
                var statuses: [Int] = []
                for _ in 0..<10 {
                    client.transport.send(get("http://one.example:\(server.port)/")) { outcome in
                        statuses.append((try? outcome.get().status) ?? 0)
                    }
                }
                _ = client.run { statuses.count == 10 }
                return statuses
            }
        }
        #expect(answers == Array(repeating: 200, count: 10))
    }

    @Test func `a name that was found stays known when the name server dies, and nobody waits for it`() throws {
        let (statuses, slowest) = try inOwnNetwork("name-stays", hosts: "127.0.0.1 one.example") { folder in
            let silent = try NameServer()
            return try LoopbackServer.run(answerOnce) { server in
                let client = try Client { $0.nameAge = .zero }
                var statuses: [Int] = []
                var slowest = Duration.zero
                for round in 0..<4 {
                    if round == 1 { try write("\n", to: "\(folder)/hosts") }
                    let took = try elapsed {
                        statuses.append(try client.answer(to: get("http://one.example:\(server.port)/")).status)
                    }
                    slowest = max(slowest, took)
                }
                #expect(server.accepted == 4, "each needed a connection of its own")
                _ = silent.socket.number
                return (statuses, slowest)
            }
        }
        #expect(statuses == [200, 200, 200, 200])
        #expect(slowest < lateLimit, "\(slowest)")
    }

    @Test func `a host that has moved is found again, and all of its addresses are known`() throws {
        let status = try inOwnNetwork("name-moves", hosts: "127.0.0.7 one.example") { folder in
            try LoopbackServer.run(answerOnce) { server in
                let client = try Client { $0.nameAge = .zero }
                let url = "http://one.example:\(server.port)/"
                #expect(try client.failure(of: get(url)).code == .connect)
                try write("127.0.0.8 one.example\n127.0.0.1 one.example\n", to: "\(folder)/hosts")
                // The first of these may still go to the old place.
                for _ in 0..<20 {
                    if case .success(let answer) = try client.outcome(of: get(url)) { return answer.status }
                    client.pass(.milliseconds(20))
                }
                return 0
            }
        }
        #expect(status == 200)
    }

    @Test func `a name that does not exist is told at once and apart from a silent name server`() throws {
        let error = try inOwnNetwork("no-name") { _ in
            // Nobody listens where the name server should be, and the kernel says so.
            try Client().failure(of: get("http://nowhere.example/?secret"))
        }
        #expect(error.code == .resolve)
        #expect(error.description.hasPrefix("GET http://nowhere.example/: look up the name: "), "\(error)")
        #expect(!error.description.contains("secret"))
    }
}

/// Runs `body` where only loopback exists and the name server is at 127.0.0.1, with a folder for its files.
private func inOwnNetwork<Value: Sendable>(
    _ name: StaticString, hosts: String = "", _ body: @escaping @Sendable (String) throws -> Value
) throws -> Value {
    try withTemporaryFolder { folder in
        try onOwnThread(name, [.mounts, .network]) {
            // Or the mounts below would show up outside.
            try mounting("/") { unsafe mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
            let files = [
                "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n", "hosts": hosts + "\n",
                "nsswitch.conf": "hosts: files dns\n",
            ]
            for (file, content) in files {
                try write(content, to: "\(folder)/\(file)")
                try mounting(file) { unsafe mount("\(folder)/\(file)", "/etc/\(file)", nil, UInt(MS_BIND), nil) }
            }
            _ = try Tool.run(["ip", "link", "set", "lo", "up"])
            return try body(folder)
        }
    }
}

private func mounting(_ what: String, _ call: () -> Int32) throws {
    guard call() == 0 else { throw TestSupportError("mount \(what): \(describe(errno: errno))") }
}

/// Takes every question and answers none.
private struct NameServer: ~Copyable {
    let socket: FileDescriptor

    init() throws {
        let number = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        socket = FileDescriptor(owning: number)
        try bind(number, to: "127.0.0.1", port: 53)
    }
}

private func bind(_ descriptor: Int32, to address: String, port: UInt16) throws {
    try unsafe withAddress(address, port) { unsafe Glibc.bind(descriptor, $0, $1) }
}

private func withAddress(_ text: String, _ port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    unsafe inet_pton(AF_INET, text, &address.sin_addr)
    let result = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe call($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard result == 0 else { throw TestSupportError("\(text) port \(port): \(describe(errno: errno))") }
}
