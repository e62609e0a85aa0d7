import HTTPServer
import Platform
import TestSupport

/// EC2 and the price list, as far as a test puts words into their mouth, over real HTTP.
final class FakeService: Sendable {
    enum Said: Sendable {
        case reply(status: Int, body: String)
        /// Nothing, until the listener stops.
        case nothing
    }

    struct Asked: Sendable {
        let body: String
        let target: String?
        let contentType: String?
        let authorization: String
        let token: String?
    }

    private struct State {
        var answers: [Said]
        var asked: [Asked] = []
    }
    private let state: Monitor<State>
    private let listener: Listener

    /// Gives these answers in turn; the last one again and again.
    init(_ answers: [Said]) throws {
        let state = Monitor(State(answers: answers))
        self.state = state
        var options = ListenerOptions(address: .address("127.0.0.1", port: 0), surroundings: SystemSurroundings())
        options.workers = 1
        listener = try Listener(options) { request, exchange in
            let asked = Asked(
                body: String(decoding: request.body, as: UTF8.self), target: request.headers[name: "X-Amz-Target"],
                contentType: request.headers[name: "Content-Type"],
                authorization: request.headers[name: "Authorization"] ?? "",
                token: request.headers[name: "X-Amz-Security-Token"])
            let said = state.change { state in
                state.asked.append(asked)
                return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
            }
            switch said {
            case .reply(let status, let body):
                exchange.answer(Response(status: status, body: Array(body.utf8)))
            case .nothing: exchange.park(for: .seconds(60)) { Response(status: 503) }
            }
        }
    }

    convenience init(_ answers: Said...) throws { try self.init(answers) }

    var port: UInt16 { listener.port ?? 0 }
    var url: String { "http://127.0.0.1:\(port)" }
    var asked: [Asked] { state.change { $0.asked } }
    /// Connections, counted from the start.
    var accepted: Int { listener.counters.accepted }
    func stop() { listener.stop(within: .seconds(5)) }
}

extension FakeService.Said {
    static func xml(_ body: String, status: Int = 200) -> Self { .reply(status: status, body: body) }

    /// A refusal as EC2 words it.
    static func refused(_ code: String, _ message: String = "So it is.", status: Int = 400) -> Self {
        .reply(
            status: status,
            body: """
                <?xml version="1.0" encoding="UTF-8"?>
                <Response><Errors><Error><Code>\(code)</Code><Message>\(message)</Message></Error></Errors>\
                <RequestID>1</RequestID></Response>
                """)
    }

    /// And as ELB does.
    static func refusedByBalancer(_ code: String, _ message: String = "So it is.", status: Int = 400) -> Self {
        .reply(
            status: status,
            body: """
                <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type>\
                <Code>\(code)</Code><Message>\(message)</Message></Error><RequestId>1</RequestId></ErrorResponse>
                """)
    }

    static let deleted = xml("<DeleteSnapshotResponse><return>true</return></DeleteSnapshotResponse>")
    static let noInstances = xml("<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")
    static func imageMade(_ id: String) -> Self {
        xml("<CreateImageResponse><imageId>\(id)</imageId></CreateImageResponse>")
    }
}
