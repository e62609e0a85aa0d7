import Glibc
import Platform
import TestSupport
import Testing

/// The built coordinator under load, killed again and again on the same file.
@Suite(.serialized)
struct CrashTests {
    private static let kills = TestTier.current == .full ? 200 : 20

    @Test func `kill -9 at any moment under load loses nothing that was acknowledged and breaks no invariant`() throws {
        let seed =
            unsafe getenv("SPOT_TEST_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
            ?? SystemSurroundings().random()
        print("CrashTests: seed \(seed); to repeat: SPOT_TEST_SEED=\(seed)")
        var chance = Chance(seed: seed)
        try withTemporaryFolder { folder in
            var coordinator = try RunningCoordinator(in: folder, environment: Self.quiet)
            let load = try Load(on: coordinator, seed: seed)
            var startUps: [Duration] = []
            for round in 1...Self.kills {
                try load.begin(port: coordinator.port)
                try load.waitForProgress(Int.random(in: 20...400, using: &chance))
                // Otherwise each kill would come just after an answer.
                usleep(UInt32.random(in: 0...20_000, using: &chance))
                try coordinator.kill()
                load.end()
                coordinator = try RunningCoordinator(in: folder, environment: Self.quiet)
                startUps.append(coordinator.startUp)
                try load.check(against: coordinator, seed: seed &+ UInt64(round))
                let violations = load.players.flatMap(\.violations)
                guard violations.isEmpty else {
                    Issue.record("after kill \(round), seed \(seed): \(violations.prefix(20).joined(separator: "; "))")
                    return
                }
            }
            print("CrashTests: \(Self.kills) kills, \(load.acknowledgedCount) acknowledged (\(load.summary))")
            print("CrashTests: start-up after a kill: \(Figures(startUps))")
            #expect(!load.summary.contains(" 503:"), "nothing is refused by a coordinator that is not told to stop")
            #expect(startUps.allSatisfy { $0 < .seconds(2) }, "\(Figures(startUps))")
            #expect(try coordinator.stop().status == 0)
        }
    }

    @Test func `SIGTERM under load loses nothing that was acknowledged and leaves a clean file`() throws {
        try withTemporaryFolder { folder in
            var coordinator = try RunningCoordinator(in: folder)
            let load = try Load(on: coordinator, seed: 7)
            for round in 1...3 {
                try load.begin(port: coordinator.port)
                try load.waitForProgress(200)
                let outcome = try coordinator.stop()
                load.end()
                #expect(outcome.status == 0)
                coordinator = try RunningCoordinator(in: folder)
                try load.check(against: coordinator, seed: UInt64(round))
                #expect(load.players.flatMap(\.violations) == [])
            }
            #expect(try !coordinator.stop().errors.contains("the last stop was not clean"))
        }
    }

    private static let quiet = ["LOG_LEVEL": "error"]
}

/// Durations in a line.
struct Figures: CustomStringConvertible {
    private let sorted: [Duration]
    init(_ durations: [Duration]) { sorted = durations.sorted() }

    var description: String {
        guard let first = sorted.first, let last = sorted.last else { return "none" }
        return "\(milliseconds(first)) to \(milliseconds(last)) ms, median \(milliseconds(sorted[sorted.count / 2])) ms"
    }

    private func milliseconds(_ duration: Duration) -> Int { Int(duration / .milliseconds(1)) }
}
