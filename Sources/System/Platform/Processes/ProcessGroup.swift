private import CLinux
import Glibc

/// A program as our child, in a process group of its own, so that all of it can be sent a signal at once: all but what left
/// the group, which setsid(2) lets any process do.
///
/// Whoever starts it reaps it. What it says can be read; nobody reading it holds up the program, not us.
package struct ProcessGroup: ~Copyable {
    /// Of the program, and of its group.
    package let id: Int32
    /// Where its output comes in, without waiting; at its end when all of the group have closed it.
    package let output: FileDescriptor

    /// With exactly this environment, nothing on standard input, no descriptor of ours and no signal blocked.
    package init(
        starting program: String, _ arguments: [String], environment: [String]
    ) throws(PlatformError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, O_CLOEXEC) == 0 else {
            throw PlatformError("start \(program): make a pipe", errno: lastErrno)
        }
        let reader = FileDescriptor(owning: ends[0])
        let writer = FileDescriptor(owning: ends[1])
        // The program's own end waits, as any program expects.
        guard clinux_set_flags(reader.number, O_NONBLOCK) == 0 else {
            throw PlatformError("start \(program): prepare its pipe", errno: lastErrno)
        }
        id = try Self.spawn(program, arguments, environment, output: writer.number)
        output = reader
    }

    /// To every process of the group. Without effect when there is none left.
    package func send(signal: Int32) { _ = kill(-id, signal) }

    package enum Output: Equatable {
        case bytes([UInt8])
        case nothingYet
        case ended
    }

    /// What has come in, at most 64 KiB.
    package func readOutput() -> Output {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let number = output.number
        let done = unsafe chunk.withUnsafeMutableBytes { chunk in
            retryingInterrupts { unsafe read(number, chunk.baseAddress, chunk.count) }
        }
        if done.result > 0 { return .bytes(Array(chunk.prefix(done.result))) }
        return done.result < 0 && done.errno == EAGAIN ? .nothingYet : .ended
    }
}

extension ProcessGroup {
    private static func spawn(
        _ program: String, _ arguments: [String], _ environment: [String], output: Int32
    ) throws(PlatformError) -> Int32 {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 2)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // A child inherits what we block and ignore, and would not be ended by SIGTERM.
        var none = sigset_t(), all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var id = pid_t()
        let result = unsafe withCStrings([program] + arguments) { arguments in
            unsafe withCStrings(environment) { environment in
                unsafe posix_spawn(&id, program, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw PlatformError("start \(program)", errno: result) }
        return id
    }
}

private func withCStrings<Value>(
    _ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe texts.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    return unsafe body(&pointers)
}
