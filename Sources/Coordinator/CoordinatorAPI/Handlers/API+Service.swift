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
        case .time: visit.answer(ServerTime(surroundings.wall()))
        case .metrics: metrics(visit)
        default: health(visit)
        }
    }

    /// 503 when unwell, so that a load balancer understands it without reading the body.
    private func health(_ visit: Visit) {
        let fault = vitals.fault
        let health = Health(status: fault == nil ? .healthy : .unhealthy, timestamp: surroundings.wall(), fault: fault)
        visit.answer(.json(health, status: fault == nil ? 200 : 503))
    }

    private func metrics(_ visit: Visit) {
        visit.later({ heart.totals(answer: $0) }) { [self] totals in
            var page = MetricsPage()
            page.add(totals)
            page.add(heart)
            if let counters = vitals.serverCounters() { page.add(counters) }
            return Response(status: 200, headers: [.metricsText], body: page.bytes)
        }
    }
}

extension HeaderField {
    fileprivate static let metricsText = HeaderField(constant: "Content-Type", "text/plain; version=0.0.4")
}
