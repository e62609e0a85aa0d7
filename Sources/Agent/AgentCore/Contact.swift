import JSON
import Wire

/// Keeps in touch with the coordinator: enrols this machine, sends its heartbeats, fetches its configuration.
///
/// ```
///            identified               registered               heard
///  nowhere ─────────────▶ stranger ───────────────▶ enrolled ◀──────── deleted
///                             ▲  ▲       401           │  │    404       ▲ │
///                             │  └─────────────────────┘  └──────────────┘ │
///                             └────────────── reconfigured ────────────────┘
/// ```
struct Contact: Sendable {
    enum Place: Sendable, Equatable {
        /// It is not known yet which machine this is, so nothing can be said of it.
        case nowhere
        /// Without a token, or with one that was refused.
        case stranger
        case enrolled
        /// An administrator deleted the agent. To register would make it anew, under the administrator's hands; so that takes
        /// a person on this machine, who reloads the agent. Until then one heartbeat a minute finds out whether the
        /// deletion was taken back, as by a restored backup.
        case deleted
        /// The last heartbeat was sent.
        case leaving
    }

    enum Reach: Sendable, Equatable {
        case out(since: Duration, reason: String?)
        case inside(since: Duration)
    }

    /// Whoever answers later than this after the time that it may park is not going to.
    static let patience = Duration.seconds(5)
    /// Between two questions, whatever the answers and the news are: a coordinator that answers at once must not make us
    /// spin.
    static let shortestGap = Duration.milliseconds(200)
    static let farewellDeadline = Duration.seconds(2)
    private static let deletedPeriod = Duration.seconds(60)
    /// Farther apart, times of two hosts in one timeline mislead a person, and signed requests begin to fail.
    private static let astrayBeyond = Duration.seconds(5)

    /// The registration or the heartbeat that is under way. One at a time.
    struct Asked: Sendable {
        let id: ExchangeID
        let at: Duration
        let wait: Int
    }

    var place = Place.nowhere
    var reach = Reach.out(since: .zero, reason: nil)
    var clock = ServerClock()
    var answeredAt: Duration?
    var asked: Asked?
    var due = Duration.zero
    var fetch = ConfigurationFetch()
    /// For those who do not answer.
    var backoff = Backoff()
    /// For those who refuse: asking often helps nobody, and a person who mends it does not wait longer than a minute.
    var slowly = Backoff(upTo: .seconds(60))
    private var lastAskedAt = Duration.zero - Self.shortestGap
    private var lastSaying: Saying?
    private var hasNews = false
    private var pace: Int?
    private var isClockAstray = false
    /// What people were told since the last heartbeat that was answered.
    private var told = Told()

    struct Told: Sendable {
        var outage = false
        var tokenRefused = false
        var enrolmentRefused = false
        /// Not told, but known: that the last enrolment led to nothing yet.
        var enrolled = false
    }

    init() {}

    var isInTouch: Bool { if case .inside = reach, place == .enrolled { true } else { false } }

    /// When it wants to be woken; nil while all that is due is under way, whose answer comes by its deadline.
    var nextDue: Duration? {
        guard place != .nowhere && place != .leaving else { return nil }
        let question = asked == nil ? (hasNews ? min(due, newsDue) : due) : (hasNews ? newsDue : nil)
        return [question, isInTouch ? fetch.due : nil].compactMap { $0 }.min()
    }

    private var newsDue: Duration { lastAskedAt + Self.shortestGap }

    // MARK: What happens

    mutating func begin(_ turn: inout Turn) { reach = .out(since: turn.now, reason: nil) }

    mutating func identify(isEnrolled: Bool, _ turn: inout Turn) {
        guard place == .nowhere else { return }
        place = isEnrolled ? .enrolled : .stranger
        due = turn.now
    }

    /// What was known is another machine's.
    mutating func forget(_ turn: inout Turn) {
        abandon(&turn)
        fetch.abandon(&turn)
        if place != .leaving { place = .nowhere }
        lastSaying = nil
        pace = nil
    }

    /// Somebody on this machine wants it to be enrolled, or under another name.
    mutating func enrolAnew(_ turn: inout Turn) {
        guard place == .enrolled || place == .deleted else { return }
        becomeStranger(&turn)
        due = turn.now
    }

    /// The connections that there were may be dead without having been closed.
    mutating func hasten(_ turn: inout Turn) {
        guard place == .stranger || place == .enrolled else { return }
        backoff.reset()
        fetch.hasten(turn.now)
        if let asked, turn.now >= asked.at + Self.shortestGap { abandon(&turn) }
        if asked == nil { due = turn.now }
    }

