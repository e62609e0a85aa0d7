import JSON
import Wire

extension AgentMachine {
    /// What it takes to tell, tried a few times.
    private static let shutdownTelling = Duration.seconds(5)
    /// However long a slot's deadline is: whoever switched the machine off waits for it.
    private static let shutdownMost = Duration.seconds(45)

    // MARK: What came in

    mutating func route(_ input: Input, _ turn: inout Turn) {
        switch input {
        case .started:
            startedAt = turn.now
            contact.begin(&turn)
            beginWorkload(&turn)
            watch.begin(&turn)
        case .wokeUp: break
        case .answered(let id, let result): answered(id, result, &turn)
        case .metadata(let item, let reading): found(watch.take(item, reading, &turn), &turn)
        case .cloud(let call, let result):
            if let standing = standing(turn) ?? provisional { errands.take(call, result, standing, &turn) }
        case .acted(let act, let result): acted(act, result, &turn)
        case .resumed(let pause):
            notePause(pause, &turn)
            hasten(&turn)
        case .recorded(let count): noteRecorded(count, &turn)
        case .recordingFailed(let reason):
            if disk.fault == nil { turn.tell(.notRemembering(reason: reason)) }
            disk.fault = reason
        case .reconfigured(let options): change(to: options, &turn)
        case .networkChanged: hasten(&turn)
        case .drillWanted(let request): begin(request, &turn)
        case .stopping(let hostGoesDown): leave(hostGoesDown: hostGoesDown, &turn)
        }
    }

    /// What is under way may lead nowhere: all of it is asked anew, at once.
    private mutating func hasten(_ turn: inout Turn) {
        contact.hasten(&turn)
        notices.startOver(&turn)
        outbox.hasten(&turn)
    }

