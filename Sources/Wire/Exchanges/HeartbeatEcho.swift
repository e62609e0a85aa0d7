package import JSON

/// The text of a heartbeat, and where in it the readings stand that change each time: the clocks, the ages.
///
/// A host says the same words every few seconds. A text that differs from the last one in the digits of its readings only
/// says nothing new, and finding that out costs a tenth of reading it. The readings themselves are not checked then: a
/// month 13 goes unnoticed, and nothing is decided by it.
package struct HeartbeatEcho: Sendable {
    /// The configuration that the host said it has.
    package let configVersion: ConfigVersion?
    private let text: [UInt8]
    /// In the order of the text.
    private let readings: [Range<Int>]

    /// `heartbeat` is what was read from `document`, whose bytes are `text`.
    package init(of heartbeat: Heartbeat, in document: JSONDocument, text: [UInt8]) {
        configVersion = heartbeat.configVersion
        self.text = text
        readings = [
            ("clock", "wall"), ("clock", "monotonic_ms"), ("health", "uptime_seconds"), ("health", "imds_age_ms"),
        ]
        .compactMap { part, name in
            guard let whole = try? document.root.object(), let part = try? whole.optional(part)?.object() else {
                return nil
            }
            return part.optional(name)?.place
        }
        .sorted { $0.lowerBound < $1.lowerBound }
    }

    package func isRepeated(by other: [UInt8]) -> Bool {
        guard other.count == text.count else { return false }
        let (old, new) = (text.span, other.span)
        var place = 0
        for reading in readings {
            let words = place..<reading.lowerBound
            guard old.extracting(words).hasSameBytes(as: new.extracting(words)), isReading(old, new, reading) else {
                return false
            }
            place = reading.upperBound
        }
        return old.extracting(place...).hasSameBytes(as: new.extracting(place...))
    }

    /// The same but for its digits; a number of several digits does not begin with 0, as JSON has it.
    private func isReading(_ old: Span<UInt8>, _ new: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for place in range where old[place] != new[place] {
            guard isDigit(old[place]), isDigit(new[place]) else { return false }
            let isLeading = place == range.lowerBound && range.count > 1
            if isLeading && new[place] == UInt8(ascii: "0") { return false }
        }
        return true
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
