import CoordinatorOperator
import Glibc
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// `events --follow`: a log that grows, a coordinator that comes and goes, and the ways it ends.
struct FollowingTests {
    @Test func `lines are told as they come, each once`() throws {
        let log = FakeLog(1...2)
        let coordinator = try FakeCoordinator(handler: log.answer)
        defer { coordinator.stop() }
        let follower = try Follower(["--json", "--agent", "slot-1"], at: coordinator.port)
        try follower.waitForEvents([1, 2])
        log.grow(to: 3)
        try follower.waitForEvents([1, 2, 3])
        log.grow(to: 5)
        try follower.waitForEvents([1, 2, 3, 4, 5])
        #expect(coordinator.lines.first == "GET /api/admin/events?agent_id=slot-1&wait=25")
        #expect(coordinator.lines.dropFirst().first == "GET /api/admin/events?agent_id=slot-1&after=e1-2&wait=25")
        #expect(try follower.closeAndWait() == .success)
        log.grow(to: 6)
    }

    @Test func `it begins where it is told to`() throws {
        let log = FakeLog(1...5)
        let coordinator = try FakeCoordinator(handler: log.answer)
        defer { coordinator.stop() }
        let follower = try Follower(["--json", "--after", "e1-3"], at: coordinator.port)
        try follower.waitForEvents([4, 5])
        #expect(try follower.closeAndWait() == .success)
        log.grow(to: 6)
    }

    @Test func `a restart of the coordinator costs no line and repeats none`() throws {
        let log = FakeLog(1...2)
        let first = try FakeCoordinator(handler: log.answer)
        let port = first.port
        let follower = try Follower(["--json"], at: port)
        try follower.waitForEvents([1, 2])
        log.end()
        first.stop()
        try follower.waitForErrors("lost the coordinator, trying again until it answers: ")
        let longer = FakeLog(1...4)
        let second = try FakeCoordinator(port: port, handler: longer.answer)
        defer { second.stop() }
        try follower.waitForEvents([1, 2, 3, 4])
        try follower.waitForErrors("spot-coordinator: the coordinator answers again\n")
        #expect(second.lines.first == "GET /api/admin/events?after=e1-2&wait=25")
        #expect(try follower.closeAndWait() == .success)
        longer.end()
    }

    @Test(arguments: [429, 503])
    func `a coordinator that has no time is asked again when it said`(status: Int) throws {
        let log = FakeLog(1...2)
        let refusals = Monitor(0)
        let coordinator = try FakeCoordinator { request, exchange in
            guard request.parameter("after") != nil else {
                exchange.answer(.reply(LogLines(events: [event(1)], next: cursor(1))))
                return
            }
            let count = refusals.change { count in
                count += 1
                return count
            }
            guard count <= 2 else { return log.answer(request, exchange) }
            exchange.answer(.refusal(status, .unavailable, "starting", retryAfter: count == 1 ? 1 : nil))
        }
        defer { coordinator.stop() }
        let follower = try Follower(["--json"], at: coordinator.port)
        try follower.waitForEvents([1, 2])
        #expect(coordinator.asked[2].at - coordinator.asked[1].at >= .seconds(1))
        #expect(try follower.closeAndWait() == .success)
        let lost = "lost the coordinator, trying again until it answers: starting (request req-7)"
        #expect(follower.errors == "spot-coordinator: \(lost)\nspot-coordinator: the coordinator answers again\n")
        log.end()
    }

    @Test func `a coordinator that does not park is not asked without end`() throws {
        let coordinator = try FakeCoordinator { request, exchange in
            let isSecond = request.parameter("after") == "e1-1"
            exchange.answer(
                isSecond ? .refusal(400, .validation, "enough") : .reply(LogLines(events: [], next: "e1-1")))
        }
        defer { coordinator.stop() }
        let follower = try Follower([], at: coordinator.port)
        #expect(try follower.end.get() == .failure)
        #expect(coordinator.asked.count == 2)
        #expect(coordinator.asked[1].at - coordinator.asked[0].at >= .milliseconds(990))
    }

