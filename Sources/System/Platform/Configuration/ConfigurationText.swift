/// One `NAME=value` of a configuration file.
package struct ConfigurationEntry: Sendable, Equatable {
    package let name: String
    package let value: String
    /// The line on which the name stands, counted from 1.
    package let line: Int
    /// Something in the value looks like a comment, but is part of it.
    package let containsCommentMark: Bool
}

/// The text of an environment-style file, read as systemd reads an `EnvironmentFile=`.
///
/// - `NAME=value`, also `export NAME=value`, which installers of old wrote.
/// - Lines that begin with `#` or `;` are comments. After a value there are none.
/// - 'single quotes' keep everything, also line ends. In "double quotes" a backslash escapes `"`, `\`, `` ` `` and `$`, and
///   joins lines; before anything else it stands for itself. Quoted pieces that follow each other are joined.
/// - Outside quotes a backslash keeps the next character and joins lines; spaces around the value are not part of it.
/// - Lines end with LF or CRLF; a byte order mark at the beginning is skipped. Nothing is expanded.
///
/// Where systemd silently skips what it cannot read, this says so; every problem of the file is in `problems`.
package struct ConfigurationText: Sendable, Equatable {
    package struct Problem: Sendable, Equatable {
        package let line: Int
        package let text: String
    }

    package private(set) var entries: [ConfigurationEntry] = []
    package private(set) var problems: [Problem] = []

    /// Far more than any configuration, and little enough to read at once.
    package static let limit = 256 * 1024

    /// Any bytes at all; never traps.
    package init(_ bytes: [UInt8]) {
        guard bytes.count <= Self.limit else {
            problems = [Problem(line: 1, text: "longer than \(Self.limit) bytes")]
            return
        }
        guard !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil else {
            problems = [Problem(line: Self.lineOfFirstBadByte(bytes), text: "expected text in UTF-8")]
            return
        }
        var scanner = ConfigurationScanner(bytes)
        while let result = scanner.next() {
            switch result {
            case .success(let entry): entries.append(entry)
            case .failure(let problem): problems.append(problem)
            }
        }
    }

    private static func lineOfFirstBadByte(_ bytes: [UInt8]) -> Int {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let bad = lines.firstIndex { $0.contains(0) || String(validating: $0, as: UTF8.self) == nil }
        return (bad ?? 0) + 1
    }
}

extension ConfigurationText.Problem: Error {}

/// The state between two entries: where it stands and on which line.
private struct ConfigurationScanner {
    private let bytes: [UInt8]
    private var position = 0
    private var line = 1

    init(_ bytes: [UInt8]) {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        self.bytes = Self.withPlainLineEnds(bytes.starts(with: mark) ? bytes.dropFirst(3) : bytes[...])
    }

    /// CRLF becomes LF; a CR elsewhere, which systemd takes for a line end too, becomes one.
    private static func withPlainLineEnds(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var previous: UInt8 = 0
        for byte in bytes {
            if byte == .carriageReturn {
                result.append(.newline)
            } else if !(byte == .newline && previous == .carriageReturn) {
                result.append(byte)
            }
            previous = byte
        }
        return result
    }

    mutating func next() -> Result<ConfigurationEntry, ConfigurationText.Problem>? {
        skipToName()
        guard position < bytes.count else { return nil }
        let start = line
        let text = bytes[position...].prefix { $0 != .equals && $0 != .newline }
        position += text.count
        guard position < bytes.count, bytes[position] == .equals else {
            return .failure(ConfigurationText.Problem(line: start, text: "expected NAME=value, found \(shown(text))"))
        }
        position += 1
        let value = readValue()
        guard let name = Self.name(in: text) else {
            return .failure(
                ConfigurationText.Problem(line: start, text: "expected a name before =, found \(shown(text))"))
        }
        guard let value else {
            return .failure(
                ConfigurationText.Problem(line: start, text: "\(name): the quote that begins here is never closed"))
        }
        return .success(
            ConfigurationEntry(
                name: name, value: value.text, line: start, containsCommentMark: value.containsCommentMark))
    }

    /// A line that is not an assignment may hold a secret that lost its name: it is never quoted whole.
    private func shown(_ text: ArraySlice<UInt8>) -> String {
        let shown = text.prefix(12)
        return quoted(String(decoding: shown, as: UTF8.self)) + (text.count > 12 ? "…" : "")
    }

