import Glibc
import JSON

/// Entries as readable lines on a descriptor that other processes may share, standard error above all.
struct LineTransport: ~Copyable, LogTransport {
    private let output: NonblockingOutput
    private let surroundings: any Surroundings
    /// What all field names of a program begin with says nothing to a reader of its lines.
    private let prefix: String
    /// A terminal took only part of the last line.
    private var isInsideLine = false

    init(to descriptor: Int32, leavingOut prefix: String, surroundings: any Surroundings) {
        output = NonblockingOutput(to: descriptor)
        self.prefix = prefix
        self.surroundings = surroundings
    }

    mutating func deliver(_ entry: LogEntry) -> Bool {
        var line = Self.format(entry, at: surroundings.wall(), leavingOut: prefix)
        if isInsideLine { line.insert(UInt8(ascii: "\n"), at: 0) }
        let written = output.write(line)
        if written > 0 { isInsideLine = written < line.count }
        return written > 0
    }

    /// One line, whatever the fields contain: what could end it or steer a terminal is escaped. At most 4096 bytes, which a
    /// pipe takes whole or not at all (PIPE_BUF).
    static func format(_ entry: LogEntry, at time: Timestamp, leavingOut prefix: String) -> [UInt8] {
        let limit = 4096 - 1 - "…\n".utf8.count
        let milliseconds = time.nanosecondsSinceEpoch - time.nanosecondsSinceEpoch % 1_000_000
        var text = "\(Timestamp(nanosecondsSinceEpoch: milliseconds)) \(entry.level) \(entry.message)"
        for field in entry.fields {
            let name = field.name.hasPrefix(prefix) ? field.name.dropFirst(prefix.count) : field.name[...]
            text += " \(name.lowercased())=\(quotedIfNeeded(field.value))"
        }
        if text.utf8.count > limit { text = "\(text.prefix(fittingBytes: limit))…" }
        return Array("\(text)\n".utf8)
    }

    private static func quotedIfNeeded(_ value: String) -> String {
        let isPlain =
            !value.isEmpty
            && value.unicodeScalars.allSatisfy {
                $0 > " " && $0 != "\"" && $0 != "=" && $0 != "\\" && !isUnprintable($0)
            }
        return isPlain ? value : quoted(value)
    }
}

/// In double quotes, with quotes, backslashes and everything that is not printable escaped: it stays on its line and
/// cannot steer a terminal.
package func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\\(scalar)"
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case _ where isUnprintable(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

/// `text` with everything escaped that could steer a terminal, hide, or break a line.
package func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnprintable) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case _ where isUnprintable(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Whether the scalar could steer a terminal, hide, or break a line.
package func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
    // Of nearly every text; the tables of Unicode cost more than all the rest of a line.
    if scalar.isASCII { return scalar < " " || scalar == "\u{7F}" }
    return switch scalar.properties.generalCategory {
    // Format covers the marks that reverse the direction of writing.
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: true
    default: false
    }
}
