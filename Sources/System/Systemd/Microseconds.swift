/// libsystemd counts time in whole microseconds; UInt64.max means "never".
extension Duration {
    init(microseconds: UInt64) { self = .microseconds(Int64(clamping: microseconds)) }

    /// Rounded up, so that nothing happens before its time; a negative duration is zero, an absurd one never.
    var microsecondsUp: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, tooLong) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000)
        return tooLong ? .max : whole &+ UInt64((attoseconds + 999_999_999_999) / 1_000_000_000_000)
    }
}
