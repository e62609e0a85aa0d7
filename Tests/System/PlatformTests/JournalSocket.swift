import Glibc
import TestSupport

@testable import Platform

/// The receiving end of a journal, as journald opens it.
final class JournalSocket {
    let path: String
    private let socket: FileDescriptor

    init(path: String) throws {
        self.path = path
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0, let address = SocketAddress(path: path) else {
            throw TestSupportError("make a socket: \(describe(errno: errno))")
        }
        socket = FileDescriptor(owning: number)
        let bound = unsafe address.withPointer { unsafe bind(number, $0, $1) }
        guard bound == 0 else { throw TestSupportError("bind \(path): \(describe(errno: errno))") }
    }

    /// The next entry that has arrived; nil when there is none.
    func receive() -> [String: String]? {
        var buffer = [UInt8](repeating: 0, count: 262_144)
        let number = socket.number
        let count = unsafe buffer.withUnsafeMutableBytes { bytes in
            unsafe recv(number, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
        }
        return count < 0 ? nil : parseJournalEntry(Array(buffer.prefix(count)))
    }

    func drain() -> [[String: String]] {
        var entries: [[String: String]] = []
        while let entry = receive() { entries.append(entry) }
        return entries
    }
}

/// The native protocol, read independently of the writer; nil when it is not kept.
func parseJournalEntry(_ bytes: [UInt8]) -> [String: String]? {
    var fields: [String: String] = [:]
    var rest = bytes[...]
    while !rest.isEmpty {
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = rest[..<end]
        rest = rest[(end + 1)...]
        if let equals = line.firstIndex(of: UInt8(ascii: "=")) {
            fields[String(decoding: line[..<equals], as: UTF8.self)] = String(
                decoding: line[(equals + 1)...], as: UTF8.self)
        } else {
            guard rest.count >= 8 else { return nil }
            let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(8)
            guard rest.count > length, rest[rest.startIndex + length] == UInt8(ascii: "\n") else { return nil }
            fields[String(decoding: line, as: UTF8.self)] = String(decoding: rest.prefix(length), as: UTF8.self)
            rest = rest.dropFirst(length + 1)
        }
    }
    return fields
}
