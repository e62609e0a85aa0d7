import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
import Wire

/// One event on its way through the heart: decided and saved with others in one transaction, answered after the commit.
protocol Work: AnyObject, Sendable {
    /// For what an interruption forces: it goes first, and of several the one whose machine ends first.
    var lastMoment: Timestamp? { get }
    /// On the writer's thread, in a savepoint of its own.
    func run(_ transaction: borrowing StoreTransaction, _ batch: inout Batch) throws
    /// On the writer's thread, after the commit or its failure.
    func finish(_ end: WorkEnd)
}

enum WorkEnd {
    case committed
    /// Nothing of it was kept.
    case failed(String)
}

/// What the works of one transaction share and leave to be told after it.
struct Batch {
    let now: Timestamp
    let monotonic: Duration
    let surroundings: any Surroundings
    let switchboard: Switchboard
    /// As committed, the latest state of each slot last.
    private(set) var slots: [Slot] = []
    /// For the log, with their places in it.
    private(set) var lines: [(place: Int64, event: Event)] = []

    init(switchboard: Switchboard, surroundings: any Surroundings) {
        now = surroundings.wall()
        monotonic = surroundings.monotonic()
        self.surroundings = surroundings
        self.switchboard = switchboard
    }

    func turn(isRepeat: Bool = false, slot: SlotID? = nil, client: ClientID? = nil) -> Turn {
        Turn(now: now, chance: surroundings.random(), isRepeat: isRepeat, slot: slot, client: client)
    }

    /// Saves what one decision changed: the slot, the history and the log together.
    mutating func save(
        _ slot: Slot, replacing before: Slot?, _ turn: Turn, _ transaction: borrowing StoreTransaction
    ) throws {
        try transaction.save(slot, replacing: before)
        try transaction.append(turn.switches, of: slot.id)
        try log(slot.marked(turn.events), transaction)
        slots.append(slot)
    }

    mutating func log(_ lines: [Event], _ transaction: borrowing StoreTransaction) throws {
        guard let places = try transaction.append(lines) else { return }
        self.lines += zip(places, lines).map { (place: $0, event: $1) }
    }
}

/// A decision about one slot that is there.
final class SlotWork<Reply: Sendable>: Work, @unchecked Sendable {
    // Unchecked: after it was made, only the writer's thread touches it.

    typealias Decide = @Sendable (inout Slot, inout Turn) throws(Refusal) -> Reply
    typealias Also = @Sendable (Reply, Timestamp, borrowing StoreTransaction) throws -> Void

    let lastMoment: Timestamp?
    private let slot: SlotID
    private let focus: @Sendable (Timestamp) -> Focus
    private let report: ReportKey?
    private let alsoWhenEnded: Bool
    private let decide: Decide
    private let also: Also?
    private let answer: @Sendable (Outcome<Reply>) -> Void
    private var outcome: Outcome<Reply>?
    private var calls: [PendingAnswer] = []

    /// A slot that has ended takes part only where its last machines are ended: `alsoWhenEnded`.
    init(
        on slot: SlotID, naming focus: @escaping @Sendable (Timestamp) -> Focus = { Focus(now: $0) },
        report: ReportKey? = nil, alsoWhenEnded: Bool = false, lastMoment: Timestamp? = nil, also: Also? = nil,
        decide: @escaping Decide,
        answer: @escaping @Sendable (Outcome<Reply>) -> Void
    ) {
        self.slot = slot
        self.focus = focus
        self.report = report
        self.alsoWhenEnded = alsoWhenEnded
        self.lastMoment = lastMoment
        self.also = also
        self.decide = decide
        self.answer = answer
    }

    func run(_ transaction: borrowing StoreTransaction, _ batch: inout Batch) throws {
        guard var before = try transaction.slot(self.slot, naming: focus(batch.now)),
            before.deletedAt == nil || alsoWhenEnded
        else {
            outcome = .refused(ErrorReply(.notFound, "no such agent: \(self.slot)"))
            return
        }
        let isRepeat = try report.map { report in try transaction.isKnown(report, of: self.slot) } ?? false
        batch.switchboard.overlay(&before, now: batch.monotonic, wall: batch.now)
        var slot = before
        var turn = batch.turn(isRepeat: isRepeat, slot: before.id, client: before.client)
        let reply: Reply
        do throws(Refusal) { reply = try decide(&slot, &turn) } catch {
            outcome = .refused(ErrorReply(error.code, error.sentence))
            return
        }
        // Once: the same report again is a repeat.
        if let report, !isRepeat, (reply as? ReportReply)?.outcome == .stale {
            turn.note(
                .reportStale,
                "\(report.instance)'s \(report.kind) report \(report.id) came too late to change anything",
                instance: report.instance)
        }
        calls = deliverToParked(&slot, batch)
        if let report, !isRepeat { try transaction.note(report, of: before.id, at: batch.now) }
        try also?(reply, batch.now, transaction)
        // Last: what it adds to the batch is told, so nothing behind it may fail.
        try batch.save(slot, replacing: before, turn, transaction)
        outcome = .done(reply)
    }

    func finish(_ end: WorkEnd) {
        switch end {
        case .committed:
            for call in calls { call.give() }
            guard let outcome else { preconditionFailure("a work that was committed has run") }
            answer(outcome)
        case .failed(let reason):
            for call in calls { call.giveNothing() }
            answer(.unavailable(reason))
        }
    }
}

/// The answer to a parked heartbeat, made inside the transaction and given after it.
struct PendingAnswer {
    let line: Line
    let call: ParkedCall
    let commands: [Command]
    let waiting: Int
    let surroundings: any Surroundings

    func give() {
        var reply = line.reply(
            receivedAt: call.receivedAt, at: surroundings.monotonic(), wall: surroundings.wall())
        reply.commands = commands
        reply.commandsPending = waiting
        call.answer(reply)
        // The host has parked again while this was on its way to the disk: it has given up the first call, also where its
        // connection does not tell. Has this one ended too, the next heartbeat does not name these commands, and so gets them.
        guard let next = line.takeCall() else { return }
        reply.receivedAt = next.receivedAt
        next.answer(reply)
    }

    func giveNothing() {
        call.answer(
            line.reply(receivedAt: call.receivedAt, at: surroundings.monotonic(), wall: surroundings.wall()))
    }
}

/// Hands due commands to those of the slot's hosts who wait for them, so that they leave with the commit that made them;
/// and wakes those who wait with an older configuration.
func deliverToParked(_ slot: inout Slot, _ batch: Batch) -> [PendingAnswer] {
    var answers: [PendingAnswer] = []
    for line in batch.switchboard.lines(of: slot.id) {
        let hasDue = slot.commands.contains { $0.instance == line.instance && $0.isDue(at: batch.now) }
        let (version, isEnded) = (slot.configVersion, slot.deletedAt != nil)
        let call: ParkedCall? = line.state.withLock { state in
            guard let call = state.call, hasDue || call.configVersion != version || isEnded else { return nil }
            state.call = nil
            return call
        }
        guard let call else { continue }
        let commands = slot.deliver(to: line.instance, at: batch.now)
        answers.append(
            PendingAnswer(
                line: line, call: call, commands: commands, waiting: slot.waiting(for: line.instance, at: batch.now),
                surroundings: batch.surroundings))
    }
    return answers
}
