private import CLinux
import Glibc

/// One end of a TCP connection that never waits.
package struct StreamSocket: ~Copyable, Sendable {
    package let descriptor: FileDescriptor

    package enum Reading: Equatable {
        case bytes([UInt8])
        case nothingYet
        /// The other side says no more.
        case ended
        /// There is no other side any more.
        case broken
    }

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Begins to connect to `address`, IPv4 or IPv6 in figures: once the socket is writable, `failure` says what came of it.
    /// The kernel itself gives up only after minutes. `doing` opens the error's sentence.
    package init(connectingTo address: String, _ port: Int, _ doing: String) throws(PlatformError) {
        let place = try SocketPlace(address, port, doing)
        let socket = try place.makeSocket(doing)
        let begun = unsafe place.withSocketAddress { unsafe connect(socket.number, $0, $1) }
        let reason = begun == 0 ? EINPROGRESS : lastErrno
        guard reason == EINPROGRESS else { throw PlatformError(doing, errno: reason) }
        descriptor = socket
    }

    /// Why the connection failed, as an error number; 0 for one that stands.
    package var failure: Int32 {
        var reason: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let asked = unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &reason, &length)
        return asked == 0 ? reason : lastErrno
    }

    /// What has come in, at most `limit` bytes.
    package func read(atMost limit: Int) -> Reading {
        let number = descriptor.number
        var chunk = [UInt8](repeating: 0, count: limit)
        let done = unsafe chunk.withUnsafeMutableBytes { chunk in
            retryingInterrupts { unsafe recv(number, chunk.baseAddress, chunk.count, 0) }
        }
        if done.result > 0 { return .bytes(Array(chunk.prefix(done.result))) }
        if done.result == 0 { return .ended }
        return done.errno == EAGAIN ? .nothingYet : .broken
    }

    /// How many of these bytes were taken; nil when there is nobody any more.
    package func write(_ bytes: ArraySlice<UInt8>) -> Int? {
        let number = descriptor.number
        let done = unsafe bytes.withUnsafeBytes { bytes in
            retryingInterrupts { unsafe send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
        }
        if done.result >= 0 { return done.result }
        return done.errno == EAGAIN ? 0 : nil
    }

    /// Says no more, and goes on hearing.
    package func endWriting() { _ = shutdown(descriptor.number, Int32(SHUT_WR)) }

    /// When it is closed, the other side will see a broken connection and not an end.
    package func breakOnClose() {
        var atOnce = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        _ = unsafe setsockopt(descriptor.number, SOL_SOCKET, SO_LINGER, &atOnce, size)
    }
}

/// A TCP socket that takes connections.
package struct StreamListener: ~Copyable, Sendable {
    package let descriptor: FileDescriptor

    /// `device` is the one network interface that connections may come over: `lo` makes of 0.0.0.0 all addresses of this
    /// machine for this machine alone.
    package init(on address: String, _ port: Int, device: String? = nil) throws(PlatformError) {
        let doing = "listen on \(address):\(port)"
        let place = try SocketPlace(address, port, doing)
        let socket = try place.makeSocket(doing)
        let number = socket.number
        var on: Int32 = 1
        // Connections of an earlier process that are in TIME_WAIT must not keep a new one from starting.
        var done = unsafe setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if let device, done == 0 {
            done = unsafe device.withCString {
                unsafe setsockopt(number, SOL_SOCKET, SO_BINDTODEVICE, $0, socklen_t(device.utf8.count + 1))
            }
        }
        if done == 0 { done = unsafe place.withSocketAddress { unsafe bind(number, $0, $1) } }
        if done == 0 { done = listen(number, 1_024) }
        guard done == 0 else { throw PlatformError(doing, errno: lastErrno) }
        descriptor = socket
    }

    /// Nil when none waits, or when there is no descriptor for it.
    package func accept() -> StreamSocket? {
        let number = descriptor.number
        let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let accepted = retryingInterrupts { accept4(number, nil, nil, flags) }
        return accepted.result >= 0 ? StreamSocket(FileDescriptor(owning: accepted.result)) : nil
    }
}

/// An address and a port, as the kernel wants them.
private struct SocketPlace {
    let family: Int32
    private var storage = sockaddr_storage()
    private let length: socklen_t

    init(_ address: String, _ port: Int, _ doing: String) throws(PlatformError) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(address, "\(port)", &hints, &found) == 0, let first = unsafe found else {
            throw PlatformError(.failed, "\(doing): not an address and a port in figures")
        }
        defer { unsafe freeaddrinfo(first) }
        family = unsafe first.pointee.ai_family
        length = unsafe first.pointee.ai_addrlen
        let source = unsafe UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(length))
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyMemory(from: source) }
    }

    func makeSocket(_ doing: String) throws(PlatformError) -> FileDescriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = socket(family, kind, 0)
        guard number >= 0 else { throw PlatformError("\(doing): make a socket", errno: lastErrno) }
        return FileDescriptor(owning: number)
    }

    func withSocketAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
        }
    }
}
