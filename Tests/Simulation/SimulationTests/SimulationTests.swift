import CoordinatorHeart
import TestSupport
import Testing

@testable import Simulation

/// Few seeds, in a debug build: thousands run in `Packaging/test`, optimised.
struct SimulationTests {
    @Test func `a fleet keeps its promises, and comes to rest`() {
        let runs = (1...4 as ClosedRange<UInt64>).map { Run($0) }
        for run in runs {
            #expect(run.violation == nil, "seed \(run.seed)")
            #expect(run.events > 5_000, "something happens in seed \(run.seed)")
        }
        #expect(runs.contains { $0.handOvers > 0 } && runs.contains { $0.agentCrashes + $0.coordinatorCrashes > 0 })
    }

    @Test(arguments: RegressionSeeds.all.map(\.seed)) func `what once broke a promise keeps it now`(seed: UInt64) {
        #expect(Run(seed).violation == nil, "seed \(seed)")
    }

    @Test func `a world without faults comes to rest, too`() {
        var settings = RunSettings()
        settings.hasFaults = false
        settings.chaos = .seconds(60)
        #expect(Run(1, settings).violation == nil)
    }

    @Test func `one seed is the same run in two processes`() throws {
        let outputs = try (0..<2).map { _ in
            try ChildProcess(builtProgram("simulate"), ["--seed", "7", "--seconds", "120"]).waitForEnd(
                within: .seconds(60)
            ).output
        }
        #expect(outputs[0] == outputs[1])
        #expect(outputs[0].hasPrefix("seed 7\n") && outputs[0].contains("\ndigest "))
    }

    @Test func `nothing of a world outlives its run`() {
        weak var world: World?
        weak var coordinator: Coordinator?
        weak var heart: Heart?
        weak var machine: Machine?
        do {
            let made = World(seed: 3, RunSettings())
            made.begin(2)
            #expect(made.run(until: .seconds(200)))
            (world, coordinator, heart, machine) = (made, made.coordinator, made.coordinator.heart, made.machines.first)
            #expect(heart != nil && machine != nil)
            made.end()
        }
        #expect(heart == nil)
        #expect(machine == nil)
        #expect(coordinator == nil)
        #expect(world == nil)
    }

    @Test func `another seed is another run`() {
        var settings = RunSettings()
        settings.chaos = .seconds(60)
        #expect(Run(1, settings).digest != Run(2, settings).digest)
    }

    @Test func `who reads a seed that fails hears what was broken and how to see it again`() throws {
        let end = try ChildProcess(
            builtProgram("simulate"), ["--seeds", "1..2", "--mutation", "reportsSwallowed", "--seconds", "120"]
        ).waitForEnd(within: .seconds(60))
        #expect(end.end == .exited(1))
        #expect(end.output.contains("BROKEN: What a host is told is stored is stored"))
        #expect(end.output.contains("--seconds 120 --mutation reportsSwallowed --story"))
    }
}
