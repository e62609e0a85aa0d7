import JSON
import Wire

/// Tells the coordinator what was announced for this machine, each on an exchange of its own, until it has it.
///
/// Nothing of it is remembered: after a restart the metadata service says the same again, and the coordinator folds repeats
/// into one incident.
struct Notices: Sendable {
    /// EC2 announces a handful at most, and every machine that is told of more has other troubles.
    static let visibleMax = 16
    /// Longer than the coordinator takes when it is busiest, and short enough for a dozen tries before a machine that has
    /// two minutes must act alone.
    private static let deadlines = 1...4

    private(set) var visible: [Seen] = []

    struct Seen: Sendable {
        var signal: Notice.Signal
        var detectedAt: Timestamp
        var seenAt: Duration
        /// When EC2 takes the machine, where it says so.
        var endsAt: Duration?
        /// False for a maintenance that was called off: it is told once, and forgotten.
        var isVisible = true
        var state: State
        /// Somebody is to take over for it; that stays so while it is told again.
        var hasSuccessor = false
        /// Somebody made it up.
        var isDrill = false
        var failures = 0
        fileprivate var backoff = Backoff(upTo: .seconds(1))
    }

    enum State: Sendable, Equatable {
        case due(Duration)
        case asked(ExchangeID)
        case stored(IncidentID)
    }

    /// Where, and as whom, a notice is told.
    struct Teller: Sendable {
        let enrolment: Enrolment
        let epoch: Epoch?
    }

    /// When it wants to be woken, as far as there is somebody to tell.
    func nextDue(hasTeller: Bool) -> Duration? {
        let tellings = visible.compactMap { if case .due(let time) = $0.state { time } else { nil } }
        return [drillDue, hasTeller ? tellings.min() : nil].compactMap { $0 }.min()
    }

    // MARK: What is announced

    /// `time` is the coordinator's, as far as it is known.
    mutating func notice(_ signal: Notice.Signal, at time: Timestamp, _ turn: inout Turn) {
        turn.tell(.noticed(signal))
        remove(where: { $0.isReal(signal) }, &turn)
        if visible.count == Self.visibleMax { makeRoom(&turn) }
        visible.append(
            Seen(
                signal: signal, detectedAt: turn.wall, seenAt: turn.now, endsAt: Self.end(signal, time, turn),
                state: .due(turn.now)))
    }

    /// EC2's notice is two minutes. A time that is farther off, or past, is one that our clock makes of it.
    private static let longestNotice = Duration.seconds(120)

    private static func end(_ signal: Notice.Signal, _ time: Timestamp, _ turn: Turn) -> Duration? {
        guard case .interruption(_, let end) = signal else { return nil }
        let left = end - time
        return turn.now + (left > .zero && left <= longestNotice + .seconds(10) ? left : longestNotice)
    }

    /// When EC2 takes the machine, as far as it says so.
    var endsAt: Duration? { visible.compactMap(\.endsAt).min() }

    mutating func drop(_ signal: Notice.Signal, _ turn: inout Turn) {
        turn.tell(.noticeGone(signal))
        remove(where: { $0.isReal(signal) }, &turn)
        guard case .maintenance(var maintenance) = signal, visible.count < Self.visibleMax else { return }
        maintenance.cancelled = true
        visible.append(
            Seen(
                signal: .maintenance(maintenance), detectedAt: turn.wall, seenAt: turn.now, isVisible: false,
                state: .due(turn.now)))
    }

    /// For a person at this machine.
    mutating func noticeDrill(of signal: Notice.Signal, _ turn: inout Turn) {
        var seen = Seen(signal: signal, detectedAt: turn.wall, seenAt: turn.now, state: .due(turn.now))
        seen.isDrill = true
        visible.append(seen)
    }

    /// What is still to be seen is told again, as after an outage: the coordinator may have lost what it had not yet stored.
    /// A drill that it had is not: told once more, it might be another.
    mutating func tellAgain(_ turn: inout Turn) {
        for index in visible.indices where !visible[index].isStoredDrill {
            if case .asked = visible[index].state { continue }
            visible[index].state = .due(turn.now)
            visible[index].backoff.reset()
        }
    }

    func isStored(_ signal: Notice.Signal) -> Bool {
        visible.contains { if case .stored = $0.state { $0.signal.isSameThing(as: signal) } else { false } }
    }

    /// Whether a successor is committed to one of them.
    var hasSuccessor: Bool { visible.contains(where: \.hasSuccessor) }

