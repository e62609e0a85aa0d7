import Platform
import Wire

/// What the program last saw of its own health: written by its loop, read by requests on any thread.
package final class Vitals: Sendable {
    private let started: Duration
    private let lastFault = Locked<String?>(nil)

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

    func description(at now: Duration) -> ServiceDescription {
        ServiceDescription(uptimeSeconds: (now - started).components.seconds)
    }
}
