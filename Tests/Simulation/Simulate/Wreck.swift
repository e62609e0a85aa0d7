import Glibc
import Synchronization

/// Says which seeds were under way when a broken promise of our own ends the process: one of them does it again.
enum Wreck {
    /// As many worlds as may be under way at once.
    static let threadsMax = 16

    private final class Seed: Sendable { let number = Atomic<UInt64>(0) }
    private static let underWay = (0..<threadsMax).map { _ in Seed() }

    static func begin(_ seed: UInt64, on thread: Int) { underWay[thread].number.store(seed, ordering: .relaxed) }
    static func end(on thread: Int) { underWay[thread].number.store(0, ordering: .relaxed) }

    static func watch() {
        for thread in 0..<threadsMax { end(on: thread) }
        for kind in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
            _ = signal(kind) { kind in
                Wreck.tell()
                _ = signal(kind, SIG_DFL)
                raise(kind)
            }
        }
    }

    private static func tell() {
        emit("\nTrapped. One of these does it again:\n")
        for seed in underWay {
            let seed = seed.number.load(ordering: .relaxed)
            if seed != 0 { emit(seed) }
        }
    }

    // A handler of signals may not allocate.
    private static func emit(_ text: StaticString) {
        _ = unsafe write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func emit(_ seed: UInt64) {
        emit("  simulate --seed ")
        var power: UInt64 = 1
        while seed / power >= 10 { power *= 10 }
        while power > 0 {
            var digit = UInt8(ascii: "0") + UInt8(seed / power % 10)
            _ = unsafe write(STDOUT_FILENO, &digit, 1)
            power /= 10
        }
        emit(" --story\n")
    }
}
