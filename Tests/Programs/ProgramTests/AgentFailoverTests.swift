import Glibc
import Platform
import TestSupport
import Testing

/// Hand-overs between two machines, as an operator has them: three hosts with a systemd and a network each, installed from our
/// packages, a coordinator behind TLS, units, hooks, and a notice of EC2's. What is killed is started again by systemd.
@Suite(
    .serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"),
    .enabled(if: Packages.areThere, "\(Packages.whyNot)"))
struct AgentFailoverTests {
    private static let modes = ["overlap", "exclusive"]
    private static let onlyFull = "takes minutes: only with --full"
    /// How often in a row the full tier is to try what depends on time, in place of what fits its time.
    private static let asked = number("SPOT_TEST_ROUNDS").map(Int.init)
    /// Towns side by side: they mostly wait. But systemd and its companions hold some twenty inotify instances in each, of which Linux
    /// gives a user 128 unless told otherwise, and one that gets none does not boot.
    private static let townsMax: Int = {
        let limit = try? readSmallFile("/proc/sys/fs/inotify/max_user_instances", limit: 32)
        let instances = limit.flatMap { Int(String(decoding: $0, as: UTF8.self).prefix { $0.isNumber }) } ?? 128
        return max(1, min(8, (instances - 16) / 22))
    }()

    private static func number(_ name: String) -> UInt64? {
        unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
    }

    private static func seed() -> UInt64 {
        let seed = number("SPOT_TEST_SEED") ?? SystemSurroundings().random()
        print("AgentFailoverTests: seed \(seed); to repeat: SPOT_TEST_SEED=\(seed)")
        return seed
    }

    @Test
    func `whoever is killed at whatever step, the workload moves once, and an exclusive one is never run twice`() throws
    {
        let seed = Self.seed()
        try expectToPass(
            Self.modes.flatMap { mode in
                [["sweep", mode, "all", "8", "\(seed)"], ["sweep", mode, "all", "4", "\(seed)", "3"]]
            })
    }

    @Test(.enabled(if: TestTier.current == .full, "\(onlyFull)"))
    func `so it is for each of the three, and all at once, at each line that is logged, and at some forty delays`()
        throws
    {
        let victims = ["old", "new", "coordinator", "everyone"]
        let (seed, parts) = (Self.seed(), UInt64(2))
        // Half of the moments in a run, unless asked for more.
        let chosen = Self.asked == nil ? ["\(seed % parts + 1)/\(parts)"] : ["1/2", "2/2"]
        try expectToPass(
            chosen.flatMap { part in
                Self.modes.flatMap { mode in victims.map { ["sweep", mode, $0, part, "\(seed)"] } }
            }, within: .seconds(800))
        try expectToPass(Self.modes.map { ["sweep", $0, "all", "40", "\(seed)", "3"] }, within: .seconds(800))
    }

    @Test
    func `links are cut, names are lost, recommendations come to nothing: the workload moves where it must, and once`()
        throws
    {
        let seed = "\(Self.seed())"
        let scenarios = [
            ["balance", "overlap"], ["unfollowed", "exclusive"], ["loss", "exclusive", "unreached"],
            ["cut", "exclusive", "20", "1", seed], ["names", "overlap"], ["cut", "overlap", "4", "2", seed],
        ]
        try expectToPass(again(scenarios, 1))
    }

    /// For two seconds at each step, and beyond the deadline at some; then to the end of the old primary.
    @Test(.enabled(if: TestTier.current == .full, "\(onlyFull)"))
    func `so it is for whatever link is cut at whatever step and in whatever direction, again and again`() throws {
        let (seed, rounds) = (Self.seed(), Self.asked ?? 5)
        // Each part has each step, with other links and ways.
        let parts = 5
        let cuts = Self.modes.flatMap { mode in
            (0..<(Self.asked == nil ? 1 : parts)).map { part in
                ["cut", mode, "2", "\((seed &+ UInt64(part)) % UInt64(parts) + 1)/\(parts)", "1"]
            }
                + stride(from: 0, to: rounds, by: 5).map { begun in
                    ["cut", mode, "20", "\(min(5, rounds - begun))", "\(seed &+ UInt64(begun))"]
                }
        }
        let others = Self.modes.flatMap { mode in
            ["unanswered", "unheard", "unreached"].map { ["loss", mode, $0, Self.asked == nil ? "1" : "5"] }
                + [["names", mode, Self.asked == nil ? "3" : "5"]]
        }
        let repeated = (0..<(Self.asked.map { ($0 + 4) / 5 } ?? 1)).flatMap { _ in others }
        try expectToPass(
            repeated + cuts + again([["unfollowed", "overlap"], ["balance", "overlap"]], 1), within: .seconds(800))
    }

