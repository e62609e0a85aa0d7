/// What was tried in vain, one time after the other: with growing pauses, and not for ever. It begins anew with whatever is heard
/// that may change the outcome.
package struct Attempts: Equatable, Sendable {
    /// One more than there may be, once it was told that nobody tries any more.
    package var made = 0

    package init(made: Int = 0) { self.made = made }

    /// The next one would be too many.
    var isSpent: Bool { made >= Rules.attemptsMax }
    var isGivenUp: Bool { made > Rules.attemptsMax }

    mutating func note() { made = min(made + 1, Rules.attemptsMax) }
    mutating func giveUp() { made = Rules.attemptsMax + 1 }

    /// After the last of them: `first` after one, then doubled.
    func pause(from first: Duration) -> Duration {
        guard made > 1 else { return first }
        // More doublings lead past any longest pause.
        return min(first * (1 << min(made - 1, 10)), max(first, Rules.longestPause))
    }
}
