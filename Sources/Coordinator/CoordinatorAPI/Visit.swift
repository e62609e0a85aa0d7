import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

/// One request that was let in, and all that its handler needs to answer it.
///
/// A class, because it is handed around more than it is looked at.
final class Visit: Sendable {
    let request: Request
    let exchange: any Answering
    let route: Route
    /// The old path that stands for it, when the caller took one.
    let old: OldPath?
    /// What stands in the path's places.
    let values: [String]
    let guest: Door.Guest
    /// To which page's origin the answer may be shown.
    let origin: String?
    /// On the monotonic clock.
    let arrivedAt: Duration
    let surroundings: any Surroundings

    init(
        request: consuming Request, exchange: any Answering, route: Route, old: OldPath?, values: [String],
        guest: Door.Guest, origin: String?, arrivedAt: Duration, surroundings: any Surroundings
    ) {
        self.request = request
        self.exchange = exchange
        self.route = route
        self.old = old
        self.values = values
        self.guest = guest
        self.origin = origin
        self.arrivedAt = arrivedAt
        self.surroundings = surroundings
    }

    /// For refusals, which are few: without one from the caller each call makes another.
    var requestID: RequestID { surroundings.requestID(of: request.headers) }

    /// The query; of a parameter that comes twice the first counts.
    var parameters: [String: String] {
        Dictionary(request.query.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// How long the writer or a reader may take before the caller is told to come again.
    static let patience = Duration.seconds(10)

    func answer(_ response: Response) { exchange.answer(response.shown(to: origin)) }
    func answer(_ body: some JSONWritable) { answer(.json(body)) }

    func refuse(_ code: ErrorCode, _ sentence: String) { answer(.refusal(ErrorReply(code, sentence), to: requestID)) }

    /// Reads the body under the route's own limit; an empty one stands for an empty object, as old callers send it. Nil:
    /// it was refused.
    func body<Body: WireObject>(_ type: Body.Type = Body.self) -> Body? { read(type)?.body }

    /// The same, with the document that it was read from.
    func read<Body: WireObject>(_ type: Body.Type) -> (body: Body, document: JSONDocument)? {
        do throws(JSONError) {
            let bytes = request.body.isEmpty ? Array("{}".utf8) : request.body
            let document = try JSONDocument(bytes, limits: JSONLimits(bytes: route.bodyBytes))
            return (try decodeJSON(type, from: document), document)
        } catch {
            refuse(.validation, "\(error)")
            return nil
        }
    }

    /// The identifier in one of the path's places. Nil: it was refused.
    func value<Kind: IdentifierKind>(_ place: Int, of kind: Kind.Type = Kind.self) -> Identifier<Kind>? {
        do throws(WireError) { return try Identifier<Kind>(values[place]) } catch {
            // What cannot be a name is the name of nothing.
            refuse(.notFound, "no such thing: \(error)")
            return nil
        }
    }

    /// Parks until `ask` has an answer from the heart.
    func later<Reply: Sendable>(
        _ ask: (@escaping @Sendable (Outcome<Reply>) -> Void) -> Void,
        _ respond: @escaping @Sendable (Reply) -> Response
    ) {
        let visit = self
        guard exchange.park(for: Self.patience, otherwise: { visit.late }) else { return }
        ask { outcome in visit.answer(visit.response(to: outcome, respond)) }
    }

    func later<Reply: WireObject>(_ ask: (@escaping @Sendable (Outcome<Reply>) -> Void) -> Void) {
        later(ask) { .json($0) }
    }

    func response<Reply: Sendable>(
        to outcome: Outcome<Reply>, _ respond: @Sendable (Reply) -> Response
    ) -> Response {
        switch outcome {
        case .done(let reply): respond(reply)
        case .refused(let reply): .refusal(reply, to: requestID)
        case .unavailable(let reason):
            .refusal(ErrorReply(.unavailable, "\(told(reason)); nothing was changed, ask again"), to: requestID)
        }
    }

    /// Why the store failed may name the agent of another tenant, whose event was stored together with this one.
    private func told(_ reason: String) -> String {
        if case .admin = guest { "not stored: \(reason)" } else { "the store does not take it now" }
    }

    private var late: Response {
        Response.refusal(
            ErrorReply(.unavailable, "the store is slow; this may or may not have been done, asking again is safe"),
            to: requestID
        ).shown(to: origin)
    }
}
