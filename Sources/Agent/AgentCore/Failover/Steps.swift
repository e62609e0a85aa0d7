import JSON
import Wire

// The single steps of a hand-over on this machine. Each bears being done again: after a crash it is.

/// Runs a stage's hooks.
struct HooksErrand: Errand {
    let stage: HookStage
    let incident: IncidentID?
    let deadline: Duration
    let within: Duration

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .acted(.success(.ran(let runs))): return .end(verdict(runs, standing, turn))
        case .acted(.failure(let fault)): return .failed("\(fault)")
        default:
            let facts = HookFacts(
                incident: incident, role: standing.role, epoch: standing.epoch, left: deadline - turn.now)
            return .act(.runHooks(stage, facts), within: within)
        }
    }

    private func verdict(_ runs: [HookRun], _ standing: Standing, _ turn: Turn) -> ErrandEnd {
        let failures = runs.compactMap(\.failure)
        var end =
            failures.isEmpty
            ? ErrandEnd.done("\(runs.count) hooks of \(stage.rawValue) ran")
            : .failed("\(stage.rawValue).d: \(failures.joined(separator: "; "))")
        end.ledger = runs.map { $0.step(of: stage, within: within) }
        return end
    }
}

extension HookRun {
    fileprivate var failure: String? {
        switch outcome {
        case .done: nil
        case .failed(let how): "\(name): \(how)"
        case .overran: "\(name) was killed after \(took.seconds) s"
        }
    }

    fileprivate func step(of stage: HookStage, within: Duration) -> LedgerStep {
        let word: LedgerStep.Outcome =
            switch outcome {
            case .done: .done
            case .failed: .failed
            case .overran: .overran
            }
        return LedgerStep(
            name: "\(stage.rawValue).d/\(name)", budgetMilliseconds: within.milliseconds,
            tookMilliseconds: took.milliseconds, outcome: word)
    }
}

/// Starts the workload's units. A service manager that cannot be asked is asked again.
struct StartErrand: Errand {
    let units: [UnitName]
    let within: Duration
    private static let pause = Duration.milliseconds(250)

    init(_ units: [UnitName], within: Duration) {
        self.units = units
        self.within = within
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .acted(.success): .done("\(units.words) started")
        case .acted(.failure(let fault)) where fault.kind == .unreachable: .rest(Self.pause)
        case .acted(.failure(let fault)): .failed("\(fault)")
        default: .act(.start(units), within: within)
        }
    }
}

/// Stops them: in good order as long as there is time for it, then by force, and looks whether it is so.
struct StopErrand: Errand {
    let units: [UnitName]
    /// Zero: by force at once.
    let graceful: Duration
    let byForce: Duration
    private var isForced = false
    private var isLooking = false
    private var fault: ActFault?

    init(_ units: [UnitName], graceful: Duration, byForce: Duration) {
        self.units = units
        self.graceful = graceful
        self.byForce = byForce
    }

    /// What all of it may take.
    var within: Duration { graceful + byForce + Self.look * 2 }
    private static let look = Duration.seconds(1)

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .acted(.success(.done)):
            return .done("\(units.words) seen stopped\(isForced ? ", by force" : "")")
        case .acted(.success(.units(let found))):
            let left = found.filter { !$0.isStopped }.map { "\($0.name) is \($0.state)" }
            return left.isEmpty ? .done("\(units.words) seen stopped") : .failed(left.joined(separator: ", "))
        case .acted(.failure(let fault)): return goOn(after: fault)
        case .acted(.success): return .failed("this machine answered something else than it was asked")
        default: return graceful > .zero ? .act(.stop(units, atOnce: false), within: graceful) : stopByForce()
        }
    }

    private mutating func stopByForce() -> ErrandStep {
        isForced = true
        return .act(.stop(units, atOnce: true), within: byForce)
    }

    private mutating func goOn(after fault: ActFault) -> ErrandStep {
        if isLooking { return .failed("\(self.fault ?? fault)") }
        guard isForced else { return stopByForce() }
        self.fault = fault
        isLooking = true
        return .act(.inspect(units), within: Self.look)
    }
}

/// Probes until the workload serves.
struct ProbeErrand: Errand {
    let probe: Probe
    let within: Duration
    private var until = Duration.zero
    private var reason = "it was not probed"

    /// A start often takes some hundred milliseconds, and each look costs next to nothing.
    private static let pause = Duration.milliseconds(100)
    private static let attemptMax = Duration.seconds(5)

    init(_ probe: Probe, within: Duration) {
        self.probe = probe
        self.within = within
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .began: until = turn.now + within - Self.pause
        case .acted(.success(.serves)): return .done("the probe succeeded")
        case .acted(.success(.servesNot(let why))): reason = why
        case .acted(.failure(let fault)): reason = fault.description
        default: break
        }
        let left = until - turn.now
        guard left > .zero else { return .failed("the workload does not serve: \(reason)") }
        if case .acted = event { return .rest(min(Self.pause, left)) }
        return .act(.probe(probe), within: min(left, Self.attemptMax))
    }
}

extension [UnitName] {
    var words: String { isEmpty ? "no units" : map(\.text).joined(separator: ", ") }
}
