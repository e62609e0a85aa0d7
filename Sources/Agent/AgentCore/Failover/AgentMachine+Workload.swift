import JSON
import Wire

// What the machine does with the workload of its own accord: stop it where it must not run, run it where it is to.
extension AgentMachine {
    /// Between the last moment and the end: what a stop in good order takes, after the drain.
    private static let lastMomentLead = Duration.seconds(5)
    private static let noticeHooksTime = Duration.seconds(30)

    var isExclusive: Bool { memory.configuration?.settings.handOver == .exclusive }

    private var lease: Duration? {
        guard isExclusive, let seconds = memory.configuration?.settings.leaseSeconds, seconds > 0 else { return nil }
        return .seconds(seconds)
    }

    var position: Workload.Position {
        let settings = memory.configuration?.settings ?? SlotSettings()
        let endsAt = notices.endsAt
        return Workload.Position(
            state: isOutdated ? nil : memory.workload, role: memory.role, isExclusive: isExclusive,
            isUnstopped: memory.isUnstopped, hasUnits: !options.takeOver.units.isEmpty, endsAt: endsAt,
            lastMoment: endsAt.map { $0 - .seconds(settings.drainBudgetSeconds) - Self.lastMomentLead })
    }

    /// The disk may have been full when the workload was started here: what is remembered of it is of an earlier epoch than the one
    /// in which it is ours, and nobody has looked since.
    private var isOutdated: Bool {
        guard memory.role == .primary, workload.mustLook, let epoch = memory.epoch else { return false }
        return switch memory.workload {
        case .idle(let under)?, .halted(_, let under)?: under < epoch
        case .serving?, nil: false
        }
    }

    // MARK: What happens

    mutating func beginWorkload(_ turn: inout Turn) {
        let isNewBoot = memory.boot != nil && memory.boot != boot
        provisional = standing(turn, as: memory.facts)
        workload.begin(
            isNewBoot: isNewBoot, isExclusive: isExclusive, hasTraffic: options.takeOver.hasTraffic, lease: lease,
            at: turn.now)
        if standsBy { workload.doubt(.standBy, at: turn.now) }
        if memory.isUnstopped, !isNewBoot, isExclusive { workload.doubt(.unstopped, at: turn.now) }
        if memory.boot != boot {
            turn.remember(.booted(boot, slept: sleptAtStart))
            if isNewBoot, isExclusive { turn.remember(.unstopped) }
            absorb(turn)
        } else {
            noteSleepBefore(&turn)
            if let facts = memory.facts, !memory.areFactsOld { identify(facts, &turn) }
        }
    }

    /// The machine may have been suspended while no agent ran; PID 1's timer, and with it the fence, stood still meanwhile.
    private mutating func noteSleepBefore(_ turn: inout Turn) {
        guard let known = memory.slept else {
            turn.remember(.booted(boot, slept: sleptAtStart))
            return absorb(turn)
        }
        if sleptAtStart - known > .seconds(1) { notePause(sleptAtStart - known, &turn) }
    }

    mutating func notePause(_ length: Duration, _ turn: inout Turn) {
        turn.tell(.pausedFor(length))
        turn.remember(.booted(boot, slept: (memory.slept ?? sleptAtStart) + length))
        if isExclusive {
            workload.doubt(.pause, at: turn.now)
            turn.remember(.unstopped)
        } else {
            // Two may serve, but only one has the traffic.
            workload.ageWord(at: turn.now)
        }
        absorb(turn)
    }

    /// `askedAt`: a lease counts from before the question, and so does the right to serve.
    mutating func hear(_ role: Role, _ epoch: Epoch, askedAt: Duration, isEnrolment: Bool = false, _ turn: inout Turn) {
        if isEnrolment { enrolledUnder = epoch }
        workload.hear(
            role, epoch, askedAt: askedAt, lease: lease, isKnownEpoch: epoch == knownEpoch || isEnrolment,
            at: turn.now)
        if workload.isSettled(by: askedAt), !errands.moves, lastStanding != nil, let standing = standing(turn) {
            errands.answerHeld(standing, &turn)
        }
        if isEnrolment, standsBy { workload.doubt(.standBy, at: turn.now) }
    }

    /// An image that starts the workload with the machine would have it run twice, and here nobody has looked yet.
    private var standsBy: Bool {
        guard isExclusive, let role = memory.role else { return false }
        return role != .primary && memory.workload == nil
    }

    /// The epoch of the last thing that was done with the workload here.
    private var knownEpoch: Epoch? {
        switch memory.workload {
        case .serving(let under)?, .idle(let under)?, .halted(_, let under)?: under
        // It is what it was when the machine went down, or has just been told.
        case nil: enrolledUnder ?? epochAtStart
        }
    }

    mutating func noteConfigured(before: HandOver?, _ turn: Turn) {
        guard isExclusive else { return workload.noteShared() }
        workload.hold(lease, at: turn.now)
        guard before != .exclusive, memory.role != .primary, memory.role != .promoting else { return }
        // Where two might serve it may have come up with the machine, and nobody minded.
        workload.doubt(.standBy, at: turn.now)
    }

    // MARK: What is done

