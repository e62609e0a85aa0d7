import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// The agent dies again and again, at any moment: nothing happens twice, nothing is left, and the command is answered.
struct ErrandCrashTests {
    enum World: String, CaseIterable, Sendable {
        /// Every look-up tells the truth; tokens mean nothing.
        case ignoresTokens
        /// What is new is shown after half a minute; the same token is the same machine.
        case showsLate

        func cloud(of scene: inout ErrandScene) {
            scene.cloud.honoursTokens = self == .showsLate
            scene.cloud.showsAfter = self == .showsLate ? .seconds(30) : .zero
        }
    }

    static let runs: UInt64 = 500
    static let crashesMax = 12

    /// Lets it run with crashes and lost answers until it has been answered and rests.
    static func run(
        _ seed: UInt64, _ world: World, _ order: Order, _ prepare: (inout ErrandScene) -> Void = { _ in }
    ) -> ErrandScene {
        var scene = ErrandScene(seed: seed)
        world.cloud(of: &scene)
        prepare(&scene)
        let lost = CloudFault(.unreachable, "the answer was lost")
        for _ in 0..<scene.chance.draw() % 3 {
            scene.cloud.fail(lost, isDoneAllTheSame: scene.chance.draw() % 2 == 0) { $0.changesSomething }
        }
        if scene.chance.draw() % 3 == 0 { scene.cloud.fullZones = ["us-east-1a", "us-east-1b"] }
        var attempt = 1
        scene.deliver(scene.command(order))
        let odds = 2 + scene.chance.draw() % 30
        var crashes = 0
        for _ in 0..<3000 {
            if crashes < crashesMax, scene.chance.draw() % odds == 0 {
                crashes += 1
                attempt += 1
                scene.crash()
                scene.deliver(scene.command(order, attempt: attempt))
            }
            if !scene.step(until: scene.now + .seconds(120)), scene.errands.runs.isEmpty { break }
        }
        scene.pass(.seconds(60))
        return scene
    }

    @Test(arguments: World.allCases, [false, true])
    func `a switch starts one machine, and ends the old one only then`(world: World, makesImage: Bool) {
        for seed in 1...Self.runs {
            let order = Order.switch(Order.Switch(mode: .spot, terminateWaitSeconds: 30, makesImage: makesImage))
            let scene = Self.run(seed, world, order) { $0.standing.role = .zombie }
            #expect(scene.result?.outcome == .done, "seed \(seed): \(scene.result?.message ?? "no result")")
            #expect(scene.launches.count == 1, "seed \(seed): \(scene.launches.map(\.token))")
            #expect(scene.launchedID == scene.cloud.machines.last?.instance.id, "seed \(seed)")
            #expect(
                scene.launches.map(\.image) == (makesImage ? Array(scene.cloud.images.keys) : ["ami-1"]), "seed \(seed)"
            )
            #expect(Set(scene.switches.map(\.stamp.report)).count == 1, "seed \(seed)")
            #expect(scene.cloud.machines.first?.endedAt != nil, "seed \(seed)")
            #expect(scene.cloud.machines.last?.endedAt == nil, "seed \(seed)")
        }
    }

    /// Taken, and perhaps asked for; then the machine is off for two days.
    @Test(arguments: World.allCases, [false, true])
    func `what nobody waits for any more is not launched after a long time off, nor left behind`(
        world: World, makesImage: Bool
    ) {
        var launched = 0
        for seed in 1...Self.runs {
            var scene = ErrandScene(seed: seed)
            world.cloud(of: &scene)
            let order = Order.switch(Order.Switch(mode: .spot, terminateWaitSeconds: 30, makesImage: makesImage))
            scene.deliver(scene.command(order))
            for _ in 0..<scene.chance.draw() % (makesImage ? 90 : 30) {
                _ = scene.step(until: scene.now + .seconds(120))
            }
            scene.switchOff(for: .seconds(2 * 86_400))
            let before = scene.launches.count
            scene.pass(.seconds(4_000))
            #expect(scene.launches.count == before, "seed \(seed)")
            #expect(scene.errands.running == [], "seed \(seed)")
            // Not even taken.
            guard scene.disk.contains(where: \.isCommandTaken) else { continue }
            #expect(scene.result?.outcome == (before == 1 ? .done : .failed), "seed \(seed): \(scene.results)")
            // A machine that nobody can rule out needs its image.
            if before == 0, scene.result?.message.contains("may have been started") == false {
                #expect(scene.cloud.images.isEmpty || !scene.disk.contains(where: \.isImageCreated), "seed \(seed)")
            }
            launched += before
        }
        #expect((10...490).contains(launched), "both happened: \(launched)")
    }

    @Test(arguments: World.allCases)
    func `a replica is one machine`(world: World) {
        for seed in 1...Self.runs {
            let scene = Self.run(seed, world, LaunchTests.replica())
            #expect(scene.result?.outcome == .done, "seed \(seed): \(scene.result?.message ?? "no result")")
            #expect(scene.launches.count == 1, "seed \(seed): \(scene.launches.map(\.token))")
            #expect(scene.launchedID == scene.cloud.machines.last?.instance.id, "seed \(seed)")
        }
    }

    @Test(arguments: World.allCases)
    func `a replica is one machine even where the disk takes nothing`(world: World) {
        for seed in 1...Self.runs {
            let scene = Self.run(seed, world, LaunchTests.replica()) { $0.diskWorks = false }
            #expect(scene.result?.outcome == .done, "seed \(seed): \(scene.result?.message ?? "no result")")
            #expect(scene.launches.count == 1, "seed \(seed): \(scene.launches.map(\.token))")
        }
    }

    @Test(arguments: World.allCases)
    func `a replica that never runs leaves no machine`(world: World) {
        for seed in 1...Self.runs {
            let scene = Self.run(seed, world, LaunchTests.replica()) { $0.cloud.runsAfter = .seconds(100_000) }
            #expect(scene.result?.outcome == .failed, "seed \(seed)")
            #expect(scene.launches.count == 1, "seed \(seed)")
            #expect(scene.cloud.machines.last?.endedAt != nil, "seed \(seed)")
        }
    }

    @Test(arguments: World.allCases)
    func `what was to be ended is ended`(world: World) {
        for seed in 1...Self.runs {
            let scene = Self.run(seed, world, .terminate(TerminateTests.target)) { scene in
                scene.cloud.add(CloudInstance(id: TerminateTests.target, state: .running))
            }
            #expect(scene.result?.outcome == .done, "seed \(seed)")
            #expect(scene.cloud.machines.last?.endedAt != nil, "seed \(seed)")
            #expect(Set(scene.terminations.map(\.stamp.report)).count == 1, "seed \(seed)")
            #expect(scene.state(of: ErrandScene.own) == .running)
        }
    }

    @Test(arguments: World.allCases)
    func `a clean-up removes what is old, and no more`(world: World) {
        for seed in 1...Self.runs {
            let scene = Self.run(seed, world, .cleanup(Order.Cleanup())) { scene in
                scene.cloud = DutiesTests().makeScene().cloud
            }
            #expect(scene.result?.outcome == .done, "seed \(seed): \(scene.result?.message ?? "no result")")
            #expect(scene.cloud.images.keys.sorted() == ["ami-1", "ami-20", "ami-41", "ami-50"], "seed \(seed)")
            #expect(scene.cloud.snapshots["snap-8"] == nil && scene.cloud.snapshots["snap-6"] != nil, "seed \(seed)")
        }
    }
}
