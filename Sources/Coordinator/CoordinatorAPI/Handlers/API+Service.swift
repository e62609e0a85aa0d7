import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// For anyone who wants to know whether we are here.
extension API {
    func serveService(_ visit: Visit) {
        switch visit.route {
        case .service: visit.answer(vitals.description(at: surroundings.monotonic()))
        case .ping: visit.answer(Response(status: 200, text: "pong"))
        case .time: visit.answer(ServerTime(heart.wall))
        case .metrics: metrics(visit)
        default: health(visit)
        }
    }

    /// 503 when unwell, so that a load balancer understands it without reading the body.
    private func health(_ visit: Visit) {
        let fault = vitals.fault
        let health = Health(status: fault == nil ? .healthy : .unhealthy, timestamp: heart.wall, fault: fault)
        visit.answer(.json(health, status: fault == nil ? 200 : 503))
    }

    private func metrics(_ visit: Visit) {
        if let totals = tally.known(at: surroundings.monotonic()) { return visit.answer(page(totals)) }
        visit.later({ [tally] answer in
            heart.totals { outcome in
                tally.note(outcome)
                answer(outcome)
            }
        }) { [self] in page($0) }
    }

    private func page(_ totals: Totals) -> Response {
        var page = MetricsPage()
        page.add(totals)
        page.addExposed(totals, heart)
        page.add(heart)
        page.add(vitals)
        if let counters = vitals.serverCounters() { page.add(counters) }
        return Response(status: 200, headers: [.metricsText], body: page.bytes)
    }
}

/// What the store holds, as it was last counted. Counting walks through everything, and anyone may ask for it: so it is begun
/// once a second at most, however many ask.
final class Tally: Sendable {
    private struct State {
        var totals: Totals?
        var askedAt: Duration?
    }

    /// Shorter than anybody scrapes.
    private static let age = Duration.seconds(1)
    private let state = Locked(State())

    /// Nil: whoever asked is to have it counted.
    func known(at now: Duration) -> Totals? {
        state.withLock { state in
            if let asked = state.askedAt, let totals = state.totals, now - asked < Self.age { return totals }
            state.askedAt = now
            return nil
        }
    }

    func note(_ outcome: Outcome<Totals>) {
        if case .done(let totals) = outcome { state.withLock { $0.totals = totals } }
    }
}

extension HeaderField {
    fileprivate static let metricsText = HeaderField(constant: "Content-Type", "text/plain; version=0.0.4")
}
