import HTTPClient
import JSON
import Platform
import Wire

/// What the coordinator answered when it did what it was asked.
struct Reply {
    let body: [UInt8]
    let document: JSONDocument
    private let server: String

    /// Throws where it refused, and where the answer is no coordinator's.
    init(_ response: IncomingResponse, _ access: Access) throws(OperatorError) {
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(response.body, limits: JSONLimits(bytes: Limits.overviewBytes))
        } catch { throw access.foreign("answers \(response.status) and no JSON", response) }
        guard (200...299).contains(response.status) else { throw access.refusal(response, document) }
        (body, self.document, server) = (response.body, document, access.server)
    }

    /// The answer as a message of the protocol.
    func read<Message: JSONReadable>(_ type: Message.Type) throws(OperatorError) -> Message {
        do throws(JSONError) { return try Message(from: document.root) } catch {
            throw OperatorError(
                .unreachable,
                "the answer of \(server) is not what this version (\(productVersion)) expects: \(printable("\(error)")); "
                    + "is it a coordinator, and is it older or newer?")
        }
    }
}

extension Access {
    /// What an answer of 300 and more means.
    fileprivate func refusal(_ response: IncomingResponse, _ document: JSONDocument) -> OperatorError {
        guard let reply = try? ErrorReply(from: document.root) else {
            return foreign("answers \(response.status) without a reason", response)
        }
        let request = reply.request.map { " (request \($0))" } ?? ""
        let sentence = printable(reply.error) + request
        switch response.status {
        case 401, 403:
            return OperatorError(
                .noAccess, "the coordinator at \(server) refuses the token from \(tokenOrigin): \(sentence)")
        case 410: return OperatorError(.gone, sentence)
        case 429, 500...599:
            return OperatorError(.refused, sentence, retryAfter: response.retryAfter)
        default: return OperatorError(.refused, sentence)
        }
    }

    /// Somebody answers, and it is not a coordinator: a proxy before it, or another service.
    fileprivate func foreign(_ what: String, _ response: IncomingResponse) -> OperatorError {
        OperatorError(
            .unreachable, "what listens at \(server) \(what): is it a coordinator? Another address: --server URL",
            // A proxy says so while the coordinator behind it restarts.
            retryAfter: response.status >= 500 ? response.retryAfter : nil)
    }

    /// Nobody answered. `isAsking`: nothing can have changed by it.
    func error(_ error: TransportError, isAsking: Bool) -> OperatorError {
        let why = "\(printable("\(error)"))"
        switch error.code {
        case .invalidRequest: return OperatorError(.usage, why)
        case .badCAFile: return OperatorError(.usage, "\(why): --ca-file names a file of certificates in PEM")
        case .untrustedPeer:
            return OperatorError(
                .unreachable,
                "\(why): give --ca-file with the certificate of its authority, or, if that is trusted already, --server with "
                    + "a name that the certificate is made for")
        case .resolve, .connect:
            return OperatorError(
                .unreachable,
                "\(why): is the coordinator running (systemctl status spot-coordinator)? Another address: --server URL",
                retryAfter: .zero)
        case .tls, .protocolError:
            return OperatorError(
                .unreachable, "\(why): does it speak \(server.prefix { $0 != ":" })? Another address: --server URL",
                retryAfter: .zero)
        case .tooLarge: return OperatorError(.unreachable, why)
        case .deadlinePassed, .connectionLost, .busy, .resources:
            let doubt = isAsking ? "" : "; it may have been done all the same: look before you ask again"
            return OperatorError(.unreachable, why + doubt, retryAfter: .zero)
        }
    }
}

extension IncomingResponse {
    /// What `Retry-After` says in seconds. Never more than a minute: a person waits, and looks again at no cost.
    fileprivate var retryAfter: Duration {
        .seconds(min(max(header("Retry-After").flatMap { Int($0) } ?? 0, 0), 60))
    }
}