    private mutating func acted(_ act: ActID, _ result: Result<Acted, ActFault>, _ turn: inout Turn) {
        if workload.fence.isWaiting(for: act) {
            workload.fence.take(result, &turn)
        } else if let standing = standing(turn) ?? provisional {
            errands.take(act, result, standing, &turn)
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
                noteDrillStored(reply, turn)
                rank(reply.role, reply.epoch, &turn)
                obey(reply.commands, askedAt: nil, &turn)
            case .tokenRefused(let reason): contact.refuseToken(reason, &turn)
            case .drillRefused(let reason): refuseDrill(reason, &turn)
            case nil: break
            }
        } else if contact.isWaiting(for: id), let situation = situation(turn) {
            for finding in contact.take(id, result, situation, &turn) { learn(finding, situation, &turn) }
        }
    }

    private mutating func learn(_ finding: Contact.Finding, _ situation: Contact.Situation, _ turn: inout Turn) {
        switch finding {
        case .enrolled(let reply, let askedAt):
            enrol(reply, as: situation, &turn)
            hear(reply.role, reply.epoch, askedAt: askedAt, isEnrolment: true, &turn)
        case .cameBack: notices.tellAgain(&turn)
        case .heard(let reply, let askedAt):
            rank(reply.role, reply.epoch, &turn)
            hear(reply.role, reply.epoch, askedAt: askedAt, &turn)
            obey(reply.commands, askedAt: askedAt, &turn)
        case .configured(let configuration):
            let before = memory.configuration?.settings.handOver
            turn.remember(.configured(configuration))
            turn.tell(.configured(configuration.version))
            absorb(turn)
            noteConfigured(before: before, turn)
        }
    }

    private mutating func enrol(
        _ reply: RegistrationReply, as situation: Contact.Situation, _ turn: inout Turn
    ) {
        let enrolment = Enrolment(
            instance: situation.facts.instance, name: situation.name, slot: reply.slot, client: reply.client,
            token: reply.token)
        let isElsewhere = memory.enrolment.map { $0.slot != reply.slot } ?? false
        if isElsewhere { outbox.leaveSlot(&turn) }
        turn.remember(.enrolled(enrolment))
        turn.remember(.configured(reply.configuration))
        absorb(turn)
        if isElsewhere { leaveErrands() }
        if !isExclusive { workload.noteShared() }
        turn.tell(.registered(reply.slot, reply.role, reply.epoch))
        rank(reply.role, reply.epoch, isNews: false, &turn)
        notices.startOver(&turn)
    }

    /// What another agent was asked for is nobody's any more, and would end this machine one day, or move a workload that is not
    /// that one's.
    private mutating func leaveErrands() {
        workload.leaveSlot()
        errands = Errands(memory)
        lastStanding = nil
    }

    /// Never back: what an older epoch says was true before something that is known here already.
    private mutating func rank(_ role: Role, _ epoch: Epoch, isNews: Bool = true, _ turn: inout Turn) {
        guard epoch >= memory.epoch ?? .zero, (role, epoch) != (memory.role, memory.epoch) else { return }
        turn.remember(.ranked(role, epoch))
        if isNews { turn.tell(.roleChanged(role, epoch)) }
        absorb(turn)
    }

    /// An answer from before a doubt may bring an order from before it, too; it is delivered again.
    private mutating func obey(_ delivered: [Command], askedAt: Duration?, _ turn: inout Turn) {
        let isSettled = !isExclusive || askedAt.map(workload.isSettled) ?? false
        let commands = delivered.filter { isSettled || !$0.brings }
        guard !commands.isEmpty, actsStill, let standing = standing(turn) else { return }
        beginErrands(standing, &turn)
        errands.take(commands, standing, &turn)
    }

    // MARK: What the metadata service says

    mutating func found(_ findings: [Watch.Finding], _ turn: inout Turn) {
        if !findings.isEmpty { turn.noteNews() }
        for finding in findings {
            switch finding {
            case .identified(let facts): identify(facts, &turn)
            case .noticed(let signal):
                notices.notice(signal, at: coordinatorTime(turn), &turn)
                hasUnheeded = true
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

    func coordinatorTime(_ turn: Turn) -> Timestamp {
        contact.clock.offset(at: turn.now, wall: turn.wall).map { turn.wall + $0 } ?? turn.wall
    }

    mutating func identify(_ facts: InstanceFacts, _ turn: inout Turn) {
        if let other = memory.enrolment?.instance, other != facts.instance { forget(other, &turn) }
        if facts != self.facts { turn.tell(.identified(facts)) }
        self.facts = facts
        if facts != memory.facts || memory.areFactsOld {
            turn.remember(.identified(facts))
            absorb(turn)
        }
        let isEnrolled = memory.enrolment.map { $0.name == options.name(of: facts.instance) } ?? false
        contact.identify(isEnrolled: isEnrolled, &turn)
    }

    /// This machine was started from an image of another one: nothing of what that one was in the middle of is ours.
    private mutating func forget(_ other: InstanceID, _ turn: inout Turn) {
        turn.tell(.cloned(from: other))
        turn.add(.forgetEverything(of: other))
        contact.forget(&turn)
        notices.startOver(&turn)
        outbox.forget(&turn)
        // What started with the image's machine starts with this one, too.
        let halts = isExclusive
        let slept = memory.slept ?? sleptAtStart
        if halts { workload.doubt(.newBoot, at: turn.now) }
        memory = Memory()
        turn.remember(.booted(boot, slept: slept))
        if halts { turn.remember(.unstopped) }
        absorb(turn)
        errands = Errands(memory)
        lastStanding = nil
    }

    // MARK: What the operator and the machine do

    private mutating func change(to options: AgentOptions, _ turn: inout Turn) {
        let before = self.options
        self.options = options
        watch.change(to: options, &turn)
        // The way to the coordinator may be another one now.
        hasten(&turn)
        guard let instance = facts?.instance else { return }
        // A reload of one that was deleted is somebody's wish to have it back (Decisions/0002).
        let isWanted = contact.place == .deleted || options.name(of: instance) != before.name(of: instance)
        if isWanted { contact.enrolAnew(&turn) }
    }

    private mutating func noteRecorded(_ count: Int, _ turn: inout Turn) {
        disk.recorded = max(disk.recorded, count)
        if disk.fault != nil { turn.tell(.rememberingAgain) }
        disk.fault = nil
        if let standing = standing(turn) { errands.noteRecorded(upTo: count, standing, &turn) }
    }

    /// The manager stops us first of all, before the workload. It is held up for as long as it takes to tell, and once there
    /// is a successor for as long as the hand-over may take.
    var leavesBy: Duration? {
        guard case .leaving(let since, let hostGoesDown) = life else { return nil }
        guard hostGoesDown else { return since + Contact.farewellDeadline }
        guard notices.hasSuccessor, let settings = memory.configuration?.settings else {
            return since + Self.shutdownTelling
        }
        let handOver = Duration.seconds(settings.failoverDeadlineSeconds + settings.drainBudgetSeconds)
        return since + min(Self.shutdownTelling + handOver, Self.shutdownMost)
    }

    private mutating func leave(hostGoesDown: Bool, _ turn: inout Turn) {
        guard life == .running else { return }
        turn.tell(.stopping)
        if hostGoesDown {
            notices.notice(.shutdown, at: coordinatorTime(turn), &turn)
            life = .leaving(since: turn.now, hostGoesDown: true)
        } else {
            if let situation = situation(turn) { contact.leave(situation, &turn) }
            life = .leaving(since: turn.now, hostGoesDown: false)
        }
    }
}

extension Input {
    /// Whether it alone is a reason to look at everything. Of what the metadata service says, the findings are.
    var isNews: Bool {
        switch self {
        case .wokeUp, .metadata: false
        case .started, .answered, .cloud, .acted, .recorded, .recordingFailed, .reconfigured, .networkChanged, .resumed,
            .drillWanted, .stopping:
            true
        }
    }
}
