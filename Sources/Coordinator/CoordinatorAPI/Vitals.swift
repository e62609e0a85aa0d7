package import HTTPServer
import Platform
import Wire

/// What the program last saw of its own health: written by whoever sees it, read by requests on any thread.
package final class Vitals: Sendable {
    /// What can be wrong; several things at once.
    package enum Trouble: String, CaseIterable, Sendable {
        /// The file, as far as a check of it found.
        case damaged
        case notStoring = "not_storing"
        case notReading = "not_reading"
    }

    private let started: Duration
    private let faults = Locked<[Trouble: String]>([:])
    private let counters = Locked<(@Sendable () -> ListenerCounters?)?>(nil)

    /// `started` is a reading of the monotonic clock.
    package init(started: Duration) { self.started = started }

    /// Why the coordinator cannot do its work, or nil.
    package var fault: String? {
        let faults = faults.withLock { $0 }
        let told = Trouble.allCases.compactMap { faults[$0] }
        return told.isEmpty ? nil : told.joined(separator: "; ")
    }

    /// Takes a sentence about the trouble that there is now, or nil when there is none. Returns whether that is news, for the
    /// log. Anybody may read it at `/health`.
    @discardableResult
    package func note(_ trouble: Trouble, _ fault: String?) -> Bool {
        faults.withLock { faults in
            defer { faults[trouble] = fault }
            return (faults[trouble] == nil) != (fault == nil)
        }
    }

    /// Each trouble by its name: 1 where there is one.
    var troubles: [String: Int] {
        let faults = faults.withLock { $0 }
        return Dictionary(uniqueKeysWithValues: Trouble.allCases.map { ($0.rawValue, faults[$0] == nil ? 0 : 1) })
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