    @Test func `a file is written as a pipe is`() throws {
        let coordinator = try FakeCoordinator { request, exchange in
            exchange.answer(
                request.parameter("after") == nil
                    ? .reply(LogLines(events: [event(1), event(2)], next: "e1-2"))
                    : .refusal(400, .validation, "enough"))
        }
        defer { coordinator.stop() }
        let said = try onOwnThread { try enter(["events", "--follow"], at: local(port: Int(coordinator.port))) }
        #expect(said.output.split(separator: "\n").count == 2)
        #expect(said.status == .failure)
    }

    @Test func `a cursor that the coordinator does not know ends it`() throws {
        let coordinator = try FakeCoordinator { _, exchange in
            exchange.answer(.refusal(400, .validation, "after: not a cursor of this log"))
        }
        defer { coordinator.stop() }
        let follower = try Follower(["--after", "x"], at: coordinator.port)
        #expect(try follower.end.get() == .failure)
        #expect(follower.errors == "spot-coordinator: after: not a cursor of this log (request req-7)\n")
    }

    @Test func `a place that is gone is told, and it goes on from the newest lines`() throws {
        let log = FakeLog(1...2)
        let coordinator = try FakeCoordinator { request, exchange in
            guard request.parameter("after") == "e1-7" else { return log.answer(request, exchange) }
            exchange.answer(.refusal(410, .gone, "that log is no more"))
        }
        defer { coordinator.stop() }
        let follower = try Follower(["--json", "--after", "e1-7"], at: coordinator.port)
        try follower.waitForEvents([1, 2])
        #expect(follower.errors.contains("that log is no more (request req-7); going on from the newest lines\n"))
        #expect(try follower.closeAndWait() == .success)
        log.grow(to: 3)
    }

    @Test func `a first question that nobody answers ends it`() throws {
        let follower = try Follower([], at: try unusedLoopbackPort())
        #expect(try follower.end.get() == .unavailable)
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func `a signal ends it well, and tells where to go on`(signal: Int32) throws {
        let log = FakeLog(1...2)
        let coordinator = try FakeCoordinator(handler: log.answer)
        defer { coordinator.stop() }
        let follower = try Follower([], at: coordinator.port)
        try follower.waitForOutput("notice: 2")
        try follower.send(signal)
        #expect(try follower.end.get() == .success)
        #expect(follower.errors == "spot-coordinator: go on with --follow --after e1-2\n")
        log.end()
    }

    @Test func `a reader who stopped does not keep a signal waiting`() throws {
        // More than a pipe and what the reader of this test takes.
        let log = FakeLog(1...500, message: String(repeating: "x", count: 1_000))
        let coordinator = try FakeCoordinator(handler: log.answer)
        defer { coordinator.stop() }
        let follower = try Follower([], at: coordinator.port)
        try follower.waitForOutput("xxx")
        try follower.send(SIGTERM)
        #expect(try follower.end.get() == .success)
        // The page was not written to its end, so the line to go on with is the one before it.
        #expect(follower.errors == "")
        log.end()
    }

    @Test func `one event is one line, however the coordinator lays it out`() throws {
        let coordinator = try FakeCoordinator { request, exchange in
            let text = #"{"events":[\#(String(decoding: encodeJSON(event(1)), as: UTF8.self))],"next":"e1-1"}"#
            let spread = text.replacing(",", with: ",\n  ")
            exchange.answer(request.parameter("after") == nil ? .json(spread) : .refusal(400, .validation, "enough"))
        }
        defer { coordinator.stop() }
        let follower = try Follower(["--json"], at: coordinator.port)
        #expect(try follower.end.get() == .failure)
        try follower.waitForEvents([1])
        #expect(follower.output.components(of: "\n") == 1)
    }
}

/// The log of a coordinator, which parks who has read it to its end.
private final class FakeLog: Sendable {
    private struct State {
        var last: Int
        var waiting: [(after: Int, exchange: Exchange)] = []
    }
    private let state: Locked<State>
    private let message: String?

    init(_ numbers: ClosedRange<Int>, message: String? = nil) {
        state = Locked(State(last: numbers.upperBound))
        self.message = message
    }

    @Sendable func answer(_ request: Request, _ exchange: Exchange) {
        let after = request.parameter("after").flatMap { Int($0.dropFirst("e1-".count)) } ?? 0
        let last = state.withLock { state in
            if after >= state.last, exchange.hold() { state.waiting.append((after, exchange)) }
            return state.last
        }
        if after < last { tell(exchange, after, last) }
    }

