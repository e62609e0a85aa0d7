import JSON
import Platform
import TestSupport
import Wire

/// Hand-over after hand-over in one town, each with a kill at another moment. `words`: victim, count and seed, and how often each
/// is killed.
func sweep(_ town: Town, _ words: [String]) throws {
    guard words.count >= 3, let kills = words.count > 3 ? Int(words[3]) : 1, kills > 0 else {
        throw Misuse(words: words)
    }
    let victims = words[0] == "all" ? Victim.allCases : Victim(rawValue: words[0]).map { [$0] } ?? []
    try suffer(victims.map { .kill($0, times: kills) }, words[1], words[2], in: town)
}

/// The same with links that are cut. `words`: for how many seconds, count and seed; `2/5` is the second of five parts of all.
func cut(_ town: Town, _ words: [String]) throws {
    guard words.count == 3, let seconds = Int(words[0]) else { throw Misuse(words: words) }
    try suffer(Cut.all(for: .seconds(seconds)).map(Harm.cut), words[1], words[2], in: town)
}

/// The first goes undisturbed: each line that its journals get is a moment to do harm at, beside fixed times after the notice. The
/// last does, too: whatever the one before it left behind.
private func suffer(_ harms: [Harm], _ count: String, _ seed: String, in town: Town) throws {
    guard let seed = UInt64(seed) else { throw Misuse(words: [seed]) }
    try town.settle()
    var first = Round(town)
    try first.play()
    try insist(first, "undisturbed")
    for step in first.steps { say("\(step)") }
    var tally = Tally(undisturbed: first)
    var chance = Chance(seed: seed)
    let all = plan(harms, first.steps)
    let part = try part(count, of: all)
    // Some moments do not come in each hand-over; others are tried in their place.
    let chosen = part ?? Int(count).map { Array(all.shuffled(using: &chance).prefix(3 * $0)) } ?? all
    let wanted = part == nil ? Int(count) ?? all.count : chosen.count
    for (harm, moment) in chosen {
        if tally.harms == wanted { break }
        try town.goOn()
        var round = Round(town)
        let what = "\(harm) at: \(moment)"
        do { try round.play(harm, at: moment) } catch { throw Broken("\(what): \(error)") }
        say("\(what): proven after \(round.proven?.whole ?? -1) ms\(round.isHarmed ? "" : ", no such moment")")
        if let proven = round.proven, proven > .seconds(3) { say(round.story) }
        try insist(round, what)
        tally.note(round, what)
    }
    guard 2 * tally.harms >= wanted else { throw Broken("only \(tally.harms) of \(wanted) harms were done") }
    try town.goOn()
    var last = Round(town)
    try last.play()
    try insist(last, "undisturbed, after the last harm")
    say("measured: \(town.handOver), \(tally)")
}

/// Nil when not a part is asked for.
private func part<Item>(_ text: String, of all: [Item]) throws -> [Item]? {
    guard text.contains("/") else { return nil }
    let numbers = text.split(separator: "/").compactMap { Int($0) }
    guard numbers.count == 2, 1...max(1, numbers[1]) ~= numbers[0] else { throw Misuse(words: [text]) }
    return stride(from: numbers[0] - 1, to: all.count, by: numbers[1]).map { all[$0] }
}

private struct Chance: RandomNumberGenerator {
    private let source: ManualSurroundings
    init(seed: UInt64) { source = ManualSurroundings(seed: seed) }
    mutating func next() -> UInt64 { source.random() }
}

/// Every moment for every harm.
private func plan(_ harms: [Harm], _ steps: [Step]) -> [(Harm, Moment)] {
    var counts: [Step: Int] = [:]
    var moments: [Moment] = []
    for step in steps {
        counts[step, default: 0] += 1
        moments.append(Moment(line: (step, counts[step] ?? 1)))
    }
    moments += stride(from: 0, through: 1500, by: 100).map { Moment(then: .milliseconds($0)) }
    if let first = steps.first(where: { $0.who == "old" && $0.what == "announced" }) {
        moments += stride(from: 10, through: 400, by: 20).map { Moment(line: (first, 1), then: .milliseconds($0)) }
    }
    return moments.flatMap { moment in harms.map { ($0, moment) } }
}

func insist(_ round: Round, _ what: String) throws {
    guard round.faults.isEmpty else {
        throw Broken("\(what): \(round.faults.joined(separator: "; "))\n\(round.story)")
    }
}

/// What many hand-overs came to.
private struct Tally: CustomStringConvertible {
    private let undisturbed: Duration?
    private var times: [Duration] = []
    private(set) var harms = 0
    private var late: [(Duration, String)] = []
    private var gaps: [Duration] = []
    /// Hand-overs in which a machine was ordered, though one was ready.
    private var orders = 0
    private var slowest = ""

    init(undisturbed: Round) { self.undisturbed = undisturbed.proven }

    mutating func note(_ round: Round, _ what: String) {
        if round.isHarmed { harms += 1 }
        if let proven = round.proven {
            if proven > times.max() ?? .zero { slowest = what }
            times.append(proven)
        }
        if let late = round.late { self.late.append((late, what)) }
        gaps.append(round.gap)
        if round.steps.contains(where: { $0.what == "replica ordered" }) { orders += 1 }
    }

    var description: String {
        let sorted = times.sorted()
        let missed = late.map { "; missed by \($0.0.whole) ms: \($0.1)" }.joined()
        return """
            \(times.count) hand-overs with \(harms) harmed: notice to proven undisturbed \(text(undisturbed)), p50 \
            \(text(sorted.isEmpty ? nil : sorted[sorted.count / 2])), max \(text(sorted.last)) (\(slowest)); the client \
            waited at most \(text(gaps.max())); a replica was ordered besides in \(orders)\(missed)
            """
    }

    private func text(_ time: Duration?) -> String { time.map { "\($0.whole) ms" } ?? "never" }
}
