import CSystemd
import Glibc
package import Platform

/// One signal under watch. Dropping the last reference ends it; the signal stays blocked.
package protocol SignalWatch: AnyObject {
    func cancel()
}

extension Loop {
    /// Keeps `signals` from interrupting the process, so that `onSignal` and `onExit` (which needs SIGCHLD) can take
    /// them in turn. A new thread inherits this from its parent: call it in `main` before the first thread is made, or a
    /// signal may be delivered to a thread that does not block it and end the process.
    package static func block(signals: [Int32]) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals {
            precondition(unsafe sigaddset(&set, signal) == 0, "\(signal) is not a signal")
        }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Calls `handler` on the loop for each time `signal` was sent, where several may be folded into one. The signal
    /// must be blocked, and has one watch at most in a loop.
    package func onSignal(_ signal: Int32, _ handler: @escaping () -> Void) throws(EventLoopError) -> any SignalWatch {
        try SignalSource(loop: self, signal: signal, handler)
    }
}

private final class SignalSource: Source<() -> Void>, SignalWatch {
    init(loop: Loop, signal: Int32, _ handler: @escaping () -> Void) throws(EventLoopError) {
        super.init(handler)
        let result = unsafe add { unsafe sd_event_add_signal(loop.handle, $0, signal, signalled, $1) }
        guard result >= 0 else {
            let why = result == -EBUSY ? "not blocked, or watched already" : reason(result)
            throw EventLoopError("watch signal \(signal): \(why)")
        }
    }
}

private func signalled(
    _: OpaquePointer?, info _: UnsafePointer<signalfd_siginfo>?, context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let source = unsafe SignalSource.from(context) else { return 0 }
    withExtendedLifetime(source) { source.handler?() }
    return 0
}
