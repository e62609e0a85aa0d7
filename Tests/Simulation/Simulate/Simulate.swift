import Glibc
import Platform
import Simulation

/// Runs the simulator: fleets in one thread each, from seeds.
@main struct Simulate {
    static func main() {
        Wreck.watch()
        do { exit(try run(Invocation(CommandLine.arguments.dropFirst()))) } catch {
            say("simulate: \(error)")
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
        case .help:
            say(Invocation.help)
            return 0
        case .mutations: return Batch(invocation).catchMutations() ? 0 : 1
        }
    }

    private static func tell(_ seed: UInt64, _ invocation: Invocation) -> Int32 {
        say("seed \(seed)")
        var settings = invocation.settings
        settings.tellsStory = invocation.tellsStory
        settings.hearsStory = { say($0) }
        Wreck.begin(seed, on: 0)
        let run = Run(seed, settings)
        if run.violation == nil || invocation.tellsStory { say("What could go wrong, and how often: \(run.faults)") }
        if run.violation != nil { show(run, invocation) }
        say(
            "\(run.events) events, \(run.handOvers) hand-overs, \(run.coordinatorCrashes) crashes of the coordinator, "
                + "\(run.agentCrashes) of agents, in \(run.virtualTime.components.seconds) s of virtual time")
        say("digest \(run.digest)")
        return run.violation == nil ? 0 : 1
    }

    /// Everything a person needs: what broke, what happened before, and how to see it again.
    static func show(_ run: Run, _ invocation: Invocation) {
        guard let violation = run.violation else { return }
        if !invocation.tellsStory {
            var settings = invocation.settings
            settings.tellsStory = true
            let again = Run(run.seed, settings)
            say("The last events of seed \(run.seed):")
            for line in again.story.suffix(settings.storyLines) { say("  \(line)") }
            say("What could go wrong in it, and how often: \(again.faults)")
            if again.digest != run.digest { say("  (the seed does not repeat: \(run.digest), then \(again.digest))") }
        }
        say("BROKEN: \(violation)")
        say("To see it again: swift run -c release simulate --seed \(run.seed)\(invocation.repeating) --story")
    }
}

/// At once, also to whoever reads it through a pipe: the next moment may be the last.
func say(_ line: String) { StandardStream.output.write("\(line)\n") }
