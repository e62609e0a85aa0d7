package import Platform

/// Has the disk's thread remember, in order, and tells the loop how far it has come. A disk that does not take it costs no
/// wait: what is to be remembered is kept, and tried again every second.
package final class Recorder {
    package enum Report: Sendable, Equatable {
        /// As many batches as this are on the disk, counted from the first `record`.
        case recorded(Int)
        case failed(String)
    }

    /// What is kept in memory for a disk that does not take it; past it all is written anew from what it comes to.
    private static let pendingMax = 1 << 20
    private static let retryAfter = Duration.seconds(1)
    /// A disk that takes longer for a few kilobytes is one that somebody should look at.
    package static let usualPatience = Duration.seconds(5)

    private let loop: any EventLoop
    private let disk: DiskThread
    private let shelf: Shelf
    private let mailbox: Mailbox<Shelf.Outcome>
    private let snapshot: () -> [[UInt8]]
    private let tell: (Report) -> Void
    private var watch: (any DescriptorWatch)?
    private var retry: (any LoopTimer)?
    private var lateness: (any LoopTimer)?
    private let patience: Duration
    private let path: String
    /// Not given to the disk yet.
    private var pending: [[[UInt8]]] = []
    private var asked = 0
    private var isWaiting = false
    private var mustReplace = false
    private var aside: String?
    /// The write that is under way.
    private var work: Work?

    private struct Work {
        /// How many were asked for when it began: with it they are all on the disk.
        let batches: Int
        let job: Shelf.Job
    }

    /// `snapshot` gives the lines that all that was recorded comes to.
    package init(
        loop: any EventLoop, disk: DiskThread, path: String, patience: Duration = usualPatience,
        snapshot: @escaping () -> [[UInt8]],
        tell: @escaping (Report) -> Void
    ) throws {
        self.loop = loop
        self.snapshot = snapshot
        self.tell = tell
        shelf = Shelf(path: path)
        self.disk = disk
        self.path = path
        self.patience = patience
        mailbox = try Mailbox(capacity: 4)
        watch = try mailbox.attach(to: loop) { [weak self] in self?.take($0) }
        retry = try loop.makeTimer { [weak self] in self?.tryAgain() }
        lateness = try loop.makeTimer { [weak self] in self?.noteLate() }
    }

    /// What was remembered before, and how many lines of it were damaged. Waits for the disk: for the start, before the loop.
    package static func remembered(at path: String) throws(PlatformError) -> (lines: [[UInt8]], damaged: Int) {
        let content = try RecordFile.read(path) ?? RecordFile.Content()
        return (content.lines, content.damaged)
    }

    package func record(_ batch: [[UInt8]]) {
        asked += 1
        pending.append(batch)
        bound()
        begin()
    }

    private func bound() {
        guard pending.joined().reduce(0, { $0 + $1.count }) > Self.pendingMax else { return }
        pending = []
        mustReplace = true
    }

    /// All that is remembered is another machine's: it goes aside under a name with `suffix`, and what comes next begins anew.
    package func putAside(as suffix: String) {
        aside = suffix
        mustReplace = true
        begin()
    }

    private func begin() {
        guard work == nil, !isWaiting, mustReplace || !pending.isEmpty else { return }
        let job: Shelf.Job = mustReplace ? .replace(snapshot(), aside: aside) : .append(pending)
        guard disk.submit(answeringTo: mailbox, { [shelf] in shelf.carryOut(job) }) else { return waitForRetry() }
        work = Work(batches: asked, job: job)
        // From here on they are asked for anew by what comes during the write.
        (pending, mustReplace, aside) = ([], false, nil)
        lateness?.arm(at: loop.now + patience)
    }

    private func take(_ outcome: Shelf.Outcome) {
        guard let done = work else { preconditionFailure("the disk answers what it was asked") }
        work = nil
        lateness?.disarm()
        switch outcome {
        case .failed(let reason):
            takeBack(done.job)
            tell(.failed(reason))
            waitForRetry()
        case .done(let isLong):
            if isLong { mustReplace = true }
            tell(.recorded(done.batches))
            begin()
        }
    }

    /// To be done with what has come since.
    private func takeBack(_ job: Shelf.Job) {
        switch job {
        case .append(let batches): pending = batches + pending
        case .replace(_, let suffix):
            mustReplace = true
            aside = aside ?? suffix
        }
        bound()
    }

    private func noteLate() {
        tell(.failed("write record \(path): the disk has not answered in \(patience.components.seconds) s"))
    }

    private func waitForRetry() {
        isWaiting = true
        retry?.arm(at: loop.now + Self.retryAfter)
    }

    private func tryAgain() {
        isWaiting = false
        begin()
    }
}
