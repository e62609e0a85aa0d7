import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct StopTests {
        private let question = "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n"

        @Test func `stop answers 1,000 parked, ends 50 streams and closes 50 half-sent requests`() throws {
            try allowDescriptors(20_000)
            let parking = Parking()
            let streams = Awaited<Bool>("50 streams")
            let opened = Monitor(0)
            let listener = try makeListener(handler: { request, exchange in
                guard request.path == "/events" else { return parking.park(request, exchange) }
                _ = exchange.stream([])
                if opened.change({ count in
                    count += 1
                    return count
                }) == 50 {
                    streams.set(true)
                }
            })
            let before = try openDescriptorCount()
            let parked = try (0..<1_000).map { _ in try TestClient(port: listener.port) }
            let streaming = try (0..<50).map { _ in try TestClient(port: listener.port) }
            let halfSent = try (0..<50).map { _ in try TestClient(port: listener.port) }
            for client in parked { try client.send(question) }
            for client in streaming { try client.send("GET /events HTTP/1.1\r\nHost: h\r\n\r\n") }
            for client in halfSent { try client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf") }
            _ = try parking.wait(for: 1_000)
            _ = try streams.get()
            try eventually("the halves have come") { listener.counters.requests == 1_100 }
            let begin = SystemSurroundings().monotonic()
            listener.stop(within: .seconds(1))
            #expect(SystemSurroundings().monotonic() - begin < .seconds(3))
            for client in parked {
                let response = try client.response()
                #expect(response.text == "nothing new")
                #expect(response.headers["connection"]?.lowercased() == "close")
                try client.awaitClose()
            }
            for client in streaming {
                #expect(try client.streamHead() == 200)
                #expect(try client.chunk() == nil)
            }
            for client in halfSent { try client.awaitClose() }
            #expect(listener.counters.open == 0 && listener.counters.parked == 0 && listener.counters.streams == 0)
            #expect(try openDescriptorCount() <= before + 1_100)
        }

        @Test func `what others finish while a stop lets things settle is the answer, the rest gets its fallback`()
            throws
        {
            let parking = Parking()
            let listener = try makeListener(handler: parking.park)
            let (finished, unfinished) = (try TestClient(port: listener.port), try TestClient(port: listener.port))
            try finished.send(question)
            let exchange = try parking.wait(for: 1)[0]
            try unfinished.send(question)
            _ = try parking.wait(for: 2)
            listener.stop(within: .seconds(5)) {
                #expect(exchange.answer(Response(status: 200, text: "stored")))
            }
            #expect(try finished.response().text == "stored")
            #expect(try unfinished.response().text == "nothing new")
        }

        @Test func `with nothing to wait for, stop does not wait`() throws {
            let listener = try makeListener(handler: echo)
            let client = try TestClient(port: listener.port)
            try client.send(makePost("idle after this"))
            #expect(try client.response().status == 200)
            let begin = SystemSurroundings().monotonic()
            listener.stop(within: .seconds(30))
            #expect(SystemSurroundings().monotonic() - begin < .seconds(5))
            try client.awaitClose()
        }

        @Test func `stop waits for answers that are being read`() throws {
            let listener = try makeListener(handler: { _, exchange in
                exchange.answer(Response(status: 200, body: Array(repeating: 0x78, count: 16 << 20)))
            })
            let client = try TestClient(port: listener.port)
            try client.send(question)
            try eventually("it is being answered") { listener.counters.requests == 1 }
            let stopper = try DedicatedThread(name: "stopper") { listener.stop(within: .seconds(10)) }
            #expect(try client.response().body.count == 16 << 20)
            stopper.join()
        }

        @Test func `stop can be called again and from several threads`() throws {
            let parking = Parking()
            let listener = try makeListener(handler: parking.park)
            let client = try TestClient(port: listener.port)
            try client.send(question)
            let exchange = try parking.wait(for: 1)[0]
            let threads = try (0..<4).map { _ in
                try DedicatedThread(name: "stopper") { listener.stop(within: .seconds(1)) }
            }
            for thread in threads { thread.join() }
            listener.stop(within: .zero)
            #expect(try client.response().text == "nothing new")
            #expect(!exchange.answer(fallback))
            #expect(exchange.stream([]) == nil)
        }

        @Test func `a listener that is dropped stops`() throws {
            let parking = Parking()
            var listener: Listener? = try makeListener(handler: parking.park)
            let client = try TestClient(port: listener?.port)
            try client.send(question)
            _ = try parking.wait(for: 1)
            listener = nil
            #expect(throws: Never.self) { try client.awaitClose() }
        }

        /// The library would read an answer that it has not kept (Decisions/0001).
        @Test func `what the library refuses alone while it is being stopped ends nobody, 200 times`() throws {
            for _ in 0..<200 {
                let listener = try makeListener(handler: echo)
                let clients = try (0..<8).map { _ in try TestClient(port: listener.port) }
                for client in clients { client.sendWhilePossible("rubbish\u{1}that is no request\r\n\r\n") }
                listener.stop(within: .zero)
                for client in clients { #expect(throws: Never.self) { try client.awaitClose() } }
            }
        }

        @Test func `answers, expiries, new requests and stop may race, 200 times`() throws {
            for round in 0..<200 {
                let parking = Parking()
                let listener = try makeListener(
                    { $0.limits.parkTime = .milliseconds(round % 3 == 0 ? 1 : 10_000) }, handler: parking.park)
                let clients = try (0..<8).map { _ in try TestClient(port: listener.port) }
                for client in clients { try client.send(question) }
                let exchanges = round % 2 == 0 ? try parking.wait(for: 8) : []
                let answerer = try DedicatedThread(name: "answerer") {
                    for exchange in exchanges { exchange.answer(Response(status: 200, text: "answered")) }
                }
                let asker = try DedicatedThread(name: "asker") {
                    for client in clients { client.sendWhilePossible(self.question) }
                }
                listener.stop(within: .milliseconds(round % 5 == 0 ? 0 : 500))
                answerer.join()
                asker.join()
                for client in clients { try client.awaitClose() }
                #expect(listener.counters.parked == 0 && listener.counters.open == 0)
            }
        }

        @Test func `writes, finishes and stop may race, 100 times`() throws {
            for round in 0..<100 {
                let opened = Awaited<ResponseStream?>("the stream")
                let listener = try makeListener(handler: { _, exchange in
                    opened.set(exchange.stream([]))
                })
                let client = try TestClient(port: listener.port)
                try client.send(question)
                let stream = try #require(try opened.get())
                let writer = try DedicatedThread(name: "writer") {
                    while stream.write([0x78]) != .closed {}
                }
                let finisher = try DedicatedThread(name: "finisher") { if round % 2 == 0 { stream.finish() } }
                listener.stop(within: .milliseconds(round % 5 == 0 ? 0 : 500))
                writer.join()
                finisher.join()
                #expect(listener.counters.streams == 0)
            }
        }
    }
}
