import Glibc
import Platform
import TestSupport
import Testing

@testable import Systemd

struct `Notifier messages` {
    @Test func `each thing said is one message in the manager's words`() throws {
        try withTemporaryFolder { folder in
            let manager = try FakeManager("\(folder)/notify"), notifier = try Notifier(address: "\(folder)/notify")
            #expect(notifier.ready(status: "serving") == .delivered)
            notifier.status("two agents")
            notifier.watchdog()
            notifier.reloading(at: .milliseconds(12))
            notifier.stopping(status: "stopping")
            notifier.extendTimeout(by: .seconds(5))
            #expect(
                manager.messages() == [
                    "READY=1\nSTATUS=serving", "STATUS=two agents", "WATCHDOG=1",
                    "RELOADING=1\nMONOTONIC_USEC=12000", "STOPPING=1\nSTATUS=stopping", "EXTEND_TIMEOUT_USEC=5000000",
                ])
        }
    }

    @Test func `an abstract address is understood`() throws {
        let name = "@spot-test-\(getpid())"
        let manager = try FakeManager(name), notifier = try Notifier(address: name)
        #expect(notifier.watchdog() == .delivered)
        #expect(manager.messages() == ["WATCHDOG=1"])
    }

    @Test func `a status cannot smuggle in another assignment and is cut at a character`() throws {
        try withTemporaryFolder { folder in
            let manager = try FakeManager("\(folder)/notify"), notifier = try Notifier(address: "\(folder)/notify")
            notifier.status("a\nWATCHDOG=trigger\tb")
            notifier.status(String(repeating: "é", count: 400))
            #expect(
                manager.messages() == ["STATUS=a WATCHDOG=trigger b", "STATUS=" + String(repeating: "é", count: 256)])
        }
    }

    @Test(arguments: [nil, ""])
    func `without a manager nothing is said`(address: String?) throws {
        #expect(try Notifier(address: address).ready(status: "") == .noManager)
    }

    @Test func `a manager that is gone is no manager`() throws {
        try withTemporaryFolder { folder in
            let notifier = try Notifier(address: "\(folder)/notify")
            #expect(notifier.watchdog() == .noManager)
            do { _ = try FakeManager("\(folder)/notify") }
            #expect(notifier.watchdog() == .noManager)
        }
    }

    @Test func `a manager that does not read fills its queue and blocks nobody`() throws {
        try withTemporaryFolder { folder in
            let manager = try FakeManager("\(folder)/notify"), notifier = try Notifier(address: "\(folder)/notify")
            var sent = 0
            while sent < 100_000, notifier.watchdog() == .delivered { sent += 1 }
            #expect(notifier.watchdog() == .queueFull)
            #expect(manager.messages().count == sent)
            #expect(notifier.watchdog() == .delivered)
        }
    }

    @Test func `a path below a file is a failure that says so`() throws {
        let wanted = SystemdError(.failed, "notify the service manager: not a directory (errno 20)")
        #expect(try Notifier(address: "/dev/null/notify").watchdog() == .failed(wanted))
    }

    @Test(arguments: ["vsock:2:1", "@", "/" + String(repeating: "x", count: 200)])
    func `an address of another kind is refused`(address: String) {
        let error = #expect(throws: SystemdError.self) { _ = try Notifier(address: address) }
        #expect(error?.code == .malformed)
    }
}

struct `Watchdog feeding` {
    @Test func `it is fed at once and twice an interval, but not while the machinery stands`() throws {
        try withTemporaryFolder { folder in
            let manager = try FakeManager("\(folder)/notify"), notifier = try Notifier(address: "\(folder)/notify")
            let loop = ManualLoop()
            var moves = true
            let watchdog = try Watchdog(loop: loop, notifier: notifier, interval: .seconds(10)) {
                moves
            } undelivered: {
                Issue.record("\($0)")
            }
            #expect(manager.messages().count == 1)
            loop.advance(to: .milliseconds(4999))
            #expect(manager.messages().isEmpty)
            loop.advance(to: .seconds(5))
            #expect(manager.messages().count == 1)
            moves = false
            loop.advance(to: .seconds(10))
            loop.advance(to: .seconds(15))
            #expect(manager.messages().isEmpty)
            moves = true
            loop.advance(to: .seconds(20))
            #expect(manager.messages() == ["WATCHDOG=1"])
            withExtendedLifetime(watchdog) {}
        }
    }

