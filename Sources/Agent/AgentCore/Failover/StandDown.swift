import JSON
import Wire

/// The workload leaves this machine, leg by leg: it drains, stops, lets go of what the next one needs, and only then it is
/// said. A leg that fails ends nothing: what counts is whether the units were seen stopped.
///
/// ```
///  drain.d, out of the balancers ▶ units stop ▶ fence.d ▶ volumes ▶ "fenced"
/// ```
struct StandDown: Errand {
    enum Cause: Sendable, Equatable {
        case demote(Order.Demote, takenAt: Timestamp)
        case halt(Halt, leaving: WorkloadState)
    }

    /// From SIGTERM to SIGKILL where no fence is set.
    static let stopGrace = Duration.seconds(5)
    /// As the coordinator reckons it: the drain's whole budget, and this for the stop.
    private static let fenceLead = Duration.seconds(3)
    private static let leastGrace = Duration.seconds(1)
    private static let killTime = Duration.seconds(3)
    private static let fenceHooksTime = Duration.seconds(5)
    private static let detachTime = Duration.seconds(10)
    /// What a result needs to get away before the machine is switched off.
    private static let farewell = Duration.seconds(2)

    private enum Leg: Int, Sendable { case drain, stop, release, detach, end }

    let takeOver: TakeOver
    let cause: Cause
    let incident: IncidentID?
    private var leg = Leg.drain
    private var ledger: [LedgerStep] = []
    private var unsaved: [LedgerStep] = []
    /// When PID 1 stops the units, whatever becomes of us.
    private(set) var fenceAt: Duration?
    private var stoppedAt: Timestamp?
    private var failures: [String] = []

