import Glibc
import Platform
import TestSupport
import Testing

struct ChildProcessTests {
    @Test func `a program's output, errors and status are told apart`() throws {
        let child = try ChildProcess(
            "/bin/sh", ["-c", "echo out; echo err >&2; exit $CODE"], environment: ["CODE": "3"])
        let outcome = try child.waitForEnd()
        #expect(outcome.end == .exited(3))
        #expect(outcome.output == "out\n")
        #expect(outcome.errors == "err\n")
    }

    @Test func `a signal is told from an exit`() throws {
        let child = try ChildProcess("/bin/sh", ["-c", "echo ready; exec cat /dev/zero >/dev/null"])
        try child.waitForText("ready")
        child.send(signal: SIGTERM)
        #expect(try child.waitForEnd().end == .killed(signal: SIGTERM))
    }

    @Test func `a program that goes on too long fails the wait and does not outlive its owner`() throws {
        let id = try {
            let child = try ChildProcess("/bin/true")
            _ = try child.waitForEnd()
            let endless = try ChildProcess("/bin/sh", ["-c", "exec cat /dev/zero >/dev/null"])
            #expect(throws: TestSupportError.self) { try endless.waitForEnd(within: .milliseconds(20)) }
            return endless.id
        }()
        #expect(kill(id, 0) == -1)
    }

    @Test func `a program that does not exist is told`() {
        #expect(throws: TestSupportError.self) { _ = try ChildProcess("/nonexistent/program") }
    }
}

struct ProcessFactsTests {
    @Test func `a program in memory has some of it`() throws {
        #expect(try residentMemory() > 1_000_000)
        #expect(try residentMemory(of: getpid()) > 1_000_000)
    }

    @Test func `at least the standard descriptors are open`() throws { #expect(try openDescriptorCount() >= 3) }
}
