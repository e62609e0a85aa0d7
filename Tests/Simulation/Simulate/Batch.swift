import Platform
import Simulation

/// Many seeds, on a few threads: each world is a thread's own.
final class Batch: Sendable {
    private struct State {
        var next: UInt64 = 0
        var done = 0
        var events = 0
        var handOvers = 0
        var switches = 0
        var failed: Run?
        var last: RunDigest?
    }

    /// So many seeds a mutation may survive.
    private static let seedsForMutation: UInt64 = 1_000

    private let invocation: Invocation
    private let clock = SystemSurroundings()
    private let state = Locked(State())

    init(_ invocation: Invocation) { self.invocation = invocation }

    /// Whether no promise was broken.
    func run(_ seeds: ClosedRange<UInt64>, for time: Duration? = nil) -> Bool {
        say(time == nil ? "seeds \(seeds.lowerBound)..\(seeds.upperBound)" : "seeds from \(seeds.lowerBound)")
        let began = clock.monotonic()
        let state = work(seeds, until: time.map { began + $0 }, invocation.settings)
        let seconds = Double((clock.monotonic() - began) / .milliseconds(1)) / 1000
        let minutes = seconds / 60
        say(
            "\(state.done) seeds in \(rounded(seconds)) s: \(Int(Double(state.events) / seconds)) events a second, "
                + "\(Int(Double(state.handOvers) / minutes)) hand-overs and \(Int(Double(state.switches) / minutes)) "
                + "switches asked for a minute")
        if let failed = state.failed { Simulate.show(failed, invocation) }
        if let last = state.last { say("digest \(last)") }
        return state.failed == nil
    }

    /// Whether each mutation is caught.
    func catchMutations() -> Bool {
        var isAllCaught = true
        for mutation in Mutation.allCases {
            var settings = invocation.settings
            settings.mutation = mutation
            let state = search(1...Self.seedsForMutation, first: mutation.foundBy, settings)
            if let run = state.failed, let violation = run.violation {
                say(
                    "\(mutation.rawValue): caught after \(state.done) seeds, by seed \(run.seed): \(violation.promise)")
            } else {
                isAllCaught = false
                say("\(mutation.rawValue): NOT CAUGHT in \(Self.seedsForMutation) seeds")
            }
        }
        return isAllCaught
    }

    private func search(_ seeds: ClosedRange<UInt64>, first: UInt64?, _ settings: RunSettings) -> State {
        if let first {
            let state = work(first...first, until: nil, settings)
            if state.failed != nil { return state }
        }
        return work(seeds, until: nil, settings)
    }

    private func work(_ seeds: ClosedRange<UInt64>, until end: Duration?, _ settings: RunSettings) -> State {
        state.withLock { $0 = State(next: seeds.lowerBound) }
        let threads = (1..<invocation.threads).compactMap { number in
            try? DedicatedThread(name: "world") { [self] in work(as: number, seeds, until: end, settings) }
        }
        work(as: 0, seeds, until: end, settings)
        for thread in threads { thread.join() }
        return state.withLock { $0 }
    }

    private func work(
        as thread: Int, _ seeds: ClosedRange<UInt64>, until end: Duration?, _ settings: RunSettings
    ) {
        while end.map({ clock.monotonic() < $0 }) ?? true, let seed = next(of: seeds) {
            Wreck.begin(seed, on: thread)
            note(Run(seed, settings))
            Wreck.end(on: thread)
        }
    }

    /// Nil: there is no more to do.
    private func next(of seeds: ClosedRange<UInt64>) -> UInt64? {
        state.withLock { state in
            guard state.failed == nil, seeds.contains(state.next) else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    private func note(_ run: Run) {
        state.withLock { state in
            state.done += 1
            state.events += run.events
            state.handOvers += run.handOvers
            state.switches += run.switches
            if run.violation != nil, state.failed.map({ $0.seed > run.seed }) ?? true { state.failed = run }
            // Of all seeds, in whatever order they were done.
            state.last = state.last.map { $0.joined(with: run.digest) } ?? run.digest
        }
    }
}

private func rounded(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
