import HTTPClient
import Platform
import TestSupport
import Testing

/// Each code that a caller can act on, provoked.
@Suite struct FailureTests {
    @Test func `a refused connection is told with address and reason`() throws {
        let port = try unusedLoopbackPort()
        let error = try Client().failure(of: get("http://user:word@127.0.0.1:\(port)/a/b?token=1#part"))
        #expect(error.code == .connect)
        #expect(
            error.description
                == "GET http://127.0.0.1:\(port)/a/b: connect to 127.0.0.1 port \(port): connection refused (errno 111)"
        )
    }

    @Test(arguments: [
        ("", "not a URL"), ("http://", "not a URL"), ("127.0.0.1/x", "not a URL"),
        ("ftp://127.0.0.1/", "the scheme is neither http nor https"),
        ("file:///etc/passwd", "the scheme is neither http nor https"),
        ("http://a/ b", "it has a space or a control character"),
        ("http://a/\r\nX: y", "it has a space or a control character"), ("http://a:99999/", "not a URL"),
        ("http://a/" + String(repeating: "x", count: 8192), "longer than 8192 bytes"),
    ])
    func `a URL that cannot be used is an invalid request`(url: String, why: String) throws {
        let error = try Client().failure(of: get(url))
        #expect(error.code == .invalidRequest)
        #expect(error.description == "GET to an unusable URL: parse URL: \(why)")
    }

    @Test(arguments: [
        (HeaderField("", "x"), "its name is not a token"), (HeaderField("a b", "x"), "its name is not a token"),
        (HeaderField("a:", "x"), "its name is not a token"),
        (HeaderField("A", "x\r\nB: y"), "its value has a control character"),
        (HeaderField("A", "x\u{0}"), "its value has a control character"),
        (HeaderField("content-length", "3"), "it belongs to the transport"),
    ])
    func `a header that would change the request is an invalid request`(field: HeaderField, why: String) throws {
        var request = get("http://127.0.0.1:1/")
        request.headers = [field]
        let error = try Client().failure(of: request)
        #expect(error.code == .invalidRequest)
        #expect(error.description.hasSuffix(why))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
    ])
    func `a body one byte too long ends the request, one that just fits does not`(text: String) throws {
        try LoopbackServer.run({
            try $0.send(text); try $0.waitForClose()
        }) { server in
            let error = try Client().failure(of: get(server.url(), responseLimit: 10))
            #expect(error.code == .tooLarge)
            #expect(error.description == "GET \(server.url()): read the answer: the body exceeds 10 bytes")
            let count = try Client().answer(to: get(server.url(), responseLimit: 11)).body.count
            #expect(count == 11)
        }
    }

    @Test func `header lines without end are cut off`() throws {
        try LoopbackServer.run({ peer in
            try peer.send("HTTP/1.1 200 OK\r\n")
            while true { try peer.send("X: \(String(repeating: "y", count: 1000))\r\n") }
        }) { server in
            let error = try Client().failure(of: get(server.url()))
            #expect(error.code == .tooLarge)
            #expect(error.description.hasSuffix("the header lines exceed 65536 bytes"))
        }
    }

    @Test func `interim answers without end are cut off`() throws {
        try LoopbackServer.run({ peer in
            while true { try peer.send("HTTP/1.1 100 Continue\r\n\r\n") }
        }) { server in
            let code = try Client().failure(of: get(server.url())).code
            #expect(code == .tooLarge)
        }
    }

    @Test(arguments: [
        ("", "waiting for the answer"), ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "reading the answer"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "reading the answer"),
    ])
    func `a connection that ends before the answer is lost`(text: String, stage: String) throws {
        try LoopbackServer.run({
            _ = try $0.receive(); try $0.send(text)
        }) { server in
            let error = try Client().failure(of: get(server.url()))
            #expect(error.code == .connectionLost)
            #expect(error.description.hasPrefix("GET \(server.url()): \(stage): "), "\(error)")
        }
    }

    @Test(arguments: ["hello there\r\n\r\n", "SSH-2.0-OpenSSH_9\r\n", "HTTP/9.9 200 OK\r\n\r\n"])
    func `what is not HTTP is a protocol error`(text: String) throws {
        try LoopbackServer.run({
            _ = try $0.receive(); try $0.send(text); try $0.waitForClose()
        }) { server in
            let error = try Client().failure(of: get(server.url()))
            #expect(error.code == .protocolError, "\(error)")
        }
    }

    @Test func `a server without TLS fails the handshake`() throws {
        try LoopbackServer.run({
            try $0.send("220 hello\r\n"); try $0.waitForClose()
        }) { server in
            let error = try Client().failure(of: get("https://127.0.0.1:\(server.port)/"))
            #expect(error.code == .tls)
            #expect(error.description.contains("TLS handshake with 127.0.0.1 port \(server.port): "))
        }
    }

    @Test func `a loop that cannot watch fails that request and no other`() throws {
        try LoopbackServer.run(answerAll) { server in
            let loop = RefusingLoop()
            let transport = try Transport(loop: loop, options: TransportOptions(userAgent: "test/1"))
            var outcomes: [Outcome] = []
            loop.refusals = 1
            for _ in 0..<2 { transport.send(get(server.url())) { outcomes.append($0) } }
            _ = loop.inner.run { outcomes.count == 2 }
            let errors = outcomes.compactMap { if case .failure(let error) = $0 { error } else { nil } }
            #expect(errors.map(\.code) == [.resources])
            #expect(errors.first?.description == "GET \(server.url()): watch a socket: no room")
        }
    }
}

/// A loop that does not take the first watches.
private final class RefusingLoop: EventLoop {
    let inner = PollLoop()
    var refusals = 0
    var now: Duration { inner.now }

    func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch {
        if refusals > 0 {
            refusals -= 1
            throw EventLoopError("no room")
        }
        return try inner.watch(descriptor: descriptor, for: interest, handler)
    }

    func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer {
        try inner.makeTimer(handler)
    }
}
