package import CoordinatorCore
import CoordinatorStore
package import JSON
package import Platform
package import Wire

/// The coordinator's heart: takes events, decides each about one slot, saves all that follows in one transaction, and only
/// then answers. The only caller of the store. Any thread may call it; answers come on the writer's or a reader's thread.
package final class Heart: Sendable {
    let switchboard: Switchboard
    let surroundings: SteadySurroundings
    let settings: HeartSettings
    let readers: Readers
    package let counts = HeartCounts()
    let writer: Writer
    /// Until the stop, which closes it and with it lets others have the file.
    let owned: Locked<OwnedStore?>
    /// Two jobs at most: a check of the file, and behind it a checkpoint. Nil: they are done by whoever brings them.
    private let upkeep: DiskThread?
    private let upkeeper: OwnedUpkeep
    private let checkpointed = Locked(0)
    private let feed: EventFeed
    /// When the next slot has something to do by time alone, as far as is known.
    private let earliestDue = Locked<Timestamp?>(nil)
    let pulse = Locked(Pulse())
    /// Slots for which time stands still, which was said.
    let unreadable = Locked<Set<SlotID>>([])
    private let isFailing = Locked(false)
    private let observeCommits: @Sendable (String?) -> Void
    let enrolments = Locked(Enrolments())
    let isClockAstray = Locked(false)
    let observeClock: @Sendable (Duration?) -> Void
    /// The last stop was not clean, or the file was damaged then: it deserves a check.
    package let wasUnclean: Bool
    /// Nobody has found the file sound since the mark in it says that it deserves a check; then the mark stays.
    private let isSuspect: Locked<Bool>
    /// Records of hosts that could not be read at the start and are left out; the first few.
    package let damagedRows: [String]

    /// Opens the store, learns who is enrolled, and begins to work. `observe` is told of each line of the event log after it is
    /// on the disk and whoever waits for it has been answered; `observeCommits` of why commits begin to fail, and with nil of
    /// their end; both on the writer's thread, where they must not wait. `observeClock` is told how far the machine's clock was
    /// set ahead of the heart's, and with nil that they agree again, by whoever lets time pass.
    package init(
        _ settings: HeartSettings, surroundings: any Surroundings,
        observeCommits: @escaping @Sendable (_ failure: String?) -> Void = { _ in },
        observeClock: @escaping @Sendable (_ lag: Duration?) -> Void = { _ in },
        observe: @escaping @Sendable ([Event]) -> Void
    ) throws {
        self.observeCommits = observeCommits
        self.settings = settings
        let surroundings = SteadySurroundings(surroundings)
        self.surroundings = surroundings
        self.observeClock = observeClock
        let store = OwnedStore(try Store(path: settings.databasePath, vfs: settings.vfs))
        owned = Locked(store)
        let now = surroundings.monotonic()
        switchboard = Switchboard(surroundings: surroundings)
        let (unclean, due) = try store.store.write { transaction in
            try transaction.forgetSilence(at: surroundings.wall())
            return (try transaction.markOpen(), try transaction.nextDue())
        }
        wasUnclean = unclean
        isSuspect = Locked(unclean)
        feed = EventFeed(
            try Tail(
                of: StoreReader(path: settings.databasePath, vfs: settings.vfs, passesOnce: true),
                keeping: settings.tailLines), observe: observe)
        earliestDue.withLock { $0 = due }
        readers = try Readers(settings)
        writer = Writer(surroundings: surroundings)
        upkeep = settings.isTurnedByHand ? nil : try DiskThread(capacity: 2, name: "upkeep")
        upkeeper = OwnedUpkeep(try Upkeep(path: settings.databasePath, vfs: settings.vfs))
        damagedRows = try Self.seatEverybody(on: switchboard, settings, at: now)
        guard !settings.isTurnedByHand else { return }
        try feed.start()
        try writer.start { [self] works in perform(works, on: store) }
    }

    /// Does what is queued, and closes. Nothing may be asked of it afterwards.
    package func stop() {
        writer.stop()
        readers.stop()
        feed.stop()
        // A checkpoint takes milliseconds; a check of the file is not waited for.
        _ = upkeep?.stop(within: .milliseconds(500))
        // A stop that cannot be noted is taken for an unclean one: that costs a check at the next start.
        guard let owned = owned.withLock({ $0.take() }) else { return }
        if !isSuspect.withLock({ $0 }) { try? owned.store.write { transaction in try transaction.markClosed() } }
        // What is left in the WAL the next start would have to move.
        try? owned.store.checkpoint()
    }

    /// The time by which everything here is dated, and which hosts are told: it never jumps.
    package var wall: Timestamp { surroundings.glance() }

    /// Whether the thread that commits is idle or getting on.
    package func isMoving(within limit: Duration) -> Bool { writer.isMoving(within: limit) }
    package var hasClients: Bool { switchboard.hasTenants }
    package var queueDepth: Int { writer.depth }

    // MARK: The file

    /// Says why the database cannot be read, or nothing.
    package func probe(answer: @escaping @Sendable (String?) -> Void) {
        let isQueued = readers.submit { reader in
            do throws(StoreError) {
                _ = try reader.endOfLog()
                answer(nil)
            } catch { answer(error.description) }
        }
        // Too many lists are being made: that says nothing about the file.
        if !isQueued { answer(nil) }
    }

    /// While commits fail: tries one, since nobody else may. Who hears that nothing can be stored keeps away.
    package func retryCommit() {
        guard isFailing.withLock({ $0 }) else { return }
        submit(
            ClientWork<Bool>({ _ in }) { transaction, _ in
                try transaction.touch()
                return .done(true)
            })
    }

    /// Waits until everything that was asked of the writer is stored or refused, and answered; no longer than `limit`.
    package func settle(within limit: Duration) { writer.waitUntilIdle(within: limit) }

    /// Reads the whole file, on a thread of its own, and tells what is wrong with it.
    package func checkFile(answer: @escaping @Sendable (Outcome<[String]>) -> Void) {
        let isQueued = lookAfterFile { [self] in
            do throws(StoreError) {
                let findings = try StoreReader(path: settings.databasePath, vfs: settings.vfs).quickCheck()
                isSuspect.withLock { $0 = !findings.isEmpty }
                answer(.done(findings))
            } catch { answer(.unavailable(error.description)) }
        }
        if !isQueued { answer(.unavailable("other upkeep is under way")) }
    }

    /// Moves commits from the write-ahead log into the file, when there are enough of them.
    package func checkpoint() {
        guard counts.commits.now != checkpointed.withLock({ $0 }) else { return }
        _ = lookAfterFile { [self] in
            let commits = counts.commits.now
            // What fails is tried again, and when it goes on failing commits fail, too, which is said.
            guard (try? upkeeper.upkeep.checkpoint()) != nil else { return }
            checkpointed.withLock { $0 = commits }
        }
    }

    private func lookAfterFile(_ job: @escaping @Sendable () -> Void) -> Bool {
        guard let upkeep else {
            job()
            return true
        }
        return upkeep.submit(job)
    }

    // MARK: The writer's thread

    /// Returns the slots as they were committed, the latest state of each last.
    @discardableResult
    func perform(_ works: [any Work], on owned: OwnedStore) -> [Slot] {
        let began = surroundings.monotonic()
        // Before anything is decided: after a pause of the whole process this may run before the thread that keeps time.
        noticeGap()
        let isSilenceVoid = pulse.withLock { $0.takeSilence() }
        var batch = Batch(switchboard: switchboard, surroundings: surroundings)
        var failures = [String?](repeating: nil, count: works.count)
        do throws(StoreError) {
            try owned.store.write { transaction in
                if isSilenceVoid { try transaction.forgetSilence(at: batch.now) }
                for (index, work) in works.enumerated() {
                    let before = batch
                    do {
                        try transaction.savepoint { try work.run(transaction, &batch) }
                    } catch {
                        // Whatever it was, it is this one's alone: the others stay, and nothing is told of what was undone.
                        batch = before
                        failures[index] = "\(error)"
                    }
                }
            }
        } catch {
            counts.failedCommits.increment()
            if isSilenceVoid { pulse.withLock { $0.isSilenceVoid = true } }
            note(failure: error.description)
            for work in works { work.finish(.failed(error.description)) }
            return []
        }
        note(failure: nil)
        publish(batch)
        for (index, work) in works.enumerated() {
            work.finish(failures[index].map(WorkEnd.failed) ?? .committed)
        }
        // Behind the answers: a host that is woken does not wait until the journal has been told of it.
        if !batch.lines.isEmpty { feed.publish(batch.lines) }
        counts.note(works: works.count, took: surroundings.monotonic() - began)
        boundWAL(owned)
        return batch.slots
    }

    /// The one checkpoint on the writer's path: at most once a second, and only of what came since the upkeep's last.
    private func boundWAL(_ owned: OwnedStore) {
        let now = surroundings.monotonic()
        guard owned.store.framesInWAL > Self.walFramesMax, now - owned.boundedAt >= .seconds(1) else { return }
        owned.boundedAt = now
        // One that fails makes the next commit renew the WAL, or fail and say why.
        try? owned.store.checkpoint()
    }

    /// 64 MiB, which a start moves in a quarter of a second.
    private static let walFramesMax = 16_384

    /// Tells when commits begin to fail, and when they work again.
    private func note(failure: String?) {
        let isNews = isFailing.withLock { isFailing in
            defer { isFailing = failure != nil }
            return isFailing != (failure != nil)
        }
        if isNews { observeCommits(failure) }
    }

    private func publish(_ batch: Batch) {
        for slot in batch.slots {
            // Whoever parked or was heard after the decision had looked, and before this, would be passed over.
            if switchboard.publish(slot, at: batch.now) {
                submit(
                    SlotWork(on: slot.id, lastMoment: .earliest) { slot, turn in
                        slot.timePassed(&turn)
                    } answer: { _ in
                    })
            }
            if let due = slot.dueAt { earliestDue.withLock { $0 = min($0 ?? due, due) } }
        }
    }

    // MARK: For its other parts

    func submit(_ work: any Work) {
        if !writer.submit(work) { work.finish(.failed("too much is waiting to be stored")) }
    }

    func takeDue(at now: Timestamp) -> Bool {
        earliestDue.withLock { due in
            guard let moment = due, moment <= now else { return false }
            due = nil
            return true
        }
    }

    func noteDue(_ moment: Timestamp?) {
        guard let moment else { return }
        earliestDue.withLock { $0 = min($0 ?? moment, moment) }
    }

    /// Runs `read` on a reader's thread and answers with what it found.
    func read<Reply: Sendable>(
        _ answer: @escaping @Sendable (Outcome<Reply>) -> Void,
        _ read: @escaping @Sendable (borrowing StoreReader) throws -> Outcome<Reply>
    ) {
        let isQueued = readers.submit { reader in
            do { answer(try read(reader)) } catch let error as StoreError where error.code == .badCursor {
                answer(.refused(ErrorReply(.validation, error.description)))
            } catch let error as StoreError where error.code == .cursorGone {
                answer(.refused(ErrorReply(.gone, error.description)))
            } catch { answer(.unavailable("\(error)")) }
        }
        if !isQueued { answer(.unavailable("too many lists are being made")) }
    }

    package var events: EventFeed { feed }

    /// Gives every enrolled host its line; returns what could not be read. As many threads as read later share the hosts: of
    /// 100,000 their reading is nearly all that a start takes.
    private static func seatEverybody(
        on switchboard: Switchboard, _ settings: HeartSettings, at now: Duration
    ) throws -> [String] {
        let reader = try StoreReader(path: settings.databasePath, vfs: settings.vfs, passesOnce: true)
        for client in try reader.clients() {
            guard let hash = TokenHash(client.tokenHash) else { continue }
            switchboard.admit(Switchboard.Tenant(id: client.id, isActive: client.isActive), under: hash)
        }
        switchboard.makeRoom(for: try reader.hostCount())
        let shares = settings.isTurnedByHand ? 1 : max(1, settings.readers)
        let found = Locked<[Result<[StoreError], StoreError>]>([])
        let look = { @Sendable (share: Int) in
            let damaged = Result { () throws(StoreError) in
                try seat(share, of: shares, on: switchboard, settings, at: now)
            }
            found.withLock { $0.append(damaged) }
        }
        let threads = try (1..<shares).map { share in try DedicatedThread(name: "reader") { look(share) } }
        look(0)
        for thread in threads { thread.join() }
        return try found.withLock { try $0.flatMap { try $0.get() } }.map(\.description).sorted()
    }

    /// In handfuls, so that the threads seldom wait for each other.
    private static func seat(
        _ share: Int, of shares: Int, on switchboard: Switchboard, _ settings: HeartSettings, at now: Duration
    ) throws(StoreError) -> [StoreError] {
        var seats: [Switchboard.Seat] = []
        let reader = try StoreReader(path: settings.databasePath, vfs: settings.vfs, passesOnce: true)
        let damaged = try reader.forEachHost(share: share, of: shares) { row in
            let hash = row.tokenHash.flatMap(TokenHash.init)
            // One that was launched and never spoke has no seat yet.
            guard hash != nil || (row.abilities != .all && row.wasHeard) else { return }
            seats.append(Switchboard.Seat(line: Line(row, startedAt: now), token: hash))
            guard seats.count == 256 else { return }
            switchboard.seat(seats)
            seats.removeAll(keepingCapacity: true)
        }
        switchboard.seat(seats)
        return damaged
    }
}

