/// The seam between what needs a loop (`HTTPClient`, `Mailbox`) and what is one (`Systemd.Loop`).
///
/// A loop belongs to one thread. Everything here is called on that thread and every handler runs on it; only a
/// `Mailbox` may be fed from elsewhere. Handlers must not wait: the loop serves timers and signals too.
package protocol EventLoop: AnyObject {
    /// CLOCK_MONOTONIC as of this turn of the loop.
    var now: Duration { get }

    /// Calls `handler` whenever `descriptor` is ready for `interest`, until the watch is cancelled. The descriptor stays
    /// the caller's; it must be cancelled before it is closed.
    func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch

    /// A timer that is not armed yet.
    func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer
}

/// What a descriptor is, or should be, ready for.
package struct Readiness: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: 1)
    package static let writable = Readiness(rawValue: 2)
    /// An error or a hang-up; reported even when not asked for.
    package static let failed = Readiness(rawValue: 4)
}

/// One descriptor under watch. Dropping the last reference cancels it.
package protocol DescriptorWatch: AnyObject {
    func change(to interest: Readiness) throws(EventLoopError)
    func cancel()
}

/// A timer that fires once each time it is armed. Dropping the last reference disarms it.
package protocol LoopTimer: AnyObject {
    /// Replaces an earlier time. A time in the past fires at the next turn.
    func arm(at time: Duration)
    func disarm()
}

/// The kernel or the loop's library refused.
package struct EventLoopError: Error, Equatable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
