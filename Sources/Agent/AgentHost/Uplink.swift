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
        case .success(let response):
            question.answer(
                from: server, status: response.status, retryAfter: response.header("Retry-After"), response.body)
        }
    }

    static func failure(_ error: TransportError) -> AskFailure {
        switch error.code {
        case .tooLarge, .protocolError: .rubbish("\(error)")
        case .untrustedPeer:
            .unreachable("\(error); if its authority is your own, name its certificate in SERVER_CA_FILE")
        case .badCAFile: .unreachable("\(error); see SERVER_CA_FILE, or install the package ca-certificates")
        default: .unreachable("\(error)")
        }
    }
}

/// Why nobody can ask the coordinator at all.
package struct UplinkError: Error, Equatable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
