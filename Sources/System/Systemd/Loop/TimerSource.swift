import CSystemd
import Glibc
import Platform

final class TimerSource: Source<() -> Void>, LoopTimer {
    /// How late sd-event may wake us to serve several timers at once. Its default of 250 ms would eat a twentieth of the
    /// failover deadline at each step; and what libcurl wants done now would cost a sleep of its own if it might be late.
    private static let accuracyMicroseconds: UInt64 = 1

    init(loop: Loop, _ handler: @escaping () -> Void) throws(EventLoopError) {
        super.init(handler)
        let made = unsafe add {
            unsafe sd_event_add_time(loop.handle, $0, CLOCK_MONOTONIC, .max, Self.accuracyMicroseconds, elapsed, $1)
        }
        guard made >= 0 else { throw EventLoopError("make a timer: \(reason(made))") }
        disarm()
    }

    func arm(at time: Duration) {
        let result = unsafe ifLive {
            let set = unsafe sd_event_source_set_time($0, time.microsecondsUp)
            return unsafe set < 0 ? set : sd_event_source_set_enabled($0, Int32(SD_EVENT_ONESHOT))
        }
        Self.check(result)
    }

    func disarm() { Self.check(unsafe ifLive { unsafe sd_event_source_set_enabled($0, Int32(SD_EVENT_OFF)) }) }

    /// A timer that was made needs no more memory or descriptors to be set, so it is refused only for our own mistakes;
    /// -ESTALE is the loop that was stopped, where no timer matters any more.
    private static func check(_ result: Int32) {
        precondition(result >= 0 || result == -ESTALE, "a timer is set only by the process that made its loop")
    }
}

private func elapsed(_: OpaquePointer?, microseconds _: UInt64, context: UnsafeMutableRawPointer?) -> Int32 {
    guard let source = unsafe TimerSource.from(context) else { return 0 }
    withExtendedLifetime(source) { source.handler?() }
    return 0
}