/// What the heart is told at its start.
package struct HeartSettings: Sendable {
    package var databasePath: String
    /// From silence to `offline`.
    package var timeout: Duration = .seconds(120)
    /// What a new slot begins with.
    package var newSlot = SlotSettings()
    /// Threads that read for operators.
    package var readers = 2
    /// Lines of the log that stay in memory for live streams: half of what 500 interruptions at once write, and 3 MB. A
    /// listener that falls behind by more reads too slowly.
    package var tailLines = 4_096
    /// Nil: the file is in a folder. Else the name of a disk of SQLite's, as simulations have one.
    package var vfs: String?
    /// It has no thread of its own: whoever made it lets it work, with `turn` and `read`.
    package var isTurnedByHand = false

    package init(databasePath: String) { self.databasePath = databasePath }
}

/// The store on its way to the writer's thread, or to whoever takes its place.
final class OwnedStore: @unchecked Sendable {
    // Unchecked: used before the writer starts, by the writer alone, and after it has ended.
    let store: Store
    /// When the WAL was last cut short on the writer's path.
    var boundedAt = Duration.zero
    init(_ store: consuming Store) { self.store = store }
}

/// The connection for checkpoints, on its way to its thread.
final class OwnedUpkeep: @unchecked Sendable {
    // Unchecked: used by the thread for upkeep alone.
    var upkeep: Upkeep
    init(_ upkeep: consuming Upkeep) { self.upkeep = upkeep }
}

