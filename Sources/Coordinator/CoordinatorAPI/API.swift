package import CoordinatorHeart
package import HTTPServer
import JSON
package import Platform
import Wire

/// The coordinator's door for requests: finds the route, lets the caller in or not, and hands over to the route's handler.
/// Called on the server's workers, several at once; it waits for nothing.
package final class API: Sendable {
    let heart: Heart
    let vitals: Vitals
    let door: Door
    let vault: Vault
    let surroundings: any Surroundings
    let tally = Tally()
    let streams: LiveStreams
    private let penalties = Penalties()
    private let router = Router(Route.allCases, OldPath.allCases)

    package init(
        heart: Heart, vitals: Vitals, door: Door, vault: Vault, surroundings: any Surroundings
    ) {
        self.heart = heart
        self.vitals = vitals
        self.door = door
        self.vault = vault
        self.surroundings = surroundings
        streams = LiveStreams(heart)
    }

    /// Ends every live stream in good order, with what was written until now.
    package func endStreams(because reason: String) { streams.end(because: reason) }

    /// How many bytes of body the route of this request takes; without a route, those of a small one.
    package func bodyLimit(_ request: Request) -> Int {
        // A length of up to four digits is within every limit: for nearly every request the route is looked for only once.
        let isSmall = request.headers.withValue(of: "Content-Length") { $0.count <= 4 } ?? false
        guard !isSmall, let route = router.find(method: request.method, path: request.path).route else {
            return Limits.smallBodyBytes
        }
        let bytes = max(route.bodyBytes, door.oldBodyBytes(route, request.headers))
        // A body is in memory before anybody asks who sent it: a long one is taken from those who are known.
        return bytes <= Limits.smallBodyBytes || door.knows(request.headers) ? bytes : Limits.smallBodyBytes
    }

    /// What the server itself refuses, in the shape of every other refusal.
    package func refusal(_ refusal: Refusal) -> Response {
        let headers = refusal.request?.headers
        let id = surroundings.requestID(of: headers)
        let origin = headers.flatMap(door.allowedOrigin)
        // Who has an old token is to hear that, not that a body was long that the new token may send.
        if refusal.status == 413, let headers, door.isStranger(headers) {
            return .refusal(.unknownToken, to: id).shown(to: origin)
        }
        var response = Response.refusal(ErrorReply(.forStatus(refusal.status), refusal.reason), to: id)
        response.status = refusal.status
        return response.shown(to: origin)
    }

    package func handle(_ request: consuming Request, _ exchange: any Answering) {
        let origin = door.allowedOrigin(request.headers)
        if request.method == "OPTIONS", origin != nil {
            exchange.answer(Response.preflight.shown(to: origin))
            return
        }
        switch router.find(method: request.method, path: request.path) {
        case .route(let route, let values):
            enter(request, exchange, route, nil, values, origin)
        case .old(let path, let values):
            enter(request, exchange, path.standsFor, path, values, origin)
        case .otherMethod(let allowed):
            exchange.answer(
                .methodNotAllowed(request.method, request.path, allowed: allowed, to: requestID(of: request))
                    .shown(to: origin))
        case .unknown:
            exchange.answer(
                .refusal(ErrorReply(.notFound, "no such path: \(request.path)"), to: requestID(of: request))
                    .shown(to: origin))
        }
    }

    private func enter(
        _ request: consuming Request, _ exchange: any Answering, _ route: Route, _ old: OldPath?, _ values: [String],
        _ origin: String?
    ) {
        let now = surroundings.monotonic()
        switch door.admit(request, to: route, values: values, at: now) {
        case .admitted(let guest):
            let origin = door.narrowed(origin, of: request, as: guest)
            let mayWrite = door.mayWrite(request)
            let visit = Visit(
                request: request, exchange: exchange, route: route, old: old, values: values, guest: guest,
                origin: origin,
                arrivedAt: now, surroundings: surroundings)
            guard mayWrite else {
                return visit.refuse(.forbidden, "pages of this origin may not change anything here: see CORS_ORIGINS")
            }
            serve(visit)
        case .refused(let reply, let status):
            answer(exchange, reply, status, request, origin)
        case .denied(let reply, let status): penalize(request, exchange, reply, status, origin, now)
        case .slowed:
            let reply = ErrorReply(.tooManyRequests, "this host asks too often: slow down")
            answer(exchange, reply, 429, request, origin)
        }
    }

    private func answer(
        _ exchange: any Answering, _ reply: ErrorReply, _ status: Int, _ request: Request, _ origin: String?
    ) {
        exchange.answer(.refusal(reply, to: requestID(of: request)).shown(to: origin))
    }

    private func penalize(
        _ request: Request, _ exchange: any Answering, _ reply: ErrorReply, _ status: Int, _ origin: String?,
        _ now: Duration
    ) {
        let response = Response.refusal(reply, to: requestID(of: request)).shown(to: origin)
        switch penalties.note(request.peer, at: now) {
        case .none: exchange.answer(response)
        case .later:
            let later = ErrorReply(.tooManyRequests, "too many wrong credentials from here")
            answer(exchange, later, 429, request, origin)
        case .delay(let delay, let isFirst):
            if isFirst { heart.noteWrongCredentials(from: request.peer.text) }
            exchange.park(for: delay) { [penalties] in
                penalties.delayEnded()
                return response
            }
        }
    }

    private func requestID(of request: Request) -> RequestID { surroundings.requestID(of: request.headers) }
}

extension Router.Finding {
    fileprivate var route: Route? {
        switch self {
        case .route(let route, _): route
        case .old(let path, _): path.standsFor
        case .otherMethod, .unknown: nil
        }
    }
}

extension Response {
    /// A browser asks before it sends what a plain form could not.
    fileprivate static var preflight: Response {
        Response(status: 204, headers: [.allowedMethods, .allowedHeaders, .preflightAge])
    }
}

extension HeaderField {
    fileprivate static let allowedMethods = HeaderField(
        constant: "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
    fileprivate static let allowedHeaders = HeaderField(
        constant: "Access-Control-Allow-Headers",
        "Authorization, Content-Type, If-None-Match, Spot-Protocol, X-Request-ID")
    /// A day: browsers cap it anyway.
    fileprivate static let preflightAge = HeaderField(constant: "Access-Control-Max-Age", "86400")
}
