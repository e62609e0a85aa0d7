import Glibc
import HTTPClient
import Platform
import TestSupport
import Testing

/// Which connection a request goes over.
@Suite struct ConnectionTests {
    @Test(arguments: LoopKind.allCases)
    func `fifty requests go over one connection`(on kind: LoopKind) throws {
        try LoopbackServer.run(answerAll) { server in
            let client = try Client(on: kind)
            for number in 0..<50 {
                let answer = try client.answer(to: get(server.url()))
                #expect(answer.connectionReused == (number > 0))
            }
            #expect(server.accepted == 1)
        }
    }

    @Test(arguments: LoopKind.allCases)
    func `two hundred requests at once share the connections that are allowed`(on kind: LoopKind) throws {
        let (open, most) = (Counter(), Counter())
        try LoopbackServer.run({ peer in
            most.raise(to: open.add(1))
            defer { open.add(-1) }
            while let request = try peer.receive() { try peer.send(reply(request.line)) }
        }) { server in
            let client = try Client(on: kind) { ($0.maxConnectionsPerHost, $0.maxConnections) = (8, 8) }
            var bodies: [Int: String] = [:]
            for number in 0..<200 {
                client.transport.send(get(server.url("/\(number)"))) { outcome in
                    bodies[number] = (try? outcome.get()).map { String(decoding: $0.body, as: UTF8.self) }
                }
            }
            _ = client.run { bodies.count == 200 }
            for number in 0..<200 { #expect(bodies[number] == "GET /\(number) HTTP/1.1") }
            #expect(most.value == 8)
        }
    }

    @Test func `a request too many is refused as busy, and there is room again afterwards`() throws {
        try LoopbackServer.run(answerAll) { server in
            let client = try Client { $0.maxRequests = 3 }
            var codes: [Int: TransportError.Code?] = [:]
            for number in 0..<5 {
                client.transport.send(get(server.url())) { outcome in
                    if case .failure(let error) = outcome {
                        codes[number] = error.code
                    } else {
                        codes[number] = .some(nil)
                    }
                }
                #expect(codes.isEmpty, "a completion ran inside send")
            }
            _ = client.run { codes.count == 5 }
            #expect(codes == [0: nil, 1: nil, 2: nil, 3: .busy, 4: .busy])
            let status = try client.answer(to: get(server.url())).status
            #expect(status == 200)
        }
    }

    @Test func `a request on a connection that the server has closed is sent again over a fresh one`() throws {
        try LoopbackServer.run({ peer in
            if try peer.receive() != nil { try peer.send(reply()) }
        }) { server in
            let client = try Client()
            for _ in 0..<3 {
                let request = OutgoingRequest(
                    .post, server.url(), body: [1, 2, 3], deadline: .seconds(10), responseLimit: 10)
                let status = try client.answer(to: request).status
                #expect(status == 200)
            }
            #expect(server.accepted == 3)
        }
    }

    @Test func `closing the connections makes the next request open its own`() throws {
        let ended = Counter()
        try LoopbackServer.run({ peer in
            try answerAll(peer)
            ended.add(1)
        }) { server in
            let client = try Client()
            for _ in 0..<3 {
                let status = try client.answer(to: get(server.url())).status
                #expect(status == 200)
            }
            #expect(server.accepted == 1)
            try client.transport.closeConnections()
            let reused = try client.answer(to: get(server.url())).connectionReused
            #expect(reused == false)
            #expect(server.accepted == 2)
            #expect(ended.value == 1, "the old connection is closed before the new one is used")
        }
    }

    @Test func `closing the connections lets a request under way end on its own`() throws {
        let release = Latch("the order to answer")
        try LoopbackServer.run({ peer in
            _ = try peer.receive()
            try release.wait()
            try peer.send(reply())
            try peer.waitForClose()
        }) { server in
            let client = try Client()
            var outcome: Outcome?
            client.transport.send(get(server.url())) { outcome = $0 }
            _ = client.run { server.accepted == 1 }
            try client.transport.closeConnections()
            release.open()
            _ = client.run { outcome != nil }
            let status = try outcome?.get().status
            #expect(status == 200)
            let reused = try client.answer(to: get(server.url())).connectionReused
            #expect(reused == false)
        }
    }

    @Test func `an answer that says close is not kept alive`() throws {
        try LoopbackServer.run({ peer in
            while try peer.receive() != nil { try peer.send(reply(headers: ["Connection: close"])) }
        }) { server in
            let client = try Client()
            for _ in 0..<2 {
                let reused = try client.answer(to: get(server.url())).connectionReused
                #expect(reused == false)
            }
        }
    }

    // In a process of its own: the environment belongs to all tests.
    @Test func `a proxy of the environment is asked only when the options say so`() async {
        await #expect(processExitsWith: .success) {
            unsafe setenv("http_proxy", "http://127.0.0.1:1", 1)
            try LoopbackServer.run(answerAll) { server in
                let answer = try Client().answer(to: get(server.url()))
                #expect(answer.status == 200)
                let error = try Client { $0.proxy = .fromEnvironment }.failure(of: get(server.url()))
                #expect(error.code == .connect)
            }
        }
    }

    @Test func `no socket is inherited by a child process`() throws {
        try LoopbackServer.run({ try $0.waitForClose() }) { server in
            try onOwnThread("test-cloexec", .descriptors) { [url = server.url()] in
                let client = try Client()
                let before = try ownDescriptors()
                client.transport.send(get(url)) { _ in }
                try client.settle(turns: 5)
                let opened = try ownDescriptors().filter { !before.contains($0) }
                #expect(opened.count == 1)
                for descriptor in opened { #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0) }
            }
        }
    }
}

final class Counter: Sendable {
    private let count = Locked(0)
    var value: Int { count.withLock { $0 } }
    @discardableResult func add(_ step: Int) -> Int {
        count.withLock {
            $0 += step
            return $0
        }
    }
    func raise(to value: Int) { count.withLock { $0 = max($0, value) } }
}
