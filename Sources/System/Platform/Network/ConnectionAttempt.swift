private import CLinux
import Glibc

/// One try to connect over TCP to an address that needs no name server, on a loop that it does not hold up. What was connected
/// is closed at once: the answer is that somebody took it.
package final class ConnectionAttempt {
    private let socket: FileDescriptor
    private let doing: String
    private let completion: (Result<Void, PlatformError>) -> Void
    private var watch: (any DescriptorWatch)?

    /// `address` is IPv4 or IPv6 in figures. `completion` is called once in a later turn of the loop, unless the attempt was
    /// dropped before; the kernel itself gives up only after minutes.
    package init(
        to address: String, _ port: Int, on loop: any EventLoop,
        _ completion: @escaping (Result<Void, PlatformError>) -> Void
    ) throws {
        doing = "connect to \(address.contains(":") ? "[\(address)]" : address):\(port)"
        self.completion = completion
        socket = try Self.connecting(to: address, port, doing)
        watch = try loop.watch(descriptor: socket.number, for: .writable) { [weak self] _ in self?.finish() }
    }

    deinit { watch?.cancel() }

    private static func connecting(
        to address: String, _ port: Int, _ doing: String
    ) throws(PlatformError) -> FileDescriptor {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(address, "\(port)", &hints, &found) == 0, let first = unsafe found else {
            throw PlatformError(.failed, "\(doing): not an address and a port in figures")
        }
        defer { unsafe freeaddrinfo(first) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let number = unsafe Glibc.socket(first.pointee.ai_family, kind, 0)
        guard number >= 0 else { throw PlatformError("\(doing): make a socket", errno: lastErrno) }
        let socket = FileDescriptor(owning: number)
        guard unsafe connect(number, first.pointee.ai_addr, first.pointee.ai_addrlen) != 0 else { return socket }
        let reason = lastErrno
        guard reason == EINPROGRESS else { throw PlatformError(doing, errno: reason) }
        return socket
    }

    private func finish() {
        watch?.cancel()
        var reason: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let asked = unsafe getsockopt(socket.number, SOL_SOCKET, SO_ERROR, &reason, &length)
        if asked != 0 { reason = lastErrno }
        completion(reason == 0 ? .success(()) : .failure(PlatformError(doing, errno: reason)))
    }
}
