import Glibc
import JSON
import Platform
import TestSupport
import Testing

struct SurroundingsTests {
    private let surroundings = SystemSurroundings()

    @Test func `the monotonic clock never goes back`() {
        let times = (0..<1_000).map { _ in surroundings.monotonic() }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func `the boot clock is the monotonic one plus the time asleep`() {
        let before = surroundings.monotonic()
        #expect(surroundings.boot() >= before)
    }

    @Test func `the wall clock agrees with time(2)`() {
        let seconds = Int64(time(nil))
        let wall = surroundings.wall().nanosecondsSinceEpoch / 1_000_000_000
        #expect(abs(wall - seconds) <= 1)
    }

    @Test func `random numbers differ and use all 64 bits`() {
        let numbers = (0..<64).map { _ in surroundings.random() }
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers.reduce(0, |) == .max)
    }

    @Test func `manual time moves only when told, and a suspended machine's monotonic clock stands`() {
        let manual = ManualSurroundings(monotonic: .seconds(5), boot: .seconds(7))
        manual.advance(by: .seconds(1))
        manual.suspend(for: .seconds(10))
        #expect(manual.monotonic() == .seconds(6))
        #expect(manual.boot() == .seconds(18))
        #expect(manual.wall().nanosecondsSinceEpoch == 1_767_225_611_000_000_000)
    }

    @Test func `equal seeds give equal chance`() {
        let (one, two) = (ManualSurroundings(seed: 7), ManualSurroundings(seed: 7))
        #expect((0..<8).map { _ in one.random() } == (0..<8).map { _ in two.random() })
        #expect(ManualSurroundings(seed: 8).random() != ManualSurroundings(seed: 7).random())
    }
}
