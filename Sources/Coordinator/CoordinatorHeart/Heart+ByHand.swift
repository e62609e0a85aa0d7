package import CoordinatorCore
import Platform

// For whoever lets a heart work that has no threads: a simulation, in which everything happens in one thread and in an order
// that a seed decides. It does what the threads would, and nothing else.
extension Heart {
    /// Performs what is queued as one transaction, at most `count` works of it, and answers. Returns the slots as they were
    /// committed, the latest state of each last; nil when nothing was queued.
    package func turn(atMost count: Int) -> [Slot]? {
        guard let owned = owned.withLock({ $0 }) else { return nil }
        let works = writer.take(count)
        return works.isEmpty ? nil : perform(works, on: owned)
    }

    /// Reads for whoever asked to look at something.
    package func read() { readers.readByHand() }
}
