import Glibc
package import Platform

/// An `EventLoop` over poll(2) on the machine's own monotonic clock, for tests that need a loop and nothing else.
///
/// It runs only inside `run`, on the thread that calls it.
package final class PollLoop: EventLoop {
    private var watches: [ObjectIdentifier: Weak<Watch>] = [:]
    private var timers: [ObjectIdentifier: Weak<Timer>] = [:]

    package init() {}

    package private(set) var now = SystemSurroundings().monotonic()

    package func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch {
        let watch = Watch(descriptor, interest, handler)
        watches[ObjectIdentifier(watch)] = Weak(watch)
        return watch
    }

    package func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer {
        let timer = Timer(handler)
        timers[ObjectIdentifier(timer)] = Weak(timer)
        return timer
    }

    /// Turns until `condition` holds, which is asked after every turn. False when `limit` passed first.
    package func run(within limit: Duration = .seconds(10), until condition: () -> Bool) -> Bool {
        let deadline = SystemSurroundings().monotonic() + limit
        while !condition() {
            now = SystemSurroundings().monotonic()
            if now >= deadline { return false }
            // Not longer at once: another thread may make the condition true, and that does not wake poll(2).
            turn(waitingUntil: min(deadline, now + .milliseconds(10)))
        }
        return true
    }

    private func turn(waitingUntil deadline: Duration) {
        watches = watches.filter { $0.value.object?.handler != nil }
        timers = timers.filter { $0.value.object != nil }
        let current = watches.values.compactMap(\.object)
        let armed = timers.values.compactMap { $0.object?.time }
        var entries = current.map { pollfd(fd: $0.descriptor, events: $0.interest.events, revents: 0) }
        let wake = max(.zero, min(armed.min() ?? deadline, deadline) - now)
        // Rounded up: a timer must not find itself too early and spin.
        let milliseconds = Int32((wake / .milliseconds(1)).rounded(.up))
        _ = unsafe poll(&entries, nfds_t(entries.count), milliseconds)
        now = SystemSurroundings().monotonic()
        for timer in timers.values.compactMap(\.object) { timer.fireIfDue(now) }
        for (watch, entry) in zip(current, entries) where entry.revents != 0 {
            watch.handler?(Readiness(events: entry.revents))
        }
    }
}

private struct Weak<Object: AnyObject> {
    weak var object: Object?
    init(_ object: Object) { self.object = object }
}

private final class Watch: DescriptorWatch {
    let descriptor: Int32
    var interest: Readiness
    var handler: ((Readiness) -> Void)?

    init(_ descriptor: Int32, _ interest: Readiness, _ handler: @escaping (Readiness) -> Void) {
        (self.descriptor, self.interest, self.handler) = (descriptor, interest, handler)
    }
    func change(to interest: Readiness) { self.interest = interest }
    func cancel() { handler = nil }
}

private final class Timer: LoopTimer {
    var time: Duration?
    let handler: () -> Void

    init(_ handler: @escaping () -> Void) { self.handler = handler }
    func arm(at time: Duration) { self.time = time }
    func disarm() { time = nil }
    func fireIfDue(_ now: Duration) {
        guard let time, time <= now else { return }
        self.time = nil
        handler()
    }
}

extension Readiness {
    fileprivate var events: Int16 {
        Int16(contains(.readable) ? POLLIN : 0) | Int16(contains(.writable) ? POLLOUT : 0)
    }
    fileprivate init(events: Int16) {
        self = []
        if events & Int16(POLLIN) != 0 { insert(.readable) }
        if events & Int16(POLLOUT) != 0 { insert(.writable) }
        if events & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 { insert(.failed) }
    }
}
