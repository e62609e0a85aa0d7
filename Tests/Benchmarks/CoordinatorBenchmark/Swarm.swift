import BenchmarkSupport
import CLinux
import Glibc
import Platform

/// The loop that all connections of the load hang on: one thread, one epoll instance.
final class Swarm {
    private let epoll: FileDescriptor
    private var connections: [Int32: Connection] = [:]
    /// What is to happen later, by the millisecond of the clock in which it is due.
    private var delayed: [Int64: [() throws -> Void]] = [:]
    private var tick: Int64
    private let clock = SystemSurroundings()
    /// When the last wait ended: what it reported ready had arrived by then.
    private(set) var now: Duration
    fileprivate var buffer = [UInt8](repeating: 0, count: 65_536)

    init() throws {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw BenchmarkError("make an epoll instance: \(describe(errno: errno))") }
        epoll = FileDescriptor(owning: number)
        now = clock.monotonic()
        tick = now.inMilliseconds
    }

    /// The time at this moment, where that of the last wait would be too old.
    var moment: Duration { clock.monotonic() }

    /// Turns until `condition` holds. False when `limit` passed first.
    @discardableResult
    func run(for limit: Duration, until condition: () -> Bool = { false }) throws -> Bool {
        let deadline = clock.monotonic() + limit
        now = clock.monotonic()
        while !condition() {
            if now >= deadline { return false }
            try turn(deadline)
        }
        return true
    }

    func after(_ pause: Duration, _ body: @escaping () throws -> Void) {
        // By the clock: between two runs the time of the last wait grows old, and a whole fleet would start at once.
        delayed[max(tick + 1, (moment + pause).inMilliseconds), default: []].append(body)
    }

    private func turn(_ deadline: Duration) throws {
        let wake = delayed.isEmpty ? deadline : min(deadline, now + .milliseconds(1))
        let milliseconds = Int32((max(.zero, wake - now) / .milliseconds(1)).rounded(.up))
        // Few at once, so that the time of the wait is close to that of each event.
        var events = unsafe [epoll_event](repeating: epoll_event(), count: 32)
        let ready = unsafe epoll_wait(epoll.number, &events, Int32(events.count), milliseconds)
        now = clock.monotonic()
        while tick < now.inMilliseconds {
            tick += 1
            for body in delayed.removeValue(forKey: tick) ?? [] { try body() }
        }
        guard ready > 0 else { return }
        for index in 0..<Int(ready) {
            let event = unsafe events[index]
            try unsafe connections[event.data.fd]?.handle(event.events)
        }
    }

    fileprivate func add(_ connection: Connection, _ number: Int32, _ interest: UInt32) throws {
        connections[number] = connection
        try control(EPOLL_CTL_ADD, number, interest)
    }

    fileprivate func change(_ number: Int32, _ interest: UInt32) throws { try control(EPOLL_CTL_MOD, number, interest) }

    /// Closing the descriptor takes it out of the epoll instance.
    fileprivate func forget(_ number: Int32) { connections[number] = nil }

    private func control(_ operation: Int32, _ number: Int32, _ interest: UInt32) throws {
        var event = unsafe epoll_event()
        unsafe event.events = interest
        unsafe event.data.fd = number
        guard unsafe epoll_ctl(epoll.number, operation, number, &event) == 0 else {
            throw BenchmarkError("watch a connection: \(describe(errno: errno))")
        }
    }
}

/// One kept connection with at most one request under way.
final class Connection {
    let swarm: Swarm
    let openedAt: Duration
    private let socket: FileDescriptor
    private var isConnecting = true
    private(set) var isOpen = true
    private var output: [UInt8] = []
    private var input: [UInt8] = []
    private var answered: ((Answer) throws -> Void)?
    private var pieces: ((ArraySlice<UInt8>) -> Void)?
    /// The server, or the network, ended it.
    private let lost: () throws -> Void

    private static let reading = EPOLLIN.rawValue
    private static let writing = EPOLLIN.rawValue | EPOLLOUT.rawValue

    /// `number` chooses one of 16 addresses to come from: a single one has ports for three full fleets, and an ended
    /// connection holds its port for a minute.
    init(_ swarm: Swarm, to port: UInt16, number: Int = 0, lost: @escaping () throws -> Void) throws {
        self.swarm = swarm
        self.lost = lost
        openedAt = swarm.now
        let flags = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = Glibc.socket(AF_INET, Int32(flags), 0)
        guard descriptor >= 0 else { throw BenchmarkError("make a socket: \(describe(errno: errno))") }
        socket = FileDescriptor(owning: descriptor)
        var on: Int32 = 1
        // IP_BIND_ADDRESS_NO_PORT, ip(7): the port is chosen when the other end is known.
        unsafe setsockopt(descriptor, Int32(IPPROTO_IP), 24, &on, socklen_t(MemoryLayout<Int32>.size))
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        guard unsafe call(bind, descriptor, loopback(1 + number % 16, port: 0)) == 0 else {
            throw BenchmarkError("bind: \(describe(errno: errno))")
        }
        guard unsafe call(connect, descriptor, loopback(1, port: port)) == 0 || errno == EINPROGRESS else {
            throw BenchmarkError("connect: \(describe(errno: errno))")
        }
        try swarm.add(self, descriptor, Self.writing)
    }

