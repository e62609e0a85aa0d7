import Platform
import Synchronization
import TestSupport
import Testing

@testable import HTTPServer

extension Everything {
    @Suite struct StreamTests {
        private let question = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"

        private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

        /// Hands the stream of the next request to the test.
        private func withStream(
            _ adjust: (inout ListenerOptions) -> Void = { _ in }, question: String? = nil,
            _ body: (ResponseStream, TestClient, Listener) throws -> Void
        ) throws {
            let opened = Awaited<ResponseStream?>("the stream")
            try withListener(
                adjust,
                handler: { _, exchange in
                    let stream = exchange.stream([HeaderField(constant: "Content-Type", "text/event-stream")])
                    opened.set(stream)
                    if stream == nil { exchange.answer(Response(status: 503)) }
                }
            ) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question ?? self.question)
                try body(#require(try opened.get()), client, listener)
            }
        }

        @Test func `pieces reach the client as they are written`() throws {
            try withStream { stream, client, listener in
                #expect(try client.streamHead() == 200)
                for number in 0..<100 {
                    #expect(stream.write(bytes("data: \(number)\n\n")) == .accepted)
                    #expect(try client.chunk() == "data: \(number)\n\n")
                }
                #expect(listener.counters.streams == 1)
                stream.finish()
                #expect(try client.chunk() == nil)
                #expect(stream.write(bytes("late")) == .closed)
                try eventually("the stream has ended") { listener.counters.streams == 0 }
            }
        }

        @Test func `what was written before finish arrives`() throws {
            try withStream { stream, client, _ in
                let text = String(repeating: "0123456789", count: 5_000)
                #expect(stream.write(bytes(text)) == .accepted)
                stream.finish()
                #expect(try client.streamHead() == 200)
                var received = ""
                while let chunk = try client.chunk() { received += chunk }
                #expect(received == text)
            }
        }

        @Test func `the last piece is taken though the buffer is full`() throws {
            try withStream({ $0.limits.streamBytes = 10_000 }) { stream, client, _ in
                let piece = bytes(String(repeating: "x", count: 5_000))
                var accepted = 0
                while stream.write(piece) == .accepted { accepted += piece.count }
                stream.finish(with: bytes("the end"))
                #expect(stream.write(bytes("late")) == .closed)
                #expect(try client.streamHead() == 200)
                var received = ""
                while let chunk = try client.chunk() { received += chunk }
                #expect(received.utf8.count == accepted + "the end".utf8.count)
                #expect(received.hasSuffix("the end"))
            }
        }

        @Test func `what comes to a client that always has something to read comes in order`() throws {
            // The buffer is never empty: what was read of it goes all the same.
            try withStream({ $0.limits.streamBytes = 8_192 }) { stream, client, _ in
                #expect(try client.streamHead() == 200)
                var (written, received) = ("", "")
                var number = 0
                while written.utf8.count < 400_000 {
                    while stream.write(bytes("\(number),")) == .accepted {
                        written += "\(number),"
                        number += 1
                    }
                    received += try #require(try client.chunk())
                }
                stream.finish()
                while let chunk = try client.chunk() { received += chunk }
                #expect(received == written)
            }
        }

        @Test func `after a stream the connection serves the next request`() throws {
            try withStream { stream, client, _ in
                stream.finish()
                #expect(try client.streamHead() == 200)
                #expect(try client.chunk() == nil)
                try client.send(question)
                #expect(try client.streamHead() == 200)
            }
        }

        @Test func `a client that does not read fills the buffer, and room is announced when it reads`() throws {
            try withStream({ $0.limits.streamBytes = 10_000 }) { stream, client, _ in
                let piece = bytes(String(repeating: "x", count: 5_000))
                var accepted = 0
                while stream.write(piece) == .accepted {
                    accepted += piece.count
                    try #require(accepted < 1 << 30)
                }
                let writable = Latch("room in the stream")
                stream.onWritable { writable.open() }
                #expect(try client.streamHead() == 200)
                var received = 0
                while received < accepted { received += try #require(try client.chunk()).utf8.count }
                try writable.wait()
                #expect(stream.write(piece) == .accepted)
            }
        }

        @Test func `a stream whose client does not read is cut off`() throws {
            try withStream({ $0.limits.answerTime = .milliseconds(300) }) { stream, client, listener in
                let piece = bytes(String(repeating: "x", count: 5_000))
                try eventually("it has ended") {
                    // Refilled each time, because the kernel's buffers take a good deal first.
                    while stream.write(piece) == .accepted {}
                    return stream.write(piece) == .closed
                }
                #expect(listener.counters.cutOff == 1)
                _ = client
            }
        }

        @Test func `a client that vanished is noticed by writing`() throws {
            let opened = Awaited<ResponseStream?>("the stream")
            try withListener(handler: { _, exchange in opened.set(exchange.stream([])) }) { listener in
                var client: TestClient? = try TestClient(port: listener.port)
                try client?.send(question)
                let stream = try #require(try opened.get())
                let ended = Latch("the end of the stream")
                client = nil
                try eventually("a write finds it closed") { stream.write(bytes(": are you there\n\n")) == .closed }
                stream.onWritable { ended.open() }
                try ended.wait()
                try eventually("it is closed") { listener.counters.open == 0 && listener.counters.streams == 0 }
            }
        }

        @Test func `there is a cap on streams`() throws {
            try withStream({ $0.limits.streams = 1 }) { _, _, listener in
                let second = try TestClient(port: listener.port)
                try second.send(question)
                #expect(try second.response().status == 503)
            }
        }

        @Test func `a parked request can become a stream`() throws {
            let parking = Parking()
            try withListener(handler: parking.park) { listener in
                let client = try TestClient(port: listener.port)
                try client.send(question)
                let stream = try #require(try parking.wait(for: 1)[0].stream([]))
                #expect(stream.write(bytes("hello")) == .accepted)
                #expect(try client.streamHead() == 200)
                #expect(try client.chunk() == "hello")
                #expect(listener.counters.parked == 0)
            }
        }

        @Test func `a client of HTTP 1_0 gets the stream without chunks`() throws {
            try withStream(question: "GET / HTTP/1.0\r\n\r\n") { stream, client, _ in
                #expect(stream.write(bytes("one,")) == .accepted)
                #expect(stream.write(bytes("two")) == .accepted)
                stream.finish()
                let received = try client.response().text
                #expect(received == "one,two")
            }
        }

        @Test func `many threads may write to one stream`() throws {
            try withStream({ $0.limits.streamBytes = 1 << 20 }) { stream, client, _ in
                let threads = try (0..<4).map { number in
                    try DedicatedThread(name: "writer") {
                        for _ in 0..<1_000 { _ = stream.write([UInt8(ascii: "a") + UInt8(number)]) }
                    }
                }
                for thread in threads { thread.join() }
                stream.finish()
                #expect(try client.streamHead() == 200)
                var received = ""
                while let chunk = try client.chunk() { received += chunk }
                #expect(received.count == 4_000)
                for letter in "abcd" { #expect(received.filter { $0 == letter }.count == 1_000) }
            }
        }
    }
}
