import Glibc
import Platform
import TestSupport

/// What all daemons, hooks and workloads log, in the order in which it came in.
final class Journal: Sendable {
    struct Line: Sendable {
        /// The box, or `coordinator`.
        let who: String
        /// The constant message, with the kind of command where there is one.
        let what: String
    }

    private let lines = Monitor([Line]())

    var count: Int { lines.change { $0.count } }
    func since(_ start: Int) -> [Line] { lines.change { Array($0[start...]) } }

    /// Waits for the `number`-th line since `start` that matches; false when it does not come in time.
    func wait(since start: Int, for number: Int, within limit: Duration, _ matches: (Line) -> Bool) -> Bool {
        lines.wait(until: SystemSurroundings().monotonic() + limit) { lines in
            lines[start...].count(where: matches) >= number ? true : nil
        } ?? false
    }

    /// Makes a pipe at `path` and reads from it for as long as this process lives.
    func follow(_ path: String, of who: String) throws {
        guard unsafe mkfifo(path, 0o622) == 0 else { throw Broken("make \(path): \(describe(errno: errno))") }
        _ = try DedicatedThread(name: "journal") { [lines] in
            // Read and write: it does not end with whoever writes into it.
            guard let file = unsafe fopen(path, "r+") else { return }
            var line: UnsafeMutablePointer<CChar>?
            var room = 0
            while unsafe getline(&line, &room, file) > 0 {
                guard let read = unsafe line.map({ unsafe Line(String(cString: $0), of: who) }) else { continue }
                lines.change { $0.append(read) }
            }
        }
    }
}

extension Journal.Line {
    /// A line is a time, a level, a message, and fields: `name=value`.
    init(_ text: String, of who: String) {
        let words = text.split(whereSeparator: \.isWhitespace).dropFirst(2)
        let message = words.prefix { !$0.contains("=") }.joined(separator: " ")
        let type = words.first { $0.hasPrefix("command_type=") }.map { ": \($0.dropFirst("command_type=".count))" }
        self.who = who
        what = message + (type ?? "")
    }
}
