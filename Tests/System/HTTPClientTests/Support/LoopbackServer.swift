import Glibc
import Platform
import TestSupport

/// A real server on 127.0.0.1. Each connection is given to `serve` on a thread of its own and closed when that
/// returns; what is still open when the scope ends is shut down, so that a peer that waits for the client comes back.
final class LoopbackServer: Sendable {
    let port: UInt16
    /// Connections accepted so far.
    var accepted: Int { peers.withLock(\.count) }
    private let peers = Locked<[Peer]>([])

    private init(port: UInt16) { self.port = port }

    func url(_ path: String = "/") -> String { "http://127.0.0.1:\(port)\(path)" }

    static func run<Value>(
        _ serve: @escaping @Sendable (Peer) throws -> Void, _ body: (LoopbackServer) throws -> Value
    ) throws -> Value {
        let listener = try LoopbackListener(backlog: 512)
        let number = listener.descriptor.number
        let server = LoopbackServer(port: listener.port)
        let acceptor = try DedicatedThread(name: "test-accept") { server.accept(from: number, serve) }
        defer {
            shutdown(number, Int32(SHUT_RDWR))
            acceptor.join()
            for peer in server.peers.withLock({ $0 }) { peer.end() }
            // Borrowed until here: its number must not be given to another descriptor while the thread uses it.
            _ = listener.descriptor.number
        }
        return try body(server)
    }

    private func accept(from listener: Int32, _ serve: @escaping @Sendable (Peer) throws -> Void) {
        while true {
            let number = Glibc.accept(listener, nil, nil)
            guard number >= 0 else { return }
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
            let peer = Peer(FileDescriptor(owning: number))
            peers.withLock { $0.append(peer) }
            peer.start(serve)
        }
    }
}

/// One connection, seen from the server.
final class Peer: Sendable {
    private let descriptor: Locked<FileDescriptor?>
    private let number: Int32
    private let thread = Locked<DedicatedThread?>(nil)

    init(_ descriptor: consuming FileDescriptor) {
        number = descriptor.number
        self.descriptor = Locked(consume descriptor)
    }

    fileprivate func start(_ serve: @escaping @Sendable (Peer) throws -> Void) {
        let started = try? DedicatedThread(name: "test-peer") { [self] in
            try? serve(self)
            close()
        }
        thread.withLock { $0 = started }
    }

    fileprivate func end() {
        descriptor.withLock { if $0 != nil { shutdown(number, Int32(SHUT_RDWR)) } }
        thread.withLock { $0.take() }?.join()
    }

    func close() { descriptor.withLock { $0 = nil } }

    func send(_ text: String) throws { try send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) throws { try sendAll(bytes, to: number) }

    /// Until the client has closed, or the server's scope ends.
    func waitForClose() throws {
        while try !receiveSome(from: number, within: .seconds(60)).isEmpty {}
    }

    /// Whether the client closes within that time; what it sends meanwhile is lost.
    func isClosed(within time: Duration) throws -> Bool {
        guard let some = try? receiveSome(from: number, within: time) else { return false }
        return some.isEmpty
    }

    /// The next request; nil when the client has closed. Only what our client sends: a length, never chunks.
    func receive() throws -> ReceivedRequest? {
        var bytes: [UInt8] = []
        while true {
            if let request = ReceivedRequest(bytes) { return request }
            let some = try receiveSome(from: number, within: .seconds(60))
            if some.isEmpty { return nil }
            bytes += some
        }
    }
}

/// A request as it came off the wire.
struct ReceivedRequest: Sendable {
    let line: String
    let headers: [String]
    let body: [UInt8]

    /// Nil as long as something is missing.
    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        let end = text.firstRange(of: "\r\n\r\n")
        guard let end else { return nil }
        let lines = text[..<end.lowerBound].split(separator: "\r\n").map(String.init)
        line = lines.first ?? ""
        headers = Array(lines.dropFirst())
        let length = headers.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
        let rest = bytes.dropFirst(text[..<end.upperBound].utf8.count)
        guard rest.count >= length ?? 0 else { return nil }
        body = Array(rest)
    }

    func header(_ name: String) -> String? {
        headers.first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
            .map { String($0.dropFirst(name.utf8.count + 1).drop { $0 == " " }) }
    }
}

/// A small complete answer.
func reply(_ body: String = "hello", status: String = "200 OK", headers: [String] = []) -> String {
    let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// Answers one request of a connection, the last that it takes.
@Sendable func answerOnce(_ peer: Peer) throws {
    if try peer.receive() != nil { try peer.send(reply(headers: ["Connection: close"])) }
}

/// Answers each request of a connection the same way, until the client goes.
@Sendable func answerAll(_ peer: Peer) throws {
    while try peer.receive() != nil { try peer.send(reply()) }
}
