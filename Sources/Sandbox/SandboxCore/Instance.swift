import JSON

/// One pretend machine.
struct Instance: Sendable {
    /// With the numbers that EC2 has for them.
    enum State: String, Sendable, CaseIterable {
        case pending, running, shuttingDown = "shutting-down", terminated, stopping, stopped

        var code: Int {
            switch self {
            case .pending: 0
            case .running: 16
            case .shuttingDown: 32
            case .terminated: 48
            case .stopping: 64
            case .stopped: 80
            }
        }

        /// Its address answers.
        var isUp: Bool { self != .terminated && self != .stopped }
        var isThere: Bool { self != .terminated }
    }

    let id: String
    let token: String?
    var type = "m5.large"
    var zone = ""
    var image = ""
    var isSpot = true
    /// Of its workload.
    var address = ""
    let metadata: IPv4
    var userData = ""
    var profile: String?
    var keyName: String?
    var groups: [String] = []
    /// It is a command; else somebody else plays it.
    var boots = true
    var hasBooted = false
    let launchedAt: Timestamp
    let foundFrom: Duration

    var state = State.pending
    /// When the state goes over into the next.
    var moves: Duration?
    /// EC2's word for why it is in that state.
    var reason: String?

    var notice: Notice?
    var rebalance: Timestamp?
    var maintenance: [Maintenance] = []
    /// What the Auto Scaling group wants it to become.
    var lifecycle: String?

    var tokens = SessionTokens()
    var credentials: RoleCredentials?

    /// EC2 takes it back.
    struct Notice: Sendable {
        enum Action: String, Sendable, CaseIterable { case terminate, stop, hibernate }
        let action: Action
        let at: Timestamp
        let due: Duration
    }

    struct Maintenance: Sendable {
        let id: String
        let code: String
        let notBefore: Timestamp
        let notAfter: Timestamp
    }

    var due: Duration? { [moves, state == .running || state == .pending ? notice?.due : nil].compactMap { $0 }.min() }

    static let maintenanceCodes = [
        "instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop",
    ]
}

/// What a role's holder signs with.
struct RoleCredentials: Sendable {
    let accessKey: String
    let secretKey: String
    let token: String
    let expiry: Timestamp
}

struct Tag: Sendable, Equatable {
    let key: String
    var value: String
}
