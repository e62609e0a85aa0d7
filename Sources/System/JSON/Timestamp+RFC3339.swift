extension Timestamp: CustomStringConvertible {
    /// What a time without a zone means.
    package enum ZoneRule: Hashable, Sendable {
        /// It is no RFC 3339 time.
        case refused
        /// It is in UTC: so mean the old clients that send it.
        case meansUTC
    }

    /// Nil unless the text is an RFC 3339 time (`2026-11-20T13:05:00.25+01:00`) of a day that exists and is in range.
    ///
    /// `T` and `Z` may be small, and a space may stand for the `T`. Digits beyond nanoseconds are dropped. A leap second
    /// is taken for the last nanosecond before it.
    package init?(rfc3339 text: String, withoutZone rule: ZoneRule = .refused) {
        self.init(rfc3339: text.utf8.span, withoutZone: rule)
    }

    init?(rfc3339 text: Span<UInt8>, withoutZone rule: ZoneRule) {
        var reader = FieldReader()
        guard let days = reader.date(text), reader.separator(text), let time = reader.time(text),
            let offset = reader.offset(text, rule), reader.at == text.count
        else { return nil }
        var seconds = days * 86_400 + time.seconds - offset
        var nanoseconds = time.nanoseconds
        if time.isLeap {
            // The clamped second is :59; a leap second can only follow the last one of a day in UTC.
            guard floorModulo(seconds, 86_400) == 86_399 else { return nil }
            nanoseconds = 999_999_999
        }
        // Before 1970 the fraction counts back from the next second, so that the smallest value is reached.
        if seconds < 0, nanoseconds > 0 { (seconds, nanoseconds) = (seconds + 1, nanoseconds - 1_000_000_000) }
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowAgain) = whole.addingReportingOverflow(nanoseconds)
        if overflow || overflowAgain { return nil }
        self.init(nanosecondsSinceEpoch: sum)
    }

    /// RFC 3339 in UTC with `Z`, and 0, 3, 6 or 9 digits of the second, whichever are enough.
    package var description: String {
        var text: [UInt8] = []
        text.append(addingCapacity: Self.quotedLength) { appendRFC3339(to: &$0) }
        return String(decoding: text, as: UTF8.self)
    }

    /// The most that it takes as JSON: `"2026-11-20T13:05:00.123456789Z"`.
    package static let quotedLength = 32

    /// The description as JSON. There must be room for it.
    package func appendQuoted(to text: inout OutputSpan<UInt8>) {
        text.append(UInt8(ascii: "\""))
        appendRFC3339(to: &text)
        text.append(UInt8(ascii: "\""))
    }

    private func appendRFC3339(to text: inout OutputSpan<UInt8>) {
        let nanoseconds = floorModulo(nanosecondsSinceEpoch, 1_000_000_000)
        let seconds = floorQuotient(nanosecondsSinceEpoch, 1_000_000_000)
        let date = civilDate(daysSinceEpoch: floorQuotient(seconds, 86_400))
        let second = floorModulo(seconds, 86_400)
        appendTwo(date.year / 100, to: &text)
        appendTwo(date.year % 100, to: &text)
        appendField("-", date.month, to: &text)
        appendField("-", date.day, to: &text)
        appendField("T", second / 3600, to: &text)
        appendField(":", second / 60 % 60, to: &text)
        appendField(":", second % 60, to: &text)
        appendFraction(nanoseconds, to: &text)
        text.append(UInt8(ascii: "Z"))
    }
}

private func appendFraction(_ nanoseconds: Int64, to text: inout OutputSpan<UInt8>) {
    guard nanoseconds > 0 else { return }
    text.append(UInt8(ascii: "."))
    appendThree(nanoseconds / 1_000_000, to: &text)
    guard nanoseconds % 1_000_000 > 0 else { return }
    appendThree(nanoseconds / 1000 % 1000, to: &text)
    guard nanoseconds % 1000 > 0 else { return }
    appendThree(nanoseconds % 1000, to: &text)
}

private func appendField(_ mark: Unicode.Scalar, _ value: Int64, to text: inout OutputSpan<UInt8>) {
    text.append(UInt8(ascii: mark))
    appendTwo(value, to: &text)
}

private func appendTwo(_ value: Int64, to text: inout OutputSpan<UInt8>) {
    let value = UInt8(truncatingIfNeeded: value)
    text.append(UInt8(ascii: "0") + value / 10)
    text.append(UInt8(ascii: "0") + value % 10)
}

private func appendThree(_ value: Int64, to text: inout OutputSpan<UInt8>) {
    text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / 100))
    appendTwo(value % 100, to: &text)
}

/// Takes fields of fixed form one after the other. The text is handed in because a span cannot be kept.
private struct FieldReader {
    private(set) var at = 0

    mutating func take(_ text: Span<UInt8>, where isWanted: (UInt8) -> Bool) -> Bool {
        guard at < text.count, isWanted(text[at]) else { return false }
        at += 1
        return true
    }

    mutating func take(_ mark: Unicode.Scalar, _ text: Span<UInt8>) -> Bool {
        take(text) { $0 == UInt8(ascii: mark) }
    }

    /// `T`, `t` or a space.
    mutating func separator(_ text: Span<UInt8>) -> Bool {
        take(text) { $0 | 0x20 == UInt8(ascii: "t") || $0 == UInt8(ascii: " ") }
    }

    mutating func digits(_ count: Int, _ text: Span<UInt8>) -> Int64? {
        guard text.count - at >= count else { return nil }
        var value: Int64 = 0
        for place in at..<at + count {
            let digit = text[place] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
        }
        at += count
        return value
    }

    /// Days since 1970-01-01.
    mutating func date(_ text: Span<UInt8>) -> Int64? {
        guard let year = digits(4, text), take("-", text), let month = digits(2, text), take("-", text),
            let day = digits(2, text), (1...12).contains(month), (1...daysIn(month, of: year)).contains(day)
        else { return nil }
        return daysSinceEpoch(year: year, month: month, day: day)
    }

    mutating func time(_ text: Span<UInt8>) -> (seconds: Int64, nanoseconds: Int64, isLeap: Bool)? {
        guard let hour = digits(2, text), take(":", text), let minute = digits(2, text), take(":", text),
            let second = digits(2, text), hour < 24, minute < 60, second <= 60, let nanoseconds = fraction(text)
        else { return nil }
        return (hour * 3600 + minute * 60 + min(second, 59), nanoseconds, second == 60)
    }

    private mutating func fraction(_ text: Span<UInt8>) -> Int64? {
        guard take(".", text) else { return 0 }
        var value: Int64 = 0
        var count = 0
        while let digit = digits(1, text) {
            if count < 9 { value = value * 10 + digit }
            count += 1
        }
        if count == 0 { return nil }
        while count < 9 {
            value *= 10
            count += 1
        }
        return value
    }

    /// Seconds east of UTC.
    mutating func offset(_ text: Span<UInt8>, _ rule: Timestamp.ZoneRule) -> Int64? {
        if take(text, where: { $0 | 0x20 == UInt8(ascii: "z") }) { return 0 }
        if at == text.count { return rule == .meansUTC ? 0 : nil }
        let isWest = text[at] == UInt8(ascii: "-")
        guard isWest ? take("-", text) : take("+", text), let hours = digits(2, text), take(":", text),
            let minutes = digits(2, text), hours < 24, minutes < 60
        else { return nil }
        return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
    }
}
