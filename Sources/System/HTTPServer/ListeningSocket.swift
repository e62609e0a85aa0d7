import CMicroHTTPD
import Glibc
import Platform

/// The socket that connections come from, ours or lent.
final class ListeningSocket: Sendable {
    let number: Int32
    let port: UInt16?
    /// Nil when the socket is lent, or closed.
    private let owned: Locked<FileDescriptor?>

    init(_ address: ListenerAddress) throws(HTTPServerError) {
        switch address {
        case .socket(let number):
            try checkListening(number)
            self.number = number
            owned = Locked(nil)
        case .address(let host, let port):
            let socket = try bindAndListen(host, port)
            number = socket.number
            owned = Locked(consume socket)
        }
        port = boundPort(number)
    }

    /// Closes it if it is ours; what waits in its queue is refused.
    func close() { owned.withLock { $0 = nil } }
}

private func checkListening(_ number: Int32) throws(HTTPServerError) {
    var isListening: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let asked = unsafe getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length)
    let reason = asked == 0 ? "it does not listen" : describe(errno: lastErrno)
    guard asked == 0 && isListening != 0 else {
        throw HTTPServerError(.address, "take over listening socket \(number): \(reason)")
    }
    // Somebody else may take the connection that poll(2) announced.
    guard cmicrohttpd_unblock(number) == 0 else {
        throw HTTPServerError(.address, "take over listening socket \(number): \(describe(errno: lastErrno))")
    }
}

private func bindAndListen(_ host: String, _ port: UInt16) throws(HTTPServerError) -> FileDescriptor {
    var address = sockaddr_storage()
    guard let (family, length) = parse(host, port, into: &address) else {
        throw HTTPServerError(.address, "listen on \(host): not an IPv4 or IPv6 address")
    }
    let place = family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    let number = cmicrohttpd_socket(
        family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
    guard number >= 0 else { throw failure(place, lastErrno) }
    let made = FileDescriptor(owning: number)
    // Connections of an earlier process that are in TIME_WAIT must not keep a new one from starting.
    try setOn(number, SOL_SOCKET, SO_REUSEADDR, place)
    // An IPv6 address means IPv6 only, whatever the machine's default is.
    if family == AF_INET6 { try setOn(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, place) }
    let bound = unsafe withUnsafePointer(to: &address) { pointer in
        unsafe bind(number, UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
    }
    guard bound == 0 else { throw failure(place, lastErrno) }
    // The kernel cuts it down to net.core.somaxconn: the longest queue it allows, for a fleet that reconnects at once.
    guard listen(number, 65_535) == 0 else { throw failure(place, lastErrno) }
    return made
}

private func setOn(_ number: Int32, _ level: Int32, _ option: Int32, _ place: String) throws(HTTPServerError) {
    var on: Int32 = 1
    let set = unsafe setsockopt(number, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
    guard set == 0 else { throw failure(place, lastErrno) }
}

private func failure(_ place: String, _ number: Int32) -> HTTPServerError {
    HTTPServerError(number == EADDRINUSE ? .addressInUse : .address, "listen on \(place): \(describe(errno: number))")
}

private func parse(
    _ host: String, _ port: UInt16, into address: inout sockaddr_storage
) -> (family: Int32, length: socklen_t)? {
    var ipv4 = sockaddr_in()
    if unsafe inet_pton(AF_INET, host, &ipv4.sin_addr) == 1 {
        ipv4.sin_family = sa_family_t(AF_INET)
        ipv4.sin_port = port.bigEndian
        unsafe withUnsafeMutableBytes(of: &address) { unsafe $0.storeBytes(of: ipv4, as: sockaddr_in.self) }
        return (AF_INET, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    var ipv6 = sockaddr_in6()
    if unsafe inet_pton(AF_INET6, host, &ipv6.sin6_addr) == 1 {
        ipv6.sin6_family = sa_family_t(AF_INET6)
        ipv6.sin6_port = port.bigEndian
        unsafe withUnsafeMutableBytes(of: &address) { unsafe $0.storeBytes(of: ipv6, as: sockaddr_in6.self) }
        return (AF_INET6, socklen_t(MemoryLayout<sockaddr_in6>.size))
    }
    return nil
}

extension ListenerAddress {
    /// Whether only this machine can connect. False for text that is no address.
    package var isLoopback: Bool {
        switch self {
        case .address(let host, _): PeerAddress(host)?.isLoopback ?? false
        case .socket(let number): boundAddress(number)?.isLoopback ?? false
        }
    }
}

private func boundAddress(_ number: Int32) -> PeerAddress? {
    var address = sockaddr_storage()
    guard bound(number, into: &address) else { return nil }
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe PeerAddress(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self))
    }
}

private func bound(_ number: Int32, into address: inout sockaddr_storage) -> Bool {
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe getsockname(number, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
            == 0
    }
}

private func boundPort(_ number: Int32) -> UInt16? {
    var address = sockaddr_storage()
    guard bound(number, into: &address) else { return nil }
    let family = Int32(address.ss_family)
    return unsafe withUnsafeBytes(of: &address) { raw in
        switch family {
        case AF_INET: unsafe UInt16(bigEndian: raw.loadUnaligned(as: sockaddr_in.self).sin_port)
        case AF_INET6: unsafe UInt16(bigEndian: raw.loadUnaligned(as: sockaddr_in6.self).sin6_port)
        default: nil
        }
    }
}
