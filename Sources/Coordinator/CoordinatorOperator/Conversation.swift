import HTTPClient
import JSON
import Platform
import Systemd
import Wire

/// What is asked of the coordinator: a route with its places filled, and what goes with it.
struct Question {
    let route: Route
    var values: [any PathValue] = []
    var query: [(QueryParameter, String)] = []
    var body: (any WireObject)?

    init(
        _ route: Route, _ values: any PathValue..., query: [(QueryParameter, String)] = [],
        body: (any WireObject)? = nil
    ) {
        (self.route, self.values, self.query, self.body) = (route, values, query, body)
    }
}

/// Asks the coordinator, one question at a time.
final class Conversation {
    let loop: Loop
    let access: Access
    private let transport: Transport

    /// A parked question is answered after `Limits.waitSecondsMax` at the latest; the rest is for the way.
    private static let deadline: Duration = .seconds(30)

    init(_ access: Access) throws(OperatorError) {
        self.access = access
        do {
            loop = try Loop()
            transport = try Transport(
                loop: loop,
                options: TransportOptions(userAgent: "spot-coordinator/\(productVersion)", caFile: access.caFile))
        } catch { throw OperatorError(.unreachable, "get ready to ask: \(error)") }
    }

    /// Waits for the answer.
    func ask(_ question: Question) throws(OperatorError) -> Reply {
        var result: Result<Reply, OperatorError>?
        send(question) { result = $0 }
        while true {
            if let result { return try result.get() }
            do throws(EventLoopError) { _ = try loop.turn(timeout: nil) } catch {
                throw OperatorError(.unreachable, "wait for the answer: \(error)")
            }
        }
    }

    /// Tells the answer to `completion` in a later turn of the loop.
    func send(_ question: Question, _ completion: @escaping (Result<Reply, OperatorError>) -> Void) {
        let access = access
        let isAsking = question.route.row.method == .get
        transport.send(request(question)) { result in
            completion(
                result.mapError { access.error($0, isAsking: isAsking) }
                    .flatMap { response in
                        Result { () throws(OperatorError) in try Reply(response, access) }
                    })
        }
    }

    private func request(_ question: Question) -> OutgoingRequest {
        var headers = [
            HeaderField("Authorization", "Bearer \(access.token.secret)"), HeaderField("Accept", "application/json"),
            // Native callers get replies bare.
            HeaderField(protocolHeader, "\(protocolVersion)"),
        ]
        let body = question.body.map { encodeAny($0) } ?? []
        if !body.isEmpty { headers.append(HeaderField("Content-Type", "application/json")) }
        return OutgoingRequest(
            question.route.row.method.outgoing,
            access.server + question.route.target(question.values, query: question.query), headers: headers, body: body,
            deadline: Self.deadline, responseLimit: Limits.overviewBytes)
    }
}

private func encodeAny(_ body: any WireObject) -> [UInt8] { encodeJSON(body) }

extension Wire.Method {
    fileprivate var outgoing: OutgoingRequest.Method {
        switch self {
        case .get: .get
        case .post: .post
        case .put: .put
        case .delete: .delete
        }
    }
}
