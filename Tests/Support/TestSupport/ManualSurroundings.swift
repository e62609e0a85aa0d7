package import JSON
import Platform

/// Time that stands still until a test moves it, and chance from a seed.
package final class ManualSurroundings: Surroundings {
    private struct State {
        var monotonic: Duration
        var boot: Duration
        var wall: Timestamp
        var random: UInt64
    }
    private let state: Locked<State>

    /// The wall clock starts at 2026-01-01T00:00:00Z, far from the zero that a forgotten value would show.
    package init(
        monotonic: Duration = .seconds(1_000), boot: Duration = .seconds(1_000),
        wall: Timestamp = Timestamp(nanosecondsSinceEpoch: 1_767_225_600_000_000_000), seed: UInt64 = 1
    ) {
        state = Locked(State(monotonic: monotonic, boot: boot, wall: wall, random: seed))
    }

    package func monotonic() -> Duration { state.withLock { $0.monotonic } }
    package func boot() -> Duration { state.withLock { $0.boot } }
    package func wall() -> Timestamp { state.withLock { $0.wall } }

    /// SplitMix64: any seed, also zero, gives a full-period sequence.
    package func random() -> UInt64 {
        state.withLock { state in
            state.random &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state.random
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    /// Lets time pass on all clocks alike.
    package func advance(by duration: Duration) {
        state.withLock { state in
            state.monotonic += duration
            state.boot += duration
            state.wall.nanosecondsSinceEpoch += duration.wholeNanoseconds
        }
    }

    /// The machine sleeps: the boot and the wall clock go on, the monotonic one does not.
    package func suspend(for duration: Duration) {
        state.withLock { state in
            state.boot += duration
            state.wall.nanosecondsSinceEpoch += duration.wholeNanoseconds
        }
    }

    /// Somebody sets the wall clock.
    package func setWall(_ time: Timestamp) { state.withLock { $0.wall = time } }
}

extension Duration {
    fileprivate var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
