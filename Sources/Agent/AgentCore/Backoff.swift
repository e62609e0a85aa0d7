/// How long to wait after each failure in a row: 250 ms, doubling to the longest, each drawn from its upper half.
package struct Backoff: Sendable, Equatable {
    package static let shortest: Duration = .milliseconds(250)
    /// Never longer where nobody answers: agents that sleep for minutes after an outage are what operators complain about
    /// most, and a fleet of 10,000 at one try in about 4 s each is 2,500 requests a second, which the coordinator can bear.
    package static let longest: Duration = .seconds(5)

    private let longest: Duration
    private var failures = 0

    package init(upTo longest: Duration = Self.longest) { self.longest = longest }

    package mutating func next(chance: UInt64) -> Duration {
        let whole = min(Self.shortest * (1 << min(failures, 10)), longest)
        failures += 1
        return whole * (0.5 + 0.5 * fraction(of: chance))
    }

    package mutating func reset() { failures = 0 }
}

/// A number from 0 up to, not including, 1.
func fraction(of chance: UInt64) -> Double { Double(chance >> 11) / 0x1p53 }
