import CoordinatorCore
import CoordinatorHeart
import CoordinatorJobs
import JSON
import Platform
import TestSupport
import Testing
import Wire

@Suite struct JobsTests {
    /// A heart with one host, its jobs, and a loop on the clock that the test moves.
    private final class Site {
        let surroundings = ManualSurroundings()
        let heart: Heart
        let loop: ManualLoop
        let jobs: Jobs
        let seen = Monitor<[String]>([])
        let slot: SlotID

        init(_ folder: String) throws {
            loop = ManualLoop(surroundings)
            heart = try Heart(
                HeartSettings(databasePath: "\(folder)/coordinator.sqlite"), surroundings: surroundings
            ) { [seen] events in seen.change { $0 += events.map(\.sentence) } }
            jobs = try Jobs(loop: loop, heart: heart, surroundings: surroundings)
            let client = Awaited<Outcome<CreatedClient>>("the client")
            heart.createClient(
                ClientCreation(name: "acme"), token: try Token("token-1"), hash: [UInt8](repeating: 1, count: 32),
                seal: { _ in [1] }
            ) { client.set($0) }
            guard case .done(let created) = try client.get() else { throw TestSupportError("no client was made") }
            let reply = Awaited<Outcome<RegistrationReply>>("the registration")
            heart.register(
                Registration(logicalAgent: "web", instance: "i-00000000000000001", region: "us-east-1", hostname: "h"),
                of: created.id, token: try Token("token-2"), hash: [UInt8](repeating: 2, count: 32)
            ) { reply.set($0) }
            guard case .done(let registered) = try reply.get() else { throw TestSupportError("no host was registered") }
            slot = registered.slot
        }

        /// Moves the clock, and lets the loop do what is due.
        func pass(_ time: Duration) throws {
            surroundings.advance(by: time)
            loop.turn()
        }

        /// Whether the log has, or soon gets, a line with these words.
        func says(_ part: String) -> Bool {
            let deadline = SystemSurroundings().monotonic() + .seconds(10)
            return seen.wait(until: deadline) { lines in lines.contains { $0.contains(part) } ? true : nil } ?? false
        }

        var said: [String] {
            heart.settle(within: .seconds(10))
            return seen.wait(until: .zero) { $0 } ?? []
        }
    }

    private func withJobs(_ body: (Site) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder)
            defer { site.heart.stop() }
            try body(site)
        }
    }

    @Test func `a host that is not heard becomes silent, and then offline, by the clock alone`() throws {
        try withJobs { site in
            for _ in 0..<12 { try site.pass(.seconds(1)) }
            #expect(site.says("is not heard"))
            for _ in 0..<120 { try site.pass(.seconds(1)) }
            #expect(site.says("was not heard for"))
        }
    }

    @Test func `every quarter of a minute those who listen are shown that we are here`() throws {
        try withJobs { site in
            let beats = Monitor(0)
            site.heart.events.follow(grown: {}, beat: { beats.change { $0 += 1 } })
            for count in 1...3 {
                for _ in 0..<15 { try site.pass(.seconds(1)) }
                try eventually("beat \(count)") { beats.wait(until: .zero) { $0 } == count }
            }
        }
    }

    @Test func `a gap in the coordinator's own time is nobody's silence`() throws {
        try withJobs { site in
            try site.pass(.seconds(1))
            try site.pass(.seconds(600))
            // Asked behind whatever the job may have made: nothing of it can come later.
            let looked = Latch("the writer's turn")
            site.heart.agent(site.slot) { _ in looked.open() }
            try looked.wait()
            #expect(!site.said.contains { $0.contains("heard") })
        }
    }

    @Test func `a command expires by the clock alone`() throws {
        try withJobs { site in
            let queued = Latch("the command")
            site.heart.askSwitch(of: site.slot, to: .onDemand) { _ in queued.open() }
            try queued.wait()
            for _ in 0..<40 { try site.pass(.seconds(100)) }
            #expect(site.says("not taken up in time"))
        }
    }
}

/// A loop that has timers and nothing else, on the clock that the test moves.
private final class ManualLoop: EventLoop {
    private final class Timer: LoopTimer {
        var time: Duration?
        let handler: () -> Void
        init(_ handler: @escaping () -> Void) { self.handler = handler }
        func arm(at time: Duration) { self.time = time }
        func disarm() { time = nil }
    }
    private let surroundings: ManualSurroundings
    private var timers: [Timer] = []

    init(_ surroundings: ManualSurroundings) { self.surroundings = surroundings }

    var now: Duration { surroundings.monotonic() }

    func watch(
        descriptor: Int32, for interest: Readiness, _ handler: @escaping (Readiness) -> Void
    ) throws(EventLoopError) -> any DescriptorWatch {
        throw EventLoopError("watch descriptor \(descriptor): this loop has timers only")
    }

    func makeTimer(_ handler: @escaping () -> Void) throws(EventLoopError) -> any LoopTimer {
        let timer = Timer(handler)
        timers.append(timer)
        return timer
    }

    /// Fires what is due.
    func turn() {
        for timer in timers {
            guard let time = timer.time, time <= now else { continue }
            timer.time = nil
            timer.handler()
        }
    }
}
