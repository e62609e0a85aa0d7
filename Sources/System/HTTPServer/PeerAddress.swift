import CMicroHTTPD
import Glibc

/// Where a connection comes from. Behind a proxy that is the proxy.
package struct PeerAddress: Sendable, Hashable {
    private enum Storage: Hashable {
        case local
        case ipv4(UInt32)
        case ipv6(UInt64, UInt64)
    }
    private let storage: Storage

    /// The usual text, an IPv4 address inside an IPv6 one as the IPv4 address that it is; `local` for a Unix socket.
    package var text: String {
        switch storage {
        case .local: return "local"
        case .ipv4(let address): return format(AF_INET, address)
        case .ipv6(let high, let low): return format(AF_INET6, (high, low))
        }
    }

    /// This machine: 127.0.0.0/8, ::1, or a Unix socket.
    package var isLoopback: Bool {
        switch storage {
        case .local: true
        case .ipv4(let address): UInt32(bigEndian: address) >> 24 == 127
        case .ipv6(let high, let low): high == 0 && UInt64(bigEndian: low) == 1
        }
    }

    static let local = PeerAddress(.local)
    private init(_ storage: Storage) { self.storage = storage }

    init(_ address: UnsafePointer<sockaddr>?) {
        guard let address = unsafe address else {
            self = .local
            return
        }
        switch unsafe Int32(address.pointee.sa_family) {
        case AF_INET:
            let ipv4 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
            self.init(.ipv4(ipv4.sin_addr.s_addr))
        case AF_INET6:
            var ipv6 = unsafe UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
            let (high, low) = unsafe withUnsafeBytes(of: &ipv6.sin6_addr) { bytes in
                unsafe (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            // ::ffff:a.b.c.d is how a dual-stack socket shows an IPv4 client.
            let isMapped = high == 0 && UInt64(bigEndian: low) >> 32 == 0xFFFF
            self.init(isMapped ? .ipv4(UInt32(truncatingIfNeeded: UInt64(bigEndian: low)).bigEndian) : .ipv6(high, low))
        default: self = .local
        }
    }
}

private func format<Address>(_ family: Int32, _ address: Address) -> String {
    unsafe withUnsafeBytes(of: address) { bytes in
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let text = unsafe inet_ntop(family, bytes.baseAddress, buffer.baseAddress, socklen_t(buffer.count))
            return unsafe text.map { unsafe String(cString: $0) } ?? "unknown"
        }
    }
}
