import AgentCore
import Wire

/// A request on its way, as bytes and what stands beside them.
struct Request {
    var route: Route
    var values: [String] = []
    var query: [String: String] = [:]
    var body: [UInt8] = []
    /// Nil: none is shown, and it is the administrator's way in.
    var token: Token?
    var ifNoneMatch: String?
    /// What its sender said, whatever becomes of it on the way. Not a part of what is carried: the checkers look at it.
    var said: Said?
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