    mutating func decideWorkload(_ standing: Standing, isReal: Bool, _ turn: inout Turn) {
        // What was found out in this turn counts already.
        absorb(turn)
        takeOwnEnds(standing, &turn)
        noteDemotion(&turn)
        if let brought = errands.brought { workload.noteBrought(brought, with: options.takeOver, at: turn.now) }
        errands.brought = nil
        concludeOvertaken(standing, &turn)
        let position = position
        if let halt = workload.halt(position, at: turn.now) {
            if halt == .fenceFired { workload.fence.noteFired() }
            if !errands.standsDown {
                begin(halt, standing, &turn)
            } else if halt != .lastMoment {
                workload.wanted = nil
            }
        } else if isReal, life == .running, memory.role == .primary, !standing.isDeleted, !errands.moves,
            workload.isToServe(position, standing.epoch, at: turn.now)
        {
            let serve = ServeErrand(
                options.takeOver, standing.configuration.settings.handOver, looksFirst: workload.failure == nil,
                onlyFollows: position.serves && !workload.mustLook)
            errands.begin(.serve, serve, standing, &turn)
        }
        let moment = workload.fenceMoment(position, demotion: errands.demotionFence, at: turn.now)
        if isReal, hasUnheeded { heed(standing, position, &turn) }
        if workload.hasHeard {
            workload.fence.want(moment, lease: lease, of: options.takeOver.units, &turn)
        }
        absorb(turn)
    }

    private mutating func noteDemotion(_ turn: inout Turn) {
        guard let isStopped = errands.demotionEnd else { return }
        errands.demotionEnd = nil
        workload.ageWord(at: turn.now)
        guard !isStopped, isExclusive else { return }
        // The coordinator has heard that it may run; nobody is nearer to what keeps it from stopping than we are.
        turn.remember(.unstopped)
        absorb(turn)
        workload.noteUnstopped(at: turn.now)
    }

    private mutating func heed(_ standing: Standing, _ position: Workload.Position, _ turn: inout Turn) {
        hasUnheeded = false
        guard options.takeOver.hooks.contains(.notice), position.mayServe else { return }
        let deadline = position.endsAt ?? turn.now + .seconds(standing.configuration.settings.failoverDeadlineSeconds)
        let hooks = HooksErrand(stage: .notice, incident: nil, deadline: deadline, within: Self.noticeHooksTime)
        errands.begin(.heed, hooks, standing, &turn)
    }

    private mutating func begin(_ halt: Halt, _ standing: Standing, _ turn: inout Turn) {
        errands.giveUp(standing, &turn) { $0.brings }
        workload.wanted = nil
        turn.tell(.halting(halt))
        // What was given to another host stays so.
        var state = WorkloadState.halted(halt, under: knownEpoch ?? standing.epoch)
        if case .idle(let under)? = memory.workload { state = .idle(under: under) }
        errands.begin(
            .halt(halt), StandDown(options.takeOver, .halt(halt, leaving: state), incident: nil),
            standing, &turn)
        takeOwnEnds(standing, &turn)
    }

    /// Once nothing serves here and nothing is on its way to, that can be said of what made way.
    private mutating func concludeOvertaken(_ standing: Standing, _ turn: inout Turn) {
        guard workload.wanted == nil, !errands.moves, !position.mayServe else { return }
        errands.concludeOvertaken(standing, &turn)
    }

    private mutating func takeOwnEnds(_ standing: Standing, _ turn: inout Turn) {
        let ends = errands.ownEnds
        errands.ownEnds = []
        for own in ends {
            let isDone = own.end.outcome == .done
            switch own.purpose {
            case .halt(let halt):
                workload.noteHalted(halt, isStopped: isDone, at: turn.now)
                turn.tell(isDone ? .halted(halt) : .notHalted(halt, reason: own.end.message))
            case .heed: if !isDone { turn.tell(.hooksFailed(reason: own.end.message)) }
            case .serve where own.end.outcome == .refused: break
            case .serve: noteServing(own.end, &turn)
            }
        }
    }

    /// Each is told once, however often it is tried.
    private mutating func noteServing(_ end: ErrandEnd, _ turn: inout Turn) {
        let failure = end.outcome == .done ? nil : end.message
        let missing = end.doubts.isEmpty ? nil : end.doubts.joined(separator: "; ")
        let isMended = workload.failure != nil || (workload.missing != nil && missing == nil)
        if let failure, workload.failure == nil { turn.tell(.notServing(reason: failure)) }
        if let missing, workload.missing == nil { turn.tell(.servingInPart(reason: missing)) }
        if failure == nil, end.message != ServeErrand.wasRunning || isMended { turn.tell(.serving) }
        workload.noteServing(failure: failure, missing: missing, at: turn.now, chance: turn.draw())
    }
}

extension Errands {
    /// Whether something changes where the workload runs.
    var moves: Bool { runs.contains { !$0.isOver && ($0.brings || $0.removes) } }
    var standsDown: Bool { runs.contains { !$0.isOver && $0.removes } }
    var demotionFence: Duration? { runs.lazy.compactMap { ($0.errand as? StandDown)?.fenceAt }.min() }
}

extension Run {
    /// Has the workload come up here.
    var brings: Bool {
        switch cause {
        case .command(let command):
            switch command.order {
            case .promote, .activate: true
            default: false
            }
        case .own(.serve): true
        case .own, .duty, .part: false
        }
    }

    /// Has it stop here.
    var removes: Bool {
        switch cause {
        case .command(let command): if case .demote = command.order { true } else { false }
        case .own(.halt): true
        case .own, .duty, .part: false
        }
    }
}
