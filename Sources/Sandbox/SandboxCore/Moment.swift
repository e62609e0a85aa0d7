package import JSON

/// When something happens, by two clocks: the first decides, the second is for what is said.
package struct Moment: Sendable {
    /// Since whenever, and never set.
    package let time: Duration
    package let wall: Timestamp

    package init(time: Duration, wall: Timestamp) {
        self.time = time
        self.wall = wall
    }

    /// The moment at which the wall clock is to show `wall`.
    func time(of wall: Timestamp) -> Duration { time + (wall - self.wall) }

    /// The first whole second in so long or later: AWS names no parts of seconds.
    func wholeSecond(in delay: Duration) -> Timestamp {
        let second: Int64 = 1_000_000_000
        let exact = (wall + delay).nanosecondsSinceEpoch
        return Timestamp(nanosecondsSinceEpoch: (exact + second - 1) / second * second)
    }
}

extension Timestamp {
    /// Without parts of seconds, as AWS writes it.
    var inSeconds: Timestamp {
        Timestamp(nanosecondsSinceEpoch: nanosecondsSinceEpoch / 1_000_000_000 * 1_000_000_000)
    }

    /// `21 Jan 2027 09:00:43 GMT`, as the metadata service writes the times of events.
    var inWords: String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = inSeconds.description.split { "-TZ".contains($0) }
        guard parts.count == 4, let month = Int(parts[1]) else { return description }
        return "\(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]) GMT"
    }
}