    func grow(to last: Int) {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.last = last
            return state.waiting
        }
        for (after, exchange) in waiting { tell(exchange, after, last) }
    }

    /// Lets those who wait go with nothing.
    func end() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for (after, exchange) in waiting { exchange.answer(.reply(LogLines(events: [], next: cursor(after)))) }
    }

    private func tell(_ exchange: Exchange, _ after: Int, _ last: Int) {
        let events = (after + 1...last).map { event($0, message ?? "notice: \($0)") }
        exchange.answer(.reply(LogLines(events: events, next: cursor(last))))
    }
}

extension Exchange {
    /// Parks for longer than any test.
    fileprivate func hold() -> Bool { park(for: .seconds(60)) { Response(status: 503, text: "late") } }
}

/// The sub-command blocks signals on its thread for good, and a thread of the test runner shall not keep that.
private func onOwnThread(_ body: @escaping @Sendable () throws -> Said) throws -> Said {
    let result = Awaited<Result<Said, any Error>>("the end of the sub-command")
    let thread = try DedicatedThread(name: "follower") { result.set(Result { try body() }) }
    defer { thread.join() }
    return try result.get().get()
}

/// The sub-command at work on a thread of its own, with its output in a pipe.
private final class Follower {
    let end = Awaited<Platform.ExitStatus>("the end of the sub-command")
    private(set) var output = ""
    private let thread: DedicatedThread
    private let id = Awaited<pthread_t>("the thread of the sub-command")
    private var reader: FileDescriptor?
    private let errorsPath: String

    init(_ options: [String], at port: UInt16) throws {
        guard case .run(let invocation) = program.parse(["events", "--follow"] + options) else {
            throw TestSupportError("no command line: \(options)")
        }
        let pipe = try Pipe()
        let writer = fcntl(pipe.writer.number, F_DUPFD_CLOEXEC, 3)
        reader = pipe.keepReader()
        errorsPath = "/tmp/spot-follow.\(SystemSurroundings().random())"
        let errors = try FileDescriptor(opening: errorsPath, O_RDWR | O_CREAT, permissions: 0o600).release()
        let (end, id) = (end, id)
        thread = try DedicatedThread(name: "follower") {
            id.set(pthread_self())
            let status = OperatorCommands.run(
                invocation, local: local(port: Int(port)), surroundings: surroundings,
                output: StandardStream(descriptor: writer), errors: StandardStream(descriptor: errors))
            close(writer)
            close(errors)
            end.set(status)
        }
    }

    deinit {
        reader = nil
        // One that does not end has failed its test already, and shall not hold up the others.
        if (try? end.get()) != nil { thread.join() }
        unsafe unlink(errorsPath)
    }

    var errors: String {
        String(decoding: (try? readSmallFile(errorsPath, limit: 1 << 20)) ?? [], as: UTF8.self)
    }

    func send(_ signal: Int32) throws { pthread_kill(try id.get(), signal) }

    func closeAndWait() throws -> Platform.ExitStatus {
        reader = nil
        return try end.get()
    }

    func waitForOutput(_ text: String) throws { while !output.contains(text) { try readOn() } }

    /// Exactly these, in this order, and then nothing for now.
    func waitForEvents(_ numbers: [Int]) throws {
        while output.components(of: "\n") < numbers.count { try readOn() }
        let lines = try output.split(separator: "\n").map { try decodeJSON(LogLine.self, from: Array($0.utf8)).cursor }
        #expect(lines == numbers.map(cursor))
    }

    func waitForErrors(_ text: String) throws {
        let pause = Monitor(())
        let deadline = SystemSurroundings().monotonic() + .seconds(10)
        while !errors.contains(text) {
            let now = SystemSurroundings().monotonic()
            guard now < deadline else { throw TestSupportError("\(text) was not said, but \(errors)") }
            _ = pause.wait(until: now + .milliseconds(5)) { _ in Bool?.none }
        }
    }

    private func readOn() throws {
        guard let number = reader?.number else { throw TestSupportError("the output is closed") }
        let some = try receiveSome(from: number)
        guard !some.isEmpty else { throw TestSupportError("the sub-command ended: \(errors)") }
        output += String(decoding: some, as: UTF8.self)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count - 1
    }
}