    init(_ takeOver: TakeOver, _ cause: Cause, incident: IncidentID?) {
        self.takeOver = takeOver
        self.cause = cause
        self.incident = incident
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .began(let progress):
            ledger = progress.compactMap { if case .stepped(let step) = $0 { step } else { nil } }
            if case .demote(let order, let takenAt) = cause, let time = order.fenceAt {
                // A clock that is astray neither puts it off, nor does so anew with each restart, nor leaves no time for a stop.
                let most = Duration.seconds(order.drainBudgetSeconds) + Self.fenceLead
                let left = time - standing.coordinatorTime(at: turn.wall)
                let used = max(.zero, turn.wall - takenAt)
                fenceAt = turn.now + max(Self.leastGrace, min(left, most - used))
            }
            return enter(ledger.isEmpty ? .drain : .stop, standing, &turn)
        case .joined(let ends):
            take(ends, standing, turn)
            return rememberOrGoOn(standing, &turn)
        case .reported: return .rest(Self.farewell)
        case .rested: return .act(.powerOff, within: .seconds(5))
        case .acted: return .end(end(standing))
        default: return rememberOrGoOn(standing, &turn)
        }
    }

    private mutating func rememberOrGoOn(_ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if unsaved.isEmpty { return enter(Leg(rawValue: leg.rawValue + 1) ?? .end, standing, &turn) }
        return .remember(.stepped(unsaved.removeFirst()))
    }

    private mutating func enter(_ first: Leg, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        leg = first
        while leg != .end {
            let parts = parts(standing, turn)
            if !parts.isEmpty { return .join(parts) }
            if leg == .stop { stoppedAt = standing.coordinatorTime(at: turn.wall) }
            leg = Leg(rawValue: leg.rawValue + 1) ?? .end
        }
        return finish(standing, &turn)
    }

    // MARK: Legs

    private func parts(_ standing: Standing, _ turn: Turn) -> [Part] {
        switch leg {
        case .drain: return drains ? draining(standing, turn) : []
        case .stop:
            guard !takeOver.units.isEmpty else { return [] }
            // The fence's timer kills what is left then; it is not waited for, but not raced either.
            let grace = fenceAt.map { max(.zero, $0 - turn.now) } ?? Self.stopGrace
            let stop = StopErrand(takeOver.units, graceful: grace, byForce: Self.killTime)
            return [Part("stop units", stop)]
        case .release: return takeOver.hooks.contains(.fence) ? [hooks(.fence, "fence hooks", Self.fenceHooksTime)] : []
        case .detach:
            guard isStopped, isForAnother else { return [] }
            return takeOver.volumes.map {
                Part("detach \($0.id)", within: Self.detachTime, VolumeErrand.detach($0))
            }
        case .end: return []
        }
    }

    private func draining(_ standing: Standing, _ turn: Turn) -> [Part] {
        let most = Duration.seconds(budgetSeconds(standing))
        guard most > .zero else { return [] }
        var parts = takeOver.targetGroups.map { Part("leave \($0)", within: most, leaving($0, most, turn)) }
        if takeOver.hooks.contains(.drain) { parts.append(hooks(.drain, "drain hooks", most)) }
        return parts
    }

    /// Where two may serve there is time for it, of which enough is kept for the leaving itself.
    private func leaving(_ group: TargetGroup, _ most: Duration, _ turn: Turn) -> TargetErrand {
        guard case .demote(let order, _) = cause, order.handOver == .overlap else { return .deregister(from: group) }
        return .deregister(from: group, after: order.successor, until: turn.now + most * 2 / 3)
    }

    private func budgetSeconds(_ standing: Standing) -> Int {
        if case .demote(let order, _) = cause { return order.drainBudgetSeconds }
        return standing.configuration.settings.drainBudgetSeconds
    }

    private func hooks(_ stage: HookStage, _ name: String, _ within: Duration) -> Part {
        Part(
            name, within: within,
            HooksErrand(stage: stage, incident: incident, deadline: .zero, within: within))
    }

    private var drains: Bool {
        switch cause {
        case .demote, .halt(.lastMoment, _): true
        // Somebody else may serve already.
        case .halt: false
        }
    }

    /// What the next one needs is let go of.
    private var isForAnother: Bool {
        switch cause {
        case .demote(let order, _): order.handOver == .exclusive
        case .halt(let halt, _): halt == .lastMoment
        }
    }

    private var isStopped: Bool { stoppedAt != nil }

    // MARK: What came of them

    private mutating func take(_ ends: [PartEnd], _ standing: Standing, _ turn: Turn) {
        let steps = ends.flatMap { $0.end.ledger + [$0.step] }
        ledger += steps
        unsaved = steps
        switch leg {
        case .stop:
            if ends.allSatisfy(\.isDone) { stoppedAt = standing.coordinatorTime(at: turn.wall) }
            failures += ends.filter { !$0.isDone }.map(\.end.message)
        // They may be all that stops the workload, or that keeps a volume from being torn.
        case .release:
            let failed = ends.filter { !$0.isDone }
            if !failed.isEmpty { stoppedAt = nil }
            failures += failed.map(\.end.message)
        case .drain, .detach, .end: break
        }
    }

    private func finish(_ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if let state = state(standing) { turn.remember(.workload(state)) }
        let end = end(standing)
        guard !isStopped, takeOver.powersOffAsLastResort, isExclusive(standing) else { return .end(end) }
        guard case .demote = cause else { return .act(.powerOff, within: .seconds(5)) }
        return .report(end)
    }

    private func state(_ standing: Standing) -> WorkloadState? {
        switch cause {
        // Also without proof of it: an answer `fenced` of a later attempt may be on its way, and must stay true.
        case .demote: .idle(under: standing.epoch)
        case .halt(_, let state): isStopped ? state : nil
        }
    }

    private func isExclusive(_ standing: Standing) -> Bool {
        if case .demote(let order, _) = cause { return order.handOver == .exclusive }
        return standing.configuration.settings.handOver == .exclusive
    }

    private func end(_ standing: Standing) -> ErrandEnd {
        var end: ErrandEnd
        if let stoppedAt {
            end = .done("\(takeOver.units.words) seen stopped", .fenced(at: stoppedAt))
            if isExclusive(standing), case .demote = cause { end.outcome = .fenced }
        } else {
            let rest = takeOver.powersOffAsLastResort && isExclusive(standing) ? "; the machine is switched off" : ""
            end = .failed("not seen stopped: \(failures.joined(separator: "; "))\(rest)")
            if isExclusive(standing) { end.outcome = .fenceFailed }
        }
        end.ledger = ledger
        return end
    }
}
