package import JSON
import Wire

/// One input being handled: when it came, what it may draw, and what shall be done about it. The parts of the machine add to
/// it; the machine makes effects of it at the end, with all that is to be remembered as one batch.
package struct Turn: Sendable {
    /// CLOCK_BOOTTIME: goes on while the machine sleeps, and nobody can set it.
    package let now: Duration
    /// For other machines and for people. It may jump either way, so nothing is timed by it.
    package let wall: Timestamp
    /// The number that this turn's batch has when there is one: `Input.recorded` counts up to it.
    let batch: Int
    private(set) var effects: [Effect] = []
    private(set) var entries: [Entry] = []
    private(set) var reports: [Report] = []
    /// Something may be other than it was, besides the clock.
    private(set) var hasNews = false
    /// Somebody needs the newest configuration.
    private(set) var wantsConfiguration = false
    private var names: NameSource
    private var numbers: Numbers

    /// Counts questions, calls and acts over all turns.
    struct Numbers: Sendable {
        var last: UInt64 = 0
    }

    init(now: Duration, wall: Timestamp, chance: UInt64, batch: Int, numbers: Numbers) {
        self.now = now
        self.wall = wall
        self.batch = batch
        self.numbers = numbers
        names = NameSource(now: wall, chance: chance)
    }

    /// To go on with in the next turn.
    var countedNumbers: Numbers { numbers }

    mutating func noteNews() { hasNews = true }
    mutating func add(_ effect: Effect) { effects.append(effect) }
    mutating func tell(_ announcement: Announcement) { effects.append(.tell(announcement)) }
    var isRemembering: Bool { !entries.isEmpty }
    mutating func remember(_ entry: Entry) { entries.append(entry) }

    mutating func ask(_ question: Question, within deadline: Duration) -> ExchangeID {
        numbers.last += 1
        effects.append(.ask(ExchangeID(numbers.last), question, deadline: deadline))
        return ExchangeID(numbers.last)
    }

    mutating func call(_ request: CloudRequest, within deadline: Duration) -> CallID {
        numbers.last += 1
        effects.append(.call(CallID(numbers.last), request, deadline: deadline))
        return CallID(numbers.last)
    }

    mutating func act(_ act: Act, within deadline: Duration) -> ActID {
        numbers.last += 1
        effects.append(.act(ActID(numbers.last), act, deadline: deadline))
        return ActID(numbers.last)
    }

    /// Before whatever else this turn does.
    mutating func actFirst(_ act: Act, within deadline: Duration) -> ActID {
        numbers.last += 1
        effects.insert(.act(ActID(numbers.last), act, deadline: deadline), at: 0)
        return ActID(numbers.last)
    }

    /// Into the outbox, which remembers and sends it.
    mutating func report(_ make: (ReportID) -> Report.Content) {
        let id: ReportID = names.next()
        reports.append(Report(id, make(id)))
    }

    /// A report of something that happens once, under a name that it has also after a crash.
    mutating func report(as id: ReportID, _ content: Report.Content) { reports.append(Report(id, content)) }

    mutating func wantConfiguration() { wantsConfiguration = true }

    mutating func draw() -> UInt64 { names.draw() }

    /// A tenth either way, so that what began together does not stay together.
    mutating func jittered(_ period: Duration) -> Duration { period * (0.9 + 0.2 * fraction(of: draw())) }
}
