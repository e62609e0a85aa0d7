import Glibc

/// What a figure is to be compared with.
struct Target {
    let text: String
    let isMet: Bool

    static func atMost(_ value: Double, _ bound: Double, _ unit: String) -> Target {
        Target(text: "≤ \(rounded(bound, bound < 10 ? 1 : 0)) \(unit)", isMet: value <= bound)
    }
}

/// Prints one line, at once.
func show(_ what: String, _ value: String, _ target: Target? = nil) {
    let verdict = target.map { "\(padded($0.text, 14)) \($0.isMet ? "met" : "MISSED")" } ?? ""
    print("  \(padded(what, 50)) \(padded(value, 42)) \(verdict)")
    fflush(nil)
}

func showTitle(_ text: String) {
    print("\n\(text)")
    fflush(nil)
}

private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

func rounded(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "?" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let number = (value * scale).rounded() / scale
    return digits == 0 ? String(Int(number)) : String(number)
}

func milliseconds(_ duration: Duration) -> String { "\(rounded(duration / .milliseconds(1), 2)) ms" }
func seconds(_ duration: Duration) -> String { "\(rounded(duration / .seconds(1), 2)) s" }
func kilobytes(_ bytes: Int) -> String { "\(rounded(Double(bytes) / 1_024, 1)) KB" }
func megabytes(_ bytes: Int) -> String { "\(rounded(Double(bytes) / 1_048_576, 1)) MB" }

extension [Double] {
    var median: Double { isEmpty ? .nan : sorted()[count / 2] }
}

/// Times in order, for what most, nearly all and all of them stay below.
struct Spread {
    private let sorted: [Duration]
    init(_ times: [Duration]) { sorted = times.sorted() }

    func at(_ share: Double) -> Duration {
        sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    var text: String {
        "p50 \(milliseconds(at(0.5)))  p99 \(milliseconds(at(0.99)))  max \(milliseconds(at(1)))"
    }
}
