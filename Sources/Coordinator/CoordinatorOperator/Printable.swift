import JSON
import Platform

/// JSON text byte for byte, but that what a terminal could take for an order is written as JSON's own escape, which means
/// the same. White space between the values stays, or becomes blanks where the text shall be one line.
func printableJSON(_ text: [UInt8], onOneLine: Bool = false) -> String {
    let text = String(decoding: text, as: UTF8.self)
    guard text.unicodeScalars.contains(where: isUnprintable) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        // Outside of strings only: inside, JSON has them escaped already.
        case "\n", "\r", "\t": result.unicodeScalars.append(onOneLine ? " " : scalar)
        case _ where isUnprintable(scalar):
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// `2026-11-20 16:20:33Z`
func clockTime(_ time: Timestamp) -> String {
    let text = time.description
    return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8))Z"
}

/// The largest unit that fits: `12s`, `3m`, `5h`, `2d`. What lies ahead, as with a clock that is slow, is `0s`.
func age(of time: Timestamp, at now: Timestamp) -> String {
    let seconds = max(0, (now - time).components.seconds)
    return switch seconds {
    case ..<60: "\(seconds)s"
    case ..<3600: "\(seconds / 60)m"
    case ..<172_800: "\(seconds / 3600)h"
    default: "\(seconds / 86_400)d"
    }
}

/// `0.040s`, `-1.500s`
func secondsText(_ duration: Duration) -> String {
    let milliseconds = Int64((duration / .milliseconds(1)).rounded())
    let fraction = String(milliseconds.magnitude % 1000)
    return (milliseconds < 0 ? "-" : "") + "\(milliseconds.magnitude / 1000)."
        + String(repeating: "0", count: 3 - fraction.count) + fraction + "s"
}
