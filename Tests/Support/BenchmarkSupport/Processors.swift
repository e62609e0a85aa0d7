import Glibc
import Platform

/// What processes have used of the processors, to the nanosecond.
package func processorTime(of processes: [Int32]) throws -> Duration {
    var total: Int64 = 0
    for id in processes {
        for task in try namesIn("/proc/\(id)/task") {
            // proc(5): time on the processor, time waiting for it, slices. A thread that has just ended has none.
            guard let text = try? readText("/proc/\(id)/task/\(task)/schedstat") else { continue }
            total += text.split(separator: " ").first.flatMap { Int64($0) } ?? 0
        }
    }
    return .nanoseconds(total)
}
