/// Where writes wait for the disk, so that no loop does.
///
/// One thread runs the jobs one after another in the order they were accepted. The queue is bounded and a full one
/// refuses: a dead disk then costs refusals, never a wait.
package final class DiskThread: Sendable {
    package typealias Job = @Sendable () -> Void

    private struct Queue {
        var jobs: [Job] = []
        var isRunningJob = false
        var isStopping = false
        var unfinished: Int { jobs.count + (isRunningJob ? 1 : 0) }
    }
    private let queue = Monitor(Queue())
    private let capacity: Int

    /// `capacity` counts the jobs that wait; the running one is not among them.
    package init(capacity: Int, name: StaticString = "disk") throws(PlatformError) {
        precondition(capacity > 0, "a queue that holds nothing")
        self.capacity = capacity
        let queue = queue
        // Never joined: a thread stuck in a dead disk could not be waited for, and one that ends cleans up after itself.
        _ = try DedicatedThread(name: name) { Self.runJobs(of: queue) }
    }

    /// What was accepted is still done; nobody waits for it.
    deinit { queue.change { $0.isStopping = true } }

    /// Never waits. False: the queue is full or the thread is stopping, and the job will not run.
    package func submit(_ job: @escaping Job) -> Bool {
        queue.change { queue in
            guard !queue.isStopping, queue.jobs.count < capacity else { return false }
            queue.jobs.append(job)
            return true
        }
    }

    /// As `submit`; what the job returns is sent to `mailbox`. The place in it is kept from now on, so an accepted job
    /// always answers. False also when the mailbox has no place left.
    package func submit<Answer: Sendable>(
        answeringTo mailbox: Mailbox<Answer>, _ job: @escaping @Sendable () -> Answer
    ) -> Bool {
        guard mailbox.reserve() else { return false }
        let isAccepted = submit { mailbox.sendReserved(job()) }
        if !isAccepted { mailbox.cancelReservation() }
        return isAccepted
    }

    /// Refuses new jobs, waits until the accepted ones are done or `limit` has passed, and tells how many are not done.
    /// Those that had not begun by then never will.
    package func stop(within limit: Duration) -> Int {
        let deadline = SystemSurroundings().monotonic() + limit
        queue.change { $0.isStopping = true }
        let isDone = queue.wait(until: deadline) { $0.unfinished == 0 ? true : nil } ?? false
        if isDone { return 0 }
        return queue.change { queue in
            let unfinished = queue.unfinished
            queue.jobs.removeAll()
            return unfinished
        }
    }

    private static func runJobs(of queue: Monitor<Queue>) {
        while let job = nextJob(of: queue) {
            job()
            queue.change { $0.isRunningJob = false }
        }
    }

    private static func nextJob(of queue: Monitor<Queue>) -> Job? {
        let next: Job?? = queue.wait { queue -> Job?? in
            if queue.jobs.isEmpty { return queue.isStopping ? .some(nil) : nil }
            queue.isRunningJob = true
            return queue.jobs.removeFirst()
        }
        return next ?? nil
    }
}
