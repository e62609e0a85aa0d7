import HTTPClient
import Platform
import TestSupport
import Testing

/// A deadline holds whatever the peer does, and the loop goes on meanwhile.
@Suite struct DeadlineTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var scheme = "http"
        let serve: @Sendable (Peer) throws -> Void
        let stage: String
    }

    static let cases = [
        Case(
            testDescription: "accepts and never answers", serve: { try $0.waitForClose() },
            stage: "waiting for the answer"),
        Case(
            testDescription: "drips header lines",
            serve: { peer in
                try peer.send("HTTP/1.1 200 OK\r\n")
                try peer.drip("X: y\r\n")
            }, stage: "reading the answer"),
        Case(
            testDescription: "drips the body",
            serve: { peer in
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                try peer.drip("x")
            }, stage: "reading the answer"),
        Case(
            testDescription: "never answers in the TLS handshake", scheme: "https", serve: { try $0.waitForClose() },
            stage: "in the TLS handshake with 127.0.0.1 port "),
    ]

    @Test(arguments: cases, LoopKind.allCases)
    func `a slow peer costs no more than the deadline`(_ slow: Case, on kind: LoopKind) throws {
        try LoopbackServer.run(slow.serve) { server in
            let origin = "\(slow.scheme)://127.0.0.1:\(server.port)"
            let (error, time, late, ticks) = try onOwnThread("test-deadline") {
                let client = try Client(on: kind)
                let meter = try LatenessMeter(on: client.loop)
                // What the deadline counts from: the loop may have looked at the clock a while ago.
                let start = client.loop.now
                let error = try client.failure(of: get("\(origin)/p?secret", deadline: .milliseconds(300)))
                return (error, SystemSurroundings().monotonic() - start, meter.worst, meter.ticks)
            }
            #expect(error.code == .deadlinePassed)
            let text = "GET \(origin)/p: no complete answer in 0.3 seconds while \(slow.stage)"
            #expect(error.description.hasPrefix(text), "\(error)")
            #expect(time >= .milliseconds(300) && time < .milliseconds(300) + lateLimit, "\(time)")
            #expect(late < lateLimit, "\(late)")
            // The sanitizer makes a long turn of reading the system's authorities; `late` bounds that as well.
            #expect(ticks > (isUnderSanitizer ? 0 : 10))
        }
    }

    @Test func `a host that does not take the connection costs no more than the deadline`() throws {
        try onOwnThread("test-connect") {
            // With no room in its queue, the kernel drops what else would connect.
            let listener = try LoopbackListener(backlog: 0)
            let first = try connect(toPort: listener.port)
            let client = try Client()
            let request = get("http://127.0.0.1:\(listener.port)/", deadline: .milliseconds(200))
            let error = try client.failure(of: request)
            #expect(error.code == .deadlinePassed)
            #expect(error.description.hasSuffix("while connecting to 127.0.0.1 port \(listener.port)"))
            _ = first.number
        }
    }

    @Test func `a request that only waited for a connection has the same deadline`() throws {
        try LoopbackServer.run({ try $0.waitForClose() }) { server in
            let client = try Client { $0.maxConnectionsPerHost = 1 }
            client.transport.send(get(server.url())) { _ in }
            let error = try client.failure(of: get(server.url(), deadline: .milliseconds(100)))
            #expect(error.code == .deadlinePassed)
            #expect(error.description.hasSuffix("while waiting for a connection"))
            #expect(server.accepted == 1)
        }
    }

    @Test func `a deadline that is no time at all has passed`() throws {
        let error = try Client().failure(of: get("http://127.0.0.1:1/", deadline: .zero))
        #expect(error.code == .deadlinePassed)
    }

    @Test func `deadlines pass in their own order, whatever the order of sending`() throws {
        try LoopbackServer.run({ try $0.waitForClose() }) { server in
            let client = try Client()
            var passed: [Int] = []
            for time in [90, 30, 60, 120] {
                client.transport.send(get(server.url(), deadline: .milliseconds(time))) { _ in passed.append(time) }
            }
            _ = client.run { passed.count == 4 }
            #expect(passed == [30, 60, 90, 120])
        }
    }

    @Test func `after a deadline the transport goes on`() throws {
        try LoopbackServer.run({ peer in
            while let request = try peer.receive() {
                if request.line.contains("/slow") { try peer.waitForClose() } else { try peer.send(reply()) }
            }
        }) { server in
            let client = try Client()
            for _ in 0..<5 {
                #expect(
                    try client.failure(of: get(server.url("/slow"), deadline: .milliseconds(20))).code
                        == .deadlinePassed)
                let status = try client.answer(to: get(server.url("/quick"))).status
                #expect(status == 200)
            }
        }
    }
}

extension Peer {
    /// Sends `text` every 20 ms until the client has gone.
    fileprivate func drip(_ text: String) throws {
        while try !isClosed(within: .milliseconds(20)) { try send(text) }
    }
}
