import CoordinatorStore
import Platform

/// Threads that read for operators, each with a connection of its own, so that no list ever waits for the writer or makes it
/// wait.
final class Readers: Sendable {
    typealias Job = @Sendable (borrowing StoreReader) -> Void

    /// A list takes milliseconds; more waiting than this and whoever asks had better come again.
    private static let queueMax = 256

    private struct Queue {
        var jobs: [Job] = []
        var isStopping = false
    }

    private let queue = Monitor(Queue())
    private let threads: Locked<[DedicatedThread]> = Locked([])
    /// For whoever takes the threads' place.
    private let byHand: OwnedReader?

    /// Opens the file once for each thread.
    init(_ settings: HeartSettings) throws {
        let open = { OwnedReader(try StoreReader(path: settings.databasePath, vfs: settings.vfs)) }
        byHand = settings.isTurnedByHand ? try open() : nil
        for _ in 0..<(settings.isTurnedByHand ? 0 : settings.readers) {
            let owned = try open()
            let thread = try DedicatedThread(name: "reader") { [queue] in
                while let job = Self.next(of: queue) { job(owned.reader) }
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// False: too many wait already.
    func submit(_ job: @escaping Job) -> Bool {
        queue.change { queue in
            guard !queue.isStopping, queue.jobs.count < Self.queueMax else { return false }
            queue.jobs.append(job)
            return true
        }
    }

    /// Does what is queued.
    func readByHand() {
        guard let byHand else { preconditionFailure("the readers have threads of their own") }
        let jobs = queue.change { queue -> Jobs in
            defer { queue.jobs = [] }
            return Jobs(jobs: queue.jobs)
        }
        for job in jobs.jobs { job(byHand.reader) }
    }

    private struct Jobs: Sendable { let jobs: [Job] }

    func stop() {
        queue.change { $0.isStopping = true }
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
    }

    private static func next(of queue: Monitor<Queue>) -> Job? {
        let next: Job?? = queue.wait { queue -> Job?? in
            guard !queue.jobs.isEmpty else { return queue.isStopping ? .some(nil) : nil }
            return queue.jobs.removeFirst()
        }
        return next ?? nil
    }
}

/// A reader on its way to its thread.
private final class OwnedReader: @unchecked Sendable {
    // Unchecked: made before its thread, and used by that thread alone.
    let reader: StoreReader
    init(_ reader: consuming StoreReader) { self.reader = reader }
}
