package import AgentCore
import HTTPClient
package import Platform
import Wire

/// Asks the metadata service, version 2 only, over one kept connection and one request at a time.
///
/// The token is made once and used until it is nearly over, or refused. Lives on the loop's thread.
package final class MetadataClient {
    package typealias Completion = (MetadataReading) -> Void

    private struct Question {
        let path: String
        /// On the loop's clock.
        let deadline: Duration
        let completion: Completion
        var hasFreshToken = false
    }

    private struct Token {
        let text: String
        let renewAt: Duration
    }

    /// Six hours, the longest there is. A fifth of it is left for a service that cannot be asked for a while.
    private static let tokenSeconds = 21_600
    private static let tokenLife = Duration.seconds(tokenSeconds) * 4 / 5
    /// A role's credentials are 1.5 KB, a list of events less.
    private static let answerBytes = 16 << 10
    /// What waits: the watch's one read, and a refresh of credentials.
    private static let waitingMax = 16

    private let transport: Transport
    private let loop: any EventLoop
    private let endpoint: String
    private var token: Token?
    private var waiting: [Question] = []
    private var isAsking = false

    package init(loop: any EventLoop, endpoint: String) throws(MetadataError) {
        var options = TransportOptions(userAgent: "spot-agent/\(productVersion)")
        options.proxy = .none
        options.maxConnections = 1
        options.maxConnectionsPerHost = 1
        do { transport = try Transport(loop: loop, options: options) } catch {
            throw MetadataError("prepare to ask the metadata service: \(error)")
        }
        self.loop = loop
        self.endpoint = endpoint
    }

    /// `completion` is called once, in a later turn of the loop, about at the deadline at the latest.
    package func read(_ item: MetadataItem, within time: Duration, _ completion: @escaping Completion) {
        ask(item.path, within: time, isUrgent: true, completion)
    }

    /// What stands below `latest/meta-data/`. It waits until the machine's own reads have had their turn.
    package func read(path: String, within time: Duration, _ completion: @escaping Completion) {
        ask(path, within: time, isUrgent: false, completion)
    }

    func dropConnections() { try? transport.closeConnections() }

    /// What was asked is not answered any more.
    func close() {
        transport.close()
        waiting = []
    }

    private func ask(_ path: String, within time: Duration, isUrgent: Bool, _ completion: @escaping Completion) {
        precondition(
            waiting.count < Self.waitingMax, "more questions wait for the metadata service than there are askers")
        let question = Question(path: path, deadline: loop.now + time, completion: completion)
        waiting.insert(question, at: isUrgent ? 0 : waiting.count)
        askNext()
    }

    private func askNext() {
        guard !isAsking, !waiting.isEmpty else { return }
        isAsking = true
        let question = waiting.removeFirst()
        if let token, loop.now < token.renewAt { get(question, token.text) } else { renewToken(for: question) }
    }

    // MARK: The two requests

    private func renewToken(for question: Question) {
        let request = OutgoingRequest(
            .put, "\(endpoint)/latest/api/token",
            headers: [HeaderField("X-aws-ec2-metadata-token-ttl-seconds", "\(Self.tokenSeconds)")],
            deadline: timeLeft(question), responseLimit: Self.answerBytes)
        transport.send(request) { [self] result in
            switch result {
            case .success(let response) where response.status == 200:
                guard let text = plainText(response.body), !text.isEmpty, text.utf8.count <= 1_024 else {
                    return end(question, .failed("\(endpoint) answered something else than a token"))
                }
                token = Token(text: text, renewAt: loop.now + Self.tokenLife)
                var question = question
                question.hasFreshToken = true
                get(question, text)
            case .success(let response): end(question, .failed(refusal(response.status, of: "a token")))
            case .failure(let error): end(question, .failed("\(error); \(Self.hint(error))"))
            }
        }
    }

    /// The answer to the token's request alone has few hops to live; everything else arrives in a container, too.
    private static func hint(_ error: TransportError) -> String {
        error.wasSent
            ? "in a container the instance's HttpPutResponseHopLimit must be 2 or more"
            : "is this an EC2 instance, and does nothing keep its packets away?"
    }

    private func get(_ question: Question, _ token: String) {
        let request = OutgoingRequest(
            .get, "\(endpoint)/latest/meta-data/\(question.path)",
            headers: [HeaderField("X-aws-ec2-metadata-token", token)], deadline: timeLeft(question),
            responseLimit: Self.answerBytes)
        transport.send(request) { [self] result in
            switch result {
            case .success(let response): take(response, for: question)
            case .failure(let error): end(question, .failed("\(error)"))
            }
        }
    }

    private func take(_ response: IncomingResponse, for question: Question) {
        switch response.status {
        case 200:
            end(
                question,
                plainText(response.body).map { .value($0) }
                    ?? .failed("\(question.path): the metadata service answered something else than text"))
        case 404: end(question, .absent)
        // The machine was stopped and started, or the service forgot.
        case 401 where !question.hasFreshToken:
            // Should the next one be lost, another question begins with it.
            token = nil
            renewToken(for: question)
        default: end(question, .failed(refusal(response.status, of: question.path)))
        }
    }

    private func end(_ question: Question, _ reading: MetadataReading) {
        isAsking = false
        question.completion(reading)
        askNext()
    }

    /// Whoever waited behind another question still gets a try, of which a service that is well needs a fraction.
    private func timeLeft(_ question: Question) -> Duration { max(question.deadline - loop.now, .milliseconds(100)) }

    private func refusal(_ status: Int, of what: String) -> String {
        let meaning =
            switch status {
            case 400: ": it does not take the request for one"
            case 401: ": it does not take its own token"
            case 403: ": it is switched off for this machine (HttpEndpoint in its metadata options)"
            case 429, 503: ": it is asked too much, or unwell"
            default: ""
            }
        return "\(endpoint) answered \(status) when asked for \(what)\(meaning)"
    }
}

/// Without the blanks around it; nil for what is no text.
private func plainText(_ bytes: [UInt8]) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self),
        text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 })
    else { return nil }
    let isBlank = { (character: Character) in character.isWhitespace }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
}

/// Why nobody can ask the metadata service at all.
package struct MetadataError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
