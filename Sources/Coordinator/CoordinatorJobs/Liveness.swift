import CoordinatorHeart
import Platform

/// Finds those who have fallen silent. When the coordinator itself was away, which its own clock shows, nobody has: their
/// silence begins anew.
struct Liveness: Job {
    private let heart: Heart
    private let surroundings: any Surroundings
    private var lastRun: Duration

    let period = Duration.seconds(1)
    /// One heartbeat of a host in a hurry: longer than any turn of the loop, shorter than three missed heartbeats.
    private static let gap = Duration.seconds(3)

    init(heart: Heart, surroundings: any Surroundings) {
        self.heart = heart
        self.surroundings = surroundings
        // The clock that goes on while the machine is suspended.
        lastRun = surroundings.boot()
    }

    mutating func run() {
        let now = surroundings.boot()
        if now - lastRun > Self.gap { heart.beginGrace() }
        lastRun = now
        heart.examineLiveness()
    }
}
