import Platform
import TestSupport
import Wire

/// Hand-over after hand-over with nothing in the way: how long each takes from the notice to the proof, as a person wants to see it.
/// `words`: how many.
func pace(_ town: Town, _ words: [String]) throws {
    guard let count = words.first.flatMap(Int.init), count > 0 else { throw Misuse(words: words) }
    try town.settle()
    var pace = Pace(town.handOver)
    for number in 0..<count {
        if number > 0 { try town.goOn() }
        var round = Round(town)
        try round.play()
        try insist(round, "hand-over \(number + 1) of \(count)")
        pace.note(round)
    }
    for line in pace.lines { say("measured: \(line)") }
    try pace.check()
}

private struct Pace {
    let handOver: HandOver
    private var times: [Duration] = []
    private var gaps: [Duration] = []

    private static let bucket = Duration.milliseconds(250)
    /// A look at the metadata service each second, and what the hand-over itself takes; where the old one stops first, the drain and the
    /// stop come before it.
    private var limits: (median: Duration, worst: Duration) {
        handOver == .overlap ? (.milliseconds(2_500), .seconds(5)) : (.milliseconds(4_500), .seconds(7))
    }

    init(_ handOver: HandOver) { self.handOver = handOver }

    mutating func note(_ round: Round) {
        if let proven = round.proven { times.append(proven) }
        gaps.append(round.gap)
    }

    private func share(_ part: Double) -> Duration {
        let sorted = times.sorted()
        return sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }

    /// The spread, and a line for each bucket from the fastest to the slowest.
    var lines: [String] {
        let spread = [("p50", 0.5), ("p90", 0.9), ("max", 1)].map { "\($0) \(share($1).whole) ms" }.joined(
            separator: ", ")
        let first =
            "\(handOver), \(times.count) hand-overs, notice to proven: \(spread); nobody served for at most "
            + "\((gaps.max() ?? .zero).whole) ms"
        let counts = times.reduce(into: [:]) { counts, time in counts[Int(time / Self.bucket), default: 0] += 1 }
        guard let fastest = counts.keys.min(), let slowest = counts.keys.max() else { return [first] }
        return [first]
            + (fastest...slowest).map { index in
                let (from, count) = ((Self.bucket * index).whole, counts[index] ?? 0)
                return "\(handOver), from \(from) ms: \(count) \(String(repeating: "#", count: count))"
            }
    }

    func check() throws {
        let (median, worst) = limits
        guard share(0.5) <= median, share(1) <= worst else {
            throw Broken(
                "it takes too long: at most \(median.whole) ms in the middle and \(worst.whole) ms at worst are allowed"
            )
        }
    }
}
