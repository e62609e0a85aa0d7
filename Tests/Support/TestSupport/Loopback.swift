private import CLinux
import Glibc
package import Platform

/// A listening TCP socket on 127.0.0.1 with a port that the kernel chose.
package struct LoopbackListener: ~Copyable {
    package let descriptor: FileDescriptor
    package let port: UInt16

    package init(backlog: Int32 = 128) throws {
        let socket = try makeSocket()
        let number = socket.number
        var address = loopbackAddress(port: 0)
        try check("bind") { unsafe withSocketAddress(&address) { unsafe bind(number, $0, $1) } }
        try check("listen") { listen(number, backlog) }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try check("getsockname") {
            unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe getsockname(number, $0, &length)
                }
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        descriptor = socket
    }

    /// The next connection; throws when none comes in time.
    package borrowing func accept(within limit: Duration = .seconds(10)) throws -> FileDescriptor {
        try waitUntilReady(descriptor.number, POLLIN, within: limit, "a connection to port \(port)")
        let accepted = accept4(descriptor.number, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
        guard accepted >= 0 else { throw TestSupportError("accept: \(describe(errno: errno))") }
        return FileDescriptor(owning: accepted)
    }
}

/// A port of 127.0.0.1 where nothing listened a moment ago.
package func unusedLoopbackPort() throws -> UInt16 { try LoopbackListener().port }

/// A blocking connection to a port of 127.0.0.1, or of another host, by its address in figures. Whoever does not take it within a
/// second, or does not take what is sent, is not there.
package func connect(
    toPort port: UInt16, of host: String = "127.0.0.1", from source: String? = nil
) throws -> FileDescriptor {
    let descriptor = try makeSocket()
    if let source { try bind(descriptor, to: source) }
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    try check("bound the time to connect") {
        unsafe setsockopt(
            descriptor.number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    var address = loopbackAddress(port: port)
    guard unsafe inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw TestSupportError("\(host): no address") }
    try check("connect to \(host):\(port)") {
        unsafe withSocketAddress(&address) { unsafe connect(descriptor.number, $0, $1) }
    }
    return descriptor
}

/// So that the peer sees who else it could be: all of 127.0.0.0/8 is this machine.
private func bind(_ descriptor: borrowing FileDescriptor, to source: String) throws {
    var address = loopbackAddress(port: 0)
    guard unsafe inet_pton(AF_INET, source, &address.sin_addr) == 1 else {
        throw TestSupportError("\(source): no address")
    }
    try check("speak from \(source)") {
        unsafe withSocketAddress(&address) { unsafe bind(descriptor.number, $0, $1) }
    }
}

/// Writes all of `bytes`, and throws when the peer does not take them in time.
package func sendAll(_ bytes: [UInt8], to descriptor: Int32, within limit: Duration = .seconds(10)) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
        try waitUntilReady(descriptor, POLLOUT, within: limit, "room to send \(rest.count) bytes")
        let sent = unsafe rest.withUnsafeBytes { unsafe send(descriptor, $0.baseAddress, $0.count, sendFlags) }
        guard sent >= 0 || errno == EAGAIN || errno == EINTR else {
            throw TestSupportError("send: \(describe(errno: errno))")
        }
        rest = rest.dropFirst(max(0, sent))
    }
}

/// What has arrived, waiting for at least one byte; empty at the end of the stream.
package func receiveSome(
    from descriptor: Int32, limit: Int = 65_536, within time: Duration = .seconds(10)
) throws -> [UInt8] {
    try waitUntilReady(descriptor, POLLIN, within: time, "bytes to read")
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
    guard count >= 0 else { throw TestSupportError("read: \(describe(errno: errno))") }
    return Array(buffer.prefix(count))
}

/// Everything up to the end of the stream.
package func receiveAll(from descriptor: Int32, within limit: Duration = .seconds(10)) throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
        let some = try receiveSome(from: descriptor, within: limit)
        if some.isEmpty { return all }
        all += some
    }
}

private let sendFlags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)

private func makeSocket() throws -> FileDescriptor {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw TestSupportError("make a socket: \(describe(errno: errno))") }
    return FileDescriptor(owning: number)
}

private func loopbackAddress(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

private func withSocketAddress(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

private func check(_ doing: String, _ call: () -> Int32) throws {
    guard call() == 0 else { throw TestSupportError("\(doing): \(describe(errno: errno))") }
}

private func waitUntilReady(_ descriptor: Int32, _ events: Int32, within limit: Duration, _ what: String) throws {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    let ready = retryingInterrupts { unsafe poll(&entry, 1, Int32(limit / .milliseconds(1))) }
    guard ready.result > 0 else { throw TestSupportError("\(what) did not come within \(limit)") }
}
