import Glibc
import Platform
import TestSupport
import Testing

struct StreamSocketTests {
    /// One end of a connection, which closes with this.
    private final class End {
        let socket: StreamSocket
        init(_ socket: consuming StreamSocket) { self.socket = socket }

        func read() -> StreamSocket.Reading { socket.read(atMost: 4) }
        func write(_ bytes: [UInt8]) -> Int? { socket.write(bytes[...]) }
        var failure: Int32 { socket.failure }

        /// What comes next, waiting for it.
        func next() throws -> StreamSocket.Reading {
            try StreamSocketTests.wait(socket.descriptor.number, POLLIN, "nothing came")
            return read()
        }
    }

    private final class Place {
        let port: UInt16
        private let listener: StreamListener

        init(_ address: String = "127.0.0.1", device: String? = nil) throws {
            port = try unusedLoopbackPort()
            listener = try StreamListener(on: address, Int(port), device: device)
        }

        var isQuiet: Bool { listener.accept() == nil }

        func accept() throws -> End {
            try StreamSocketTests.wait(listener.descriptor.number, POLLIN, "nobody connected")
            guard let socket = listener.accept() else { throw TestSupportError("nobody was there") }
            return End(socket)
        }
    }

    private static func wait(_ descriptor: Int32, _ events: Int32, _ failure: String) throws {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        guard unsafe poll(&entry, 1, 10_000) == 1 else { throw TestSupportError(failure) }
    }

    private func connect(_ port: UInt16, _ address: String = "127.0.0.1") throws -> End {
        let end = End(try StreamSocket(connectingTo: address, Int(port), "connect"))
        try Self.wait(end.socket.descriptor.number, POLLOUT, "nothing came of it")
        return end
    }

    @Test func `bytes and ends go both ways, each by itself, and nobody waits`() throws {
        let place = try Place()
        #expect(place.isQuiet)
        let client = try connect(place.port)
        #expect(client.failure == 0)
        var server: End? = try place.accept()
        #expect(server?.read() == .nothingYet)
        #expect(client.write([1, 2, 3]) == 3)
        #expect(try server?.next() == .bytes([1, 2, 3]))
        client.socket.endWriting()
        #expect(try server?.next() == .ended)
        #expect(server?.write([4]) == 1)
        #expect(try client.next() == .bytes([4]))
        server = nil
        #expect(try client.next() == .ended)
    }

    @Test func `what the other side does not take is not taken`() throws {
        let place = try Place()
        let client = try connect(place.port)
        let server = try place.accept()
        let chunk = [UInt8](repeating: 0, count: 1 << 20)
        var taken = 0
        // More than all buffers of a connection may have.
        for _ in 0..<1_000 {
            let count = try #require(client.write(chunk))
            taken += count
            if count == 0 { break }
        }
        #expect(taken > 0 && client.write(chunk) == 0)
        #expect(server.read() == .bytes([0, 0, 0, 0]))
    }

    @Test func `a connection that is broken on purpose is seen to be broken`() throws {
        let place = try Place()
        let client = try connect(place.port)
        var server: End? = try place.accept()
        server?.socket.breakOnClose()
        server = nil
        #expect(try client.next() == .broken)
        #expect(client.write([1]) == nil)
    }

    @Test func `one that nobody takes fails, and what is no address is refused`() throws {
        // Some kernels say so at once.
        let failure = (try? connect(unusedLoopbackPort()).failure) ?? ECONNREFUSED
        #expect(failure == ECONNREFUSED)
        #expect(throws: PlatformError.self) { _ = End(try StreamSocket(connectingTo: "localhost", 80, "connect")) }
        #expect(throws: PlatformError.self) { _ = try Place("here") }
        let taken = try LoopbackListener()
        let port = Int(taken.port)
        #expect(throws: PlatformError.self) { _ = try StreamListener(on: "127.0.0.1", port).descriptor.number }
    }

    @Test func `over the loopback device alone, all of its addresses are served`() throws {
        let place = try Place("0.0.0.0", device: "lo")
        for address in ["127.0.0.1", "127.77.0.5"] {
            let client = try connect(place.port, address)
            let server = try place.accept()
            #expect(client.write([1]) == 1)
            #expect(try server.next() == .bytes([1]))
        }
        #expect(throws: PlatformError.self) { _ = try Place("0.0.0.0", device: "nosuch0") }
    }
}
