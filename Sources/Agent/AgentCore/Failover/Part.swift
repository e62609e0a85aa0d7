import JSON
import Wire

/// One step of a hand-over, with what it may take. Parts of one errand go side by side.
struct Part: Sendable {
    /// As the ledger names it.
    let name: String
    let budget: Duration
    let errand: any Errand
    /// Whether it ends when its budget is used up.
    let isCut: Bool

    init(_ name: String, within budget: Duration, _ errand: any Errand) {
        (self.name, self.budget, self.errand, isCut) = (name, budget, errand, true)
    }

    /// Each of its steps has a bound. A machine that stood still for longer than all of them has still to stop, and to see it.
    init(_ name: String, _ stop: StopErrand) {
        (self.name, budget, errand, isCut) = (name, stop.within, stop, false)
    }
}

struct PartEnd: Sendable {
    let name: String
    let end: ErrandEnd
    let step: LedgerStep

    var isDone: Bool { end.outcome == .done }
}

/// What there is left of the time for a hand-over. It is counted on the clock that goes on while the machine sleeps.
struct Budget: Sendable, Equatable {
    let deadline: Duration
    /// What must be done gets this long even when the deadline has passed: late is better than never.
    let leastForVital: Duration

    func left(_ turn: Turn) -> Duration { deadline - turn.now }
    /// For a step without which the rest makes no sense.
    func vital(_ turn: Turn) -> Duration { max(left(turn), leastForVital) }
    /// For a step that is left out when the time is short; nil: leave it out.
    func optional(upTo most: Duration, _ turn: Turn) -> Duration? {
        let budget = min(most, left(turn))
        return budget >= Self.leastForOptional ? budget : nil
    }

    /// A program that is given less than this does nothing but die.
    private static let leastForOptional = Duration.milliseconds(500)
}

extension LedgerStep {
    /// `beganAt` is the coordinator's time as far as we know it.
    init(_ part: Part, beganAt: Timestamp, took: Duration, _ outcome: Outcome) {
        self.init(
            name: part.name, budgetMilliseconds: part.budget.milliseconds, tookMilliseconds: took.milliseconds,
            outcome: outcome)
        startedAt = beganAt
    }

    static func dropped(_ name: String) -> LedgerStep {
        LedgerStep(name: name, budgetMilliseconds: 0, tookMilliseconds: nil, outcome: .dropped)
    }
}

extension Duration {
    /// Whole milliseconds; what is before is none.
    var milliseconds: Int64 { max(0, Int64(self / .milliseconds(1))) }
}
