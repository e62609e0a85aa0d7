import BenchmarkSupport
import Glibc
import Platform

/// Who has used the processors so far. A time measured while others were busy says more about them.
struct ProcessorUse {
    private let coordinator: Duration
    private let load: Duration
    private let all: Duration
    private let idle: Duration

    init(of coordinator: Int32) throws {
        self.coordinator = try processorTime(of: [coordinator])
        load = try processorTime(of: [getpid()])
        // proc(5): cpu, then user nice system idle iowait irq softirq steal in ticks. Steal counts as use: it was not ours.
        let line = try readText("/proc/stat").split(separator: "\n").first ?? ""
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int64($0) }
        guard ticks.count == 8 else { throw BenchmarkError("/proc/stat begins with \(line)") }
        let tick = Duration.seconds(1) / sysconf(Int32(_SC_CLK_TCK))
        all = tick * ticks.reduce(0, +)
        idle = tick * (ticks[3] + ticks[4])
    }

    /// The shares since `earlier`, for a line of the table.
    func shares(since earlier: ProcessorUse) -> String {
        let whole = all - earlier.all
        let busy = whole - (idle - earlier.idle)
        let (ours, load) = (coordinator - earlier.coordinator, load - earlier.load)
        let percent = { (part: Duration) in "\(rounded(max(0, part / whole * 100), 0)) %" }
        return "\(percent(ours)), \(percent(load)), \(percent(busy - ours - load))"
    }
}
