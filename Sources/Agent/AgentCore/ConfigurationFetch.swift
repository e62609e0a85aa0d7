import Wire

/// Fetches the slot's configuration when the coordinator has another than we.
struct ConfigurationFetch: Sendable {
    private static let deadline = Duration.seconds(5)

    private var asked: ExchangeID?
    private var backoff = Backoff()
    /// When it is asked for; nil while nobody wants it, or the question is open.
    private(set) var due: Duration?

    mutating func want(at now: Duration) {
        if asked == nil && due == nil { due = now }
    }

    mutating func hasten(_ turn: inout Turn) {
        let isWanted = asked != nil || due != nil
        abandon(&turn)
        if isWanted { due = turn.now }
    }

    mutating func wake(_ enrolment: Enrolment, have: ConfigVersion?, _ turn: inout Turn) {
        guard let due, due <= turn.now else { return }
        self.due = nil
        asked = turn.ask(.configuration(have: have, of: enrolment.slot, enrolment.token), within: Self.deadline)
    }

    func isWaiting(for id: ExchangeID) -> Bool { asked == id }

    /// Nil: there is none, or no other.
    mutating func take(_ result: Result<Answer, AskFailure>, _ turn: inout Turn) -> Configuration? {
        asked = nil
        switch result {
        case .success(.configured(let configuration)):
            backoff.reset()
            return configuration
        case .success(.configurationUnchanged):
            backoff.reset()
            return nil
        default:
            // Also a refusal: whether the token is good and the agent there, the next heartbeat tells.
            due = turn.now + backoff.next(chance: turn.draw())
            return nil
        }
    }

    mutating func abandon(_ turn: inout Turn) {
        if let asked { turn.add(.abandon(asked)) }
        self = Self()
    }
}