    /// Alone on the machine: it is the time that is looked at.
    @Test(.enabled(if: TestTier.current == .full, "\(onlyFull)"))
    func `of fifty hand-overs between real hosts half take two seconds and a half, and none more than five`() throws {
        try expectToPass(Self.modes.map { ["pace", $0, "50"] }, within: .seconds(800))
    }

    @Test
    func `hooks that hang, fork, flee or flood cost their budget and nothing else, and a drill moves real units`()
        throws
    {
        let hooks = TestTier.current == .full ? "5" : "2"
        try expectToPass(
            again(
                [
                    ["hooks", "exclusive", hooks], ["hooks", "overlap", hooks], ["stuck", "overlap", "promote"],
                    ["stuck", "overlap", "verify"], ["stuck", "exclusive", "verify"], ["drill", "overlap"],
                    ["drill", "exclusive"],
                ], 1), within: .seconds(400))
    }

    @Test
    func `restarts, upgrades, blindness, full disks and dead journals move nothing, and a notice is obeyed in each`()
        throws
    {
        let long = Self.modes.map {
            ["trials", $0, "starvedPrimary", "starvedReplica", "starvedCoordinator", "fullStore"]
        }
        try expectToPass(again(long + Self.modes.map { ["trials", $0] }, 3), within: .seconds(400))
    }

    @Test
    func `a machine, a link or both machines are lost, and the workload is where it may be, and never twice`() throws {
        // The long ones first.
        let losses = ["both", "alone", "link", "machine", "shutdown"].flatMap { loss in
            Self.modes.map { ["loss", $0, loss] }
        }
        let exclusive = ["leasedMachine", "leasedLink", "inTurn", "reloadedShutdown"].map { ["loss", "exclusive", $0] }
        try expectToPass(again(exclusive + losses, 3), within: .seconds(400))
    }

    @Test(.enabled(if: TestTier.current == .full, "\(onlyFull)"))
    func `a fence hook that hangs keeps anybody from serving until it is mended`() throws {
        try expectToPass(again([["fence", "exclusive"]], 1), within: .seconds(200))
    }

    /// Runs scenarios side by side, each in a network of its own.
    private func expectToPass(
        _ scenarios: [[String]], within limit: Duration = .seconds(200),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let towns = Towns(try builtProgram("FailoverScenarios"), scenarios, within: limit)
        let threads = try (0..<Self.townsMax).map { _ in try DedicatedThread(name: "town") { towns.work() } }
        for thread in threads { thread.join() }
        for failure in towns.failures { Issue.record("\(failure)", sourceLocation: sourceLocation) }
    }

    /// In the full tier, `times`, unless asked for more.
    private func again(_ scenarios: [[String]], _ times: Int) -> [[String]] {
        (0..<(TestTier.current == .full ? Self.asked ?? times : 1)).flatMap { _ in scenarios }
    }
}

/// Scenarios that wait for a place, and what failed of them.
private final class Towns: Sendable {
    private let program: String
    private let limit: Duration
    private let waiting: Locked<ArraySlice<[String]>>
    private let failed = Locked<[String]>([])

    init(_ program: String, _ scenarios: [[String]], within limit: Duration) {
        self.program = program
        self.limit = limit
        waiting = Locked(scenarios[...])
    }

    var failures: [String] { failed.withLock { $0 } }

    /// One after the other, until none waits.
    func work() {
        while let words = waiting.withLock({ $0.popFirst() }) {
            guard let failure = failure(of: words) else { continue }
            failed.withLock { $0.append("\(words): \(failure)") }
        }
    }

    /// Nil: it has passed.
    private func failure(of words: [String]) -> String? {
        do {
            let outcome = try ChildProcess("/usr/bin/unshare", ["--net", program] + words).waitForEnd(within: limit)
            for line in outcome.output.split(separator: "\n") where line.hasPrefix("measured: ") {
                print("AgentFailoverTests: \(line.dropFirst("measured: ".count))")
            }
            return outcome.status == 0 ? nil : outcome.output + outcome.errors
        } catch { return "\(error)" }
    }
}
