import CLinux
import Glibc
import TestSupport
import Testing

@testable import Platform

/// Lines on a standard error that does not take them.
struct StandardErrorTests {
    @Test(arguments: [true, false])
    func `a pipe that nobody reads delays nobody, whether or not it can be opened again`(reopening: Bool) throws {
        let pipe = try Pipe()
        let output = NonblockingOutput(to: pipe.writer.number, reopening: reopening)
        let line = Array(String(repeating: "x", count: 99).utf8) + [10]
        var taken = 0
        let took = time { for _ in 0..<10_000 { taken += max(0, output.write(line)) } }
        #expect(took < .seconds(2))
        // Only whole lines: what is in the pipe is what was said to be taken.
        #expect(taken > 0 && taken < 1_000_000 && taken % line.count == 0)
        var inPipe: Int32 = 0
        #expect(unsafe ioctl(pipe.reader.number, UInt(FIONREAD), &inPipe) == 0)
        #expect(Int(inPipe) == taken)
    }

    @Test func `the longest line fits whole wherever a pipe polls as writable`() throws {
        let pipe = try Pipe()
        let output = NonblockingOutput(to: pipe.writer.number, reopening: false)
        // Lines that never fill a page evenly leave every possible remainder.
        for length in [4096, 1, 4095, 2048, 4096, 3, 4096, 4096] + (0..<64).map({ 4096 - $0 * 61 }) {
            let taken = output.write([UInt8](repeating: 120, count: length))
            #expect(taken == length || taken <= 0)
        }
        #expect(output.write([120]) <= 0)
    }

    @Test func `the shared pipe stays blocking for everybody else`() throws {
        let pipe = try Pipe()
        let output = NonblockingOutput(to: pipe.writer.number)
        #expect(output.write([10]) == 1)
        #expect(fcntl(pipe.writer.number, F_GETFL) & O_NONBLOCK == 0)
    }

    @Test func `a socket that nobody reads delays nobody`() throws {
        var ends: [Int32] = [-1, -1]
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let (one, other) = (ends[0], ends[1])
        defer {
            close(one)
            close(other)
        }
        let output = NonblockingOutput(to: one)
        let line = [UInt8](repeating: 120, count: 1_000)
        let took = time { for _ in 0..<10_000 { _ = output.write(line) } }
        #expect(took < .seconds(2))
        #expect(output.write(line) <= 0)
    }

    @Test(arguments: [true, false])
    func `a reader that is gone is no reason to die`(reopening: Bool) throws {
        let number = try {
            let pipe = try Pipe()
            return dup(pipe.writer.number)
        }()
        let writer = FileDescriptor(owning: number)
        #expect(NonblockingOutput(to: writer.number, reopening: reopening).write([10]) <= 0)
        var pending = sigset_t()
        unsafe sigpending(&pending)
        #expect(unsafe sigismember(&pending, SIGPIPE) == 0)
    }

    @Test func `a descriptor that was closed at the start is never written to`() throws {
        // Beyond the limit on descriptors, so that no other test can get this number.
        let output = NonblockingOutput(to: 1_000_000)
        #expect(output.write([10]) == 0)
    }

    @Test func `a regular file gets every line at its end`() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/log"
            let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT, permissions: 0o600)
            let output = NonblockingOutput(to: file.number)
            #expect(output.write(Array("one\n".utf8)) == 4)
            try writeAll(Array("two\n".utf8), to: file, "write")
            #expect(output.write(Array("three\n".utf8)) == 6)
            #expect(try readSmallFile(path, limit: 100) == Array("one\ntwo\nthree\n".utf8))
        }
    }

    @Test func `dropped lines are told once somebody reads again`() throws {
        let pipe = try Pipe()
        let sink = LogDestination.automatic.open(
            identifier: "t", prefix: "SPOT_", environment: ["JOURNAL_STREAM": "1:1"],
            surroundings: ManualSurroundings(),
            standardError: pipe.writer.number)
        let log = Log(to: sink)
        let took = time { for _ in 0..<10_000 { log.info("tick") } }
        #expect(took < .seconds(2))
        let first = try lines(of: receiveSome(from: pipe.reader.number, limit: 1_000_000))
        log.info("after")
        let later = try lines(of: receiveSome(from: pipe.reader.number))
        #expect(later.count == 2)
        #expect(later.first?.hasSuffix(" warning log entries dropped log_dropped=\(10_000 - first.count)") == true)
        #expect(later.last?.hasSuffix(" info after") == true)
    }

    @Test func `a stopped terminal delays nobody`() throws {
        let terminal = try Terminal()
        let output = NonblockingOutput(to: terminal.side.number)
        // As Ctrl-S does.
        #expect(tcflow(terminal.side.number, TCOOFF) == 0)
        let line = [UInt8](repeating: 120, count: 1_000)
        let took = time { for _ in 0..<1_000 { _ = output.write(line) } }
        #expect(took < .seconds(2))
        #expect(output.write(line) <= 0)
    }

    @Test func `the journal is chosen when standard error leads there`() throws {
        try withTemporaryFolder { folder in
            let journal = try JournalSocket(path: "\(folder)/socket")
            let pipe = try Pipe()
            var status = stat()
            #expect(unsafe fstat(pipe.writer.number, &status) == 0)
            for (stream, reachesJournal) in [
                ("\(status.st_dev):\(status.st_ino)", true), ("\(status.st_dev):1", false), ("", false),
            ] {
                let sink = LogDestination.automatic.open(
                    identifier: "t", prefix: "", environment: ["JOURNAL_STREAM": stream],
                    surroundings: ManualSurroundings(), journalSocket: journal.path, standardError: pipe.writer.number)
                Log(to: sink).info("here")
                #expect((journal.receive() != nil) == reachesJournal)
            }
        }
    }

    @Test func `a timer on a loop that logs to a destination nobody reads is served within 50 ms`() throws {
        try withTemporaryFolder { folder in
            let journal = try JournalSocket(path: "\(folder)/socket")
            let pipe = try Pipe()
            let sinks = [LogDestination.journal, .standardError].map {
                $0.open(
                    identifier: "t", prefix: "", environment: [:], surroundings: SystemSurroundings(),
                    journalSocket: journal.path, standardError: pipe.writer.number)
            }
            let loop = PollLoop()
            var due = loop.now
            var lateness: [Duration] = []
            var rearm: () -> Void = {}
            let timer = try loop.makeTimer {
                lateness.append(SystemSurroundings().monotonic() - due)
                for sink in sinks { for _ in 0..<200 { Log(to: sink).info("tick") } }
                rearm()
            }
            rearm = {
                due = SystemSurroundings().monotonic() + .milliseconds(5)
                timer.arm(at: due)
            }
            rearm()
            #expect(loop.run { lateness.count == 50 })
            let worst = lateness.max() ?? .zero
            #expect(worst < (isUnderSanitizer ? .milliseconds(500) : .milliseconds(50)), "\(worst)")
        }
    }

    private func lines(of bytes: [UInt8]) -> [Substring] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }
}

/// A pseudo-terminal; nobody reads what is written to its side.
private struct Terminal: ~Copyable {
    let master: FileDescriptor
    let side: FileDescriptor

    init() throws {
        var (first, second): (Int32, Int32) = (-1, -1)
        guard unsafe openpty(&first, &second, nil, nil, nil) == 0 else {
            throw TestSupportError("open a terminal: \(describe(errno: errno))")
        }
        master = FileDescriptor(owning: first)
        side = FileDescriptor(owning: second)
    }
}
