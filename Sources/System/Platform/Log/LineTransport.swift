import Glibc
import JSON

/// Entries as readable lines on a descriptor that other processes may share, standard error above all.
struct LineTransport: ~Copyable, LogTransport {
    private let output: NonblockingOutput
    private let surroundings: any Surroundings
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

    /// At most 4096 bytes, which a pipe takes whole or not at all (PIPE_BUF).
    static func format(_ entry: LogEntry, at time: Timestamp, leavingOut prefix: String) -> [UInt8] {
        let milliseconds = time.nanosecondsSinceEpoch - time.nanosecondsSinceEpoch % 1_000_000
        let start = "\(Timestamp(nanosecondsSinceEpoch: milliseconds)) \(entry.level) "
        let rest = 4096 - start.utf8.count - 1
        return Array("\(start)\(entry.line(leavingOut: prefix, limit: rest))\n".utf8)
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
