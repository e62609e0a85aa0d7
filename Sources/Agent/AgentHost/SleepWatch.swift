package import Platform

/// Notices that the machine stood still, asleep or as a guest that was paused: CLOCK_BOOTTIME went on, CLOCK_MONOTONIC did not.
package struct SleepWatch {
    /// A clock that is read a moment after the other is no sleep.
    private static let shortest = Duration.seconds(1)

    /// Since the boot, as far as it was told. Shorter naps add up until they are told as one.
    package private(set) var known: Duration

    package init(_ surroundings: any Surroundings) { known = Self.lasting(Self.sleep(surroundings), surroundings) }

    /// How long it slept since that was last told; nil when it did not.
    package mutating func look(at surroundings: any Surroundings) -> Duration? {
        var sleep = Self.sleep(surroundings)
        if sleep - known > Self.shortest { sleep = Self.lasting(sleep, surroundings) }
        guard sleep - known > Self.shortest else { return nil }
        defer { known = sleep }
        return sleep - known
    }

    /// We may have been kept waiting between the two clocks ourselves. A second look tells: that does not last.
    private static func lasting(_ sleep: Duration, _ surroundings: any Surroundings) -> Duration {
        min(sleep, Self.sleep(surroundings))
    }

    private static func sleep(_ surroundings: any Surroundings) -> Duration {
        let awake = surroundings.monotonic()
        return surroundings.boot() - awake
    }
}
