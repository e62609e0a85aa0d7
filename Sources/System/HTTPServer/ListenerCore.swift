import Glibc
import Platform
import Synchronization

/// What the workers, the doorkeeper and the exchanges of one listener share.
final class ListenerCore: Sendable {
    let options: ListenerOptions
    let connectionLimit: Int
    let times: Times
    let handler: @Sendable (consuming Request, Exchange) -> Void
    let counters = Counters()
    let roster: Roster
    let bell: Bell
    let reading: Reading
    /// Calls of the library's resume that have been decided and not returned. While there is one the library must not be
    /// stopped: the connection would still be suspended, or the call would use a daemon that is gone.
    let resumesUnderWay = Atomic(0)

    /// Pages that the library made for refusals of its own and has not let go. See `LibraryPage` for why a stop waits for them.
    let refusalsUnderWay = Atomic(0)

    private let exchanges = Atomic(0)
    private let stopping = Atomic(false)
    private let isQuiet = Monitor(false)

    init(
        options: ListenerOptions, connectionLimit: Int, bell: Bell, reading: Reading,
        handler: @escaping @Sendable (consuming Request, Exchange) -> Void
    ) {
        self.options = options
        self.connectionLimit = connectionLimit
        times = Times(options.limits)
        self.handler = handler
        self.bell = bell
        self.reading = reading
        roster = Roster(limits: options.limits, now: options.surroundings.monotonic().nanoseconds, bell: bell)
    }

    func now() -> Int64 { options.surroundings.monotonicNanoseconds() }

    var isStopping: Bool { stopping.load(ordering: .sequentiallyConsistent) }

    func beginStopping() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        bell.ring()
    }

    func exchangeBegan() { exchanges.wrappingAdd(1, ordering: .sequentiallyConsistent) }

    func exchangeEnded() {
        let left = exchanges.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0 && isStopping { isQuiet.change { $0 = true } }
    }

    /// True: every exchange has ended. Time that a test stands still does not end this wait, so it is the machine's.
    func waitUntilQuiet(within limit: Duration) -> Bool {
        isQuiet.wait(until: SystemSurroundings().monotonic() + limit) { isQuiet in
            isQuiet = exchanges.load(ordering: .sequentiallyConsistent) == 0
            return isQuiet ? true : nil
        } ?? false
    }

    /// From a page's making to its being queued are a few statements on a worker; after that its client may take any time to
    /// read it, and nobody has to wait for that. A worker that gets no turn for as long as this is taken for one of the latter.
    func waitForRefusals() {
        let end = SystemSurroundings().monotonic() + .milliseconds(200)
        while refusalsUnderWay.load(ordering: .sequentiallyConsistent) > 0, SystemSurroundings().monotonic() < end {
            sched_yield()
        }
    }

    /// To be called once for each suspension, by whoever took it, after counting it in `resumesUnderWay`.
    func resume(_ suspension: Suspension) {
        suspension.resume()
        resumesUnderWay.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    /// All are answered before the first is sent: a worker that is woken walks through everything that is parked with it,
    /// and once is enough.
    func giveUp(_ parked: [Exchange]) {
        let suspensions = parked.compactMap { $0.giveUp() }
        for suspension in suspensions { resume(suspension) }
    }
}

extension ListenerCore {
    /// The limits' times in nanoseconds, as the deadlines of every request are counted.
    struct Times {
        let header: Int64
        let body: Int64
        let answer: Int64
        let idle: Int64

        init(_ limits: ListenerLimits) {
            header = limits.headerTime.nanoseconds
            body = limits.bodyTime.nanoseconds
            answer = limits.answerTime.nanoseconds
            idle = limits.idleTime.nanoseconds
        }
    }
}
