import JSON

/// The six programs that exist. Three of them call themselves `4.0.0`.
package enum OldBuild: String, CaseIterable, Sendable {
    case v3 = "v3.2"
    case early = "v4-early"
    case sync = "v4-sync"
    case runbook
    case v5 = "v5.0.0"
    case v5production = "v5.0.1"

    package var version: String {
        switch self {
        case .v3: "3.2.0"
        case .early, .sync, .runbook: "4.0.0"
        case .v5: "5.0.0"
        case .v5production: "5.0.1-production"
        }
    }

    var isFive: Bool { self == .v5 || self == .v5production }
    var isFour: Bool { self == .early || self == .sync }
    /// Those that know the dialect of switches.
    var switches: Bool { self == .v3 || isFour }
}

/// What its environment file says; an image carries it along.
package struct OldEnvironment: Sendable, Equatable {
    package var token: String
    /// Empty: the instance's own id.
    package var logicalID = ""
    package var region = "us-east-1"
    package var autoTerminates = true
    package var terminateWait = 300
    package var makesImage = true

    package init(token: String, logicalID: String = "") {
        self.token = token
        self.logicalID = logicalID
    }
}

/// A request that a player makes. It always carries the client's token.
package struct OldCall: Sendable {
    package let id: Int
    package let method: String
    package let path: String
    package let body: OldValue?
    /// The runbook build's, which stays on its session once it was set.
    package let requestID: String?
}

/// What came back; nil for a time-out, or a connection that was refused.
package struct OldReply: Sendable {
    package var status: Int?
    package var body: [UInt8] = []

    package init(status: Int?, body: [UInt8] = []) {
        self.status = status
        self.body = body
    }

    package init(_ value: OldValue, status: Int = 200) {
        self.status = status
        body = encodeJSON(value)
    }

    /// As all of them judge it: below 400 or not, and JSON or not. An empty body is `{}`. Nil is a failure.
    package var judged: OldValue? {
        guard let status, (200..<400).contains(status) else { return nil }
        return body.isEmpty ? [:] : OldValue(body)
    }
}
