import CSystemd
import Glibc
import Platform

/// Where a datagram goes on this machine: a path, or an abstract name written with `@`.
struct DatagramAddress {
    private var address = sockaddr_un()
    private let length: socklen_t

    init?(_ name: String) {
        let bytes = Array(name.utf8)
        let isAbstract = bytes.first == UInt8(ascii: "@")
        guard isAbstract || bytes.first == UInt8(ascii: "/"), bytes.count > 1, !bytes.contains(0) else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        let offset = MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2
        // A path ends with a zero, an abstract name begins with one and ends with its length.
        length = socklen_t(offset + bytes.count + (isAbstract ? 0 : 1))
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
            guard bytes.count < path.count else { return false }
            unsafe path.copyBytes(from: bytes)
            if isAbstract { unsafe path[0] = 0 }
            return true
        }
        guard fits else { return nil }
    }

    /// Sends without waiting; nil, or the errno.
    func send(_ message: String, from socket: Int32) -> Int32? {
        let bytes = Array(message.utf8)
        let sent = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe sendto(
                    socket, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), address, length)
            }
        }
        return sent < 0 ? lastErrno : nil
    }
}
