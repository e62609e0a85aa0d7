private import CLinux
import Glibc
package import JSON

/// The machine's own clocks and its random source. Made in a program's main and handed down.
package struct SystemSurroundings: Surroundings {
    package init() {}

    package func monotonic() -> Duration { read(CLOCK_MONOTONIC).sinceClockZero }
    package func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC).nanoseconds }
    package func boot() -> Duration { read(CLOCK_BOOTTIME).sinceClockZero }

    package func wall() -> Timestamp {
        Timestamp(nanosecondsSinceEpoch: read(CLOCK_REALTIME).nanoseconds)
    }

    package func random() -> UInt64 {
        var value: UInt64 = 0
        // Requests of up to 256 bytes are neither cut short nor, once the machine has booted, made to wait (getrandom(2)).
        let drawn = unsafe withUnsafeMutableBytes(of: &value) { bytes in
            retryingInterrupts { unsafe getrandom(bytes.baseAddress, bytes.count, 0) }
        }
        precondition(drawn.result == MemoryLayout<UInt64>.size, "the kernel has no random bytes: \(drawn.errno)")
        return value
    }

    private func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        let result = unsafe clock_gettime(clock, &time)
        precondition(result == 0, "Linux has had clock \(clock) since 2.6.39")
        return time
    }
}

extension timespec {
    fileprivate var nanoseconds: Int64 { Int64(tv_sec) * 1_000_000_000 + Int64(tv_nsec) }
    fileprivate var sinceClockZero: Duration { .seconds(tv_sec) + .nanoseconds(tv_nsec) }
}
