import CoordinatorCore
import CoordinatorStore
package import JSON
import Platform
import Wire

// What time brings: called by the jobs, each call only makes events.
extension Heart {
    /// Who has not been heard for too long, by `now`.
    package func examineLiveness() {
        for absence in switchboard.absences(at: surroundings.monotonic(), timeout: settings.timeout) {
            switch absence {
            case .silent(let line):
                submit(
                    SlotWork(
                        on: line.slot, naming: { Focus(now: $0, instance: line.instance) }, alsoWhenEnded: true
                    ) { slot, turn in
                        // It may have been heard while this waited.
                        if slot.host(line.instance)?.isFresh == false { slot.noteSilence(of: line.instance, &turn) }
                    } answer: { [switchboard] outcome in
                        if case .unavailable = outcome { switchboard.retell(.unknown, as: .starting, of: line) }
                    })
            case .gone(let line, let silence):
                submit(
                    SlotWork(
                        on: line.slot, naming: { Focus(now: $0, instance: line.instance) }, alsoWhenEnded: true
                    ) { slot, turn in
                        if slot.host(line.instance)?.isFresh == false {
                            slot.noteOffline(line.instance, after: silence, &turn)
                        }
                    } answer: { [switchboard] outcome in
                        if case .unavailable = outcome { switchboard.retell(.offline, as: .unknown, of: line) }
                    })
            }
        }
    }

    /// The thread that keeps time is alive: called every second.
    package func beat() {
        noticeGap()
        pulse.withLock { $0.lastBeat = surroundings.boot() }
    }

    /// When time was not kept for a while, nobody could be heard.
    func noticeGap() {
        let now = surroundings.boot()
        let isGap = pulse.withLock { pulse in
            guard let last = pulse.lastBeat, now - last > Pulse.gap else { return false }
            pulse.lastBeat = now
            return true
        }
        if isGap { beginGrace() }
    }

    /// The coordinator itself was away: everybody's silence begins anew, and what was concluded from it is taken back with
    /// the next commit, before that decides anything.
    package func beginGrace() {
        switchboard.beginGrace(at: surroundings.monotonic())
        pulse.withLock { $0.isSilenceVoid = true }
    }

    /// Slots whose time has come.
    package func passTime() {
        compareClocks()
        guard takeDue(at: surroundings.wall()) else { return }
        submit(TimeWork(self))
    }

    private func compareClocks() {
        let lag = surroundings.lag
        let isAstray = isClockAstray.withLock { isAstray -> Bool? in
            let limit: Duration = isAstray ? .seconds(1) : .seconds(5)
            guard isAstray != (lag > limit || lag < .zero - limit) else { return nil }
            isAstray.toggle()
            return isAstray
        }
        if let isAstray { observeClock(isAstray ? lag : nil) }
    }

    /// Writes down when hosts were last heard, for the operators of the next run.
    package func flushContacts() {
        let stale = switchboard.unflushed(
            at: surroundings.monotonic(), olderThan: Self.contactAge, limit: Self.flushesMax)
        let wall = surroundings.wall()
        for start in stride(from: 0, to: stale.count, by: Self.flushRows) {
            let rows = stale[start..<min(start + Self.flushRows, stale.count)].map {
                ($0.line.slot, $0.line.instance, wall - $0.silence)
            }
            submit(
                ClientWork<Bool>({ _ in }) { transaction, _ in
                    try transaction.noteHeard(rows)
                    return .done(true)
                })
        }
    }

    /// How old what the store knows of a contact may be: it is only shown, and one write a minute for each host is little.
    private static let contactAge = Duration.seconds(60)
    /// So that a commit behind it waits for a millisecond, not for fifty.
    private static let flushRows = 200
    /// Hosts in one go; the rest in the next.
    private static let flushesMax = 20_000

    /// Forgets what is past its time, a little at a go; and again through the queue until nothing is left.
    package func forget(asOf now: Timestamp) { forget(CoordinatorStore.Retention(at: now)) }

    private func forget(_ cutoffs: CoordinatorStore.Retention) {
        submit(
            ClientWork<Int>({ [weak self] outcome in
                if case .done(let removed) = outcome, removed > 0 { self?.forget(cutoffs) }
            }) { transaction, _ in .done(try transaction.forget(before: cutoffs, rows: Self.forgetRows)) })
    }

