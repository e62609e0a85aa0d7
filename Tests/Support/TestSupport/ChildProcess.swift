private import CLinux
import Glibc
package import Platform

/// How a program ended, and what it said.
package struct ChildOutcome: Sendable {
    package enum End: Sendable, Equatable {
        case exited(Int32)
        case killed(signal: Int32)
    }
    package let end: End
    package let output: String
    package let errors: String
}

/// A program under test. It is killed and reaped when its last owner lets go of it.
package final class ChildProcess {
    package let id: Int32
    private var end: ChildOutcome.End?
    private var output: Stream
    private var errors: Stream

    /// Starts the program at `path` with exactly this environment, nothing on standard input, and no descriptor of ours.
    package init(_ path: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let outputPipe = try Pipe()
        let errorsPipe = try Pipe()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, outputPipe.writer.number, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, errorsPipe.writer.number, 2)
        // The threads of a test runner may block signals, and a child inherits that.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        unsafe sigemptyset(&noSignals)
        unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let variables = environment.map { "\($0.key)=\($0.value)" }
        var id = pid_t()
        let result = unsafe withCStrings([path] + arguments) { arguments in
            unsafe withCStrings(variables) { variables in
                unsafe posix_spawn(&id, path, &actions, &attributes, arguments, variables)
            }
        }
        guard result == 0 else { throw TestSupportError("start \(path): \(describe(errno: result))") }
        self.id = id
        output = Stream(outputPipe.keepReader())
        errors = Stream(errorsPipe.keepReader())
    }

    deinit {
        guard end == nil else { return }
        kill(id, SIGKILL)
        var status: Int32 = 0
        _ = retryingInterrupts { unsafe waitpid(id, &status, 0) }
    }

    package func send(signal: Int32) { kill(id, signal) }

    /// Reads on until what was said on standard error or output contains `text`.
    package func waitForText(_ text: String, within limit: Duration = .seconds(10)) throws {
        let isThere = try collect(within: limit) { self.output.text.contains(text) || self.errors.text.contains(text) }
        guard isThere else { throw TestSupportError("the program ended without saying \(text); it said \(said)") }
    }

    /// Reads to the end of both streams and reaps the program.
    package func waitForEnd(within limit: Duration = .seconds(10)) throws -> ChildOutcome {
        _ = try collect(within: limit) { false }
        let end = try end ?? reap()
        self.end = end
        return ChildOutcome(end: end, output: output.text, errors: errors.text)
    }

    private var said: String { "\"\(output.text)\" and \"\(errors.text)\"" }

    /// True as soon as `condition` holds; false at the end of both streams.
    private func collect(within limit: Duration, until condition: () -> Bool) throws -> Bool {
        let deadline = SystemSurroundings().monotonic() + limit
        while !condition() {
            if output.isAtEnd && errors.isAtEnd { return false }
            let left = deadline - SystemSurroundings().monotonic()
            var entries = [output, errors].map {
                pollfd(fd: $0.isAtEnd ? -1 : $0.number, events: Int16(POLLIN), revents: 0)
            }
            guard left > .zero, unsafe poll(&entries, 2, Int32((left / .milliseconds(1)).rounded(.up))) != 0 else {
                throw TestSupportError("the program went on for more than \(limit); it said \(said)")
            }
            if entries[0].revents != 0 { output.readSome() }
            if entries[1].revents != 0 { errors.readSome() }
        }
        return true
    }

    private func reap() throws -> ChildOutcome.End {
        var status: Int32 = 0
        let reaped = retryingInterrupts { unsafe waitpid(id, &status, 0) }
        guard reaped.result == id else {
            throw TestSupportError("wait for the program: \(describe(errno: reaped.errno))")
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }
}

private final class Stream {
    private let descriptor: FileDescriptor
    private var bytes: [UInt8] = []
    private(set) var isAtEnd = false
    var number: Int32 { descriptor.number }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    func readSome() {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let number = number
        let done = unsafe chunk.withUnsafeMutableBytes { chunk in
            retryingInterrupts { unsafe read(number, chunk.baseAddress, chunk.count) }
        }
        isAtEnd = done.result <= 0
        bytes += chunk.prefix(max(0, done.result))
    }
}

/// Both ends of a pipe, close-on-exec.
package struct Pipe: ~Copyable {
    package let reader: FileDescriptor
    package let writer: FileDescriptor

    package init() throws {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else {
            throw TestSupportError("make a pipe: \(describe(errno: errno))")
        }
        reader = FileDescriptor(owning: ends[0])
        writer = FileDescriptor(owning: ends[1])
    }

    /// The end to read from; the other is closed.
    package consuming func keepReader() -> FileDescriptor { reader }
}

private func withCStrings<Value>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    return unsafe body(&pointers)
}
