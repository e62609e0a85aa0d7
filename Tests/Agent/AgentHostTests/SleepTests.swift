import AgentHost
import JSON
import Platform
import TestSupport
import Testing

struct SleepTests {
    @Test func `a machine that slept is told once, for as long as it did; time that passes is no sleep`() {
        let clock = ManualSurroundings(monotonic: .seconds(50), boot: .seconds(1_000))
        var watch = SleepWatch(clock)
        clock.advance(by: .seconds(3_600))
        #expect(watch.look(at: clock) == nil)
        clock.suspend(for: .seconds(30))
        #expect(watch.look(at: clock) == .seconds(30))
        #expect(watch.look(at: clock) == nil)
        // Naps add up: a timer of PID 1's stood still in each.
        clock.suspend(for: .milliseconds(900))
        #expect(watch.look(at: clock) == nil)
        clock.suspend(for: .milliseconds(300))
        #expect(watch.look(at: clock) == .milliseconds(1_200))
        #expect(watch.look(at: clock) == nil)
    }

    /// Held up for two seconds between its clocks, now and then.
    private final class HeldUp: Surroundings {
        let clock = ManualSurroundings()
        let isHeldUp = Locked(false)
        func monotonic() -> Duration {
            let now = clock.monotonic()
            if isHeldUp.withLock({ held in
                defer { held = false }; return held
            }) {
                clock.advance(by: .seconds(2))
            }
            return now
        }
        func boot() -> Duration { clock.boot() }
        func wall() -> Timestamp { clock.wall() }
        func random() -> UInt64 { clock.random() }
    }

    @Test func `a process that is held up between two clocks did not sleep`() {
        let surroundings = HeldUp()
        var watch = SleepWatch(surroundings)
        surroundings.isHeldUp.withLock { $0 = true }
        #expect(watch.look(at: surroundings) == nil)
        surroundings.clock.suspend(for: .seconds(5))
        #expect(watch.look(at: surroundings) == .seconds(5))
    }
}
