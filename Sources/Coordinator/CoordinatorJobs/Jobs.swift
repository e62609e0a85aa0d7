package import CoordinatorHeart
package import Platform

/// Everything that time alone brings. Each job only makes events for the heart, and says when it wants to run again.
///
/// It belongs to the loop's thread.
package final class Jobs {
    private let loop: any EventLoop
    private let surroundings: any Surroundings
    private var jobs: [any Job]
    private var dueAt: [Duration]
    private var timer: (any LoopTimer)?

    package init(
        loop: any EventLoop, heart: Heart, surroundings: any Surroundings
    ) throws(EventLoopError) {
        self.loop = loop
        self.surroundings = surroundings
        jobs = [
            DueSlots(heart: heart), Liveness(heart: heart), Contacts(heart: heart),
            PriceReporters(heart: heart), Checkpoints(heart: heart),
            Beats(heart: heart), Retention(heart: heart),
        ]
        // From now on time is kept.
        heart.beat()
        dueAt = jobs.map { surroundings.monotonic() + $0.firstRun }
        timer = try loop.makeTimer { [unowned self] in run() }
        arm()
    }

    private func run() {
        let now = surroundings.monotonic()
        for index in jobs.indices where dueAt[index] <= now {
            jobs[index].run()
            // From now, not from when it was due: after a pause each job runs once, not as often as it was missed.
            dueAt[index] = now + jobs[index].period
        }
        arm()
    }

    private func arm() {
        guard let next = dueAt.min() else { return }
        timer?.arm(at: next)
    }
}

/// One thing that is done again and again.
protocol Job {
    /// After the start.
    var firstRun: Duration { get }
    var period: Duration { get }
    mutating func run()
}

extension Job {
    var firstRun: Duration { period }
}
