import JSON
import Wire

/// Reads from the metadata service who we are and what becomes of us, one read at a time, and knows when it is blind.
///
/// What is announced comes first: as long as an announcement is due, nothing else is read. A read that fails is tried again
/// at once; when that fails too, soon, and the others take their turn in between.
struct Watch: Sendable {
    enum Finding: Sendable, Equatable {
        /// Told once all that there is has been read, and again when it has changed.
        case identified(InstanceFacts)
        /// New, or the same in other words: another time, another action.
        case noticed(Notice.Signal)
        /// The service does not say it any more, or has called it off.
        case gone(Notice.Signal)
        case blind(reason: String)
        case sighted(after: Duration)
    }

    /// So long without knowing whether EC2 takes the machine back, and a notice would come too late to be of use. What else
    /// the service answers meanwhile is no comfort.
    static let blindAfter = Duration.seconds(5)
    /// A service that is well answers in a millisecond. The shorter the wait, the sooner another read can see what this one
    /// missed.
    private static let announcementDeadline = Duration.milliseconds(800)
    private static let otherDeadline = Duration.seconds(1)
    private static let shortestRetry = Duration.milliseconds(50)
    private static let longestRetry = Duration.milliseconds(500)

    private var options: AgentOptions
    private var identity = Identity()
    private var signs = Signs()
    /// When each item is to be read next; nil: not at all.
    private var due: [MetadataItem: Duration] = [:]
    private var failures: [MetadataItem: Int] = [:]
    private var reading: MetadataItem?
    private var answeredAt: Duration?
    private var startedAt = Duration.zero
    private(set) var isBlind = false

    init(_ options: AgentOptions) { self.options = options }

    /// How long ago it was known whether EC2 takes the machine back.
    func age(at now: Duration) -> Duration? { answeredAt.map { now - $0 } }

    /// When it wants to be woken.
    var nextDue: Duration? {
        let read = reading == nil ? due.values.min() : nil
        return [read, isBlind ? nil : blindAt].compactMap { $0 }.min()
    }

    mutating func begin(_ turn: inout Turn) {
        startedAt = turn.now
        for item in MetadataItem.allCases { due[item] = turn.now }
        readNext(&turn)
    }

    mutating func change(to options: AgentOptions, _ turn: inout Turn) {
        self.options = options
        // A shorter period begins now, and so does another region.
        for item in MetadataItem.allCases where period(of: item) != nil { due[item] = turn.now }
        readNext(&turn)
    }

    mutating func take(_ item: MetadataItem, _ answer: MetadataReading, _ turn: inout Turn) -> [Finding] {
        guard item == reading else { return [] }
        reading = nil
        var findings: [Finding] = []
        do throws(MetadataFault) {
            findings = try understand(item, answer)
            if item == .instanceAction { findings = noteAnswer(&turn) + findings }
            failures[item] = nil
            due[item] = period(of: item).map { turn.now + turn.jittered($0) }
        } catch {
            if item == .instanceAction { lastFault = error.description }
            let count = failures[item, default: 0]
            failures[item] = count + 1
            // At once, before anything else takes the turn: of a service that loses every second request the next is answered.
            let wait = count == 0 ? .zero : min(Self.shortestRetry * (1 << min(count - 1, 8)), Self.longestRetry)
            due[item] = turn.now + turn.jittered(wait)
        }
        readNext(&turn)
        // What is announced says nothing of who we are.
        if !MetadataItem.announcements.contains(item) { findings += identify() }
        return findings + becomeBlind(turn.now)
    }

    /// Time has passed.
    mutating func wake(_ turn: inout Turn) -> [Finding] {
        readNext(&turn)
        return becomeBlind(turn.now)
    }

    // MARK: Reading

    private mutating func readNext(_ turn: inout Turn) {
        guard reading == nil else { return }
        let now = turn.now
        guard let item = MetadataItem.allCases.first(where: { due[$0].map { $0 <= now } ?? false }) else { return }
        reading = item
        due[item] = nil
        turn.add(
            .read(item, deadline: item == .instanceAction ? Self.announcementDeadline : Self.otherDeadline))
    }

    /// Nil: what it is, it stays.
    private func period(of item: MetadataItem) -> Duration? {
        switch item {
        case .instanceAction: options.noticePeriod
        case .rebalance: options.rebalancePeriod
        // Each costs a packet of the 1,024 a second that the interface has for metadata, names and time together.
        case .lifecycleState: .seconds(5)
        case .maintenance: .seconds(60)
        case .publicAddress, .lifeCycle: .seconds(300)
        case .instanceID, .instanceType, .zone, .image, .privateAddress: nil
        }
    }

    private mutating func understand(
        _ item: MetadataItem, _ answer: MetadataReading
    ) throws(MetadataFault) -> [Finding] {
        let text: String?
        switch answer {
        case .failed(let sentence): throw MetadataFault(sentence)
        case .absent: text = nil
        case .value(let value): text = value
        }
        if MetadataItem.announcements.contains(item) { return try signs.read(item, text) }
        try identity.read(item, text)
        return []
    }

    private mutating func identify() -> [Finding] {
        identity.news(region: options.region, hopeless: Set(failures.filter { $0.value >= 3 }.keys)).map {
            [.identified($0)]
        } ?? []
    }

    // MARK: Being blind

    private var lastFault = "it has not answered yet"
    /// Whoever wants it read more seldom is not told that it is not read in between.
    private var blindAt: Duration { (answeredAt ?? startedAt) + max(Self.blindAfter, options.noticePeriod * 2) }

    private mutating func noteAnswer(_ turn: inout Turn) -> [Finding] {
        let silence = turn.now - (answeredAt ?? startedAt)
        answeredAt = turn.now
        guard isBlind else { return [] }
        isBlind = false
        return [.sighted(after: silence)]
    }

    private mutating func becomeBlind(_ now: Duration) -> [Finding] {
        guard !isBlind, now >= blindAt else { return [] }
        isBlind = true
        return [.blind(reason: lastFault)]
    }
}

extension MetadataItem {
    /// What may become of us.
    static let announcements: Set<MetadataItem> = [.instanceAction, .lifecycleState, .rebalance, .maintenance]
}

/// An answer of the metadata service, or none, of which nothing can be made.
struct MetadataFault: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
