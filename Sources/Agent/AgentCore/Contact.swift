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
        /// An administrator deleted the agent. It is not enrolled again by itself (Decisions/0002): one heartbeat a minute
        /// finds out whether the deletion was taken back, as by a restored backup.
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
    var lastAskedAt = Duration.zero - Self.shortestGap
    var lastSaying: Saying?
    var hasNews = false
    var pace: Int?
    var isClockAstray = false
    /// Somebody wants it enrolled; else it only needs another token, and one whose agent was deleted meanwhile stays away.
    var isWanted = true
    /// What people were told since the last heartbeat that was answered.
    var told = Told()

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
        isWanted = true
    }

    /// Somebody on this machine wants it to be enrolled, or under another name.
    mutating func enrolAnew(_ turn: inout Turn) {
        guard place != .nowhere && place != .leaving else { return }
        becomeStranger(&turn)
        isWanted = true
        due = turn.now
    }

    /// The connections that there were may be dead without having been closed.
    mutating func hasten(_ turn: inout Turn) {
        guard place == .stranger || place == .enrolled else { return }
        backoff.reset()
        fetch.hasten(&turn)
        slowly.reset()
        abandon(&turn)
        due = max(turn.now, lastAskedAt + Self.shortestGap)
    }

    mutating func wantConfiguration(_ now: Duration) { fetch.want(at: now) }

    /// The last heartbeat, where there is somebody to tell.
    mutating func leave(_ situation: Situation, _ turn: inout Turn) {
        abandon(&turn)
        fetch.abandon(&turn)
        defer { place = .leaving }
        guard place == .enrolled, let enrolment = situation.enrolment else { return }
        let farewell = situation.heartbeat(.offline, turn)
        ask(
            .heartbeat(farewell, wait: 0, of: enrolment.slot, enrolment.token), wait: 0,
            within: Self.farewellDeadline, &turn)
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
        var registration = situation.registration
        registration.renews = isWanted ? nil : situation.enrolment?.slot
        ask(.register(registration), wait: 0, within: Self.patience, &turn)
    }

    private mutating func sendHeartbeat(_ situation: Situation, _ turn: inout Turn) {
        guard let enrolment = situation.enrolment else { preconditionFailure("an enrolled machine has an enrolment") }
        // Whoever is out of contact wants an answer, not to be parked; and nobody is parked for longer than the limit.
        let wait = isInTouch ? min(pace ?? situation.pace, Limits.waitSecondsMax) : 0
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

    mutating func abandon(_ turn: inout Turn) {
        if let asked { turn.add(.abandon(asked.id)) }
        asked = nil
    }
}
