import Glibc
import HTTPServer
import Platform
import Systemd
import TestSupport

/// The workload: a page that says who serves. `serve NAME FOLDER`, and `alone` where two must never run: then each holds
/// the lock that stands for the data, and whoever does not get it leaves a mark. The kernel lets go of it with the process.
func serve(_ words: [String]) throws {
    guard words.count >= 2 else { throw Misuse(words: words) }
    let (name, folder) = (words[0], words[1])
    try note(name, in: "\(folder)/\(Marks.starts)")
    try note("- - the workload starts", in: "\(folder)/\(name).log")
    if words.last == "alone" {
        let data = unsafe open("\(folder)/data", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        if flock(data, LOCK_EX | LOCK_NB) != 0 { try note(name, in: "\(folder)/\(Marks.twice)") }
    }
    var options = ListenerOptions(address: .address("0.0.0.0", port: Host.port), surroundings: SystemSurroundings())
    options.workers = 1
    let listener = try Listener(options) { _, exchange in exchange.answer(Response(status: 200, text: name)) }
    try Notifier.takeFromEnvironment().ready(status: name)
    _ = try Loop().run()
    listener.stop(within: .zero)
}

/// What workloads leave behind, a line each.
enum Marks {
    /// Each start, with the machine's name.
    static let starts = "starts"
    /// Each start beside another that ran.
    static let twice = "twice"

    static func read(_ name: String, in folder: String) throws -> [String] {
        guard fileExists("\(folder)/\(name)") else { return [] }
        let text = String(decoding: try readSmallFile("\(folder)/\(name)", limit: 1 << 20), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }
}

private func note(_ name: String, in path: String) throws {
    let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_APPEND, permissions: 0o600)
    let line = Array("\(name)\n".utf8)
    guard unsafe write(file.number, line, line.count) == line.count else { throw Broken("write \(path)") }
}
