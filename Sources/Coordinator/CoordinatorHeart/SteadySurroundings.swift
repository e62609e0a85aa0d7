import JSON
import Platform

/// The machine's surroundings with a wall clock that nobody can set: it starts as the machine's, goes on by the clock that
/// counts from boot, and follows the machine's by at most a tenth of the time that passes. All that the heart decides is dated
/// by it; an hour's jump would else end every wait and every lease of a command at once, or hold them up for an hour.
final class SteadySurroundings: Surroundings {
    private struct State {
        var wall: Timestamp
        var boot: Duration
    }

    private let machine: any Surroundings
    private let state: Locked<State>

    init(_ machine: any Surroundings) {
        self.machine = machine
        state = Locked(State(wall: machine.wall(), boot: machine.boot()))
    }

    func monotonic() -> Duration { machine.monotonic() }
    func boot() -> Duration { machine.boot() }
    func random() -> UInt64 { machine.random() }

    /// Never earlier than it was.
    func wall() -> Timestamp { read().wall }

    /// How far the machine's clock is ahead of this one.
    var lag: Duration { read().lag }

    private func read() -> (wall: Timestamp, lag: Duration) {
        state.withLock { state in
            let (boot, told) = (machine.boot(), machine.wall())
            let elapsed = max(boot - state.boot, .zero)
            let straight = state.wall + elapsed
            let most = elapsed / 10
            state.wall = straight + max(.zero - most, min(told - straight, most))
            state.boot = boot
            return (state.wall, told - state.wall)
        }
    }
}
