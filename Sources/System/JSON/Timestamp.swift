/// A moment of wall-clock time: nanoseconds since 1970-01-01T00:00:00Z, which reach from 1677-09-21 to 2262-04-11.
///
/// Arithmetic stops at these ends instead of trapping, because one operand may come from a stranger.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var nanosecondsSinceEpoch: Int64

    package init(nanosecondsSinceEpoch: Int64) { self.nanosecondsSinceEpoch = nanosecondsSinceEpoch }

    package static let earliest = Timestamp(nanosecondsSinceEpoch: .min)
    package static let latest = Timestamp(nanosecondsSinceEpoch: .max)

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch
    }

    package static func + (time: Timestamp, duration: Duration) -> Timestamp {
        // 128 bits hold every sum of a 64-bit count and a duration in nanoseconds.
        let sum = Int128(time.nanosecondsSinceEpoch) + duration.attoseconds / attosecondsPerNanosecond
        return Timestamp(nanosecondsSinceEpoch: Int64(clamping: sum))
    }

    package static func - (time: Timestamp, duration: Duration) -> Timestamp {
        let difference = Int128(time.nanosecondsSinceEpoch) - duration.attoseconds / attosecondsPerNanosecond
        return Timestamp(nanosecondsSinceEpoch: Int64(clamping: difference))
    }

    /// How long after `earlier` this is; negative when it is before. Always exact.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let difference = Int128(later.nanosecondsSinceEpoch) - Int128(earlier.nanosecondsSinceEpoch)
        return Duration(attoseconds: difference * attosecondsPerNanosecond)
    }

    package static func += (time: inout Timestamp, duration: Duration) { time = time + duration }
    package static func -= (time: inout Timestamp, duration: Duration) { time = time - duration }
}

private let attosecondsPerNanosecond: Int128 = 1_000_000_000
