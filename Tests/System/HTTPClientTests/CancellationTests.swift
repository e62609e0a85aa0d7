import HTTPClient
import Platform
import TestSupport
import Testing

/// After `cancel`, after `close` and after the transport's end there is silence.
@Suite struct CancellationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var scheme = "http"
        let serve: @Sendable (Peer) throws -> Void
        /// How far the server has come when the client cancels, at least.
        let accepts: Int
    }

    static let cases = [
        Case(testDescription: "at once", serve: { try $0.waitForClose() }, accepts: 0),
        Case(testDescription: "waiting for the answer", serve: { try $0.waitForClose() }, accepts: 1),
        Case(testDescription: "in the TLS handshake", scheme: "https", serve: { try $0.waitForClose() }, accepts: 1),
        Case(
            testDescription: "in the header lines",
            serve: { peer in
                try peer.send("HTTP/1.1 200 OK\r\nX: ")
                try peer.waitForClose()
            }, accepts: 1),
        Case(
            testDescription: "in the body",
            serve: { peer in
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                try peer.waitForClose()
            }, accepts: 1),
    ]

    enum End: CaseIterable, Sendable { case cancel, close, release }

    @Test(arguments: cases, End.allCases)
    func `nothing is heard of a request that was ended`(_ stage: Case, by end: End) throws {
        let closed = Counter()
        try LoopbackServer.run({ peer in
            try stage.serve(peer)
            closed.add(1)
        }) { server in
            let loop = PollLoop()
            let owner = Owner(try Transport(loop: loop, options: TransportOptions(userAgent: "test/1")))
            var heard = 0
            let request = get("\(stage.scheme)://127.0.0.1:\(server.port)/", deadline: .seconds(10))
            let call = owner.transport?.send(request) { _ in heard += 1 }
            _ = loop.run { server.accepted >= stage.accepts }
            // Time for what the server sent.
            if stage.accepts > 0 { _ = loop.run(within: .milliseconds(20)) { false } }
            switch end {
            case .cancel: call?.cancel()
            case .close: owner.transport?.close()
            case .release: owner.transport = nil
            }
            let came = loop.run { closed.value == server.accepted }
            #expect(came)
            #expect(heard == 0)
        }
    }

    @Test func `a deadline that passes after the end is not heard either`() throws {
        let client = try Client()
        var heard = 0
        let call = client.transport.send(get("http://127.0.0.1:1/", deadline: .milliseconds(5))) { _ in heard += 1 }
        call.cancel()
        client.pass(.milliseconds(30))
        #expect(heard == 0)
    }

    enum Deed: CaseIterable, Sendable { case sendAgain, cancelOther, cancelSelf, close, closeConnections }

    @Test(arguments: Deed.allCases, LoopKind.allCases)
    func `a completion may do anything to its transport`(_ deed: Deed, on kind: LoopKind) throws {
        try LoopbackServer.run(answerAll) { server in
            let client = try Client(on: kind)
            var calls: [Call] = []
            var heard: [Int] = []
            // Served by two connections in any order: the first completion decides about the other request.
            func completed(_ number: Int) {
                heard.append(number)
                guard heard.count == 1 else { return }
                switch deed {
                case .sendAgain: client.transport.send(get(server.url())) { _ in heard.append(2) }
                case .cancelOther: calls[1 - number].cancel()
                case .cancelSelf: calls[number].cancel()
                case .close: client.transport.close()
                case .closeConnections: try? client.transport.closeConnections()
                }
                #expect(heard == [number], "a completion ran inside send")
            }
            for number in 0..<2 {
                calls.append(client.transport.send(get(server.url())) { _ in completed(number) })
            }
            let expected =
                switch deed {
                case .sendAgain: 3
                case .cancelSelf, .closeConnections: 2
                case .cancelOther, .close: 1
                }
            _ = client.run { heard.count == expected }
            client.pass(.milliseconds(20))
            #expect(heard.count == expected)
        }
    }

    @Test func `the last reference may go inside a completion`() throws {
        try LoopbackServer.run(answerAll) { server in
            let loop = PollLoop()
            let owner = Owner(try Transport(loop: loop, options: TransportOptions(userAgent: "test/1")))
            weak let witness = owner.transport
            var heard = 0
            for _ in 0..<4 {
                owner.transport?.send(get(server.url())) { _ in
                    heard += 1
                    owner.transport = nil
                }
            }
            _ = loop.run { witness == nil }
            _ = loop.run(within: .milliseconds(20)) { false }
            #expect(heard == 1)
            #expect(witness == nil)
        }
    }

    @Test func `what is sent after closing is never answered`() throws {
        let client = try Client()
        client.transport.close()
        var heard = 0
        let call = client.transport.send(get("http://127.0.0.1:1/", deadline: .zero)) { _ in heard += 1 }
        client.pass(.milliseconds(20))
        call.cancel()
        client.transport.close()
        #expect(heard == 0)
    }

    @Test func `letting go of a call does not end it`() throws {
        try LoopbackServer.run(answerAll) { server in
            let client = try Client()
            var heard = 0
            do { _ = client.transport.send(get(server.url())) { _ in heard += 1 } }
            let came = client.run { heard == 1 }
            #expect(came)
        }
    }
}

/// Holds the only reference.
private final class Owner {
    var transport: Transport?
    init(_ transport: Transport) { self.transport = transport }
}
