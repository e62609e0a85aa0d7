import Glibc
import Platform
import TestSupport

/// A running machine with a real systemd, to which one can speak.
final class Box {
    let name: String
    private let process: ChildProcess
    private let questions: FileDescriptor
    private let answers: FileDescriptor

    /// Longer than any run of them, but for one that a person looks at: a box whose owner is gone ends by itself.
    private static let lifeSeconds = CommandLine.arguments.contains("stay") ? 86_400 : 900

    let place: Network.Place

    /// Begins to boot it. `folder` is shared with it, as `/box/out`.
    init(_ name: String, _ place: Network.Place, in folder: String, copies: [String], _ lines: Journal) throws {
        (self.name, self.place) = (name, place)
        for pipe in ["ask", "answer"] {
            let path = "\(folder)/\(name).\(pipe)"
            guard unsafe mkfifo(path, 0o600) == 0 else { throw Broken("make \(path): \(describe(errno: errno))") }
        }
        // Read and write: neither end waits for the other to open, or ends with it.
        questions = try FileDescriptor(opening: "\(folder)/\(name).ask", O_RDWR)
        answers = try FileDescriptor(opening: "\(folder)/\(name).answer", O_RDWR)
        try lines.follow("\(folder)/\(name).log", of: name)
        let script = folderName(of: #filePath) + "/box.sh"
        process = try SystemdBox.start(
            script, [name], copies: copies, options: ["-N", "-o", folder], network: place.path,
            within: Self.lifeSeconds)
    }

    /// Has a line done by its shell, and returns what it said; throws when it failed.
    @discardableResult
    func ask(_ line: String, within limit: Duration = .seconds(15)) throws -> String {
        let (status, said) = try run(line, within: limit)
        guard status == 0 else { throw Broken("\(name): \(line): status \(status): \(said)") }
        return said
    }

    func run(_ line: String, within limit: Duration = .seconds(15)) throws -> (status: Int, said: String) {
        let words = Array("\(line)\n".utf8)
        guard unsafe write(questions.number, words, words.count) == words.count else {
            throw Broken("ask \(name): \(describe(errno: errno))")
        }
        let deadline = SystemSurroundings().monotonic() + limit
        var bytes: [UInt8] = []
        while true {
            if let end = bytes.lastIndex(of: 4), bytes.last == 10,
                let status = Int(String(decoding: bytes[(end + 1)...].dropLast(), as: UTF8.self))
            {
                return (status, String(decoding: bytes[..<end].dropLast(), as: UTF8.self))
            }
            let left = deadline - SystemSurroundings().monotonic()
            guard left > .zero else { throw Broken("\(name) did not answer in \(limit): \(line)") }
            bytes += try receiveSome(from: answers.number, within: left)
        }
    }

    /// What of ours runs in it.
    var unit: String { name == Step.coordinator ? "spot-coordinator" : "spot-agent" }

    /// The process of a unit.
    func process(of unit: String) throws -> Int32 {
        let text = try ask("systemctl show -P MainPID \(unit)")
        guard let id = Int32(text.prefix { $0.isNumber }), id > 1 else { throw Broken("\(unit) does not run: \(text)") }
        return id
    }

    /// Writes a file with these lines, and the folders that it is in.
    func put(_ path: String, _ lines: [String]) throws {
        let words = lines.map { "'" + $0.replacing("'", with: #"'\''"#) + "'" }.joined(separator: " ")
        try ask(#"mkdir -p "$(dirname \#(path))"; printf '%s\n' \#(words) >\#(path)"#)
    }

    /// Without a word to anybody in it.
    func kill() { process.send(signal: SIGKILL) }

    func stop() {
        let end = Array("exit 0\n".utf8)
        _ = unsafe write(questions.number, end, end.count)
        _ = try? process.waitForEnd(within: .seconds(15))
    }
}
