import HTTPClient
import Platform
import TestSupport
import Testing

/// What goes out and what comes back.
@Suite struct RequestTests {
    @Test(arguments: [
        (OutgoingRequest.Method.get, "", nil), (.head, "", nil), (.post, "a=b", "3"), (.post, "", "0"),
        (.put, "", "0"), (.put, "body", "4"), (.patch, "{}", "2"), (.delete, "", nil), (.delete, "x", "1"),
        (.get, "search", "6"),
    ])
    func `a request arrives with its method, path, headers and body`(
        method: OutgoingRequest.Method, body: String, length: String?
    ) throws {
        let seen = Awaited<ReceivedRequest>("the request")
        try LoopbackServer.run({ peer in
            guard let request = try peer.receive() else { return }
            seen.set(request)
            try peer.send(method == .head ? "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" : reply())
        }) { server in
            let request = OutgoingRequest(
                method, server.url("/a%20b?q=1"), headers: [HeaderField("X-One", "1"), HeaderField("X-Empty", "")],
                body: Array(body.utf8), deadline: .seconds(10), responseLimit: 100)
            let answer = try Client().answer(to: request)
            #expect(answer.status == 200)
            #expect(answer.body == (method == .head ? [] : Array("hello".utf8)))
        }
        let request = try seen.get()
        #expect(request.line == "\(method.rawValue) /a%20b?q=1 HTTP/1.1")
        #expect(request.body == Array(body.utf8))
        #expect(request.header("Content-Length") == length)
        #expect(request.header("X-One") == "1")
        #expect(request.header("X-Empty") == "")
        #expect(request.header("User-Agent") == "test/1")
        for absent in ["Expect", "Content-Type", "Accept-Encoding", "Authorization", "Cookie"] {
            #expect(request.header(absent) == nil, "\(absent) was not asked for")
        }
    }

    @Test func `a body of two megabytes is sent whole and without asking first`() throws {
        let body = [UInt8](repeating: 7, count: 2 << 20)
        let seen = Awaited<ReceivedRequest>("the request")
        try LoopbackServer.run({ peer in
            guard let request = try peer.receive() else { return }
            seen.set(request)
            try peer.send(reply())
        }) { server in
            let request = OutgoingRequest(.post, server.url(), body: body, deadline: .seconds(20), responseLimit: 10)
            let answer = try Client().answer(to: request)
            #expect(answer.status == 200)
        }
        #expect(try seen.get().header("Expect") == nil)
        #expect(try seen.get().body.count == body.count)
    }

    @Test func `headers are found in any case, repeated ones stay in order`() throws {
        let head = ["Set-Thing: a", "sEt-ThInG:  b  ", "Empty:"]
        try LoopbackServer.run({
            try $0.send(reply(headers: head)); try $0.waitForClose()
        }) { server in
            let answer = try Client().answer(to: get(server.url()))
            #expect(answer.header("set-thing") == "a")
            #expect(answer.header("EMPTY") == "")
            #expect(answer.header("absent") == nil)
            #expect(answer.headers.filter { $0.name.lowercased() == "set-thing" }.map(\.value) == ["a", "b"])
        }
    }

    @Test func `an interim answer and trailers are not mistaken for the answer`() throws {
        let text =
            "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5\r\nhello\r\n0\r\nStatus: late\r\n\r\n"
        try LoopbackServer.run({
            try $0.send(text); try $0.waitForClose()
        }) { server in
            let answer = try Client().answer(to: get(server.url()))
            #expect(answer.status == 200)
            #expect(answer.headers == [HeaderField("Transfer-Encoding", "chunked")])
            #expect(answer.body == Array("hello".utf8))
        }
    }

    @Test(arguments: [204, 301, 404, 503])
    func `any status is an answer, and none is followed elsewhere`(status: Int) throws {
        let text = "HTTP/1.1 \(status) X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
        try LoopbackServer.run({ while try $0.receive() != nil { try $0.send(text) } }) { server in
            let answer = try Client().answer(to: get(server.url()))
            #expect(answer.status == status)
            #expect(answer.header("location") == "/elsewhere")
            #expect(server.accepted == 1)
        }
    }

    @Test func `an answer split at any byte is the same answer`() throws {
        let text = Array(
            "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n".utf8)
        let client = try Client()
        let listener = try LoopbackListener()
        for at in 1..<text.count {
            var outcome: Outcome?
            client.transport.send(get("http://127.0.0.1:\(listener.port)/")) { outcome = $0 }
            let server = try client.accept(on: listener)
            // Both ends are on one loop, so the client has read the first part when the second is sent.
            try sendAll(Array(text[..<at]), to: server.number)
            try client.settle()
            #expect(outcome == nil, "ended \(text.count - at) bytes too early")
            try sendAll(Array(text[at...]), to: server.number)
            _ = client.run { outcome != nil }
            let answer = try #require(outcome).get()
            #expect(answer.status == 200 && answer.body == Array("abcdefg".utf8), "split at \(at)")
            #expect(answer.header("x-a") == "b")
            try client.transport.closeConnections()
        }
    }

    @Test func `the timings rise from step to step and end at the total`() throws {
        try LoopbackServer.run(answerAll) { server in
            let timings = try Client().answer(to: get(server.url())).timings
            #expect(timings.tls == .zero)
            #expect(timings.nameLookup <= timings.connect)
            #expect(timings.connect <= timings.firstByte && timings.connect > .zero)
            // The library reads its clock anew for each, and not in this order.
            #expect(timings.firstByte <= timings.total + .milliseconds(1))
        }
    }
}
