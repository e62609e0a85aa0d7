import Platform
import Synchronization

/// What the heart has done since its start, for `/metrics`.
package final class HeartCounts: Sendable {
    package struct Counter: ~Copyable, Sendable {
        private let value = Atomic<Int>(0)
        package func increment(by count: Int = 1) { value.wrappingAdd(count, ordering: .relaxed) }
        package var now: Int { value.load(ordering: .relaxed) }
    }

    package let heartbeats = Counter()
    package let heartbeatsDecided = Counter()
    package let commits = Counter()
    package let failedCommits = Counter()
    package let works = Counter()
    package let commitMicroseconds = Counter()

    init() {}

    func note(works count: Int, took: Duration) {
        commits.increment()
        works.increment(by: count)
        let (seconds, attoseconds) = took.components
        commitMicroseconds.increment(by: Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000))
    }
}
