import CMicroHTTPD
import Glibc

/// Where a connection comes from. Behind a proxy that is the proxy. An IPv4 address inside an IPv6 one, as a dual-stack
/// socket shows it, is the IPv4 address that it is.
package struct PeerAddress: Sendable, Hashable {
    private enum Storage: Hashable {
        case local
        case ipv4(UInt32)
        case ipv6(UInt128)
    }
    private let storage: Storage

    static let local = PeerAddress(storage: .local)

    private init(storage: Storage) { self.storage = storage }

    private init(ipv6 address: UInt128) {
        let isMapped = address >> 32 == 0xFFFF
        storage = isMapped ? .ipv4(UInt32(truncatingIfNeeded: address)) : .ipv6(address)
    }

    /// Nil: not an IPv4 or IPv6 address in its usual text.
    package init?(_ text: String) {
        var ipv4 = in_addr()
        var ipv6 = in6_addr()
        if unsafe inet_pton(AF_INET, text, &ipv4) == 1 {
            self.init(storage: .ipv4(UInt32(bigEndian: ipv4.s_addr)))
        } else if unsafe inet_pton(AF_INET6, text, &ipv6) == 1 {
            self.init(ipv6: hostOrder(ipv6))
        } else {
            return nil
        }
    }

    init(_ address: UnsafePointer<sockaddr>?) {
        switch unsafe address.map({ unsafe Int32($0.pointee.sa_family) }) {
        case AF_INET:
            let ipv4 = unsafe UnsafeRawPointer(address)?.loadUnaligned(as: sockaddr_in.self)
            self.init(storage: .ipv4(UInt32(bigEndian: ipv4?.sin_addr.s_addr ?? 0)))
        case AF_INET6:
            let ipv6 = unsafe UnsafeRawPointer(address)?.loadUnaligned(as: sockaddr_in6.self)
            self.init(ipv6: hostOrder(ipv6?.sin6_addr ?? in6_addr()))
        default: self = .local
        }
    }

    /// The usual text; `local` for a Unix socket.
    package var text: String {
        switch storage {
        case .local: "local"
        case .ipv4(let address): format(AF_INET, address.bigEndian)
        case .ipv6(let address): format(AF_INET6, address.bigEndian)
        }
    }

    /// This machine: 127.0.0.0/8, ::1, or a Unix socket.
    package var isLoopback: Bool {
        switch storage {
        case .local: true
        case .ipv4(let address): address >> 24 == 127
        case .ipv6(let address): address == 1
        }
    }

    /// Whom to hold to account: who has one IPv6 address has all others of its first 64 bits too, so these stand for it. An
    /// IPv4 address stands for itself.
    package var subscriber: PeerAddress {
        if case .ipv6 = storage { masked(to: 64) } else { self }
    }

    /// How many bits it has.
    var width: Int {
        switch storage {
        case .local: 0
        case .ipv4: 32
        case .ipv6: 128
        }
    }

    /// Its first `length` bits, then zeros.
    func masked(to length: Int) -> PeerAddress {
        switch storage {
        case .local: self
        case .ipv4(let address): PeerAddress(storage: .ipv4(address & .max << (32 - length)))
        case .ipv6(let address): PeerAddress(storage: .ipv6(address & .max << (128 - length)))
        }
    }
}

private func hostOrder(_ address: in6_addr) -> UInt128 {
    unsafe withUnsafeBytes(of: address) { unsafe UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
}

private func format<Address>(_ family: Int32, _ address: Address) -> String {
    unsafe withUnsafeBytes(of: address) { bytes in
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            let text = unsafe inet_ntop(family, bytes.baseAddress, buffer.baseAddress, socklen_t(buffer.count))
            return unsafe text.map { unsafe String(cString: $0) } ?? "unknown"
        }
    }
}
