import Platform

/// The loop of the coordinator's jobs: its timers are things that the agenda lets happen.
final class SimulatedLoop: EventLoop {
    private let agenda: Agenda
    private let surroundings: any Surroundings
    /// What is planned while the coordinator stands still happens behind it.
    private let isAlive: () -> Bool
    private let resumesAt: () -> Duration

    init(
        _ agenda: Agenda, _ surroundings: any Surroundings, isAlive: @escaping () -> Bool,
        resumesAt: @escaping () -> Duration
    ) {
        self.agenda = agenda
        self.surroundings = surroundings
        self.isAlive = isAlive
        self.resumesAt = resumesAt
    }

    var now: Duration { surroundings.monotonic() }

    func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch {
        throw EventLoopError("a simulated loop has no descriptors")
    }

    func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer {
        Timer(self, handler)
    }

    private final class Timer: LoopTimer {
        private let loop: SimulatedLoop
        private let handler: () -> Void
        /// Counts how often it was armed: only the last counts.
        private var armed = 0

        init(_ loop: SimulatedLoop, _ handler: @escaping () -> Void) {
            self.loop = loop
            self.handler = handler
        }

        func arm(at time: Duration) {
            armed += 1
            let number = armed
            loop.agenda.plan(after: max(.zero, time - loop.now)) { [self] in fire(number) }
        }

        func disarm() { armed += 1 }

        private func fire(_ number: Int) {
            guard number == armed, loop.isAlive() else { return }
            let resumesAt = loop.resumesAt()
            if resumesAt > loop.agenda.now {
                loop.agenda.plan(at: resumesAt) { [self] in fire(number) }
            } else {
                handler()
            }
        }
    }
}
