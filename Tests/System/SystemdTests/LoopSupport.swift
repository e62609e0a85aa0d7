import Glibc
import Platform
import Systemd
import TestSupport

extension Loop {
    /// Turns the loop until `condition` holds, and gives up after five seconds.
    func turn(until condition: () -> Bool) throws {
        let deadline = now + .seconds(5)
        while !condition() {
            guard now < deadline else { throw TestSupportError("what was waited for did not happen in 5 s") }
            _ = try turn(timeout: .milliseconds(100))
        }
    }

    /// Turns the loop until nothing is left to do at once.
    func turnUntilIdle() throws {
        for _ in 0..<1000 where try !turn(timeout: .zero) { return }
        throw TestSupportError("the loop is still busy after 1000 turns")
    }
}

/// Both ends of a pipe that never blocks; the write end may be closed early.
struct Pipe: ~Copyable {
    let readEnd: Int32
    private(set) var writeEnd: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw TestSupportError("pair: errno \(errno)") }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        if writeEnd >= 0 { close(writeEnd) }
    }

    mutating func hangUp() {
        close(writeEnd)
        writeEnd = -1
    }

    func put() { unsafe write(writeEnd, "x", 1) }
    func drain() {
        var byte: UInt8 = 0
        while unsafe read(readEnd, &byte, 1) > 0 {}
    }
}

/// Runs `body` with only `signals` blocked in this thread; the threads of the test runner block nearly all.
func withBlocked<Value>(_ signals: [Int32], _ body: () throws -> Value) rethrows -> Value {
    var before = sigset_t(), none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    Loop.block(signals: signals)
    return try body()
}

/// Starts a program with no environment of its own; the caller reaps it.
func spawn(_ arguments: [String]) throws -> pid_t {
    var child: pid_t = 0
    var words = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    let result = unsafe posix_spawn(&child, arguments[0], nil, nil, &words, nil)
    guard result == 0 else { throw TestSupportError("spawn \(arguments): errno \(result)") }
    return child
}
