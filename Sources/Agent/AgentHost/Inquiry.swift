package import AgentCore
import HTTPClient
import JSON
package import Platform
package import Wire

/// Asks the coordinator one thing in the agent's own name, for a person at this machine. Lives on the loop's thread.
package final class Inquiry {
    private let transport: Transport
    private let server: String
    private let token: Token

    package init(loop: any EventLoop, server: String, caFile: String?, token: Token) throws(UplinkError) {
        let options = TransportOptions(userAgent: "spot-agent/\(productVersion)", caFile: caFile)
        do { transport = try Transport(loop: loop, options: options) } catch {
            throw UplinkError("prepare to ask the coordinator: \(error)")
        }
        (self.server, self.token) = (server, token)
    }

    /// `type` is what the answer shall be: a route can have a text for people beside its object. `completion` gets the body, once
    /// and in a later turn of the loop.
    package func ask(
        _ route: Route, _ values: [any PathValue] = [], query: [(QueryParameter, String)] = [], type: String,
        within deadline: Duration, _ completion: @escaping (Result<[UInt8], AskFailure>) -> Void
    ) {
        let headers = [
            HeaderField(protocolHeader, "\(protocolVersion)"), HeaderField("Authorization", "Bearer \(token.secret)"),
            HeaderField("Accept", type),
        ]
        let request = OutgoingRequest(
            .get, server + route.target(values, query: query), headers: headers, deadline: deadline,
            responseLimit: Limits.replyBytes)
        transport.send(request) { [server] result in
            switch result {
            case .failure(let error): completion(.failure(Uplink.failure(error)))
            case .success(let response) where response.status == 200: completion(.success(response.body))
            case .success(let response): completion(.failure(Self.refusal(response, of: server)))
            }
        }
    }

    private static func refusal(_ response: IncomingResponse, of server: String) -> AskFailure {
        guard let reply = try? decodeJSON(ErrorReply.self, from: response.body) else {
            return .rubbish("\(server) answered \(response.status), and not as a spot-coordinator does")
        }
        return .refused(status: response.status, reply.code, sentence: reply.error, retryAfter: nil)
    }
}
