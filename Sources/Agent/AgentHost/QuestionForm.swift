package import AgentCore
import JSON
package import Wire

/// How a question stands in a request, whatever carries it.
package struct QuestionForm {
    package var route: Route
    package var values: [any PathValue] = []
    package var query: [(QueryParameter, String)] = []
    package var body: [UInt8]?
    /// Nil: the client's.
    package var token: Token?
    package var ifNoneMatch: ConfigVersion?
}

extension Question {
    package var form: QuestionForm {
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

    /// What came of it, by the answer of whoever listens at `server`.
    package func answer(
        from server: String, status: Int, retryAfter: String?, _ body: [UInt8]
    ) -> Result<Answer, AskFailure> {
        switch status {
        case 200, 201, 202:
            do throws(JSONError) { return .success(try readAnswer(body)) } catch {
                return .failure(
                    .rubbish("\(server) answered what cannot be read: \(error); is it a spot-coordinator?"))
            }
        case 304: return .success(.configurationUnchanged)
        case 400...:
            guard let reply = try? decodeJSON(ErrorReply.self, from: body) else {
                // Of ours every refusal is an object; a proxy on the way has pages of its own.
                let sentence = "\(server) answered \(status), and not as a spot-coordinator does"
                return .failure(.rubbish(sentence))
            }
            let wait = retryAfter.flatMap { Int($0) }.map { Duration.seconds(max(0, $0)) }
            return .failure(.refused(status: status, reply.code, sentence: reply.error, retryAfter: wait))
        default:
            return .failure(.rubbish("\(server) answered \(status): redirects are not followed"))
        }
    }

    private func readAnswer(_ body: [UInt8]) throws(JSONError) -> Answer {
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
