/// How long to wait after each failure in a row: 250 ms, doubling to 5 s, each drawn from its upper half.
///
/// Never longer: agents that sleep for minutes after an outage are what operators complain about most, and a fleet of
/// 10,000 at one try in about 4 s each is 2,500 requests a second, which the coordinator can bear.
package struct Backoff: Sendable, Equatable {
    package static let shortest: Duration = .milliseconds(250)
    package static let longest: Duration = .seconds(5)

    private var failures = 0

    package init() {}

    package mutating func next(chance: UInt64) -> Duration {
        let whole = min(Self.shortest * (1 << min(failures, 10)), Self.longest)
        failures += 1
        return whole * (0.5 + 0.5 * fraction(of: chance))
    }

    package mutating func reset() { failures = 0 }
}

/// A number from 0 up to, not including, 1.
func fraction(of chance: UInt64) -> Double { Double(chance >> 11) / 0x1p53 }
