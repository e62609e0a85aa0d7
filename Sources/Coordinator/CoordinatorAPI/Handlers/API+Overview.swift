import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// What operators look at. Every list is bounded, and a cursor leads to its next part.
extension API {
    func serveOverview(_ visit: Visit) {
        do throws(WireError) {
            let parameters = visit.parameters
            switch visit.route {
            case .agents:
                let query = try AgentQuery(parameters)
                visit.later { heart.agents(query, answer: $0) }
            case .fleetReadiness:
                let query = try AgentQuery(parameters, upTo: Limits.readinessMax)
                visit.later { heart.readiness(query, answer: $0) }
            case .instances:
                let query = try InstanceQuery(parameters)
                visit.later { heart.instances(query, answer: $0) }
            case .commands:
                let query = try CommandQuery(parameters)
                visit.later { heart.commands(query, answer: $0) }
            case .events:
                let wait = try Heartbeat.wait(fromQuery: parameters["wait"])
                let query = try EventQuery(parameters)
                if wait == 0 { visit.later { heart.logLines(query, answer: $0) } } else { follow(visit, query, wait) }
            default:
                visit.later({ heart.clientSummaries(answer: $0) }) { summaries in .json(List(summaries)) }
            }
        } catch { visit.refuse(.validation, "\(error)") }
    }

    /// Waits for the log to grow before it looks, so that no line falls between.
    private func follow(_ visit: Visit, _ query: EventQuery, _ wait: Int) {
        let follower = Follower(visit, heart, query)
        guard visit.exchange.park(for: .seconds(wait), otherwise: { follower.giveUp() }) else { return }
        follower.look()
    }
}

/// One parked question for new lines of the log.
private final class Follower: Sendable {
    private struct State {
        var query: EventQuery
        var waiting: Int64?
        var isOver = false
    }
    private let visit: Visit
    private let heart: Heart
    private let state: Locked<State>

    init(_ visit: Visit, _ heart: Heart, _ query: EventQuery) {
        self.visit = visit
        self.heart = heart
        state = Locked(State(query: query))
    }

    func look() {
        guard !state.withLock({ $0.isOver }) else { return }
        let waiting = heart.events.wait { self.look() }
        let (query, isOver) = state.withLock { state in
            // The log may have grown since and another look be under way, which waits with a later number.
            if let waiting { state.waiting = max(waiting, state.waiting ?? waiting) }
            return (state.query, state.isOver)
        }
        if isOver { return stopWaiting() }
        heart.logLines(query) { [self] outcome in
            if case .done(let lines) = outcome, lines.events.isEmpty, waiting != nil {
                return state.withLock { $0.query.part.after = lines.next }
            }
            finish()
            visit.answer(visit.response(to: outcome) { .json($0) })
        }
    }

    /// The time is up and there was nothing new.
    func giveUp() -> Response {
        finish()
        guard let seen = state.withLock({ $0.query.part.after }) else {
            let late = Outcome<LogLines>.unavailable("the log could not be read in time")
            return visit.response(to: late) { .json($0) }.shown(to: visit.origin)
        }
        return Response.json(LogLines(events: [], next: seen)).shown(to: visit.origin)
    }

    private func finish() {
        state.withLock { $0.isOver = true }
        stopWaiting()
    }

    private func stopWaiting() {
        if let waiting = state.withLock({ $0.waiting }) { heart.events.giveUp(waiting) }
    }
}

/// A bare array, as the original's page expects it.
struct List<Element: JSONWritable & Sendable>: JSONWritable, Sendable {
    let elements: [Element]
    init(_ elements: [Element]) { self.elements = elements }
    func write(to writer: inout JSONWriter) {
        writer.array { array in for element in elements { array.element(element) } }
    }
}
