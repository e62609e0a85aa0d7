import Glibc
import Platform

/// Wakes a thread that sleeps in poll(2).
final class Bell: Sendable {
    private let near: FileDescriptor
    private let far: FileDescriptor

    init() throws(HTTPServerError) {
        var ends: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let made = unsafe withUnsafeMutableBytes(of: &ends) { bytes in
            unsafe socketpair(AF_UNIX, kind, 0, bytes.bindMemory(to: Int32.self).baseAddress)
        }
        let number = lastErrno
        guard made == 0 else { throw HTTPServerError(.failed, "make a wake-up socket: \(describe(errno: number))") }
        near = FileDescriptor(owning: ends.0)
        far = FileDescriptor(owning: ends.1)
    }

    /// Readable once the bell was rung.
    var descriptor: Int32 { near.number }

    func ring() {
        var byte: UInt8 = 1
        // Fails only when the socket is full of rings already.
        _ = unsafe send(far.number, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    func silence() {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            while unsafe read(near.number, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }
}
