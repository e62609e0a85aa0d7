package import JSON

/// What a program must be given rather than take: time and chance. Everything that decides receives values read from
/// here; a test or the simulator hands in its own.
package protocol Surroundings: Sendable {
    /// CLOCK_MONOTONIC: for intervals while the machine runs.
    func monotonic() -> Duration
    /// CLOCK_BOOTTIME: as monotonic, but goes on while the machine is suspended; deadlines are kept on it.
    func boot() -> Duration
    /// CLOCK_REALTIME: for people and for other machines. It may jump either way.
    func wall() -> Timestamp
    /// 64 bits from a cryptographically secure source.
    func random() -> UInt64
}
