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
///                 ▼                          │
///              Errands ──results──▶ Outbox ──┘
///                 └──▶ calls to the cloud
/// ```
///
/// What a turn has to be remembered is one batch, behind all that it asks: an announcement never waits for a disk.
package struct AgentMachine: Sendable {
    /// The manager stops us first of all, and kills us a while later: what it takes to tell, tried a few times.
    private static let shutdownPatience = Duration.seconds(5)

    var options: AgentOptions
    var memory: Memory
    var watch: Watch
    var contact = Contact()
    var notices = Notices()
    var errands: Errands
    var outbox: Outbox
    /// Nil until the metadata service has told.
    var facts: InstanceFacts?
    var disk = Outbox.Disk()
    var blindSince: Duration?
    var startedAt = Duration.zero
    private var life = Life.running
    private var numbers = Turn.Numbers()
    private var batches = 0
    /// How many of the turn's entries are in the memory already.
    private var absorbed = 0
    /// Where the errands take this machine to stand; nil before they began.
    private var lastStanding: Standing?
    private var wakeAt: Duration?

    private enum Life: Equatable {
        case running
        /// Something is still to be said, until then at most.
        case leaving(until: Duration, hostGoesDown: Bool)
        case stopped
    }

    package init(_ options: AgentOptions, _ memory: Memory) {
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
        route(input, &turn)
        letPartsAct(&turn)
        close(&turn)
        numbers = turn.countedNumbers
        return turn.effects
    }

    // MARK: What came in

    private mutating func route(_ input: Input, _ turn: inout Turn) {
        switch input {
        case .started:
            startedAt = turn.now
            contact.begin(&turn)
            watch.begin(&turn)
        case .wokeUp: break
        case .answered(let id, let result): answered(id, result, &turn)
        case .metadata(let item, let reading): found(watch.take(item, reading, &turn), &turn)
        case .cloud(let call, let result):
            if let standing = standing(turn) { errands.take(call, result, standing, &turn) }
        case .recorded(let count): noteRecorded(count, &turn)
        case .recordingFailed(let reason):
            if disk.fault == nil { turn.tell(.notRemembering(reason: reason)) }
            disk.fault = reason
        case .reconfigured(let options): change(to: options, &turn)
        case .networkChanged:
            contact.hasten(&turn)
            notices.tellAgain(&turn)
            outbox.hasten(turn.now)
        case .stopping(let hostGoesDown): leave(hostGoesDown: hostGoesDown, &turn)
        }
    }

    private mutating func answered(
        _ id: ExchangeID, _ result: Result<Answer, AskFailure>, _ turn: inout Turn
    ) {
        if outbox.isWaiting(for: id) {
            outbox.take(result, &turn)
        } else if notices.isWaiting(for: id) {
            switch notices.take(id, result, &turn) {
            case .stored(let reply):
                rank(reply.role, reply.epoch, &turn)
                obey(reply.commands, &turn)
            case .tokenRefused(let reason): contact.refuseToken(reason, &turn)
            case nil: break
            }
        } else if contact.isWaiting(for: id), let situation = situation(turn) {
            for finding in contact.take(id, result, situation, &turn) { learn(finding, situation, &turn) }
        }
    }

    private mutating func learn(_ finding: Contact.Finding, _ situation: Contact.Situation, _ turn: inout Turn) {
        switch finding {
        case .enrolled(let reply): enrol(reply, as: situation, &turn)
        case .cameBack: notices.tellAgain(&turn)
        case .heard(let reply):
            rank(reply.role, reply.epoch, &turn)
            obey(reply.commands, &turn)
        case .configured(let configuration):
            turn.remember(.configured(configuration))
            turn.tell(.configured(configuration.version))
            absorb(turn)
        }
    }

    private mutating func enrol(
        _ reply: RegistrationReply, as situation: Contact.Situation, _ turn: inout Turn
    ) {
        let enrolment = Enrolment(
            instance: situation.facts.instance, name: situation.name, slot: reply.slot, client: reply.client,
            token: reply.token)
        turn.remember(.enrolled(enrolment))
        turn.remember(.configured(reply.configuration))
        absorb(turn)
        turn.tell(.registered(reply.slot, reply.role, reply.epoch))
        rank(reply.role, reply.epoch, isNews: false, &turn)
        notices.tellAgain(&turn)
    }

    /// Never back: what an older epoch says was true before something that is known here already.
    private mutating func rank(_ role: Role, _ epoch: Epoch, isNews: Bool = true, _ turn: inout Turn) {
        guard epoch >= memory.epoch ?? .zero, (role, epoch) != (memory.role, memory.epoch) else { return }
        turn.remember(.ranked(role, epoch))
        if isNews { turn.tell(.roleChanged(role, epoch)) }
        absorb(turn)
    }

    private mutating func obey(_ commands: [Command], _ turn: inout Turn) {
        guard !commands.isEmpty, life == .running, let standing = standing(turn) else { return }
        beginErrands(standing, &turn)
        errands.take(commands, standing, &turn)
    }

    // MARK: What the metadata service says

    private mutating func found(_ findings: [Watch.Finding], _ turn: inout Turn) {
        for finding in findings {
            switch finding {
            case .identified(let facts): identify(facts, &turn)
            case .noticed(let signal): notices.notice(signal, &turn)
            case .gone(let signal): notices.drop(signal, &turn)
            case .blind(let reason):
                blindSince = turn.now
                turn.tell(.blind(reason: reason))
            case .sighted(let silence):
                blindSince = nil
                turn.tell(.sighted(after: silence))
            }
        }
    }

    private mutating func identify(_ facts: InstanceFacts, _ turn: inout Turn) {
        if let other = memory.enrolment?.instance, other != facts.instance { forget(other, &turn) }
        if facts != self.facts { turn.tell(.identified(facts)) }
        self.facts = facts
        let isEnrolled = memory.enrolment.map { $0.name == options.name(of: facts.instance) } ?? false
        contact.identify(isEnrolled: isEnrolled, &turn)
    }

    /// This machine was started from an image of another one: nothing of what that one was in the middle of is ours.
    private mutating func forget(_ other: InstanceID, _ turn: inout Turn) {
        turn.tell(.cloned(from: other))
        turn.add(.forgetEverything(of: other))
        contact.forget(&turn)
        notices.forget(&turn)
        outbox.forget(&turn)
        memory = Memory()
        errands = Errands(memory)
        lastStanding = nil
    }

    // MARK: What the operator and the machine do

    private mutating func change(to options: AgentOptions, _ turn: inout Turn) {
        self.options = options
        watch.change(to: options, &turn)
        guard let facts, let enrolment = memory.enrolment else { return }
        // A reload of one that was deleted is somebody's wish to have it back.
        let isWanted = contact.place == .deleted || enrolment.name != options.name(of: facts.instance)
        if isWanted { contact.enrolAnew(&turn) }
    }

    private mutating func noteRecorded(_ count: Int, _ turn: inout Turn) {
        disk.recorded = max(disk.recorded, count)
        if disk.fault != nil { turn.tell(.rememberingAgain) }
        disk.fault = nil
        if let standing = standing(turn) { errands.noteRecorded(upTo: count, standing, &turn) }
    }

    private mutating func leave(hostGoesDown: Bool, _ turn: inout Turn) {
        guard life == .running else { return }
        turn.tell(.stopping)
        if hostGoesDown {
            notices.notice(.shutdown, &turn)
            life = .leaving(until: turn.now + Self.shutdownPatience, hostGoesDown: true)
        } else {
            if let situation = situation(turn) { _ = contact.leave(situation, &turn) }
            life = .leaving(until: turn.now + Contact.farewellDeadline, hostGoesDown: false)
        }
    }

    private var hasSaidAll: Bool {
        switch life {
        case .running: false
        case .leaving(_, hostGoesDown: true): teller == nil || notices.isStored(.shutdown)
        case .leaving(_, hostGoesDown: false): contact.asked == nil
        case .stopped: true
        }
    }

    // MARK: The parts, in the order of what is most urgent

    private mutating func letPartsAct(_ turn: inout Turn) {
        if let due = watch.nextDue, due <= turn.now { found(watch.wake(&turn), &turn) }
        if let teller { notices.wake(teller, &turn) }
        if life == .running, let standing = standing(turn) { wakeErrands(standing, &turn) }
        if turn.wantsConfiguration { contact.wantConfiguration(turn.now) }
        if let situation = situation(turn) { contact.wake(situation, &turn) }
        outbox.take(turn.reports, &turn)
        outbox.wake(to: contact.isInTouch ? memory.enrolment : nil, disk, &turn)
    }

    private mutating func wakeErrands(_ standing: Standing, _ turn: inout Turn) {
        beginErrands(standing, &turn)
        var seen = standing
        // Moves with every reading of the clock, and is no reason to do anything.
        seen.clockOffset = nil
        let isDue = errands.nextDue.map { $0 <= turn.now } ?? false
        guard isDue || seen != lastStanding else { return }
        lastStanding = seen
        errands.wake(standing, &turn)
        absorb(turn)
    }

    private mutating func beginErrands(_ standing: Standing, _ turn: inout Turn) {
        guard lastStanding == nil else { return }
        lastStanding = standing
        errands.resume(standing, &turn)
    }

    private mutating func close(_ turn: inout Turn) {
        absorb(turn)
        if !turn.entries.isEmpty {
            batches += 1
            turn.add(.record(turn.entries))
        }
        if case .leaving(let until, _) = life, hasSaidAll || until <= turn.now {
            life = .stopped
            turn.add(.stop)
        } else if let due = nextDue, due != wakeAt {
            wakeAt = due
            turn.add(.wake(at: due))
        }
    }

    private var nextDue: Duration? {
        let end: Duration? = if case .leaving(let until, _) = life { until } else { nil }
        let notice = notices.nextDue(hasTeller: teller != nil)
        let errand = life == .running && lastStanding != nil ? errands.nextDue : nil
        return [watch.nextDue, notice, errand, contact.nextDue, outbox.nextDue, end].compactMap { $0 }.min()
    }

    // MARK: How things stand

    /// What was remembered in this turn counts from now on.
    private mutating func absorb(_ turn: Turn) {
        for entry in turn.entries[absorbed...] { memory.apply(entry) }
        absorbed = turn.entries.count
    }

    private var teller: Notices.Teller? {
        guard contact.place == .enrolled, let enrolment = memory.enrolment else { return nil }
        return Notices.Teller(enrolment: enrolment, epoch: memory.epoch)
    }

    private func standing(_ turn: Turn) -> Standing? {
        guard let facts, let enrolment = memory.enrolment, let role = memory.role, let epoch = memory.epoch,
            let configuration = memory.configuration
        else { return nil }
        return Standing(
            facts: facts, slot: enrolment.slot, role: role, epoch: epoch, configuration: configuration,
            options: options, clockOffset: contact.clock.offset(at: turn.now, wall: turn.wall),
            isDeleted: contact.place == .deleted)
    }

    private func situation(_ turn: Turn) -> Contact.Situation? {
        guard let facts else { return nil }
        let settings = memory.configuration?.settings ?? SlotSettings()
        return Contact.Situation(
            facts: facts, options: options, enrolment: memory.enrolment, pace: settings.heartbeatSeconds,
            saying: Contact.Saying(
                facts: facts, status: settings.enabled ? .online : .disabled, role: memory.role, epoch: memory.epoch,
                configVersion: memory.configuration?.version,
                running: Array(errands.running.prefix(Limits.commandsRunningMax)), lacking: lacking,
                isBlind: watch.isBlind),
            health: HostHealth(
                uptimeSeconds: (turn.now - startedAt).components.seconds,
                metadataAgeMilliseconds: watch.age(at: turn.now).map { Int64($0 / .milliseconds(1)) },
                blind: watch.isBlind, outbox: Int64(outbox.count)))
    }

    /// Said as long as `promote` is refused, so that nobody counts on this replica.
    private var lacking: [String]? { memory.role == .replica ? ["this agent cannot take over yet"] : nil }
}

extension AgentOptions {
    func name(of instance: InstanceID) -> LogicalAgentID { logicalAgent ?? LogicalAgentID(of: instance) }
}
