package import JSON

/// What a program must be given rather than take: time and chance. Everything that decides receives values read from
/// here; a test or the simulator hands in its own.
package protocol Surroundings: Sendable {
    /// CLOCK_MONOTONIC: for intervals while the machine runs.
    func monotonic() -> Duration
    /// The same in nanoseconds, for those who look at it several times in each request.
    func monotonicNanoseconds() -> Int64
    /// CLOCK_BOOTTIME: as monotonic, but goes on while the machine is suspended; deadlines are kept on it.
    func boot() -> Duration
    /// CLOCK_REALTIME: for people and for other machines. It may jump either way.
    func wall() -> Timestamp
    /// 64 bits from a cryptographically secure source.
    func random() -> UInt64
}

extension Surroundings {
    package func monotonicNanoseconds() -> Int64 { monotonic().nanoseconds }
}

extension Duration {
    /// For clocks and deadlines, which fit for 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
