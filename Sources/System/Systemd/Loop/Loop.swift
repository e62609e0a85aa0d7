import CSystemd
import Glibc
package import Platform

/// The loop a program lives on: descriptors, timers, signals and child processes over one `sd_event`.
///
/// It belongs to the thread that made it, and it is not `Sendable`. Sources belong to whoever holds the object that
/// made them: dropping or cancelling it, also inside its own handler or another's, ends its calls at once. There are no
/// priorities on purpose: sd-event serves first what has waited longest, so a flood on one descriptor, or a timer that
/// is always due, delays another source by one handler of each ready source and starves nobody.
@safe package final class Loop: EventLoop {
    let handle: OpaquePointer

    package init() throws(EventLoopError) {
        var handle: OpaquePointer?
        let result = unsafe sd_event_new(&handle)
        guard result >= 0, let handle = unsafe handle else { throw EventLoopError("make a loop: \(reason(result))") }
        unsafe self.handle = handle
    }

    deinit { unsafe sd_event_unref(handle) }

    package var now: Duration {
        var microseconds: UInt64 = 0
        let result = unsafe sd_event_now(handle, CLOCK_MONOTONIC, &microseconds)
        precondition(result >= 0, "a loop is used only by the process that made it")
        return Duration(microseconds: microseconds)
    }

    /// Serves until `stop`, and returns its code. A loop runs once: afterwards it is only good for being dropped.
    package func run() throws(EventLoopError) -> Int32 {
        let result = unsafe sd_event_loop(handle)
        guard result >= 0 else { throw EventLoopError("run the loop: \(reason(result))") }
        return result
    }

    /// Lets `run` return `code` (0 or more) once the handler that calls this is done.
    package func stop(_ code: Int32) {
        precondition(code >= 0, "the loop returns failures of its own as negative numbers")
        let result = unsafe sd_event_exit(handle, code)
        precondition(result >= 0 || result == -ESTALE, "a loop is stopped only by the process that made it")
    }

    /// Serves one source, after waiting for it no longer than `timeout` (nil: as long as it takes). False: none came.
    package func turn(timeout: Duration?) throws(EventLoopError) -> Bool {
        let result = unsafe sd_event_run(handle, timeout?.microsecondsUp ?? .max)
        guard result >= 0 else { throw EventLoopError("turn the loop: \(reason(result))") }
        return result > 0
    }

    package func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch {
        try DescriptorSource(loop: self, descriptor: descriptor, interest: interest, handler)
    }

    package func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer {
        try TimerSource(loop: self, handler)
    }
}
