import Platform

/// Who has to be looked after by time or at the stop: parked requests, open streams, connections with a deadline.
///
/// One lock for all three, so that the stop has one moment after which nobody new can come in.
final class Roster: Sendable {
    typealias Ticket = DeadlineWheel<Member>.Ticket

    enum Member {
        case parked(Exchange)
        case connection(Connection)
    }

    private struct State {
        var wheel: DeadlineWheel<Member>
        var streams: [ObjectIdentifier: ResponseStream] = [:]
        /// When the doorkeeper will look by itself.
        var plannedLook = Int64.max
        var isClosed = false
    }

    /// Resuming one request walks all parked ones of its worker, so many expiries share one walk: each worker's go once in
    /// 80 ms. But those are answered in one go, and whoever comes to that worker meanwhile waits: so the workers take turns, and
    /// of 9,000 that park for 3 s on 16 workers 15 are answered in a tick.
    static let tick = Int64(5_000_000)
    static let turns = Int64(16)
    private let state: Locked<State>
    /// How often a connection's deadline is looked at. Deadlines move with each step of a client, so instead of moving an
    /// entry each time, the entry comes round; a slow client is cut off at most this much late.
    private let lookInterval: Int64
    private let bell: Bell

    init(limits: ListenerLimits, now: Int64, bell: Bell) {
        let shortest = min(limits.headerTime, limits.bodyTime, limits.answerTime, limits.idleTime).nanoseconds
        lookInterval = max(Self.tick, shortest / 4)
        state = Locked(State(wheel: DeadlineWheel(tickLength: Self.tick, now: now)))
        self.bell = bell
    }

    /// Nil: the listener stops.
    func park(_ exchange: Exchange, until deadline: Int64) -> Ticket? {
        insert(.parked(exchange), at: Self.turn(of: exchange.connection.worker, from: deadline))
    }

    /// The first tick in which the worker's expiries go.
    static func turn(of worker: Int, from deadline: Int64) -> Int64 {
        let first = (deadline + tick - 1) / tick
        let wait = (Int64(worker) - first) % turns
        return (first + (wait < 0 ? wait + turns : wait)) * tick
    }

    func watch(_ connection: Connection, now: Int64) -> Ticket? {
        insert(.connection(connection), at: now + lookInterval)
    }

    func remove(_ ticket: Ticket) { _ = state.withLock { $0.wheel.remove(ticket) } }

    /// False: the listener stops.
    func add(_ stream: ResponseStream) -> Bool {
        state.withLock { state in
            if !state.isClosed { state.streams[ObjectIdentifier(stream)] = stream }
            return !state.isClosed
        }
    }

    func remove(_ stream: ResponseStream) {
        _ = state.withLock { $0.streams.removeValue(forKey: ObjectIdentifier(stream)) }
    }

    /// Who is over time at `now`, and when to look again.
    func advance(to now: Int64) -> (expired: [Exchange], late: [Connection], nextLook: Int64) {
        var expired: [Exchange] = []
        var late: [Connection] = []
        let nextLook = state.withLock { state in
            state.wheel.advance(to: now) { member in
                switch member {
                case .parked(let exchange):
                    expired.append(exchange)
                    return nil
                case .connection(let connection):
                    if connection.isLate(at: now) { late.append(connection) }
                    return now + lookInterval
                }
            }
            state.plannedLook = state.wheel.nextLook ?? Int64.max
            return state.plannedLook
        }
        return (expired, late, nextLook)
    }

    /// Lets nobody in any more and hands out all who wait.
    func close() -> (parked: [Exchange], streams: [ResponseStream]) {
        state.withLock { state in
            state.isClosed = true
            let parked: [Exchange] = state.wheel.removeAll().compactMap { member in
                if case .parked(let exchange) = member { exchange } else { nil }
            }
            return (parked, Array(state.streams.values))
        }
    }

    private func insert(_ member: Member, at deadline: Int64) -> Ticket? {
        let (ticket, isEarlier): (Ticket?, Bool) = state.withLock { state in
            guard !state.isClosed else { return (nil, false) }
            let ticket = state.wheel.insert(member, at: deadline)
            guard deadline + Self.tick < state.plannedLook else { return (ticket, false) }
            state.plannedLook = deadline + Self.tick
            return (ticket, true)
        }
        if isEarlier { bell.ring() }
        return ticket
    }
}
