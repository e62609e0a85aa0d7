import Platform
import TestSupport
import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct ServingTests {
        @Test func `a handler sees the request as a plain value`() throws {
            let seen = Awaited<Request>("the request")
            try withListener(handler: { request, exchange in
                seen.set(request)
                exchange.answer(Response(status: 404, headers: [.json], body: Array("{}".utf8)))
            }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("PUT /a%20b?x=1 HTTP/1.1\r\nHost: h\r\nX-Key: v\r\nContent-Length: 3\r\n\r\nabc")
                let response = try client.response()
                #expect(response.status == 404)
                #expect(response.headers["content-type"] == "application/json")
                #expect(response.headers["date"]?.hasSuffix("GMT") == true)
                #expect(response.text == "{}")
            }
            let request = try seen.get()
            #expect(request.method == "PUT")
            #expect(request.target == "/a%20b?x=1")
            #expect(request.path == "/a b")
            #expect(request.parameter("x") == "1")
            #expect(request.headers[name: "x-key"] == "v")
            #expect(request.body == Array("abc".utf8))
            #expect(request.peer.isLoopback && request.peer.text == "127.0.0.1")
            #expect(!request.isTLS)
        }

        @Test func `one connection serves many requests`() throws {
            try withListener(handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                for round in 0..<50 {
                    try client.send(makePost("round \(round)"))
                    #expect(try client.response().text == "round \(round)")
                }
                #expect(listener.counters.accepted == 1)
                #expect(listener.counters.requests == 50)
            }
        }

        @Test func `pipelined requests are answered in order`() throws {
            try withListener(handler: { request, exchange in
                exchange.park(for: .seconds(5)) { fallback }
                exchange.answer(Response(status: 200, body: request.body))
            }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send((0..<40).map { makePost("number \($0)") }.joined())
                for number in 0..<40 { #expect(try client.response().text == "number \(number)") }
            }
        }

        @Test func `a chunked body arrives whole, however it is cut`() throws {
            try withListener(handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                let request =
                    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\n\r\n"
                for byte in request.utf8 { try client.send(bytes: [byte]) }
                #expect(try client.response().text == "abcdefgh")
            }
        }

        @Test func `large bodies go both ways`() throws {
            try withListener(handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                let body = String(repeating: "0123456789abcdef", count: 60_000)
                try client.send(makePost(body))
                let response = try client.response()
                #expect(response.body.count == 960_000)
                #expect(response.text == body)
            }
        }

        @Test func `HEAD has a length and no body`() throws {
            try withListener(handler: { _, exchange in exchange.answer(Response(status: 200, text: "twelve bytes")) }) {
                listener in
                let client = try TestClient(port: listener.port)
                try client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.response(hasBody: false).headers["content-length"] == "12")
                #expect(try client.response().text == "twelve bytes")
            }
        }

        @Test func `HTTP 1_0 is answered and closed`() throws {
            try withListener(handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi")
                #expect(try client.response().text == "hi")
                try client.awaitClose()
            }
        }

        @Test func `a client that waits for 100-continue gets it`() throws {
            try withListener(handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
                #expect(try client.response().status == 100)
                try client.send("ok")
                #expect(try client.response().text == "ok")
            }
        }

        @Test func `a handler that does nothing is answered for with 500, and counted`() throws {
            let given = Awaited<Exchange>("the exchange")
            try withListener(handler: { _, exchange in given.set(exchange) }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.response().status == 500)
                #expect(listener.counters.unanswered == 1)
                #expect(try !given.get().answer(fallback))
                #expect(try !given.get().park(for: .seconds(1)) { fallback })
            }
        }

        @Test func `only the first answer counts`() throws {
            let results = Awaited<[Bool]>("the results")
            try withListener(handler: { _, exchange in
                let first = exchange.answer(Response(status: 200, text: "first"))
                let second = exchange.answer(Response(status: 200, text: "second"))
                results.set([first, second, exchange.park(for: .seconds(9)) { fallback }])
            }) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.response().text == "first")
                #expect(try results.get() == [true, false, false])
            }
        }

        @Test(arguments: [
            ("GET /%2e%2e/etc HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
            ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 3_000))\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n\(String(repeating: "x", count: 1_001))", 413),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(makeChunks(of: 600, 2))", 413),
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\(makeChunks(of: 50_000, 20))", 413),
            ("POST /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na", 500),
        ])
        func `a request that cannot be served is refused in the owner's words and its connection closed`(
            request: String, status: Int
        ) throws {
            let response = try refuse(request)
            #expect(response.status == status)
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.text == "\(status) \(request.prefix { $0 != "H" })")
        }

        @Test(arguments: [
            ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\nHost: h\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 9_000))\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: h\r\n\(String(repeating: "a: b\r\n", count: 60))\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: h\r\nno field\r\n\r\n", 400),
            ("GET / HTTP/2.5\r\nHost: h\r\n\r\n", 505),
            ("GET /\r\n\r\n", 400),
            ("hello world\r\n\r\n", 400),
        ])
        func `what the library refuses alone is told in the owner's words`(request: String, status: Int) throws {
            let response = try refuse(request)
            #expect(response.status == status)
            #expect(response.headers["content-type"] == "application/json")
            #expect(response.text == "\(status) unread")
        }

        @Test(arguments: [
            ("Content-Length: x", 400), ("Content-Length: -2", 400), ("Content-Length: 2 2", 400),
            ("Content-Length:", 400), ("Content-Length: 99999999999999999999", 413),
            ("Cookie: \(String(repeating: "a=b; ", count: 200))", 431),
        ])
        func `where the library's own answer would be broken, the owner's is sent, once`(field: String, status: Int)
            throws
        {
            let listener = try makeSmallListener()
            defer { listener.stop(within: .seconds(5)) }
            let client = try TestClient(port: listener.port)
            try client.send("POST / HTTP/1.1\r\nHost: h\r\n\(field)\r\n\r\nab")
            let said = String(decoding: try receiveAll(from: client.descriptor.number), as: UTF8.self)
            #expect(said.hasPrefix("HTTP/1.1 \(status) "))
            #expect(said.hasSuffix("\r\n\r\n\(status) unread"))
            #expect(said.split(separator: "\r\n").count { $0.hasPrefix("HTTP/1.1") } == 1)
            #expect(listener.counters.rejected == 1)
            // The next one is served.
            let next = try TestClient(port: listener.port)
            try next.send(makePost("a"))
            #expect(try next.response().text == "handled")
        }

        @Test func `who is refused by the library is not taken for whoever still sends a header`() throws {
            try withListener({ $0.workers = 1 }, handler: echo) { listener in
                let slow = try TestClient(port: listener.port)
                let bad = try TestClient(port: listener.port)
                try bad.send("POST / HTTP/1.1\r\nHost: h\r\n")
                try bad.send("Content-Length: -2\r\n")
                try slow.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n")
                try bad.send("\r\n")
                #expect(try bad.response().status == 400)
                try slow.send("\r\nhi")
                #expect(try slow.response().text == "hi")
            }
        }

        @Test(arguments: [1, 64, 80, 100, 500, 900, 1_000, 1_200, 1_500, 3_000])
        func `a request with many parameters is answered, and served if its header fits`(count: Int) throws {
            try withListener(handler: { request, exchange in
                exchange.answer(
                    Response(status: 200, text: "\(request.query.count) \(request.query.last?.value ?? "")"))
            }) { listener in
                let client = try TestClient(port: listener.port)
                let target = "/?" + String(repeating: "a=1&", count: count - 1) + "a=2"
                client.sendWhilePossible("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.response()
                if count <= 900 {
                    #expect(response.text == "\(count) 2")
                } else {
                    #expect([200, 414, 431].contains(response.status))
                }
            }
        }

        @Test func `a body over its limit that was announced is read, so that its sender can read the refusal`() throws
        {
            let listener = try makeSmallListener()
            defer { listener.stop(within: .seconds(5)) }
            for _ in 0..<10 {
                let client = try TestClient(port: listener.port)
                try client.send(makePost(String(repeating: "x", count: 4 << 20)))
                #expect(try client.response().text == "413 POST / ")
                try client.awaitClose()
            }
        }

        private func makeSmallListener() throws -> Listener {
            try makeListener(
                {
                    $0.limits.bodyBytes = 1_000
                    $0.limits.headerBytes = 2_560
                    $0.refusal = { refusal in
                        let request = refusal.request.map { "\($0.method) \($0.target) " } ?? "unread"
                        return Response(
                            status: refusal.status, headers: [.json], body: Array("\(refusal.status) \(request)".utf8))
                    }
                },
                handler: { request, exchange in
                    if request.path != "/nothing" { exchange.answer(Response(status: 200, text: "handled")) }
                })
        }

        /// What a listener with small limits and answers of its own sends, before it closes.
        private func refuse(_ request: String) throws -> TestResponse {
            let listener = try makeSmallListener()
            defer { listener.stop(within: .seconds(5)) }
            let client = try TestClient(port: listener.port)
            client.sendWhilePossible(request)
            let response = try client.response()
            try client.awaitClose()
            return response
        }

        @Test func `a header just inside the limit is served with a large answer header`() throws {
            try withListener(handler: { _, exchange in
                let field = HeaderField("X-Long", String(repeating: "v", count: 700)) ?? .plainText
                exchange.answer(Response(status: 200, headers: [field], body: Array("ok".utf8)))
            }) { listener in
                for size in stride(from: 2_000, through: 4_200, by: 50) {
                    let client = try TestClient(port: listener.port)
                    try client.send("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: size))\r\n\r\n")
                    #expect([200, 431].contains(try client.response().status), "a header of \(size) bytes")
                }
            }
        }

        @Test func `a route can have its own body limit`() throws {
            try withListener({ $0.bodyLimit = { $0.path == "/large" ? 100 : 10 } }, handler: echo) { listener in
                for (path, status) in [("/large", 200), ("/small", 413)] {
                    let client = try TestClient(port: listener.port)
                    try client.send("POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 50\r\n\r\n")
                    client.sendWhilePossible(String(repeating: "x", count: 50))
                    #expect(try client.response().status == status)
                }
            }
        }

        @Test func `connections beyond the limit are answered 503 and closed at once`() throws {
            try withListener({ $0.limits.connections = 3 }, handler: echo) { listener in
                let kept = try (0..<3).map { _ in try TestClient(port: listener.port) }
                for client in kept {
                    try client.send(makePost("a"))
                    #expect(try client.response().status == 200)
                }
                for number in 1...100 {
                    let client = try TestClient(port: listener.port)
                    client.sendWhilePossible(makePost("one too many"))
                    let response = try client.response()
                    #expect(response.status == 503)
                    #expect(response.headers["retry-after"] == "1")
                    #expect(response.headers["connection"] == "close")
                    #expect(response.text == "all 3 connections are taken\n")
                    try client.awaitClose()
                    #expect(listener.counters.refused == number)
                }
                #expect(listener.counters.open == 3)
                _ = kept
            }
        }

        @Test func `connections of one address can be limited`() throws {
            try withListener({ $0.limits.connectionsPerAddress = 2 }, handler: echo) { listener in
                let kept = try (0..<2).map { _ in try TestClient(port: listener.port) }
                for client in kept {
                    try client.send(makePost("a"))
                    #expect(try client.response().status == 200)
                }
                try TestClient(port: listener.port).awaitClose()
                try eventually("the refusal is counted") {
                    listener.counters.refused == 1 && listener.counters.open == 2
                }
                _ = kept
            }
        }
    }
}

func makePost(_ body: String) -> String {
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

private func makeChunks(of size: Int, _ count: Int) -> String {
    let chunk = "\(String(size, radix: 16))\r\n\(String(repeating: "x", count: size))\r\n"
    return String(repeating: chunk, count: count) + "0\r\n\r\n"
}
