import JSON

/// What happened, in plain words. It is only written when a person wants to read it: a seed that fails is run once more with it.
package final class Story {
    package let isTold: Bool
    private let agenda: Agenda
    /// The last ones, unless somebody hears each at once.
    package private(set) var lines: [String] = []
    private let limit: Int
    private let hear: (@Sendable (String) -> Void)?

    init(_ settings: RunSettings, of agenda: Agenda) {
        isTold = settings.tellsStory
        limit = settings.storyLines
        hear = settings.hearsStory
        self.agenda = agenda
    }

    func tell(_ who: @autoclosure () -> String, _ what: @autoclosure () -> String) {
        guard isTold else { return }
        let line = "\(Self.text(agenda.now))  \(Self.padded(who()))  \(what())"
        if let hear { return hear(line) }
        lines.append(line)
        if lines.count > 2 * limit { lines.removeFirst(limit) }
    }

    static func text(_ time: Duration) -> String {
        let milliseconds = Int64(time / .milliseconds(1))
        let thousandths = String(1000 + milliseconds % 1000).dropFirst()
        return "\(milliseconds / 1000).\(thousandths) s"
    }

    private static func padded(_ text: String) -> String {
        text + String(repeating: " ", count: max(0, 12 - text.count))
    }
}

/// What a run comes to, in one number: two runs of one seed that differ anywhere differ here.
package struct RunDigest: Sendable, Equatable, CustomStringConvertible {
    // FNV-1a.
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func fold(_ number: UInt64) {
        hash = (hash ^ number) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 29
    }

    mutating func fold(_ bytes: [UInt8]) { for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 } }

    /// The same in whatever order several are joined.
    package func joined(with other: RunDigest) -> RunDigest {
        var joined = self
        joined.hash = hash &+ other.hash
        return joined
    }

    package var description: String {
        let text = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
