import JSON

/// The coordinator's clock as seen from here, told from the four times of an exchange as NTP does. The park lies between the
/// two times of the coordinator's, and so falls out.
struct ServerClock: Sendable, Equatable {
    /// An answer that was longer under way may be wrong by half of that, so a better one is kept.
    private static let usefulDelay = Duration.seconds(2)
    /// Two good clocks go apart by as much over the longest park.
    private static let tolerance = Duration.milliseconds(100)

    /// What it showed when our clock since boot was at zero. Bound to that clock, because our wall clock may be set.
    private var atBoot: Timestamp?

    mutating func take(askedAt: Duration, receivedAt: Timestamp, sentAt: Timestamp, answeredAt: Duration) {
        let park = sentAt - receivedAt
        let delay = answeredAt - askedAt - park
        // Otherwise it was set while we were parked, or is still being brought to another time, which can take it hours.
        guard park >= .zero, delay >= .zero - Self.tolerance else {
            atBoot = sentAt - answeredAt
            return
        }
        guard atBoot == nil || delay <= Self.usefulDelay else { return }
        atBoot = receivedAt - delay / 2 - askedAt
    }

    /// What to add to our wall clock to have the coordinator's; nil while that is not known.
    func offset(at now: Duration, wall: Timestamp) -> Duration? { atBoot.map { $0 + now - wall } }
}
