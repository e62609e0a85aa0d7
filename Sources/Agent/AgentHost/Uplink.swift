package import AgentCore
import HTTPClient
import JSON
package import Platform
package import Wire

/// The way to the coordinator: typed questions over kept-alive connections, on the loop's thread.
package final class Uplink {
    private let transport: Transport
    private let server: String
    /// It enrols, and goes nowhere else.
    private let clientToken: Token?
    private var calls: [ExchangeID: Call] = [:]

    /// `server` is the coordinator's URL, without a slash at its end. A path in it is kept, so that it may live behind a
    /// proxy's prefix.
    package init(
        loop: any EventLoop, server: String, caFile: String?, clientToken: Token?
    ) throws(UplinkError) {
        let options = TransportOptions(userAgent: "spot-agent/\(productVersion)", caFile: caFile)
        do { transport = try Transport(loop: loop, options: options) } catch {
            throw UplinkError("prepare to ask the coordinator: \(error)")
        }
        self.server = server
        self.clientToken = clientToken
    }

    /// `completion` is called once, in a later turn of the loop and at the deadline at the latest, unless the question is
    /// abandoned.
    package func ask(
        _ id: ExchangeID, _ question: Question, within deadline: Duration,
        _ completion: @escaping (Result<Answer, AskFailure>) -> Void
    ) {
        calls[id] = transport.send(request(question, deadline)) { [self] result in
            calls[id] = nil
            completion(Self.answer(to: question, result, from: server))
        }
    }

    /// The connection is closed when the answer was still to come.
    package func abandon(_ id: ExchangeID) { calls.removeValue(forKey: id)?.cancel() }

    /// Another network: what was open leads nowhere.
    func dropConnections() { try? transport.closeConnections() }

    /// What was asked is not answered any more.
    func close() {
        transport.close()
        calls = [:]
    }

    // MARK: Questions

    private func request(_ question: Question, _ deadline: Duration) -> OutgoingRequest {
        let form = question.form
        var headers = [HeaderField(protocolHeader, "\(protocolVersion)")]
        if form.route.row.caller != .anyone, let token = form.token ?? clientToken {
            headers.append(HeaderField("Authorization", "Bearer \(token.secret)"))
        }
        if form.body != nil { headers.append(HeaderField("Content-Type", "application/json")) }
        if let version = form.ifNoneMatch { headers.append(HeaderField("If-None-Match", version.etag)) }
        let method: OutgoingRequest.Method =
            switch form.route.row.method {
            case .get: .get
            case .post: .post
            case .put: .put
            case .delete: .delete
            }
        return OutgoingRequest(
            method, server + form.route.target(form.values, query: form.query), headers: headers, body: form.body ?? [],
            deadline: deadline, responseLimit: Limits.replyBytes)
    }

    // MARK: Answers

    private static func answer(
        to question: Question, _ result: Result<IncomingResponse, TransportError>, from server: String
    ) -> Result<Answer, AskFailure> {
        switch result {
        case .failure(let error): .failure(failure(error))
        case .success(let response): read(response, as: question, from: server)
        }
    }

    private static func failure(_ error: TransportError) -> AskFailure {
        switch error.code {
        case .tooLarge, .protocolError: .rubbish("\(error)")
        case .untrustedPeer:
            .unreachable("\(error); if its authority is your own, name its certificate in SERVER_CA_FILE")
        case .badCAFile: .unreachable("\(error); see SERVER_CA_FILE, or install the package ca-certificates")
        default: .unreachable("\(error)")
        }
    }

    private static func read(
        _ response: IncomingResponse, as question: Question, from server: String
    ) -> Result<Answer, AskFailure> {
        switch response.status {
        case 200, 201, 202:
            do throws(JSONError) { return .success(try question.readAnswer(response.body)) } catch {
                return .failure(
                    .rubbish("\(server) answered what cannot be read: \(error); is it a spot-coordinator?"))
            }
        case 304: return .success(.configurationUnchanged)
        case 400...:
            guard let reply = try? decodeJSON(ErrorReply.self, from: response.body) else {
                // Of ours every refusal is an object; a proxy on the way has pages of its own.
                let sentence = "\(server) answered \(response.status), and not as a spot-coordinator does"
                return .failure(.rubbish(sentence))
            }
            let wait = response.header("Retry-After").flatMap { Int($0) }.map { Duration.seconds(max(0, $0)) }
            return .failure(
                .refused(status: response.status, reply.code, sentence: reply.error, retryAfter: wait))
        default:
            return .failure(.rubbish("\(server) answered \(response.status): redirects are not followed"))
        }
    }
}