    private mutating func skipToName() {
        while position < bytes.count {
            switch bytes[position] {
            case .space, .tab: position += 1
            case .newline: skipNewline()
            case .hash, .semicolon: position += bytes[position...].prefix { $0 != .newline }.count
            default: return
            }
        }
    }

    private mutating func skipNewline() {
        position += 1
        line += 1
    }

    private static func name(in text: ArraySlice<UInt8>) -> String? {
        let words = text.split { $0 == .space || $0 == .tab }
        let isExported = words.count == 2 && words[0].elementsEqual("export".utf8)
        guard words.count == 1 || isExported, let name = words.last else { return nil }
        let isName = name.allSatisfy { $0.isLetterOrUnderscore || $0.isDigit } && name.first?.isDigit == false
        return isName ? String(decoding: name, as: UTF8.self) : nil
    }

    /// Nil when a quote is open at the end of the file.
    private mutating func readValue() -> (text: String, containsCommentMark: Bool)? {
        var value = ValueUnderConstruction()
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case .newline:
                skipNewline()
                return value.finished
            case .space, .tab:
                value.appendSpace(byte)
                position += 1
            case .singleQuote where !value.isInPlainPiece, .doubleQuote where !value.isInPlainPiece:
                position += 1
                guard readQuoted(until: byte, into: &value) else { return nil }
            case .backslash:
                readEscape(into: &value)
            default:
                value.appendPlain(byte)
                position += 1
            }
        }
        return value.finished
    }

    /// At a backslash outside quotes.
    private mutating func readEscape(into value: inout ValueUnderConstruction) {
        position += 1
        guard position < bytes.count else { return }
        if bytes[position] == .newline {
            skipNewline()
        } else {
            value.appendPlain(bytes[position])
            position += 1
        }
    }

    /// After the opening quote. False when the file ends first.
    private mutating func readQuoted(until quote: UInt8, into value: inout ValueUnderConstruction) -> Bool {
        value.beginQuoted()
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == quote { return true }
            if byte == .newline { line += 1 }
            if byte == .backslash, quote == .doubleQuote, position < bytes.count {
                let escaped = bytes[position]
                position += 1
                if escaped == .newline { line += 1 }
                if !escaped.isEscapableInDoubleQuotes && escaped != .newline { value.appendQuoted(byte) }
                if escaped != .newline { value.appendQuoted(escaped) }
            } else {
                value.appendQuoted(byte)
            }
        }
        return false
    }
}

/// A value as it grows: spaces count only once something follows them in a plain piece.
private struct ValueUnderConstruction {
    private var bytes: [UInt8] = []
    private var spaces: [UInt8] = []
    private(set) var isInPlainPiece = false
    private var containsCommentMark = false

    mutating func appendSpace(_ byte: UInt8) { if isInPlainPiece { spaces.append(byte) } else { isAfterGap = true } }
    private var isAfterGap = false

    mutating func appendPlain(_ byte: UInt8) {
        if byte == .hash, !spaces.isEmpty || (isAfterGap && !bytes.isEmpty) { containsCommentMark = true }
        bytes += spaces
        spaces = []
        bytes.append(byte)
        isInPlainPiece = true
    }

    mutating func beginQuoted() { isAfterGap = false }
    mutating func appendQuoted(_ byte: UInt8) { bytes.append(byte) }

    var finished: (text: String, containsCommentMark: Bool) {
        (String(decoding: bytes, as: UTF8.self), containsCommentMark)
    }
}

extension UInt8 {
    fileprivate static let tab = UInt8(ascii: "\t")
    fileprivate static let newline = UInt8(ascii: "\n")
    fileprivate static let carriageReturn = UInt8(ascii: "\r")
    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let doubleQuote = UInt8(ascii: "\"")
    fileprivate static let hash = UInt8(ascii: "#")
    fileprivate static let singleQuote = UInt8(ascii: "'")
    fileprivate static let semicolon = UInt8(ascii: ";")
    fileprivate static let equals = UInt8(ascii: "=")
    fileprivate static let backslash = UInt8(ascii: "\\")

    fileprivate var isDigit: Bool { (0x30...0x39).contains(self) }
    fileprivate var isLetterOrUnderscore: Bool { (0x61...0x7A).contains(self | 0x20) || self == 0x5F }
    fileprivate var isEscapableInDoubleQuotes: Bool {
        self == .doubleQuote || self == .backslash || self == UInt8(ascii: "`") || self == UInt8(ascii: "$")
    }
}
