import Glibc

/// What a figure is to be compared with.
package struct Target {
    package let text: String
    package let isMet: Bool

    package init(text: String, isMet: Bool) {
        self.text = text
        self.isMet = isMet
    }

    package static func atMost(_ value: Double, _ bound: Double, _ unit: String) -> Target {
        Target(text: "≤ \(rounded(bound, bound < 10 ? 1 : 0)) \(unit)", isMet: value <= bound)
    }
}

/// Prints one line, at once.
package func show(_ what: String, _ value: String, _ target: Target? = nil) {
    let verdict = target.map { "\(padded($0.text, 14)) \($0.isMet ? "met" : "MISSED")" } ?? ""
    print("  \(padded(what, 50)) \(padded(value, 42)) \(verdict)")
    fflush(nil)
}

package func showTitle(_ text: String) {
    print("\n\(text)")
    fflush(nil)
}

private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

package func rounded(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "?" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let number = (value * scale).rounded() / scale
    return digits == 0 ? String(Int(number)) : String(number)
}

package func milliseconds(_ duration: Duration) -> String { "\(rounded(duration / .milliseconds(1), 2)) ms" }
package func seconds(_ duration: Duration) -> String { "\(rounded(duration / .seconds(1), 2)) s" }
package func kilobytes(_ bytes: Int) -> String { "\(rounded(Double(bytes) / 1_024, 1)) KB" }
package func megabytes(_ bytes: Int) -> String { "\(rounded(Double(bytes) / 1_048_576, 1)) MB" }

extension [Double] {
    package var median: Double { isEmpty ? .nan : sorted()[count / 2] }
}

/// Times in order, for what most, nearly all and all of them stay below.
package struct Spread {
    private let sorted: [Duration]
    package init(_ times: [Duration]) { sorted = times.sorted() }

    package func at(_ share: Double) -> Duration {
        sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    package var text: String {
        "p50 \(milliseconds(at(0.5)))  p99 \(milliseconds(at(0.99)))  max \(milliseconds(at(1)))"
    }
}

package struct BenchmarkError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