    // MARK: Telling

    /// `coordinatorTime` is what its clock shows, as far as it is known.
    mutating func wake(_ teller: Teller, at coordinatorTime: Timestamp, _ turn: inout Turn) {
        for index in visible.indices {
            guard case .due(let time) = visible[index].state, time <= turn.now else { continue }
            let seen = visible[index]
            var notice = Notice(
                instance: teller.enrolment.instance, signal: seen.signal, detectedAt: seen.detectedAt,
                epoch: teller.epoch)
            notice.seenAt = coordinatorTime - (turn.now - seen.seenAt)
            notice.drill = seen.isDrill
            let seconds = min(Self.deadlines.lowerBound + seen.failures / 2, Self.deadlines.upperBound)
            visible[index].state = .asked(
                turn.ask(
                    .notice(notice, of: teller.enrolment.slot, teller.enrolment.token), within: .seconds(seconds)))
        }
    }

    enum Finding: Sendable {
        case stored(NoticeReply)
        case tokenRefused(reason: String)
        case drillRefused(reason: String)
    }

    func isWaiting(for id: ExchangeID) -> Bool { visible.contains { $0.state == .asked(id) } }

    mutating func take(_ id: ExchangeID, _ result: Result<Answer, AskFailure>, _ turn: inout Turn) -> Finding? {
        guard let index = visible.firstIndex(where: { $0.state == .asked(id) }) else { return nil }
        switch result {
        case .success(.noticed(let reply)):
            turn.tell(.noticeStored(reply.incident, reply.action, after: turn.now - visible[index].seenAt))
            visible[index].state = .stored(reply.incident)
            if reply.action == .replicaPromoted { visible[index].hasSuccessor = true }
            visible[index].failures = 0
            if !visible[index].isVisible { visible.remove(at: index) }
            return .stored(reply)
        case .success:
            retry(index, &turn)
        case .failure(let failure):
            if visible[index].isDrill, failure.meaning == .no || failure.meaning == .gone {
                visible.remove(at: index)
                return .drillRefused(reason: failure.sentence)
            }
            retry(index, &turn)
            if failure.meaning == .tokenRefused { return .tokenRefused(reason: failure.sentence) }
        }
        return nil
    }

    /// Whatever the failure was, also a refusal, and also when the coordinator would like to be left alone for longer: a
    /// machine that is going away cannot wait, and what is told is a few hundred bytes a second.
    private mutating func retry(_ index: Int, _ turn: inout Turn) {
        visible[index].failures += 1
        visible[index].state = .due(turn.now + visible[index].backoff.next(chance: turn.draw()))
    }

    /// With another token, as another machine, or another way.
    mutating func startOver(_ turn: inout Turn) {
        for index in visible.indices where !visible[index].isStoredDrill {
            if case .asked(let id) = visible[index].state { turn.add(.abandon(id)) }
            visible[index].state = .due(turn.now)
            visible[index].backoff.reset()
        }
    }

    mutating func remove(where isMeant: (Seen) -> Bool, _ turn: inout Turn) {
        for seen in visible where isMeant(seen) {
            if case .asked(let id) = seen.state { turn.add(.abandon(id)) }
        }
        visible.removeAll(where: isMeant)
    }

    /// The oldest that is no interruption gives way: there is one of each other kind, so it is a maintenance.
    private mutating func makeRoom(_ turn: inout Turn) {
        let oldest = visible.first { if case .maintenance = $0.signal { true } else { false } }
        guard let oldest else { return }
        remove(where: { $0.isReal(oldest.signal) }, &turn)
    }
}

extension Notices.Seen {
    fileprivate func isReal(_ signal: Notice.Signal) -> Bool { !isDrill && self.signal.isSameThing(as: signal) }
    private var isStored: Bool { if case .stored = state { true } else { false } }
    fileprivate var isStoredDrill: Bool { isDrill && isStored }
    /// For a person.
    var words: String { isDrill ? "a drill: \(signal.words)" : signal.words }
}

extension Notice.Signal {
    /// Whether it is about the same, in whatever words.
    func isSameThing(as other: Self) -> Bool {
        switch (self, other) {
        case (.interruption, .interruption), (.rebalance, .rebalance), (.lifecycle, .lifecycle),
            (.shutdown, .shutdown):
            true
        case (.maintenance(let one), .maintenance(let another)): one.event == another.event
        default: false
        }
    }
}
