import Glibc
import Platform

/// Stands between two programs on loopback: passes each request on, or does something worse. A thread for each connection,
/// so that one which is kept hanging holds up nobody else.
package final class Interposer: Sendable {
    package struct Asked: Sendable {
        /// The request line and the header fields, with the empty line.
        package let head: String
        package let body: [UInt8]
        package var method: String { String(head.prefix { $0 != " " }) }
        package var target: String { String(head.split(separator: " ").dropFirst().first ?? "") }
        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    package enum Deed: Sendable {
        case pass
        /// The answer is what this makes of it; nil cuts the connection, and what was asked is done all the same.
        case alter(@Sendable (PlainReply) -> PlainReply?)
        /// These bytes, and the end of the connection.
        case say([UInt8])
        /// These bytes, one every 50 ms, until the other side has had enough.
        case drip([UInt8])
        /// These bytes, and then blanks without an end.
        case flood([UInt8])
        /// Nothing, until the other side goes.
        case hang
        /// Nothing, and the end of the connection.
        case cut
    }

    private struct State {
        var decide: @Sendable (Asked) -> Deed = { _ in .pass }
        var open: Set<Int32> = []
        var isStopped = false
    }

    package let port: UInt16
    private let target: UInt16
    private let isOneAtATime: Bool
    private let state = Locked(State())
    private let asked = Monitor<[Asked]>([])
    private let turn = Locked(())
    private let listener: LoopbackListener
    private let acceptor: Locked<DedicatedThread?> = Locked(nil)

    /// Passes on to `target`. `isOneAtATime`: nothing is passed on before what was passed on before is done, whoever waits
    /// for it still.
    package init(to target: UInt16, isOneAtATime: Bool = false) throws {
        self.target = target
        self.isOneAtATime = isOneAtATime
        listener = try LoopbackListener()
        port = listener.port
        let thread = try DedicatedThread(name: "interposer") { [self] in acceptAll() }
        acceptor.withLock { $0 = thread }
    }

    /// From the next request on.
    package func behave(_ decide: @escaping @Sendable (Asked) -> Deed) { state.withLock { $0.decide = decide } }
    package func pass() { behave { _ in .pass } }

    /// All that was asked since the start.
    package var seen: [Asked] { asked.wait(until: .zero) { $0 } ?? [] }

    /// The first request, `after` so many, for which `read` has an answer.
    package func wait<Value: Sendable>(
        for what: String, after count: Int = 0, within limit: Duration = .seconds(10),
        _ read: @Sendable (Asked) -> Value?
    ) throws -> Value {
        let deadline = SystemSurroundings().monotonic() + limit
        guard let value = asked.wait(until: deadline, for: { $0.dropFirst(count).lazy.compactMap(read).first }) else {
            throw TestSupportError("\(what) was not asked within \(limit)")
        }
        return value
    }

    /// Ends every connection, and takes no other.
    package func stop() {
        state.withLock { state in
            state.isStopped = true
            shutdown(listener.descriptor.number, Int32(SHUT_RDWR))
            for number in state.open { shutdown(number, Int32(SHUT_RDWR)) }
        }
        acceptor.withLock { $0.take() }?.join()
    }

    /// Ends the connections that there are: whoever hangs on one asks again.
    package func cutAll() {
        state.withLock { state in for number in state.open { shutdown(number, Int32(SHUT_RDWR)) } }
    }

    // MARK: Connections

    private func acceptAll() {
        while true {
            // A day is for ever: `stop` ends the wait.
            guard let accepted = try? listener.accept(within: .seconds(86_400)) else { return }
            let number = accepted.release()
            let isWelcome = state.withLock { state in
                if !state.isStopped { state.open.insert(number) }
                return !state.isStopped
            }
            let thread = isWelcome ? try? DedicatedThread(name: "interposed") { [self] in serve(number) } : nil
            if thread == nil { end(number) }
        }
    }

    private func end(_ number: Int32) {
        state.withLock { state in
            state.open.remove(number)
            close(number)
        }
    }

    private func serve(_ number: Int32) {
        defer { end(number) }
        var rest: [UInt8] = []
        while let asked = try? Self.readRequest(from: number, &rest) {
            let decide = state.withLock { $0.decide }
            self.asked.change { $0.append(asked) }
            guard (try? carryOut(decide(asked), asked, number)) == true else { return }
        }
    }

    /// Whether the connection goes on.
    private func carryOut(_ deed: Deed, _ asked: Asked, _ number: Int32) throws -> Bool {
        switch deed {
        case .pass: return try pass(asked, number) { $0 }
        case .alter(let change): return try pass(asked, number, change)
        case .say(let bytes): try sendAll(bytes, to: number)
        case .drip(let bytes):
            for byte in bytes {
                try sendAll([byte], to: number)
                if isGone(number, within: .milliseconds(50)) { break }
            }
        case .flood(let bytes):
            try sendAll(bytes, to: number)
            while true { try sendAll([UInt8](repeating: 32, count: 65_536), to: number) }
        case .hang: while !isGone(number, within: .seconds(60)) {}
        case .cut: break
        }
        return false
    }

    private func pass(_ asked: Asked, _ number: Int32, _ change: (PlainReply) -> PlainReply?) throws -> Bool {
        let reply =
            try isOneAtATime
            ? turn.withLock { _ in try ask(asked, for: nil) } : try ask(asked, for: number)
        guard let answer = change(reply) else { return false }
        try sendAll(Array(answer.head.utf8) + answer.body, to: number)
        return answer.head.firstMatch(of: /(?i)\r\nconnection: *close/) == nil
    }

    private func ask(_ asked: Asked, for number: Int32?) throws -> PlainReply {
        let upstream = try PlainClient(port: target)
        try sendAll(Array(asked.head.utf8) + asked.body, to: upstream.number)
        if let number, waitForEither(upstream.number, number) == number {
            throw TestSupportError("whoever asked is gone")
        }
        return try upstream.receive(within: .seconds(60))
    }

    /// The first of the two that has something to read.
    private func waitForEither(_ first: Int32, _ second: Int32) -> Int32 {
        var entries = [first, second].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = retryingInterrupts { unsafe poll(&entries, 2, 60_000) }
        return entries[0].revents == 0 ? second : first
    }

    private func isGone(_ number: Int32, within limit: Duration) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return retryingInterrupts { unsafe poll(&entry, 1, Int32(limit / .milliseconds(1))) }.result > 0
    }

    private static func readRequest(from number: Int32, _ rest: inout [UInt8]) throws -> Asked {
        var start = rest.endOfHead
        while start == nil {
            let some = try receiveSome(from: number, within: .seconds(86_400))
            guard !some.isEmpty else { throw TestSupportError("the connection has ended") }
            rest += some
            start = rest.endOfHead
        }
        let end = start ?? 0
        let head = String(decoding: rest[..<end], as: UTF8.self)
        let length = head.firstMatch(of: /(?i)\r\ncontent-length: *(\d+)/).flatMap { Int($0.output.1) } ?? 0
        while rest.count < end + length {
            let some = try receiveSome(from: number)
            guard !some.isEmpty else { throw TestSupportError("the connection has ended") }
            rest += some
        }
        let asked = Asked(head: head, body: Array(rest[end..<(end + length)]))
        rest.removeFirst(end + length)
        return asked
    }
}

extension PlainReply {
    /// An answer that nobody gave.
    package init(_ status: Int, type: String = "application/json", fields: [String] = [], _ body: [UInt8]) {
        let head = ["HTTP/1.1 \(status) X", "Content-Type: \(type)", "Content-Length: \(body.count)"] + fields
        self.init(status: status, head: (head + ["", ""]).joined(separator: "\r\n"), body: body)
    }

    package var bytes: [UInt8] { Array(head.utf8) + body }
}
