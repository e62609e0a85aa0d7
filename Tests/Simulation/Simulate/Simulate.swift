import Glibc
import Platform
import Simulation

/// Runs the simulator: fleets in one thread each, from seeds.
///
///     swift run -c release simulate --seed 42
///     swift run -c release simulate --seeds 1..1000
///     swift run -c release simulate --minutes 2
///     swift run -c release simulate --mutations
///
/// `--slots K` has K workloads in each world, `--story` tells what happens in one, `--mutation NAME` breaks something on purpose.
@main struct Simulate {
    static func main() {
        do { exit(try run(Invocation(CommandLine.arguments.dropFirst()))) } catch {
            print("simulate: \(error)")
            exit(64)
        }
    }

    private static func run(_ invocation: Invocation) throws -> Int32 {
        switch invocation.task {
        case .one(let seed): return tell(seed, invocation)
        case .range(let seeds): return Batch(invocation).run(seeds) ? 0 : 1
        case .minutes(let minutes):
            let first = SystemSurroundings().random() >> 16
            let batch = Batch(invocation)
            return batch.run(first...UInt64.max, for: .seconds(60 * minutes)) ? 0 : 1
        case .mutations: return Batch(invocation).catchMutations() ? 0 : 1
        }
    }

    private static func tell(_ seed: UInt64, _ invocation: Invocation) -> Int32 {
        print("seed \(seed)")
        var settings = invocation.settings
        settings.tellsStory = invocation.tellsStory
        settings.storyLines = .max / 4
        let run = Run(seed, settings)
        for line in run.story { print(line) }
        print("faults: \(run.faults)")
        if run.violation != nil { show(run, invocation) }
        print(
            "\(run.events) events, \(run.handOvers) hand-overs, \(run.coordinatorCrashes) crashes of the coordinator, "
                + "\(run.agentCrashes) of agents, in \(run.virtualTime.components.seconds) s of virtual time")
        print("digest \(run.digest)")
        return run.violation == nil ? 0 : 1
    }

    /// Everything a person needs: what broke, what happened before, and how to see it again.
    static func show(_ run: Run, _ invocation: Invocation) {
        guard let violation = run.violation else { return }
        if !invocation.tellsStory {
            var settings = invocation.settings
            settings.tellsStory = true
            let again = Run(run.seed, settings)
            print("The last events of seed \(run.seed):")
            for line in again.story.suffix(settings.storyLines) { print("  \(line)") }
            if again.digest != run.digest { print("  (the seed does not repeat: \(run.digest), then \(again.digest))") }
        }
        print("BROKEN: \(violation)")
        print("To see it again: swift run -c release simulate --seed \(run.seed)\(invocation.repeating) --story")
    }
}
