package import HTTPServer
import Platform
import Wire

/// What the program last saw of its own health: written by its loop, read by requests on any thread.
package final class Vitals: Sendable {
    private let started: Duration
    private let lastFault = Locked<String?>(nil)
    private let counters = Locked<(@Sendable () -> ListenerCounters?)?>(nil)

    /// `started` is a reading of the monotonic clock.
    package init(started: Duration) { self.started = started }

    /// Why the coordinator cannot do its work, or nil.
    package var fault: String? { lastFault.withLock { $0 } }

    /// Takes why the store cannot be read, or nil. Returns whether that is news, for the log.
    package func note(_ fault: String?) -> Bool {
        lastFault.withLock { last in
            defer { last = fault }
            return (last == nil) != (fault == nil)
        }
    }

    /// Where the listener counts; it is there only after the API that it serves.
    package func count(by counters: @escaping @Sendable () -> ListenerCounters?) {
        self.counters.withLock { $0 = counters }
    }

    func serverCounters() -> ListenerCounters? { counters.withLock { $0 }.flatMap { $0() } }

    func description(at now: Duration) -> ServiceDescription {
        ServiceDescription(uptimeSeconds: (now - started).components.seconds)
    }
}
