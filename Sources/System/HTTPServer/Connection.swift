import Glibc
import Platform
import Synchronization

/// One client's socket: whose it is and until when the client has time for what it is doing.
final class Connection: Sendable {
    let core: ListenerCore
    let peer: PeerAddress
    let isTLS: Bool
    /// Set when the connection begins and used when it ends.
    @safe nonisolated(unsafe) var ticket: Roster.Ticket?
    // Touched only in the library's connection notices, which come on the one worker that serves this connection.

    /// Nil as soon as the library is about to close it: from then on the number may be somebody else's.
    private let descriptor: Locked<Int32?>
    /// Nanoseconds on the monotonic clock; `noDeadline` while the client is not the one who is waited for.
    private let deadline: Atomic<Int64>

    static let noDeadline = Int64.max

    init(core: ListenerCore, descriptor: Int32, peer: PeerAddress, deadline: Int64) {
        self.core = core
        self.descriptor = Locked(descriptor)
        self.peer = peer
        isTLS = core.options.tls != nil
        self.deadline = Atomic(deadline)
    }

    /// The client has until then for its next step.
    func allow(until time: Int64) { deadline.store(time, ordering: .relaxed) }

    func isLate(at now: Int64) -> Bool { deadline.load(ordering: .relaxed) <= now }

    /// Ends the conversation in both directions; the worker sees that and closes.
    func cutOff() {
        descriptor.withLock { descriptor in
            if let descriptor { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    func ended() { descriptor.withLock { $0 = nil } }
}
