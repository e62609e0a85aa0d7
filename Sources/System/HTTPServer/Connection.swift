import Glibc
import Platform
import Synchronization

/// One client's socket: whose it is and until when the client has time for what it is doing.
final class Connection: Sendable {
    let core: ListenerCore
    let peer: PeerAddress
    let isTLS: Bool
    /// The library hands a socket to the worker of this number. Should it choose otherwise one day, only the turns in which
    /// parked requests expire are affected.
    let worker: Int
    /// Set when the connection begins and used when it ends.
    @safe nonisolated(unsafe) var ticket: Roster.Ticket?
    // Touched only in the library's connection notices, which come on the one worker that serves this connection.

    /// Nil as soon as the library is about to close it: from then on the number may be somebody else's.
    private let descriptor: Locked<Int32?>
    /// Nanoseconds on the monotonic clock; `noDeadline` while the client is not the one who is waited for. An odd one is for
    /// the rest of a request that has begun.
    private let deadline: Atomic<Int64>

    static let noDeadline = Int64.max - 1
    /// In place of a deadline: the client has been cut off.
    private static let isCutOff = Int64.max

    init(core: ListenerCore, descriptor: Int32, peer: PeerAddress, deadline: Int64) {
        self.core = core
        self.descriptor = Locked(descriptor)
        self.peer = peer
        isTLS = core.options.tls != nil
        worker = Int(descriptor) % core.options.workers
        self.deadline = Atomic(Self.deadline(at: deadline, forRequest: false))
    }

    /// The client has until then for its next step. False: it was cut off before.
    @discardableResult
    func allow(until time: Int64, forRequest: Bool = false) -> Bool {
        let before = deadline.exchange(
            Self.deadline(at: time, forRequest: forRequest), ordering: .acquiringAndReleasing)
        guard before == Self.isCutOff else { return true }
        deadline.store(before, ordering: .releasing)
        return false
    }

    private static func deadline(at time: Int64, forRequest: Bool) -> Int64 { forRequest ? time | 1 : time & ~1 }
    private static func isForRequest(_ deadline: Int64) -> Bool { deadline & 1 == 1 }

    func isLate(at now: Int64) -> Bool { deadline.load(ordering: .relaxed) <= now }

    /// Ends the conversation in both directions if the client is still late; the worker sees that and closes. A client that
    /// has begun a request is told why: the worker either came before, or answers no more.
    func cutOff(at now: Int64) {
        let time = deadline.load(ordering: .acquiring)
        guard time <= now,
            deadline.compareExchange(expected: time, desired: Self.isCutOff, ordering: .acquiringAndReleasing).exchanged
        else { return }
        core.counters.cutOff.increment()
        let reason = "the rest of the request did not come in time"
        end(saying: Self.isForRequest(time) ? Refusal(status: 408, reason: reason, request: nil) : nil)
    }

    /// Past the library, so not in TLS, where it alone can say something.
    func end(saying refusal: Refusal?) {
        let words = isTLS ? nil : refusal.map { core.options.refusal($0) }
        descriptor.withLock { descriptor in
            guard let descriptor else { return }
            if let words { _ = say(words, on: descriptor) }
            _ = shutdown(descriptor, Int32(SHUT_RDWR))
        }
    }

    func ended() { descriptor.withLock { $0 = nil } }
}