    mutating func wantConfiguration(_ now: Duration) { fetch.want(at: now) }

    /// The last heartbeat. False: there is nobody to tell.
    mutating func leave(_ situation: Situation, _ turn: inout Turn) -> Bool {
        abandon(&turn)
        fetch.abandon(&turn)
        defer { place = .leaving }
        guard place == .enrolled, let enrolment = situation.enrolment else { return false }
        let farewell = situation.heartbeat(.offline, turn)
        ask(
            .heartbeat(farewell, wait: 0, of: enrolment.slot, enrolment.token), wait: 0,
            within: Self.farewellDeadline, &turn)
        return true
    }

    // MARK: Asking

    /// Time has passed, or the situation is another one.
    mutating func wake(_ situation: Situation, _ turn: inout Turn) {
        guard place != .nowhere && place != .leaving else { return }
        noteNews(situation, &turn)
        if asked == nil, due <= turn.now {
            if place == .stranger { register(situation, &turn) } else { sendHeartbeat(situation, &turn) }
        }
        if isInTouch, let enrolment = situation.enrolment {
            fetch.wake(enrolment, have: situation.saying.configVersion, &turn)
        }
    }

    /// News is told at once: a parked heartbeat makes way for it.
    private mutating func noteNews(_ situation: Situation, _ turn: inout Turn) {
        let canBeTold = isInTouch && asked.map { $0.wait > 0 } ?? true
        hasNews = canBeTold && situation.saying != lastSaying
        guard hasNews, turn.now >= newsDue else { return }
        abandon(&turn)
        due = turn.now
    }

    private mutating func register(_ situation: Situation, _ turn: inout Turn) {
        ask(.register(situation.registration), wait: 0, within: Self.patience, &turn)
    }

    private mutating func sendHeartbeat(_ situation: Situation, _ turn: inout Turn) {
        guard let enrolment = situation.enrolment else { preconditionFailure("an enrolled machine has an enrolment") }
        // Whoever is out of contact wants an answer, not to be parked.
        let wait = isInTouch ? pace ?? situation.pace : 0
        hasNews = false
        lastSaying = situation.saying
        let heartbeat = situation.heartbeat(situation.saying.status, turn)
        ask(
            .heartbeat(heartbeat, wait: wait, of: enrolment.slot, enrolment.token), wait: wait,
            within: .seconds(wait) + Self.patience, &turn)
    }

    private mutating func ask(_ question: Question, wait: Int, within deadline: Duration, _ turn: inout Turn) {
        asked = Asked(id: turn.ask(question, within: deadline), at: turn.now, wait: wait)
        lastAskedAt = turn.now
    }

    private mutating func abandon(_ turn: inout Turn) {
        if let asked { turn.add(.abandon(asked.id)) }
        asked = nil
    }
}

// MARK: - What came of it

extension Contact {
    enum Finding: Sendable {
        case enrolled(RegistrationReply)
        /// An outage is over, or it is the first answer at all.
        case cameBack
        case heard(HeartbeatReply)
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
        case (_, .success(.heard(let reply))) where reply.slot == situation.enrolment?.slot:
            return hear(reply, question, situation, &turn)
        case (_, .failure(let failure)): noteUnheard(failure, &turn)
        default: noteUnheard(.rubbish("the coordinator answered another question than was asked"), &turn)
        }
        return []
    }

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
        return [.enrolled(reply)]
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
        return findings + [.heard(reply)]
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
        case .tokenRefused: refuseToken(failure.sentence, &turn)
        case .gone:
            if place != .deleted { turn.tell(.deleted) }
            noteOut(failure.sentence, &turn)
            place = .deleted
            fetch.abandon(&turn)
            due = turn.now + turn.jittered(Self.deletedPeriod)
        case .no:
            // The token is of another machine.
            if case .refused(_, .forbidden, _, _) = failure { return refuseToken(failure.sentence, &turn) }
            noteOutage(failure.sentence, &turn)
            due = turn.now + slowly.next(chance: turn.draw())
        }
    }

    /// Enrols again: at once, but for one that was enrolled a moment ago, which would go round in circles.
    mutating func refuseToken(_ reason: String, _ turn: inout Turn) {
        guard place == .enrolled || place == .deleted else { return }
        if !told.tokenRefused { turn.tell(.tokenRefused(reason: reason)) }
        told.tokenRefused = true
        noteOut(reason, &turn)
        becomeStranger(&turn)
        due = told.enrolled ? turn.now + slowly.next(chance: turn.draw()) : turn.now
    }

    private mutating func becomeStranger(_ turn: inout Turn) {
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
