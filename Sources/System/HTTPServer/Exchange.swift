import Platform

/// One request and the right to answer it, once.
///
///     arriving ──▶ handling ──park──▶ parking ──handler returns──▶ parked
///                     │                  │                            │
///                     └────answer────────┴──────────▶ answered ◀──────┘ answer, deadline or stop: resumed
///                                                        │
///                                                        ▼  its worker
///                                                       sent
///
/// The handler gets it on a worker. It answers before it returns, or parks and lets any thread answer later. Whoever is
/// first wins; everybody else is told that they lost. Every method may be called from any thread.
package final class Exchange: Sendable {
    enum State {
        /// The request is not complete; no handler knows of it.
        case arriving
        /// The handler runs.
        case handling
        /// The handler runs and has asked to park. The library must not be told to resume yet, it has not suspended.
        case parking(Park)
        /// Suspended in the library. Who takes it out of this state resumes it, so it is resumed exactly once.
        case parked(Park)
        /// Waits for its worker to hand it to the library.
        case answered(Answer)
        /// Handed over, or the connection has ended.
        case sent
    }

    struct Park {
        let otherwise: @Sendable () -> Response
        let ticket: Roster.Ticket
    }

    enum Answer {
        case response(Response)
        case stream(ResponseStream, headers: [HeaderField])
        /// The connection is closed.
        case none
    }

    let connection: Connection
    var core: ListenerCore { connection.core }
    let suspension: Suspension
    let state = Locked(State.arriving)

    @safe nonisolated(unsafe) var arrival: Arrival
    // Touched only in the library's callbacks, which come on the one worker that serves this connection.

    init(connection: Connection, suspension: Suspension, target: String) {
        self.connection = connection
        self.suspension = suspension
        arrival = Arrival(target: target)
    }

    /// Gives the answer. True: this call won. False: there was an answer before, or the handler gave the request up by
    /// returning without parking it.
    @discardableResult
    package func answer(_ response: Response) -> Bool { settleAndResume(.response(response)) }

    /// Closes the connection without an answer, as a server does that dies.
    @discardableResult
    package func drop() -> Bool { settleAndResume(.none) }

    /// Keeps the request open after the handler has returned, for at most `time` (and at most the listener's `parkTime`);
    /// then, or when the listener stops, the client gets `otherwise`.
    ///
    /// `otherwise` is made when it is needed, so that it tells the time at which it leaves: at most once, with no lock
    /// held, on whatever thread; it must not wait. Whoever answers while it is being made wins.
    ///
    /// False: it is not parked. Either it is answered already, or there are too many parked or the listener stops, and the
    /// client has been given `otherwise` at once: parking only makes an answer better, so without room for it the client
    /// simply asks again. To be called before the handler returns, and before the exchange is handed to who will answer.
    @discardableResult
    package func park(for time: Duration, otherwise: @escaping @Sendable () -> Response) -> Bool {
        // Before it counts as parked: whoever sees that may move the clock.
        let deadline = core.now() + min(time, core.options.limits.parkTime).nanoseconds
        guard core.counters.parked.increment(upTo: core.options.limits.parked) else { return notParked(otherwise) }
        let isParked = state.withLock { state in
            guard case .handling = state, let ticket = core.roster.park(self, until: deadline) else { return false }
            state = .parking(Park(otherwise: otherwise, ticket: ticket))
            return true
        }
        guard isParked else {
            core.counters.parked.decrement()
            return notParked(otherwise)
        }
        return true
    }

    /// Begins an answer without end, status 200, such as server-sent events. Nil: the exchange is answered already, there
    /// are too many streams, or the listener stops; if it is not answered, it still has to be.
    package func stream(_ headers: [HeaderField]) -> ResponseStream? {
        guard core.counters.streams.increment(upTo: core.options.limits.streams) else { return nil }
        let stream = ResponseStream(core: core, connection: connection, suspension: suspension)
        guard core.roster.add(stream), settleAndResume(.stream(stream, headers: headers)) else {
            stream.ended()
            return nil
        }
        return stream
    }

    /// The deadline of the park has come, or the listener stops. The roster hands each parked exchange out once. What is
    /// given is to be resumed.
    func giveUp() -> Suspension? {
        let park: Park? = state.withLock { state in
            switch state {
            case .parking(let park), .parked(let park): park
            default: nil
            }
        }
        return park.flatMap { settle(.response($0.otherwise())).suspension }
    }

    private func notParked(_ otherwise: () -> Response) -> Bool {
        let isOpen = state.withLock { state in
            switch state {
            case .handling, .parking, .parked: true
            case .arriving, .answered, .sent: false
            }
        }
        if isOpen && answer(otherwise()) { core.counters.notParked.increment() }
        return false
    }

    private func settleAndResume(_ answer: Answer) -> Bool {
        let (won, suspension) = settle(answer)
        if let suspension { core.resume(suspension) }
        return won
    }

    /// The suspension, if any, must be resumed, as the last thing: from then on the client may have its answer, and the
    /// counters tell of it.
    private func settle(_ answer: Answer) -> (won: Bool, suspension: Suspension?) {
        let (won, park, isSuspended): (Bool, Park?, Bool) = state.withLock { state in
            switch state {
            case .handling:
                state = .answered(answer)
                return (true, nil, false)
            case .parking(let park):
                state = .answered(answer)
                return (true, park, false)
            case .parked(let park):
                // Before anybody can see it answered: the stop waits for every resume that is under way.
                core.resumesUnderWay.increment()
                state = .answered(answer)
                return (true, park, true)
            case .arriving, .answered, .sent: return (false, nil, false)
            }
        }
        if let park {
            core.roster.remove(park.ticket)
            core.counters.parked.decrement()
        }
        return (won, isSuspended ? suspension : nil)
    }
}
