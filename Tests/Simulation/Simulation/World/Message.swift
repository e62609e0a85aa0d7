import AgentCore
import HTTPServer
import JSON
import OldAgents
import Wire

/// A request on its way, as bytes and what stands beside them.
struct Request: @unchecked Sendable {
    // Unchecked: a simulation is one thread.
    /// Nil: an old program's, which knows no routes.
    var route: Route?
    /// What that has asked.
    var call: OldCall?
    var sender: InstanceID?
    var values: [any PathValue] = []
    let method: String
    let target: String
    var body: [UInt8] = []
    var token: Token?
    var ifNoneMatch: String?
    var requestID: String?
    /// From where it comes.
    var address = Self.operators
    /// What its sender said, whatever becomes of it on the way. Not a part of what is carried: the checkers look at it.
    var said: Said?

    static let operators = address("192.0.2.1")

    init(_ route: Route, _ values: [any PathValue] = [], query: [(QueryParameter, String)] = [], token: Token) {
        self.route = route
        self.values = values
        self.token = token
        method = route.row.method.rawValue
        target = route.target(values, query: query)
    }

    /// What an old program asks, with its client's token.
    init(_ call: OldCall, of machine: Machine) {
        (self.call, sender) = (call, machine.id)
        (method, target, requestID) = (call.method, call.path, call.requestID)
        body = call.body.map { encodeJSON($0) } ?? []
        token = machine.place.clientToken
        address = machine.address
    }

    var slot: SlotID? { values.first as? SlotID }

    static func address(_ text: String) -> PeerAddress {
        guard let address = PeerAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }
}

/// The name and the epoch under which a host reports something.
struct Said: Hashable {
    var report: ReportID
    var epoch: Epoch?

    init(_ report: Report) {
        self.report = report.id
        epoch =
            switch report.content {
            case .pricing(let report): report.stamp.epoch
            case .switched(let report): report.stamp.epoch
            case .terminated(let report): report.stamp.epoch
            case .cleaned(let report): report.stamp.epoch
            case .result(let result, _): result.epoch
            case .replicaLaunched, .replicaProgressed: nil
            }
    }
}

/// An answer on its way.
struct Response: Sendable {
    var status: Int
    var retryAfter: String?
    var body: [UInt8] = []
}
