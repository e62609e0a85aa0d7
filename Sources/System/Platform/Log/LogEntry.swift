/// How much an entry matters, by who must act on it. The numbers are those of syslog and the journal.
package enum LogLevel: Int, Sendable, Comparable, CaseIterable, CustomStringConvertible {
    /// An operator must act, now: something the product promises does not hold.
    case error = 3
    /// An operator should look soon: it still works, but not for ever or not fully.
    case warning = 4
    /// Nobody must act: a change of state that belongs on a timeline.
    case notice = 5
    /// Nobody must act: at most one line for each unit of work.
    case info = 6
    /// For developers.
    case debug = 7

    /// More important is smaller, as in syslog.
    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

    package var description: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .notice: "notice"
        case .info: "info"
        case .debug: "debug"
        }
    }
}

/// The identity of a kind of entry, for `journalctl MESSAGE_ID=` and the message catalogue: 32 lower-case hex digits.
package struct MessageID: Sendable, Hashable {
    package let hex: String

    package init(_ hex: StaticString) {
        let text = hex.description
        precondition(
            text.utf8.count == 32
                && text.utf8.allSatisfy { ("0"..."9").contains($0.character) || ("a"..."f").contains($0.character) },
            "a message id is 32 lower-case hex digits")
        self.hex = text
    }
}

extension UInt8 {
    fileprivate var character: Character { Character(Unicode.Scalar(self)) }
}

/// One fact of an entry. The names of a program's own facts are declared beside what they name, by extension.
package struct LogField: Sendable, Hashable {
    package let name: String
    package let value: String

    /// Longer values are cut, with a mark that tells how many bytes are missing: an identifier, a path or a chained error
    /// fits, a body does not, and must not.
    package static let valueLimit = 2048

    /// `name` is A–Z, 0–9 and _, begins with a letter, has at most 64 bytes (the journal's rule) and is none of the names that
    /// every entry has.
    package static func field(_ name: StaticString, _ value: String) -> LogField {
        let text = name.description
        precondition(isValidName(text), "not a name for a log field: \(text)")
        return LogField(name: text, value: bounded(value))
    }

    package static func field(_ name: StaticString, _ value: some BinaryInteger) -> LogField {
        field(name, String(value))
    }

    private static func isValidName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard let first = bytes.first, (0x41...0x5A).contains(first), bytes.count <= 64 else { return false }
        guard bytes.allSatisfy({ (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }) else {
            return false
        }
        return !["MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER"].contains(name)
    }

    private static func bounded(_ value: String) -> String {
        guard value.utf8.count > valueLimit else { return value }
        let kept = value.prefix(fittingBytes: valueLimit)
        return "\(kept)… (\(value.utf8.count - kept.utf8.count) bytes more)"
    }
}

extension String {
    /// The longest beginning of at most `limit` bytes that ends between two characters' encodings.
    func prefix(fittingBytes limit: Int) -> Substring {
        var end = utf8.index(startIndex, offsetBy: limit, limitedBy: endIndex) ?? endIndex
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return self[..<end]
    }
}

/// What a sink receives.
package struct LogEntry: Sendable {
    package let level: LogLevel
    package let message: StaticString
    package let id: MessageID?
    package let fields: [LogField]

    /// The message and its facts as one line of at most `limit` bytes, whatever is in them: what could end it or steer a
    /// terminal is escaped. `prefix` is what the names of a program's own fields begin with, which says nothing to a reader.
    func line(leavingOut prefix: String, limit: Int) -> String {
        var text = message.description
        for field in fields {
            let name = field.name.hasPrefix(prefix) ? field.name.dropFirst(prefix.count) : field.name[...]
            text += " \(name.lowercased())=\(quotedIfNeeded(field.value))"
        }
        return text.utf8.count > limit ? "\(text.prefix(fittingBytes: limit - "…".utf8.count))…" : text
    }
}

private func quotedIfNeeded(_ value: String) -> String {
    let isPlain =
        !value.isEmpty
        && value.unicodeScalars.allSatisfy { $0 > " " && $0 != "\"" && $0 != "=" && $0 != "\\" && !isUnprintable($0) }
    return isPlain ? value : quoted(value)
}
