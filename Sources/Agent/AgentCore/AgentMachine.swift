package import JSON
import Wire

/// The agent's whole decision logic: one input and the moment it came in, a list of effects out.
///
/// ```
///  metadata ──▶ Watch ──notices──▶ Notices ──┐
///                 │ who we are               ├──▶ questions to the coordinator
///                 ▼                          │
///              Contact ◀──── answers ────────┤
///                 │ commands                 │
///                 │          Workload          │
///                 ▼             │ stop, serve  │
///              Errands ◀────────┘             │
///                 │                          │
///              Errands ──results──▶ Outbox ──┘
///                 └──▶ calls to the cloud, acts on this machine
/// ```
///
/// What a turn has to be remembered is one batch, behind all that it asks: an announcement never waits for a disk.
package struct AgentMachine: Sendable {
    var options: AgentOptions
    package internal(set) var memory: Memory
    var watch: Watch
    var contact = Contact()
    var notices = Notices()
    var drills = Drills()
    var workload = Workload()
    let boot: BootID
    /// How long the machine had been suspended since its boot when this process began.
    let sleptAtStart: Duration
    let epochAtStart: Epoch?
    /// The epoch of an enrolment of this life, which says who serves.
    var enrolledUnder: Epoch?
    /// Something was announced for which the hooks did not run yet.
    var hasUnheeded = false
    /// Who we were before the start, until the metadata service tells who we are: enough to stop the workload by.
    var provisional: Standing?
    var errands: Errands
    var outbox: Outbox
    /// Nil until the metadata service has told.
    var facts: InstanceFacts?
    var disk = Outbox.Disk()
    var blindSince: Duration?
    var startedAt = Duration.zero
    var life = Life.running
    private var numbers = Turn.Numbers()
    private var batches = 0
    /// How many of the turn's entries are in the memory already.
    private var absorbed = 0
    /// Where the errands take this machine to stand; nil before they began.
    var lastStanding: Standing?
    private var wakeAt: Duration?
    private var workloadDue: Duration?

    enum Life: Equatable {
        case running
        /// Something is still to be said, or to be handed over.
        case leaving(since: Duration, hostGoesDown: Bool)
        case stopped
    }

    package init(_ options: AgentOptions, _ memory: Memory, boot: BootID, slept: Duration) {
        self.boot = boot
        sleptAtStart = slept
        epochAtStart = memory.epoch
        self.options = options
        self.memory = memory
        watch = Watch(options)
        errands = Errands(memory)
        outbox = Outbox(memory)
    }

    /// `now` is the time since boot, `chance` a number of the system's source. After `stop` nothing has an effect any more.
    package mutating func handle(_ input: Input, now: Duration, wall: Timestamp, chance: UInt64) -> [Effect] {
        guard life != .stopped else { return [] }
        var turn = Turn(now: now, wall: wall, chance: chance, batch: batches + 1, numbers: numbers)
        absorbed = 0
        if case .wokeUp = input { wakeAt = nil }
        if input.isNews { turn.noteNews() }
        route(input, &turn)
        letPartsAct(&turn)
        close(&turn)
        numbers = turn.countedNumbers
        return turn.effects
    }

    private var hasSaidAll: Bool {
        switch life {
        case .running: false
        case .leaving(_, hostGoesDown: true):
            !hasSomebodyToTell || (notices.isStored(.shutdown) && !isHandingOver && !outbox.holdsResults)
        case .leaving(_, hostGoesDown: false): contact.asked == nil
        case .stopped: true
        }
    }

    /// Somebody takes over who is to be waited for.
    private var isHandingOver: Bool { (position.mayServe && notices.hasSuccessor) || errands.standsDown }

    /// Also while a refused token is being replaced.
    private var hasSomebodyToTell: Bool {
        switch contact.place {
        case .enrolled, .stranger: memory.enrolment != nil
        case .nowhere, .deleted, .leaving: false
        }
    }

    // MARK: The parts, in the order of what is most urgent

    private mutating func letPartsAct(_ turn: inout Turn) {
        if let due = watch.nextDue, due <= turn.now { found(watch.wake(&turn), &turn) }
        // Most turns are a look at the metadata service that says what it said before.
        guard turn.hasNews || isAnyDue(turn.now) else { return }
        endDrill(&turn)
        if let teller { notices.wake(teller, at: coordinatorTime(turn), &turn) }
        if actsStill { act(&turn) }
        if turn.wantsConfiguration { contact.wantConfiguration(turn.now) }
        outbox.take(turn.reports, &turn)
        if let situation = situation(turn) { contact.wake(situation, &turn) }
        outbox.wake(to: contact.isInTouch ? memory.enrolment : nil, disk, &turn)
    }

    /// Whoever goes down with the host still hands the workload over.
    var actsStill: Bool {
        switch life {
        case .running, .leaving(_, hostGoesDown: true): true
        case .leaving(_, hostGoesDown: false), .stopped: false
        }
    }

    private mutating func act(_ turn: inout Turn) {
        if let standing = standing(turn) {
            wakeErrands(standing, &turn)
            decideWorkload(standing, isReal: true, &turn)
        } else if let provisional {
            errands.wake(provisional, &turn)
            decideWorkload(provisional, isReal: false, &turn)
        }
    }

    private mutating func wakeErrands(_ standing: Standing, _ turn: inout Turn) {
        beginErrands(standing, &turn)
        var seen = standing
        // They move with every reading of the clock and every answer, and are no reason to do anything.
        (seen.clockOffset, seen.toldAskedAt) = (nil, nil)
        let isDue = errands.nextDue.map { $0 <= turn.now } ?? false
        guard isDue || seen != lastStanding else { return }
        lastStanding = seen
        errands.wake(standing, &turn)
        absorb(turn)
    }

    mutating func beginErrands(_ standing: Standing, _ turn: inout Turn) {
        guard lastStanding == nil else { return }
        lastStanding = standing
        errands.resume(standing, isExclusive: isExclusive, &turn)
    }

    private mutating func close(_ turn: inout Turn) {
        absorb(turn)
        workloadDue = actsStill ? workload.nextDue(position, at: turn.now) : nil
        if !turn.entries.isEmpty {
            batches += 1
            turn.add(.record(turn.entries))
        }
        if let leavesBy, hasSaidAll || leavesBy <= turn.now {
            life = .stopped
            turn.add(.stop)
        } else if let due = nextDue, due != wakeAt {
            wakeAt = due
            turn.add(.wake(at: due))
        }
    }

    private var nextDue: Duration? {
        [watch.nextDue, partsDue, leavesBy].compactMap { $0 }.min()
    }

    /// When one of those besides the watch wants to be woken.
    private var partsDue: Duration? {
        let notice = notices.nextDue(hasTeller: teller != nil)
        let errand = actsStill && (lastStanding != nil || provisional != nil) ? errands.nextDue : nil
        return [notice, errand, workloadDue, contact.nextDue, outbox.nextDue].compactMap { $0 }.min()
    }

    private func isAnyDue(_ now: Duration) -> Bool { partsDue.map { $0 <= now } ?? false }

    // MARK: How things stand

    /// What was remembered in this turn counts from now on.
    mutating func absorb(_ turn: Turn) {
        for entry in turn.entries[absorbed...] { memory.apply(entry) }
        absorbed = turn.entries.count
    }

    private var teller: Notices.Teller? {
        guard contact.place == .enrolled, let enrolment = memory.enrolment else { return nil }
        return Notices.Teller(enrolment: enrolment, epoch: memory.epoch)
    }

    func standing(_ turn: Turn) -> Standing? { standing(turn, as: facts) }

    func standing(_ turn: Turn, as facts: InstanceFacts?) -> Standing? {
        guard let facts, let enrolment = memory.enrolment, let role = memory.role, let epoch = memory.epoch,
            let configuration = memory.configuration
        else { return nil }
        return Standing(
            facts: facts, slot: enrolment.slot, role: role, epoch: epoch, configuration: configuration,
            options: options, clockOffset: contact.clock.offset(at: turn.now, wall: turn.wall),
            toldAskedAt: workload.toldAskedAt, isDeleted: contact.place == .deleted)
    }

    func situation(_ turn: Turn) -> Contact.Situation? {
        guard let facts else { return nil }
        let settings = memory.configuration?.settings ?? SlotSettings()
        return Contact.Situation(
            facts: facts, options: options, enrolment: memory.enrolment, pace: settings.heartbeatSeconds,
            saying: Contact.Saying(
                facts: facts, status: settings.enabled ? .online : .disabled, role: memory.role, epoch: memory.epoch,
                configVersion: memory.configuration?.version,
                // One that is not named would be delivered again, though its result is on its way by the disk.
                running: Array((errands.running + outbox.answered).prefix(Limits.commandsRunningMax)), lacking: lacking,
                isBlind: watch.isBlind),
            health: HostHealth(
                uptimeSeconds: (turn.now - startedAt).components.seconds,
                metadataAgeMilliseconds: watch.age(at: turn.now).map { Int64($0 / .milliseconds(1)) },
                blind: watch.isBlind, outbox: Int64(outbox.count)))
    }

    private var whyNotServing: String? {
        if let failure = workload.failure { return "the workload does not run here: \(failure)" }
        guard case .idle(let under)? = memory.workload, let epoch = memory.epoch, under >= epoch, !errands.moves else {
            return nil
        }
        return "the workload does not run here: it was stopped for another host"
    }

    /// What a replica lacks to be ready, and a primary to serve; nil of others.
    var lacking: [String]? {
        if memory.role == .primary { return whyNotServing.map { [Readiness.shortened($0)] } }
        guard memory.role == .replica else { return nil }
        let handOver = memory.configuration?.settings.handOver ?? .overlap
        return Readiness(
            takeOver: options.takeOver, handOver: handOver, diskFault: disk.fault, rights: errands.duties.rights,
            found: errands.duties.lacks(hasVolumes: !options.takeOver.volumes.isEmpty)
        ).lacks
    }
}

extension AgentOptions {
    func name(of instance: InstanceID) -> LogicalAgentID { logicalAgent ?? LogicalAgentID(of: instance) }
}
