import Glibc
import JSON

/// Prints what the reader and the writer cost: the figures that the decision record of `JSON` speaks of.
@main struct JSONBenchmark {
    static func main() {
        do {
            try heartbeat()
            try largeDocument()
            hostileNesting()
        } catch {
            print("read a text of our own: \(error)")
            exit(1)
        }
    }

    private static func heartbeat() throws(JSONError) {
        let text = Heartbeat.text
        let beat = try decodeJSON(Heartbeat.self, from: text)
        precondition(encodeJSON(beat) == text, "the heartbeat must come back as it was")
        print("heartbeat of \(text.count) bytes, best of 7 rounds of 20,000")
        let read = try bestNanoseconds(rounds: 7, of: 20_000) { () throws(JSONError) in
            try JSONDocument(text).root.kind == .object ? 1 : 0
        }
        print("  read onto the tape    \(read) ns")
        let decode = try bestNanoseconds(rounds: 7, of: 20_000) { () throws(JSONError) in
            try decodeJSON(Heartbeat.self, from: text).configVersion == 12 ? 1 : 0
        }
        print("  decoded to a struct   \(decode) ns")
        let encode = try bestNanoseconds(rounds: 7, of: 20_000) { encodeJSON(beat).count }
        print("  encoded               \(encode) ns")
    }

    private static func largeDocument() throws(JSONError) {
        let one = Array(Heartbeat.text)
        var text: [UInt8] = [UInt8(ascii: "[")]
        while text.count < 50_000_000 { text += one + [UInt8(ascii: ",")] }
        text[text.count - 1] = UInt8(ascii: "]")
        let limits = JSONLimits(bytes: 1 << 30)
        let read = try bestNanoseconds(rounds: 3, of: 1) { () throws(JSONError) in
            try JSONDocument(text, limits: limits).root.kind == .array ? 1 : 0
        }
        print("\(text.count) bytes of heartbeats: \(text.count * 1000 / read) MB/s onto the tape")
    }

    private static func hostileNesting() {
        let text = [UInt8](repeating: UInt8(ascii: "["), count: 100_000_000)
        let start = now()
        do throws(JSONError) {
            _ = try JSONDocument(text, limits: JSONLimits(bytes: 1 << 30))
            preconditionFailure("100 MB of '[' must be refused")
        } catch {
            let end = now()
            print("\(text.count) bytes of '[': \((end - start) / 1000) µs (\(error))")
        }
    }
}

/// The best round, for what else the machine does only ever adds.
private func bestNanoseconds(
    rounds: Int, of count: Int, _ body: () throws(JSONError) -> Int
) throws(JSONError) -> Int {
    var best = Int.max
    var kept = 0
    for _ in 0..<rounds {
        let start = now()
        for _ in 0..<count { kept &+= try body() }
        best = min(best, (now() - start) / count)
    }
    precondition(kept > 0, "what is measured must have had a result")
    return best
}

private func now() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
