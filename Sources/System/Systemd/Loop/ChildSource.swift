import CSystemd
import Glibc
package import Platform

/// How a child process ended.
package enum ChildExit: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
}

/// One child process under watch. Dropping the last reference ends it, and leaves it to the owner to reap the child.
package protocol ChildWatch: AnyObject {
    func cancel()
}

extension Loop {
    /// Calls `handler` once, when the child `process` has ended, and reaps it. SIGCHLD must be blocked, and nothing else
    /// may wait for the child.
    package func onExit(
        of process: Int32, _ handler: @escaping (ChildExit) -> Void
    ) throws(EventLoopError) -> any ChildWatch {
        try ChildSource(loop: self, process: process, handler)
    }
}

private final class ChildSource: Source<(ChildExit) -> Void>, ChildWatch {
    init(loop: Loop, process: Int32, _ handler: @escaping (ChildExit) -> Void) throws(EventLoopError) {
        super.init(handler)
        // WEXITED alone lets sd-event use a pidfd: no other process can be meant by a number used again.
        let result = unsafe add { unsafe sd_event_add_child(loop.handle, $0, process, WEXITED, ended, $1) }
        guard result >= 0 else {
            let why = result == -EBUSY ? "SIGCHLD not blocked, or watched already" : reason(result)
            throw EventLoopError("watch process \(process): \(why)")
        }
    }
}

private func ended(
    _: OpaquePointer?, info: UnsafePointer<siginfo_t>?, context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let source = unsafe ChildSource.from(context), let info = unsafe info else { return 0 }
    let status = unsafe csystemd_exit_status(info)
    let exit: ChildExit = unsafe csystemd_has_exited(info) != 0 ? .exited(status) : .killed(signal: status)
    withExtendedLifetime(source) { source.handler?(exit) }
    return 0
}
