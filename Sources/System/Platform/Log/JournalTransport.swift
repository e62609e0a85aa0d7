import Glibc

/// The journal's native protocol, one datagram for each entry.
///
/// The socket is not connected: each datagram is addressed anew, so that a journal that went away is found again.
struct JournalTransport: ~Copyable, LogTransport {
    private let socket: FileDescriptor
    private let address: SocketAddress
    private let identifier: String
    private let prefix: String

    /// A datagram travels in one piece up to the socket's send buffer (208 KiB by default). Staying far below makes the memfd
    /// detour for large entries needless; a field that does not fit is left out and the entry says so.
    static let entryLimit = 48 * 1024
    /// Of what is shown as an entry's line: more than a terminal has, and a reason of full length.
    static let lineLimit = 4096

    init(path: String, identifier: String, leavingOut prefix: String) throws(PlatformError) {
        guard let address = SocketAddress(path: path) else {
            throw PlatformError(.failed, "connect to the journal \(path): the path is too long for a socket")
        }
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw PlatformError("create a socket to the journal", errno: lastErrno) }
        socket = FileDescriptor(owning: number)
        self.address = address
        (self.identifier, self.prefix) = (identifier, prefix)
    }

    mutating func deliver(_ entry: LogEntry) -> Bool {
        let datagram = Self.encode(entry, identifier: identifier, leavingOut: prefix)
        let number = socket.number
        return unsafe address.withPointer { address, length in
            let sent = unsafe datagram.withUnsafeBytes { bytes in
                retryingInterrupts {
                    unsafe sendto(
                        number, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), address,
                        length)
                }
            }
            // Whatever the reason (nobody reads, journald restarts, no memory), the entry counts as dropped.
            return sent.result == datagram.count
        }
    }

    static func encode(_ entry: LogEntry, identifier: String, leavingOut prefix: String) -> [UInt8] {
        var datagram: [UInt8] = []
        datagram.reserveCapacity(512)
        append("PRIORITY", String(entry.level.rawValue), to: &datagram)
        append("SYSLOG_IDENTIFIER", identifier, to: &datagram)
        // With the facts: journalctl shows no other field beside it, and kinds of entries are found by their ids.
        append("MESSAGE", entry.line(leavingOut: prefix, limit: lineLimit), to: &datagram)
        if let id = entry.id { append("MESSAGE_ID", id.hex, to: &datagram) }
        var leftOut = 0
        for field in entry.fields {
            // 80: the field's name, its length and the note on what was left out.
            if datagram.count + field.value.utf8.count + 2 * 80 > entryLimit {
                leftOut += 1
            } else {
                append(field.name, field.value, to: &datagram)
            }
        }
        if leftOut > 0 { append("LOG_FIELDS_LEFT_OUT", String(leftOut), to: &datagram) }
        return datagram
    }

    /// `NAME=value` and a newline, or, where the value itself has one, the name alone, the length in 64 bits little-endian
    /// and the bytes.
    private static func append(_ name: String, _ value: String, to datagram: inout [UInt8]) {
        datagram += name.utf8
        if value.utf8.contains(UInt8(ascii: "\n")) {
            datagram.append(UInt8(ascii: "\n"))
            let length = UInt64(value.utf8.count)
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                datagram.append(UInt8(truncatingIfNeeded: length >> shift))
            }
        } else {
            datagram.append(UInt8(ascii: "="))
        }
        datagram += value.utf8
        datagram.append(UInt8(ascii: "\n"))
    }
}

/// The address of a socket in the file system.
struct SocketAddress: Sendable {
    private let address: sockaddr_un

    init?(path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { place in
            guard bytes.count < place.count else { return false }
            unsafe place.copyBytes(from: bytes)
            return true
        }
        guard fits else { return nil }
        self.address = address
    }

    func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
