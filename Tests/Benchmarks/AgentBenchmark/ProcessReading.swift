import BenchmarkSupport
import Glibc
import Platform

/// What a process holds at the moment.
struct Holding {
    let resident: Int
    let anonymous: Int
    let threads: Int

    init(of id: Int32) throws {
        let memory = try readText("/proc/\(id)/smaps_rollup")
        resident = try number("Rss:", in: memory) * 1_024
        anonymous = try number("Anonymous:", in: memory) * 1_024
        threads = try number("Threads:", in: readText("/proc/\(id)/status"))
    }

    var text: String {
        "\(megabytes(resident)), \(megabytes(anonymous)) anonymous, \(threads) threads"
    }
}

private func number(_ name: String, in text: String) throws -> Int {
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    guard let value = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) }) else {
        throw BenchmarkError("the kernel does not say \(name)")
    }
    return value
}

/// What a process has used of the processors so far, to the nanosecond, by threads that have ended as well.
func processorTimeOfAll(_ id: Int32) throws -> Duration {
    var clock = clockid_t()
    var time = timespec()
    guard unsafe clock_getcpuclockid(id, &clock) == 0, unsafe clock_gettime(clock, &time) == 0 else {
        throw BenchmarkError("read the processor time of process \(id)")
    }
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
