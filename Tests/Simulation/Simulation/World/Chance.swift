/// All the chance of a run, from its seed: SplitMix64, the same on every machine. One for everything, so that whatever is drawn
/// moves all that comes after it.
package final class Chance {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// At least 0, less than 1.
    func fraction() -> Double { Double(next() >> 11) / 0x1p53 }

    func happens(_ probability: Double) -> Bool { fraction() < probability }

    func whole(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    func milliseconds(_ range: ClosedRange<Int>) -> Duration { .milliseconds(whole(range)) }
    func seconds(_ range: ClosedRange<Int>) -> Duration {
        milliseconds(range.lowerBound * 1000...range.upperBound * 1000)
    }

    /// Mostly short, and sometimes very long: what waits in queues takes that much longer.
    func tailed(_ typical: Duration) -> Duration {
        var delay = typical * (0.5 + fraction())
        while delay < typical * 1000, happens(0.1) { delay = delay * 4 }
        return delay
    }

    func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[whole(0...elements.count - 1)]
    }
}
