import Platform
import TestSupport

/// A timer that wants to run every 10 ms, and the most that it was late: what everything else on its loop costs.
final class LatenessMeter {
    private(set) var worst: Duration = .zero
    private(set) var ticks = 0
    private var due: Duration = .zero
    private var timer: (any LoopTimer)?
    private let clock = SystemSurroundings()

    init(on loop: any EventLoop) throws {
        timer = try loop.makeTimer { [weak self] in self?.tick() }
        due = clock.monotonic()
        plan()
    }

    private func tick() {
        worst = max(worst, clock.monotonic() - due)
        ticks += 1
        plan()
    }

    private func plan() {
        due = clock.monotonic() + .milliseconds(10)
        timer?.arm(at: due)
    }
}

/// What the product is judged by: a duty on the same loop is never later than this.
let lateLimit: Duration = isUnderSanitizer ? .milliseconds(500) : .milliseconds(50)
