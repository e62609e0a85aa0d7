import JSON
import Platform
import Synchronization

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
    /// This clock when the one that counts from boot was zero, as of the last reading, in nanoseconds since 1970.
    private let base: Atomic<Int64>

    init(_ machine: any Surroundings) {
        self.machine = machine
        let start = State(wall: machine.wall(), boot: machine.boot())
        state = Locked(start)
        base = Atomic((start.wall - start.boot).nanosecondsSinceEpoch)
    }

    func monotonic() -> Duration { machine.monotonic() }
    func boot() -> Duration { machine.boot() }
    func random() -> UInt64 { machine.random() }

    /// Never earlier than it was.
    func wall() -> Timestamp { read().wall }

    /// The same without following the machine's clock, for answers, of which there are many at once.
    func glance() -> Timestamp { Timestamp(nanosecondsSinceEpoch: base.load(ordering: .relaxed)) + machine.boot() }

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
            base.store((state.wall - boot).nanosecondsSinceEpoch, ordering: .relaxed)
            return (state.wall, told - state.wall)
        }
    }
}
