import JSON
import Wire

/// What the coordinator does not have yet: sent one at a time, each until it is answered, in order but for this: a result, on
/// which a hand-over may wait, goes before prices.
struct Outbox: Sendable {
    /// An outage of a day is 288 reports of prices and some results.
    static let countMax = 1000
    /// As much of a small machine's memory as waiting may take; a report is 1 to 4 KB, and 512 KB at most.
    static let bytesMax = 4 * 1024 * 1024
    /// A report goes out once it is on the disk, so that it keeps its id over a crash. A disk that takes longer does not hold
    /// it up any more.
    static let diskPatience = Duration.seconds(1)
    private static let deadline = Duration.seconds(10)
    /// So often a report may make the coordinator fail before others go first.
    private static let faultsMax = 3

    private struct Waiting: Sendable {
        let report: Report
        let bytes: Int
        /// The batch that remembers it.
        let batch: Int
        let queuedAt: Duration
        var faults = 0
        /// How often it had its turn and the coordinator stumbled over it.
        var rounds = 0
    }

    private var waiting: [Waiting]
    private var bytes: Int
    private var sending: (id: ExchangeID, report: ReportID)?
    private var due = Duration.zero
    private var backoff = Backoff()
    private var dropsTold = 0
    /// Reports that had no room.
    private(set) var dropped = 0
    /// Reports that the coordinator would not have, however often.
    private(set) var refused = 0
    /// When it wants to be woken.
    private(set) var nextDue: Duration?

    init(_ memory: Memory) {
        waiting = memory.reports.map { Waiting(report: $0, bytes: encodeJSON($0).count, batch: 0, queuedAt: .zero) }
        bytes = waiting.reduce(0) { $0 + $1.bytes }
    }

    var count: Int { waiting.count }
    /// The commands whose results are on the way.
    var answered: [CommandID] {
        waiting.compactMap { if case .result(_, let command) = $0.report.content { command } else { nil } }
    }
    var holdsResults: Bool { waiting.contains { $0.report.weight == Report.resultWeight } }

    // MARK: Coming in

    mutating func take(_ reports: [Report], _ turn: inout Turn) {
        // What happens once is reported under one name, also by an errand that was begun again.
        for report in reports where !waiting.contains(where: { $0.report.id == report.id }) {
            let size = encodeJSON(report).count
            waiting.append(Waiting(report: report, bytes: size, batch: turn.batch, queuedAt: turn.now))
            bytes += size
            turn.remember(.reportQueued(report))
            if report.weight == Report.resultWeight { makeWay(&turn) }
        }
        makeRoom(&turn)
    }

    /// A report of prices on a slow line would hold up a hand-over for seconds; it is sent again.
    private mutating func makeWay(_ turn: inout Turn) {
        guard let sent = sending, let report = waiting.first(where: { $0.report.id == sent.report })?.report,
            report.weight < Report.resultWeight
        else { return }
        turn.add(.abandon(sent.id))
        sending = nil
    }

    private mutating func makeRoom(_ turn: inout Turn) {
        while waiting.count > Self.countMax || bytes > Self.bytesMax, let victim = leastMissed() {
            turn.remember(.reportGone(waiting[victim].report.id))
            remove(at: victim)
            dropped += 1
        }
        // Once for each time that it is full; how many it were in the end is told when it is empty.
        guard dropped > 0, dropsTold == 0 else { return }
        turn.tell(.reportsDropped(dropped))
        dropsTold = dropped
    }

    /// The oldest of the kind whose loss costs least; never what is under way.
    private func leastMissed() -> Int? {
        let candidates = waiting.indices.lazy.filter { waiting[$0].report.id != sending?.report }
        return candidates.min { (waiting[$0].report.weight, $0) < (waiting[$1].report.weight, $1) }
    }

    private mutating func remove(at index: Int) { bytes -= waiting.remove(at: index).bytes }

    // MARK: Going out

    /// How far the disk is.
    struct Disk: Sendable {
        var recorded = 0
        /// Why it does not take anything; nil when it does.
        var fault: String?
    }

