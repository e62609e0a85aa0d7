import JSON
import Wire

// What came of what was asked.
extension Contact {
    /// Farther apart, times of two hosts in one timeline mislead a person, and signed requests begin to fail.
    private static let astrayBeyond = Duration.seconds(5)
    private static let deletedPeriod = Duration.seconds(60)

    enum Finding: Sendable {
        case enrolled(RegistrationReply, askedAt: Duration)
        /// An outage is over, or it is the first answer at all.
        case cameBack
        case heard(HeartbeatReply, askedAt: Duration)
        case configured(Configuration)
    }

    func isWaiting(for id: ExchangeID) -> Bool { asked?.id == id || fetch.isWaiting(for: id) }

    mutating func take(
        _ id: ExchangeID, _ result: Result<Answer, AskFailure>, _ situation: Situation, _ turn: inout Turn
    ) -> [Finding] {
        if fetch.isWaiting(for: id) { return fetch.take(result, &turn).map { [.configured($0)] } ?? [] }
        guard let question = asked, question.id == id else { return [] }
        asked = nil
        switch (place, result) {
        case (.leaving, _): return []
        case (.stranger, .success(.registered(let reply))): return noteEnrolled(reply, question, &turn)
        case (.stranger, .failure(let failure)): noteNotEnrolled(failure, &turn)
        case (.stranger, .success): noteNotEnrolled(.rubbish(Self.otherAnswer), &turn)
        case (_, .success(.heard(let reply))) where reply.slot == situation.enrolment?.slot:
            return hear(reply, question, situation, &turn)
        case (_, .failure(let failure)): noteUnheard(failure, &turn)
        default: noteUnheard(.rubbish(Self.otherAnswer), &turn)
        }
        return []
    }

    private static let otherAnswer = "the coordinator answered another question than was asked, or another agent's"

    private mutating func noteEnrolled(
        _ reply: RegistrationReply, _ question: Asked, _ turn: inout Turn
    ) -> [Finding] {
        clock.take(
            askedAt: question.at, receivedAt: reply.serverTime, sentAt: reply.serverTime, answeredAt: turn.now)
        place = .enrolled
        told.enrolmentRefused = false
        told.enrolled = true
        lastSaying = nil
        pace = nil
        due = turn.now
        return [.enrolled(reply, askedAt: question.at)]
    }

    private mutating func hear(
        _ reply: HeartbeatReply, _ question: Asked, _ situation: Situation, _ turn: inout Turn
    ) -> [Finding] {
        noteTimes(of: reply, question, &turn)
        var findings: [Finding] = []
        if case .out(let since, _) = reach {
            reach = .inside(since: turn.now)
            turn.tell(.inContact(after: turn.now - since))
            findings.append(.cameBack)
        }
        place = .enrolled
        told = Told()
        backoff.reset()
        slowly.reset()
        answeredAt = turn.now
        pace = reply.heartbeatSeconds
        due = nextHeartbeat(after: reply, question, &turn)
        if reply.configVersion != situation.saying.configVersion { fetch.want(at: turn.now) }
        return findings + [.heard(reply, askedAt: question.at)]
    }

    private func nextHeartbeat(after reply: HeartbeatReply, _ question: Asked, _ turn: inout Turn) -> Duration {
        let parked = min(max(reply.serverTime - reply.receivedAt, .zero), turn.now - question.at)
        // One that did not wait is the first after an outage: the next one does.
        let isAtOnce = !reply.commands.isEmpty || reply.commandsPending > 0 || parked * 2 >= .seconds(question.wait)
        let period = isAtOnce ? .zero : turn.jittered(.seconds(reply.heartbeatSeconds)) - parked
        return max(turn.now + period, lastAskedAt + Self.shortestGap)
    }

    private mutating func noteTimes(of reply: HeartbeatReply, _ question: Asked, _ turn: inout Turn) {
        clock.take(
            askedAt: question.at, receivedAt: reply.receivedAt, sentAt: reply.serverTime, answeredAt: turn.now)
        guard let offset = clock.offset(at: turn.now, wall: turn.wall) else { return }
        let ahead = .zero - offset
        if !isClockAstray && max(ahead, offset) > Self.astrayBeyond {
            isClockAstray = true
            turn.tell(.clockAstray(by: ahead))
        } else if isClockAstray && max(ahead, offset) < Self.astrayBeyond / 2 {
            // Only from half of it on: a clock at the edge would be told of again and again.
            isClockAstray = false
            turn.tell(.clockRight)
        }
    }

    // MARK: Failures

    private mutating func noteNotEnrolled(_ failure: AskFailure, _ turn: inout Turn) {
        if failure.meaning == .gone, !isWanted { return noteDeleted(failure, &turn) }
        guard case .notNow(let pause) = failure.meaning else {
            noteOut(failure.sentence, &turn)
            if !told.enrolmentRefused { turn.tell(.enrolmentRefused(reason: failure.sentence)) }
            told.enrolmentRefused = true
            due = turn.now + slowly.next(chance: turn.draw())
            return
        }
        noteOutage(failure.sentence, &turn)
        pauseAtLeast(pause, &turn)
    }

    private mutating func noteUnheard(_ failure: AskFailure, _ turn: inout Turn) {
        switch failure.meaning {
        case .notNow(let pause):
            noteOutage(failure.sentence, &turn)
            pauseAtLeast(pause, &turn)
        // The token of one that was deleted is good for nothing, sooner or later.
        case .tokenRefused where place == .deleted: noteDeleted(failure, &turn)
        case .tokenRefused: refuseToken(failure.sentence, &turn)
        case .gone: noteDeleted(failure, &turn)
        case .no:
            // The token is of another machine.
            if case .refused(_, .forbidden, _, _) = failure { return refuseToken(failure.sentence, &turn) }
            noteOutage(failure.sentence, &turn)
            due = turn.now + slowly.next(chance: turn.draw())
        }
    }

    private mutating func noteDeleted(_ failure: AskFailure, _ turn: inout Turn) {
        if place != .deleted { turn.tell(.deleted) }
        noteOut(failure.sentence, &turn)
        place = .deleted
        fetch.abandon(&turn)
        due = turn.now + turn.jittered(Self.deletedPeriod)
    }

    /// Enrols again: at once, but for one that was enrolled a moment ago, which would go round in circles.
    mutating func refuseToken(_ reason: String, _ turn: inout Turn) {
        guard place == .enrolled else { return }
        if !told.tokenRefused { turn.tell(.tokenRefused(reason: reason)) }
        told.tokenRefused = true
        noteOut(reason, &turn)
        becomeStranger(&turn)
        isWanted = false
        due = told.enrolled ? turn.now + slowly.next(chance: turn.draw()) : turn.now
    }

    mutating func becomeStranger(_ turn: inout Turn) {
        abandon(&turn)
        fetch.abandon(&turn)
        place = .stranger
        hasNews = false
    }

    private mutating func noteOutage(_ reason: String, _ turn: inout Turn) {
        noteOut(reason, &turn)
        if !told.outage { turn.tell(.outOfContact(reason: reason)) }
        told.outage = true
    }

    private mutating func noteOut(_ reason: String, _ turn: inout Turn) {
        if case .out(let since, _) = reach {
            reach = .out(since: since, reason: reason)
        } else {
            reach = .out(since: turn.now, reason: reason)
        }
    }

    private mutating func pauseAtLeast(_ pause: Duration, _ turn: inout Turn) {
        // Those who were all sent away in one moment shall not all come back in one.
        let spread = pause * (1 + 0.2 * fraction(of: turn.draw()))
        due = turn.now + max(backoff.next(chance: turn.draw()), spread)
    }
}
