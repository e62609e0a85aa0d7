import Glibc
import Platform

/// A manager's notification socket.
package struct FakeManager: ~Copyable {
    private let socket: Int32

    /// Listens at a path, or, after `@`, at an abstract name.
    package init(_ name: String) throws {
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
            unsafe path.copyBytes(from: name.utf8)
            if name.hasPrefix("@") { unsafe path[0] = 0 }
        }
        let length = socklen_t(2 + name.utf8.count + (name.hasPrefix("@") ? 0 : 1))
        let result = unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(socket, $0, length) }
        }
        guard result == 0 else { throw TestSupportError("bind \(name): errno \(errno)") }
    }

    deinit { close(socket) }

    /// Sends to it until it takes no more. How many it took.
    package func fill() throws -> Int {
        let sender = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(sender) }
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(socket, $0, &length) == 0 ? connect(sender, $0, length) : -1
            }
        }
        guard result == 0 else { throw TestSupportError("connect to it: errno \(errno)") }
        var sent = 0
        while unsafe send(sender, "x", 1, Int32(MSG_DONTWAIT)) == 1 { sent += 1 }
        return sent
    }

    /// What was sent and not yet read, `most` of it.
    package func messages(upTo most: Int = .max) -> [String] {
        var all: [String] = [], buffer = [UInt8](repeating: 0, count: 8192)
        while all.count < most,
            case let count = unsafe recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0
        {
            all.append(String(decoding: buffer.prefix(count), as: UTF8.self))
        }
        return all
    }

    /// Reads on until one message contains `text`; all that were read.
    @discardableResult
    package func waitForMessage(_ text: String, within limit: Duration = .seconds(10)) throws -> [String] {
        let deadline = SystemSurroundings().monotonic() + limit
        var all: [String] = []
        while !all.contains(where: { $0.contains(text) }) {
            let left = deadline - SystemSurroundings().monotonic()
            guard left > .zero else { throw TestSupportError("no message with \(text) came, but \(all)") }
            var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&entry, 1, Int32(left / .milliseconds(1)) + 1)
            all += messages()
        }
        return all
    }
}