/// How a question stands in a request.
private struct QuestionForm {
    var route: Route
    var values: [any PathValue] = []
    var query: [(QueryParameter, String)] = []
    var body: [UInt8]?
    /// Nil: the client's.
    var token: Token?
    var ifNoneMatch: ConfigVersion?
}

extension Question {
    fileprivate var form: QuestionForm {
        switch self {
        case .register(let registration):
            QuestionForm(route: .register, body: encodeJSON(registration))
        case .service: QuestionForm(route: .service)
        case .time: QuestionForm(route: .time)
        case .client: QuestionForm(route: .validateClient)
        case .heartbeat(let heartbeat, let wait, let slot, let token):
            QuestionForm(
                route: .heartbeat, values: [slot], query: wait > 0 ? [(.wait, "\(wait)")] : [],
                body: encodeJSON(heartbeat), token: token)
        case .configuration(let version, let slot, let token):
            QuestionForm(route: .configuration, values: [slot], token: token, ifNoneMatch: version)
        case .notice(let notice, let slot, let token):
            QuestionForm(route: notice.route, values: [slot], body: encodeJSON(notice), token: token)
        case .report(let report, let slot, let token): report.content.form(slot, token)
        }
    }

    fileprivate func readAnswer(_ body: [UInt8]) throws(JSONError) -> Answer {
        switch self {
        case .register: .registered(try decodeJSON(RegistrationReply.self, from: body))
        case .service: .service(try decodeJSON(ServiceDescription.self, from: body))
        case .time: .time(try decodeJSON(ServerTime.self, from: body).serverTime)
        case .client: .client(try decodeJSON(ValidatedClient.self, from: body))
        case .heartbeat: .heard(try decodeJSON(HeartbeatReply.self, from: body))
        case .configuration: .configured(try decodeJSON(Configuration.self, from: body))
        case .notice: .noticed(try decodeJSON(NoticeReply.self, from: body))
        // What became of it the coordinator knows; that it has it is enough. But a page of somebody else's is not that.
        case .report: try report(body)
        }
    }

    private func report(_ body: [UInt8]) throws(JSONError) -> Answer {
        _ = try JSONDocument(body).root.object()
        return .reported
    }
}

extension Report.Content {
    fileprivate func form(_ slot: SlotID, _ token: Token) -> QuestionForm {
        switch self {
        case .result(let result, let command):
            QuestionForm(route: .commandResult, values: [slot, command], body: encodeJSON(result), token: token)
        case .pricing(let report):
            QuestionForm(route: .pricingReport, values: [slot], body: encodeJSON(report), token: token)
        case .switched(let report):
            QuestionForm(route: .switchReport, values: [slot], body: encodeJSON(report), token: token)
        case .terminated(let report):
            QuestionForm(route: .terminationReport, values: [slot], body: encodeJSON(report), token: token)
        case .cleaned(let report):
            QuestionForm(route: .cleanupReport, values: [slot], body: encodeJSON(report), token: token)
        case .replicaLaunched(let launch, let replica):
            QuestionForm(route: .launchReplica, values: [slot, replica], body: encodeJSON(launch), token: token)
        case .replicaProgressed(let progress, let replica):
            QuestionForm(route: .replicaStatus, values: [slot, replica], body: encodeJSON(progress), token: token)
        }
    }
}

/// Why nobody can ask the coordinator at all.
package struct UplinkError: Error, Equatable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
