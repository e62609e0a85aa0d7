package import HTTPServer
package import Platform
import Wire

/// The coordinator's door: complete requests in, answers out. Called on the server's workers, several at once; it waits
/// for nothing.
package struct API: Sendable {
    private let vitals: Vitals
    private let surroundings: any Surroundings
    private let router = Router([.service, .health, .apiHealth, .ping, .time])

    package init(vitals: Vitals, surroundings: any Surroundings) {
        self.vitals = vitals
        self.surroundings = surroundings
    }

    package func handle(_ request: Request, _ exchange: Exchange) { exchange.answer(answer(to: request)) }

    private func answer(to request: Request) -> Response {
        switch router.find(method: request.method, path: request.path) {
        case .route(let route, _): answer(route)
        case .otherMethod(let allowed): .methodNotAllowed(request.method, request.path, allowed: allowed)
        case .unknown: .notFound(request.path)
        }
    }

    private func answer(_ route: Route) -> Response {
        switch route {
        case .service: .json(vitals.description(at: surroundings.monotonic()))
        case .health, .apiHealth: health()
        case .ping: Response(status: 200, text: "pong")
        case .time: .json(ServerTime(surroundings.wall()))
        default: preconditionFailure("the router knows only what is answered here")
        }
    }

    /// 503 when unwell, so that a load balancer understands it without reading the body.
    private func health() -> Response {
        let fault = vitals.fault
        let health = Health(status: fault == nil ? .healthy : .unhealthy, timestamp: surroundings.wall(), fault: fault)
        return .json(health, status: fault == nil ? 200 : 503)
    }
}
