import CoordinatorStore
import JSON
import Platform

/// The one thread that changes the store. What queued while a commit was on its way to the disk is the next batch: a busy
/// coordinator commits many events at the price of one, and an idle one waits for nobody.
final class Writer: Sendable {
    /// Of each kind. Beyond it the caller is told to come again: by then each would wait for seconds. What is ordinary takes no
    /// place from what is urgent.
    static let queueMax = 20_000
    /// So that what is urgent waits for at most this many others.
    static let batchMax = 64

    private struct Queue {
        /// By last moment, the earliest first.
        var urgent: [any Work] = []
        var ordinary: [any Work] = []
        var isStopping = false
        /// Since when the batch under way is under way.
        var busySince: Duration?

        mutating func add(_ work: any Work) -> Bool {
            guard let moment = work.lastMoment else {
                guard ordinary.count < Writer.queueMax else { return false }
                ordinary.append(work)
                return true
            }
            guard urgent.count < Writer.queueMax else { return false }
            urgent.insert(work, at: place(of: moment))
            return true
        }

        mutating func take(_ count: Int) -> [any Work] {
            let urgent = urgent.prefix(count)
            let ordinary = ordinary.prefix(count - urgent.count)
            self.urgent.removeFirst(urgent.count)
            self.ordinary.removeFirst(ordinary.count)
            return Array(urgent) + Array(ordinary)
        }

        /// Behind those that are as urgent.
        private func place(of moment: Timestamp) -> Int {
            var places = urgent.startIndex..<urgent.endIndex
            while !places.isEmpty {
                let middle = places.lowerBound + places.count / 2
                let isBehind = (urgent[middle].lastMoment ?? .latest) <= moment
                places = isBehind ? middle + 1..<places.upperBound : places.lowerBound..<middle
            }
            return places.lowerBound
        }
    }

    private let queue = Monitor(Queue())
    private let surroundings: any Surroundings
    private let thread: Locked<DedicatedThread?> = Locked(nil)

    init(surroundings: any Surroundings) { self.surroundings = surroundings }

    /// Begins to work. `perform` gets each batch, on the writer's thread.
    func start(perform: @escaping @Sendable ([any Work]) -> Void) throws(PlatformError) {
        let thread = try DedicatedThread(name: "writer") { [self] in
            while let batch = nextBatch() {
                perform(batch)
                queue.change { $0.busySince = nil }
            }
        }
        self.thread.withLock { $0 = thread }
    }

    /// False: the queue is full, or the coordinator stops; the work will not run.
    func submit(_ work: any Work) -> Bool {
        queue.change { queue in
            guard !queue.isStopping else { return false }
            return queue.add(work)
        }
    }

    var depth: Int { queue.change { $0.urgent.count + $0.ordinary.count } }

    /// Whether the batch under way, if any, has been so for no longer than `limit`: a disk that hangs shows here.
    func isMoving(within limit: Duration) -> Bool {
        let now = surroundings.monotonic()
        return queue.change { queue in queue.busySince.map { now - $0 <= limit } ?? true }
    }

    /// Waits until nothing is queued or under way, but no longer than `limit`.
    func waitUntilIdle(within limit: Duration) {
        // The machine's clock: whoever ends the process waits for real.
        _ = queue.wait(until: SystemSurroundings().monotonic() + limit) { queue in
            queue.urgent.isEmpty && queue.ordinary.isEmpty && queue.busySince == nil ? true : nil
        }
    }

    /// Refuses new work, does what is queued, and returns when the thread has ended.
    func stop() {
        queue.change { $0.isStopping = true }
        let thread = thread.withLock { $0.take() }
        thread?.join()
    }

    private func nextBatch() -> [any Work]? {
        let batch: Batched = queue.wait { queue -> Batched? in
            let works = queue.take(Self.batchMax)
            guard !works.isEmpty else { return queue.isStopping ? Batched(works: nil) : nil }
            queue.busySince = surroundings.monotonic()
            return Batched(works: works)
        }
        return batch.works
    }

    /// What the thread would do next, at most `count`, for whoever takes its place.
    func take(_ count: Int) -> [any Work] {
        queue.change { queue in Batched(works: queue.take(min(count, Self.batchMax))) }.works ?? []
    }

    private struct Batched: Sendable { let works: [any Work]? }
}