    func send(_ request: [UInt8], _ answered: @escaping (Answer) throws -> Void) throws {
        precondition(self.answered == nil, "one request at a time")
        self.answered = answered
        output = request
        if !isConnecting && isOpen { try flush() }
    }

    /// Sends a request whose answer has no end, and gives what comes of it as it comes.
    func stream(_ request: [UInt8], _ pieces: @escaping (ArraySlice<UInt8>) -> Void) throws {
        self.pieces = pieces
        output = request
        if !isConnecting && isOpen { try flush() }
    }

    private func receivePieces(_ pieces: (ArraySlice<UInt8>) -> Void) throws {
        let count = unsafe read(socket.number, &swarm.buffer, swarm.buffer.count)
        guard count > 0 else {
            if count < 0 && errno == EAGAIN { return }
            close()
            return try lost()
        }
        pieces(swarm.buffer[..<count])
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        answered = nil
        pieces = nil
        swarm.forget(socket.number)
        shutdown(socket.number, Int32(SHUT_RDWR))
    }

    private func flush() throws {
        guard !output.isEmpty else { return }
        let sent = unsafe Glibc.send(socket.number, output, output.count, Int32(MSG_NOSIGNAL))
        if sent == output.count {
            output.removeAll(keepingCapacity: true)
        } else if sent >= 0 || errno == EAGAIN {
            output.removeFirst(max(0, sent))
            try swarm.change(socket.number, Self.writing)
        }
        // Anything else comes back as an event.
    }

    fileprivate func handle(_ events: UInt32) throws {
        if events & EPOLLOUT.rawValue != 0 && events & EPOLLERR.rawValue == 0 {
            isConnecting = false
            try swarm.change(socket.number, Self.reading)
            try flush()
        }
        if events & (EPOLLIN.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { try receive() }
    }

    private func receive() throws {
        if let pieces = pieces { return try receivePieces(pieces) }
        let count = unsafe read(socket.number, &swarm.buffer, swarm.buffer.count)
        guard count > 0 else {
            if count < 0 && errno == EAGAIN { return }
            close()
            return try lost()
        }
        input += swarm.buffer[..<count]
        guard let answer = Answer(input) else { return }
        input.removeAll(keepingCapacity: true)
        let answered = answered.take()
        try answered?(answer)
    }
}

private func loopback(_ host: Int, port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = (UInt32(0x7F00_0000) + UInt32(host)).bigEndian
    return address
}

private func call(
    _ function: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ socket: Int32, _ address: sockaddr_in
) -> Int32 {
    unsafe withUnsafePointer(to: address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe function(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// As much of an HTTP response as the load looks at.
struct Answer {
    let status: Int
    let body: ArraySlice<UInt8>

    /// Nil while it is not whole. A response without `Content-Length` has no body.
    init?(_ bytes: [UInt8]) {
        guard bytes.count > 12, let head = position(of: "\r\n\r\n", in: bytes[...]) else { return nil }
        status = bytes[9..<12].reduce(0) { $0 * 10 + Int($1) - 0x30 }
        var length = 0
        if let field = position(of: "Content-Length: ", in: bytes[..<head]) {
            for byte in bytes[(field + 16)..<head] {
                guard (0x30...0x39).contains(byte) else { break }
                length = length * 10 + Int(byte) - 0x30
            }
        }
        let start = head + 4
        guard bytes.count >= start + length else { return nil }
        body = bytes[start..<(start + length)]
    }

    var text: String { String(decoding: body, as: UTF8.self) }
}

func position(of text: StaticString, in bytes: ArraySlice<UInt8>) -> Int? {
    let length = text.utf8CodeUnitCount
    let first = unsafe text.utf8Start.pointee
    return unsafe bytes.withUnsafeBytes { bytes -> Int? in
        guard let start = bytes.baseAddress, bytes.count >= length else { return nil }
        return (0...(bytes.count - length)).first { place in
            unsafe bytes[place] == first && memcmp(start + place, text.utf8Start, length) == 0
        }
    }.map { $0 + bytes.startIndex }
}

extension Duration {
    fileprivate var inMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
