import Wire

extension AskFailure {
    /// What follows from it, whatever was asked.
    enum Meaning: Sendable, Equatable {
        /// Nobody is there, or is too busy, or at fault: it is asked again, and not before this time.
        case notNow(atLeast: Duration)
        case tokenRefused
        /// There is no such agent, command or replica.
        case gone
        /// The same again would be refused again.
        case no
    }

    /// A coordinator that asks for more is likelier wrong than that busy, and a fleet must not be sent away for hours.
    private static let retryAfterMax = Duration.seconds(30)

    var meaning: Meaning {
        switch self {
        // Rubbish is somebody else's answer: of a proxy, or of what listens there while the coordinator is away.
        case .unreachable, .rubbish: .notNow(atLeast: .zero)
        case .refused(401, _, _, _): .tokenRefused
        case .refused(404, _, _, _): .gone
        case .refused(408, _, _, let pause), .refused(429, _, _, let pause): .notNow(atLeast: Self.bounded(pause))
        case .refused(400..<500, _, _, _): .no
        case .refused(_, _, _, let pause): .notNow(atLeast: Self.bounded(pause))
        }
    }

    package var sentence: String {
        switch self {
        case .unreachable(let sentence), .rubbish(let sentence): sentence
        case .refused(let status, _, let sentence, _): "\(sentence) (\(status))"
        }
    }

    private static func bounded(_ pause: Duration?) -> Duration { min(max(pause ?? .zero, .zero), retryAfterMax) }
}