extension Line {
    convenience init(_ row: HostRow, startedAt now: Duration) {
        let isFailing = row.role == .primary && row.lacking?.isEmpty == false
        let view = View(
            role: row.role, epoch: row.epoch, configVersion: row.configVersion,
            heartbeatSeconds: View.period(row.heartbeatSeconds, of: row.abilities), leaseSeconds: row.leaseSeconds,
            awaitsLease: row.leaseSeconds > 0,
            hasOrders: row.hasOpenCommands, hasDue: row.hasOpenCommands, isInTrouble: row.isInTrouble || isFailing,
            isFailing: isFailing,
            // An incident is looked at again within a minute, and what that commits tells better.
            isHindered: row.isHindered || row.isInTrouble, isGoing: false, isEnded: row.isEnded, isOver: row.isOver,
            abilities: row.abilities, isAtWork: row.abilities != .all && row.hasOpenCommands)
        var host = Host(
            instance: row.instance, role: row.role, roleSince: .earliest, registeredAt: .earliest, facts: row.facts)
        host.lacking = row.lacking
        host.isBlind = row.isBlind
        self.init(
            slot: row.slot, instance: row.instance, client: row.client,
            State(
                view: view, presence: row.isOffline ? .offline : .starting, heardAt: .zero, answeredAt: now,
                saying: Saying(host), flushedAt: .zero, allowance: .ofHost(at: now),
                noticeAllowance: .ofNotices(at: now), address: row.address.map { ($0, now) }))
    }
}