    /// Time has passed, or it may be sent now. Without an enrolment nobody is there to send to.
    mutating func wake(to enrolment: Enrolment?, _ disk: Disk, _ turn: inout Turn) {
        nextDue = nil
        guard let enrolment, sending == nil, let first = next else { return }
        let isKept = first.batch <= disk.recorded || disk.fault != nil
        let at = isKept ? due : max(due, first.queuedAt + Self.diskPatience)
        guard at <= turn.now else {
            nextDue = at
            return
        }
        let id = turn.ask(.report(first.report, of: enrolment.slot, enrolment.token), within: Self.deadline)
        sending = (id, first.report.id)
    }

    private var next: Waiting? {
        waiting.enumerated().min { left, right in
            (left.element.rounds, -left.element.report.weight, left.offset)
                < (right.element.rounds, -right.element.report.weight, right.offset)
        }?.element
    }

    func isWaiting(for id: ExchangeID) -> Bool { sending?.id == id }

    mutating func take(_ result: Result<Answer, AskFailure>, _ turn: inout Turn) {
        guard let sent = sending, let index = waiting.firstIndex(where: { $0.report.id == sent.report }) else { return }
        sending = nil
        switch result {
        case .success(.reported): settle(index, &turn)
        case .success: pause(.zero, &turn)
        case .failure(let failure):
            switch failure.meaning {
            case .gone, .no:
                refused += 1
                settle(index, &turn)
            // Whether the token is good, the heartbeat finds out.
            case .tokenRefused: pause(.zero, &turn)
            case .notNow(let atLeast):
                pause(atLeast, &turn)
                if failure.isFaultOfServer { step(aside: index) }
            }
        }
    }

    private mutating func settle(_ index: Int, _ turn: inout Turn) {
        turn.remember(.reportGone(waiting[index].report.id))
        remove(at: index)
        backoff.reset()
        due = turn.now
        guard waiting.isEmpty else { return }
        if dropped > dropsTold { turn.tell(.reportsDropped(dropped - dropsTold)) }
        (dropped, dropsTold) = (0, 0)
    }

    private mutating func pause(_ atLeast: Duration, _ turn: inout Turn) {
        due = turn.now + max(backoff.next(chance: turn.draw()), atLeast)
    }

    /// One report that the coordinator stumbles over must not hold up the others for ever.
    private mutating func step(aside index: Int) {
        waiting[index].faults += 1
        guard waiting[index].faults >= Self.faultsMax else { return }
        waiting[index].faults = 0
        waiting[index].rounds += 1
    }

    /// What is under way is sent again: the coordinator knows it by its name.
    mutating func hasten(_ turn: inout Turn) {
        if let sending { turn.add(.abandon(sending.id)) }
        sending = nil
        backoff.reset()
        due = min(due, turn.now)
    }

    /// Another slot is not told what belongs to the one before: that one may have it already, and its epochs mean nothing there.
    mutating func leaveSlot(_ turn: inout Turn) {
        for waiting in waiting { turn.remember(.reportGone(waiting.report.id)) }
        let refused = refused + waiting.count
        forget(&turn)
        self.refused = refused
    }

    mutating func forget(_ turn: inout Turn) {
        if let sending { turn.add(.abandon(sending.id)) }
        self = Outbox(Memory())
    }
}

extension Report {
    /// What its loss costs. New prices come in minutes and the next clean-up finds what is left; but for a result somebody
    /// waits, and nothing else tells of a switch.
    fileprivate var weight: Int {
        switch content {
        case .pricing: 0
        case .cleaned: 1
        case .terminated, .replicaLaunched, .replicaProgressed: 2
        case .result, .switched: Self.resultWeight
        }
    }

    fileprivate static let resultWeight = 3
}

extension AskFailure {
    /// It broke over what it was asked; being busy or away is not that.
    fileprivate var isFaultOfServer: Bool {
        if case .refused(let status, _, _, _) = self { status >= 500 && status != 503 } else { false }
    }
}
