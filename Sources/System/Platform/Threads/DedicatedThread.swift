private import CLinux
import Glibc

/// A thread of its own for work that blocks by nature.
///
/// It is born with every signal blocked that is meant for the process, so that those reach the thread that handles them.
/// Faults stay deliverable: they belong to the thread that causes them. A thread that is never joined cleans up after
/// itself.
package final class DedicatedThread: Sendable {
    private let thread: Locked<pthread_t?>

    /// `name` is what ps and debuggers show; the kernel keeps 15 bytes of it.
    package init(name: StaticString, _ body: @escaping @Sendable () -> Void) throws(PlatformError) {
        precondition(name.utf8CodeUnitCount <= 15, "the kernel keeps 15 bytes of a thread's name")
        let start = unsafe Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let result = withProcessSignalsBlocked {
            unsafe pthread_create(&thread, nil, runStart, start.toOpaque())
        }
        guard result == 0 else {
            unsafe start.release()
            throw PlatformError("start thread \(name)", errno: result)
        }
        self.thread = Locked(thread)
    }

    deinit {
        if let thread = thread.withLock({ $0 }) { pthread_detach(thread) }
    }

    /// Waits for the body to return. Only the first call waits.
    package func join() {
        let thread = thread.withLock { $0.take() }
        guard let thread else { return }
        precondition(pthread_equal(thread, pthread_self()) == 0, "a thread cannot wait for its own end")
        pthread_join(thread, nil)
    }
}

private final class Start: Sendable {
    let body: @Sendable () -> Void
    let name: StaticString
    init(_ name: StaticString, _ body: @escaping @Sendable () -> Void) { (self.name, self.body) = (name, body) }
}

// A top-level function: a closure formed in a main would be main-actor-isolated and trap on this thread.
private func runStart(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    // By the thread itself: its maker might come too late for a short one.
    _ = unsafe pthread_setname_np(pthread_self(), start.name.description)
    start.body()
    return nil
}

private func withProcessSignalsBlocked(_ body: () -> Int32) -> Int32 {
    var blocked = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&blocked)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { unsafe sigdelset(&blocked, fault) }
    unsafe pthread_sigmask(SIG_SETMASK, &blocked, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    return body()
}
