import Glibc
import Platform
import TestSupport

/// A program of the machine that serves a test until its end.
struct Tool: ~Copyable {
    private let child: Child

    init(_ words: [String]) throws { child = try Child(words) }

    deinit {
        kill(child.process, SIGKILL)
        _ = child.waitForExit()
    }

    /// Reads until `wanted` has been written, or the end.
    func read(until wanted: String) throws -> String {
        var text = ""
        while !text.contains(wanted) {
            let some = try receiveSome(from: child.output.number)
            if some.isEmpty { break }
            text += String(decoding: some, as: UTF8.self)
        }
        return text
    }

    /// All that a program prints. Throws when it ends in any other way than well.
    static func run(_ words: [String]) throws -> [UInt8] {
        let child = try Child(words)
        let output = Result { try receiveAll(from: child.output.number) }
        guard child.waitForExit() == 0 else { throw TestSupportError("\(words.joined(separator: " ")) went wrong") }
        return try output.get()
    }
}

private struct Child: ~Copyable {
    let process: pid_t
    let output: FileDescriptor

    /// Starts it with nothing to read, its standard output ours and its errors dropped.
    init(_ words: [String]) throws {
        // Not a pipe: only a socket is close-on-exec from birth here, and another test may be starting a program.
        var ends: [Int32] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TestSupportError("make a socket pair: \(describe(errno: errno))")
        }
        let output = FileDescriptor(owning: ends[0])
        let given = FileDescriptor(owning: ends[1])
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, given.number, 1)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        var started: pid_t = 0
        let result = unsafe posix_spawnp(&started, words[0], &actions, nil, &arguments, environ)
        guard result == 0 else { throw TestSupportError("start \(words[0]): \(describe(errno: result))") }
        process = started
        self.output = output
    }

    func waitForExit() -> Int32 {
        var status: Int32 = -1
        _ = retryingInterrupts { unsafe waitpid(process, &status, 0) }
        return status
    }
}

/// Writes a file whole.
func write(_ text: String, to path: String) throws {
    let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, permissions: 0o644)
    let bytes = Array(text.utf8)
    let count = unsafe Glibc.write(file.number, bytes, bytes.count)
    guard count == bytes.count else { throw TestSupportError("write \(path): \(describe(errno: errno))") }
}
