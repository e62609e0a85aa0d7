import Platform
import TestSupport
import Testing

/// Hand-overs between machines with a real systemd each, as an operator runs them: units, hooks, a notice of EC2's.
@Suite(.serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"))
struct AgentFailoverTests {
    private static let kills = TestTier.current == .quick ? 2 : 7

    @Test func `whoever is killed at whatever step, the workload moves once and in time`() throws {
        let seed = SystemSurroundings().random()
        print("AgentFailoverTests: seed \(seed)")
        try expectToPass(["overlap", "exclusive"].map { ["sweep", $0, "all", "\(Self.kills)", "\(seed)"] })
    }

    /// Runs scenarios side by side, each in a network of its own.
    private func expectToPass(
        _ scenarios: [[String]], within limit: Duration = .seconds(120),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let program = try builtProgram("FailoverScenarios")
        let running = try scenarios.map { words in
            try ChildProcess("/usr/bin/unshare", ["--net", program] + words)
        }
        for (process, words) in zip(running, scenarios) {
            let outcome = try process.waitForEnd(within: limit)
            for line in outcome.output.split(separator: "\n") where line.hasPrefix("measured: ") {
                print("AgentFailoverTests: \(line.dropFirst("measured: ".count))")
            }
            #expect(
                outcome.status == 0, "\(words): \(outcome.output)\(outcome.errors)", sourceLocation: sourceLocation)
        }
    }
}
