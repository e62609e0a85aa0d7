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
            case .incident:
                guard let incident = visit.value(0, of: IncidentKind.self) else { return }
                visit.later { heart.incident(incident, answer: $0) }
            case .incidents:
                let query = try IncidentQuery(parameters)
                visit.later { heart.incidents(query, answer: $0) }
            case .agents:
                let query = try AgentQuery(parameters)
                visit.later { heart.agents(query, answer: $0) }
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
        let query = state.withLock { $0.query }
        let waiting = heart.events.wait { self.look() }
        state.withLock { $0.waiting = waiting }
        heart.logLines(query) { [self] outcome in
            if case .done(let lines) = outcome, lines.events.isEmpty, waiting != nil {
                return state.withLock { $0.query.part.after = lines.next }
            }
            if let waiting { heart.events.giveUp(waiting) }
            visit.answer(visit.response(to: outcome) { .json($0) })
        }
    }

    /// The time is up and there was nothing new.
    func giveUp() -> Response {
        let (waiting, seen) = state.withLock { ($0.waiting, $0.query.part.after) }
        if let waiting { heart.events.giveUp(waiting) }
        guard let seen else {
            return visit.response(to: Outcome<LogLines>.unavailable("the log could not be read in time")) { .json($0) }
        }
        return Response.json(LogLines(events: [], next: seen)).shown(to: visit.origin)
    }
}

/// A bare array, as the original's page expects it.
private struct List<Element: JSONWritable & Sendable>: JSONWritable, Sendable {
    let elements: [Element]
    init(_ elements: [Element]) { self.elements = elements }
    func write(to writer: inout JSONWriter) {
        writer.array { array in for element in elements { array.element(element) } }
    }
}