    private static let forgetRows = 500

    /// Groups of slots that have lost the one that reports their prices get another.
    package func appointPriceReporters() {
        read({ [self] (outcome: Outcome<[(SlotID, Bool)]>) in
            guard case .done(let changes) = outcome else { return }
            for (slot, reports) in changes {
                submit(
                    SlotWork(on: slot) { slot, _ in
                        slot.reportPrices(reports)
                    } answer: { _ in
                    })
            }
        }) { reader in
            .done(
                try reader.priceReporterVacancies(limit: 100).map { ($0, true) }
                    + reader.priceReporterSurplus(limit: 100).map { ($0, false) })
        }
    }
}

/// Whether time is kept.
struct Pulse {
    /// On the clock that goes on while the machine is suspended. Nil before anybody keeps time.
    var lastBeat: Duration?
    /// Silence that the store knows of counts no more.
    var isSilenceVoid = false

    /// One heartbeat of a host in a hurry: longer than any turn of the loop, shorter than three missed heartbeats.
    static let gap = Duration.seconds(3)

    mutating func takeSilence() -> Bool {
        defer { isSilenceVoid = false }
        return isSilenceVoid
    }
}

/// The slots that are due, each decided in a savepoint of its own, so that one that cannot be does not hold up the others.
private final class TimeWork: Work, @unchecked Sendable {
    // Unchecked: after it was made, only the writer's thread touches it.

    let lastMoment: Timestamp? = .latest
    private let heart: Heart
    private var calls: [PendingAnswer] = []
    /// Of slots that could not be saved after all.
    private var emptyCalls: [PendingAnswer] = []
    private var isMore = false
    private var next: Timestamp?

    /// In one transaction; the rest follows in the next, behind what is urgent.
    private static let slotsMax = 64
    /// A record that is damaged stays so until somebody does something about it.
    private static let retry = Duration.seconds(60)

    init(_ heart: Heart) { self.heart = heart }

    func run(_ transaction: borrowing StoreTransaction, _ batch: inout Batch) throws {
        let due = try transaction.slotsDue(at: batch.now, limit: Self.slotsMax)
        for id in due {
            let before = batch
            var taken: [PendingAnswer] = []
            do {
                try transaction.savepoint { try passTime(of: id, transaction, &batch) { taken = $0 } }
                calls += taken
                heart.unreadable.withLock { _ = $0.remove(id) }
            } catch {
                batch = before
                emptyCalls += taken
                try postpone(id, because: "\(error)", transaction, &batch)
            }
        }
        isMore = due.count == Self.slotsMax
        next = try transaction.nextDue()
    }

    private func passTime(
        of id: SlotID, _ transaction: borrowing StoreTransaction, _ batch: inout Batch,
        taking: ([PendingAnswer]) -> Void
    ) throws {
        guard var before = try transaction.slot(id, naming: Focus(now: batch.now)) else { return }
        batch.switchboard.overlay(&before, now: batch.monotonic, wall: batch.now)
        var slot = before
        var turn = batch.turn(slot: id, client: slot.client)
        slot.timePassed(&turn)
        taking(deliverToParked(&slot, batch))
        try batch.save(slot, replacing: before, turn, transaction)
    }

    /// Else it would be first in the line for ever, and 64 of them would be all that is ever looked at.
    private func postpone(
        _ id: SlotID, because reason: String, _ transaction: borrowing StoreTransaction, _ batch: inout Batch
    ) throws {
        try transaction.postpone(id, to: batch.now + Self.retry)
        guard heart.unreadable.withLock({ $0.insert(id).inserted }) else { return }
        var turn = batch.turn(slot: id)
        turn.note(.agentUnreadable, "time stands still for agent \(id): \(reason)")
        try batch.log(turn.events, transaction)
    }

    func finish(_ end: WorkEnd) {
        switch end {
        case .committed:
            for call in calls { call.give() }
            for call in emptyCalls { call.giveNothing() }
            heart.noteDue(next)
            if isMore { heart.submit(TimeWork(heart)) }
        case .failed:
            for call in calls + emptyCalls { call.giveNothing() }
            // Looked at again soon: nothing of it was kept.
            heart.noteDue(heart.surroundings.wall() + .seconds(1))
        }
    }
}