    @Test func `a feed that the manager did not get is told`() throws {
        let loop = ManualLoop(), notifier = try Notifier(address: "/nobody/here")
        var told: [Notifier.Delivery] = []
        let watchdog = try Watchdog(loop: loop, notifier: notifier, interval: .seconds(1)) {
            true
        } undelivered: {
            told.append($0)
        }
        #expect(told == [.noManager])
        withExtendedLifetime(watchdog) {}
    }
}

struct `Time to stop` {
    @Test func `is asked for in slices as long as the loop turns, and not for ever`() throws {
        try withTemporaryFolder { folder in
            let manager = try FakeManager("\(folder)/notify"), notifier = try Notifier(address: "\(folder)/notify")
            let loop = ManualLoop()
            notifier.stopping(status: "stopping")
            _ = manager.messages()
            let stopTime = try StopTime(loop: loop, notifier: notifier, limit: .seconds(11))
            var asked = [manager.messages()]
            for second in 1...30 {
                loop.advance(to: .seconds(second))
                let messages = manager.messages()
                if !messages.isEmpty { asked.append(messages) }
            }
            // Each two seconds after the one before, and at last for what is left.
            #expect(asked == [5, 5, 5, 5, 3, 1].map { ["EXTEND_TIMEOUT_USEC=\($0)000000"] })
            withExtendedLifetime(stopTime) {}
        }
    }
}

/// A loop whose time the test moves.
private final class ManualLoop: EventLoop {
    private(set) var now = Duration.zero
    private var timers: [ManualTimer] = []

    func advance(to time: Duration) {
        now = time
        for timer in timers where timer.time.map({ $0 <= time }) ?? false {
            timer.time = nil
            timer.handler()
        }
    }

    func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch { throw EventLoopError("this loop has only timers") }

    func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer {
        let timer = ManualTimer(handler)
        timers.append(timer)
        return timer
    }
}

private final class ManualTimer: LoopTimer {
    let handler: () -> Void
    var time: Duration?
    init(_ handler: @escaping () -> Void) { self.handler = handler }
    func arm(at time: Duration) { self.time = time }
    func disarm() { time = nil }
}

struct `Listening sockets` {
    @Test func `what is not a listening socket is refused by its name`() throws {
        let outcome = try listen("LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web", redirecting: "3</dev/null")
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("take the listening socket web, descriptor 3: not a listening stream socket"))
    }

    @Test(arguments: ["LISTEN_PID=1 LISTEN_FDS=1", ""])
    func `sockets of another process, or none, are no sockets`(environment: String) throws {
        let outcome = try listen(environment)
        #expect(outcome.output.isEmpty)
        #expect(outcome.status == 0)
    }

    private func listen(_ environment: String, redirecting redirection: String = "") throws -> ChildOutcome {
        let program = try builtProgram("SystemdScenarios")
        return try ChildProcess("/bin/sh", ["-c", "\(environment) exec \(program) listen \(redirection)"]).waitForEnd()
    }
}

struct `Without a bus` {
    @Test func `connecting says that it is unavailable, and requests end with disconnected`() throws {
        let loop = try Loop()
        let bus = try Bus(loop: loop, address: "unix:path=/nobody/here") { _ in Issue.record("lost what never was") }
        let error = #expect(throws: SystemdError.self) { try bus.connect() }
        #expect(error?.code == .unavailable)
        #expect(
            error?.description == "connect to the bus at unix:path=/nobody/here: no such file or directory (errno 2)")
        #expect(throws: SystemdError.self) { try bus.watchUnit("a.service") { _ in } }
        var answers: [SystemdError.Code?] = []
        bus.startUnit("a.service", within: .seconds(5)) { answers.append($0.failure?.code) }
        #expect(answers.isEmpty)
        try loop.turnUntilIdle()
        #expect(answers == [.disconnected])
    }

    @Test func `a request is answered once also when its bus is closed or dropped`() throws {
        let loop = try Loop()
        var answers: [SystemdError.Code?] = []
        var bus: Bus? = try Bus(loop: loop, address: "unix:path=/nobody/here") { _ in }
        bus?.startUnit("a.service", within: .seconds(5)) { answers.append($0.failure?.code) }
        bus?.close()
        #expect(answers == [.disconnected])
        bus?.startUnit("a.service", within: .seconds(5)) { answers.append($0.failure?.code) }
        bus = nil
        #expect(answers == [.disconnected, .disconnected])
        try loop.turnUntilIdle()
        #expect(answers.count == 2)
    }
}

extension Result {
    fileprivate var failure: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}
