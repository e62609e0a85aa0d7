import Platform
import TestSupport
import Testing

@testable import HTTPServer

/// Time is real here, so the limits are short and the clients drip as fast as they can without ever finishing.
extension Everything {
    @Suite struct SlownessTests {
        /// Sends `piece` again and again until the server has had enough.
        private func drip(_ piece: String, to client: TestClient) throws {
            let pause = Monitor(())
            try eventually("the client is cut off") {
                _ = pause.wait(until: SystemSurroundings().monotonic() + .milliseconds(20)) { _ in Bool?.none }
                do { try client.send(piece) } catch { return true }
                return false
            }
        }

        @Test(arguments: ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\n", "\r\n"])
        func `a client that drips its header is cut off`(beginning: String) throws {
            try withListener({ $0.limits.headerTime = .milliseconds(200) }, handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(beginning)
                try drip("\r\n".hasPrefix(beginning) ? "\r\n" : "X: y\r\n", to: client)
                #expect(listener.counters.cutOff == 1)
                try eventually("it is closed") { listener.counters.open == 0 }
            }
        }

        @Test(arguments: [
            "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\nX: ",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        ])
        func `a client that stops in the middle of its request is told so in the owner's words`(beginning: String)
            throws
        {
            try withListener(
                {
                    $0.limits.headerTime = .milliseconds(200)
                    $0.limits.bodyTime = .milliseconds(200)
                    $0.refusal = { Response(status: $0.status, text: "\($0.status) in our words") }
                }, handler: echo
            ) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(makePost("first"))
                #expect(try client.response().text == "first")
                try client.send(beginning)
                let response = try client.response()
                #expect(response.status == 408)
                #expect(response.text == "408 in our words")
                #expect(response.headers["connection"] == "close")
                try client.awaitClose()
                try eventually("it is closed") { listener.counters.open == 0 }
                #expect(listener.counters.cutOff == 1)
            }
        }

        @Test func `a client that says nothing is cut off without a word`() throws {
            try withListener({ $0.limits.headerTime = .milliseconds(200) }, handler: echo) { listener in
                let clients = try (0..<8).map { _ in try TestClient(port: listener.port) }
                for client in clients { #expect(try receiveAll(from: client.descriptor.number).isEmpty) }
                #expect(listener.counters.cutOff == 8)
            }
        }

        @Test func `a client that drips its body is cut off`() throws {
            try withListener({ $0.limits.bodyTime = .milliseconds(200) }, handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
                try drip("x", to: client)
                #expect(listener.counters.cutOff == 1)
            }
        }

        @Test func `a kept connection that drips its next header is cut off`() throws {
            try withListener({ $0.limits.headerTime = .milliseconds(200) }, handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(makePost("first"))
                #expect(try client.response().text == "first")
                try client.send("GET / HTTP/1.1\r\n")
                try drip("X: y\r\n", to: client)
                #expect(listener.counters.cutOff == 1)
            }
        }

        @Test func `an idle connection is closed`() throws {
            try withListener({ $0.limits.idleTime = .milliseconds(200) }, handler: echo) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(makePost("first"))
                #expect(try client.response().text == "first")
                try client.awaitClose()
                #expect(listener.counters.cutOff == 1)
            }
        }

        @Test func `a client that does not read its answer is cut off`() throws {
            try withListener(
                { $0.limits.answerTime = .milliseconds(300) },
                handler: { _, exchange in
                    exchange.answer(Response(status: 200, body: Array(repeating: 0x78, count: 32 << 20)))
                }
            ) { listener in
                let client = try TestClient(port: listener.port)
                try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
                try eventually("it is closed") { listener.counters.accepted == 1 && listener.counters.open == 0 }
                #expect(listener.counters.cutOff == 1)
                _ = client
            }
        }

        @Test func `a parked request has no deadline but its own`() throws {
            let parking = Parking()
            try withListener(
                {
                    $0.limits.headerTime = .milliseconds(100)
                    $0.limits.bodyTime = .milliseconds(100)
                    $0.limits.answerTime = .milliseconds(100)
                    $0.limits.idleTime = .milliseconds(100)
                },
                handler: { request, exchange in
                    if request.path == "/short" {
                        exchange.park(for: .milliseconds(400)) { fallback }
                    } else {
                        parking.park(request, exchange)
                    }
                }
            ) { listener in
                let long = try TestClient(port: listener.port)
                try long.send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
                let short = try TestClient(port: listener.port)
                try short.send("GET /short HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try short.response().text == "nothing new")
                try #require(try parking.wait(for: 1).first).answer(Response(status: 200, text: "late and well"))
                #expect(try long.response().text == "late and well")
            }
        }
    }
}
