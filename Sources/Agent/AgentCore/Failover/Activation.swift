import JSON
import Wire

/// The workload comes up on this machine, leg by leg. What is independent goes side by side; what fails is undone, so that
/// "failed" means that nothing serves here, and that nothing is kept which the next one needs.
///
/// ```
///  overlap     volumes ▶ promote.d ▶ units ▶ probe ▶ address, balancers ▶ verify.d
///  exclusive   volumes, address ▶ promote.d ▶ units ▶ probe ▶ balancers ▶ verify.d
///  undone      units stop, address and balancers back ▶ fence.d ▶ volumes
/// ```
struct Activation: Errand {
    /// Where nobody else serves any more, a step is not given up for being late.
    static let exclusivePatience = Duration.seconds(60)
    static let overlapPatience = Duration.seconds(10)
    private static let verifyMost = Duration.seconds(10)
    private static let undoGrace = Duration.seconds(3)
    private static let giveBackMost = Duration.seconds(10)
    private static let fenceHooksTime = Duration.seconds(5)
    /// The coordinator chooses another one when it has not heard of this for 30 s, which then has the address.
    private static let staysChosen = Duration.seconds(25)

    private enum Leg: Int, Sendable { case reach, hooks, start, probe, traffic, verify, undo, release, detach }

    let takeOver: TakeOver
    let handOver: HandOver
    let incident: IncidentID?
    /// By the coordinator's clock; nil: the slot's usual time from now on.
    let deadline: Timestamp?
    /// Nobody ordered it, and nobody else serves: what came up half is not taken down again.
    let isOwn: Bool
    /// Where two may serve it goes on when this comes to nothing, and needs what was taken from it.
    let predecessor: InstanceID?
    private var budget = Budget(deadline: .zero, leastForVital: .zero)
    private var leg = Leg.reach
    private var ledger: [LedgerStep] = []
    private var unsaved: [LedgerStep] = []
    private var activatedAt: Timestamp?
    private var verifiedAt: Timestamp?
    private var hasRunHooks = false
    /// It runs already: only what goes with it is to follow.
    private var isRunning = false
    /// What is not as it should be, though the workload serves.
    private var doubts: [String] = []
    private var failure = ""
    private var failedAt = Leg.reach
    private var notUndone = ""
    private var isStillChosen = false

    init(
        _ takeOver: TakeOver, _ handOver: HandOver, incident: IncidentID?, deadline: Timestamp?,
        predecessor: InstanceID? = nil, isOwn: Bool = false
    ) {
        self.isOwn = isOwn
        self.predecessor = predecessor
        self.takeOver = takeOver
        self.handOver = handOver
        self.incident = incident
        self.deadline = deadline
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .began(let progress):
            begin(after: progress, standing, turn)
            return enter(.reach, standing, &turn)
        case .joined(let ends): return take(ends, standing, &turn)
        default: return rememberOrGoOn(standing, &turn)
        }
    }

    /// The workload was found running here; whether its traffic and its volumes came here nobody knows.
    mutating func follow(_ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        begin(after: [], standing, turn)
        isRunning = true
        activatedAt = standing.coordinatorTime(at: turn.wall)
        return enter(.traffic, standing, &turn)
    }

    /// What is known of the last leg goes to the disk step by step, then the next begins.
    private mutating func rememberOrGoOn(_ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if unsaved.isEmpty { return enter(next, standing, &turn) }
        return .remember(.stepped(unsaved.removeFirst()))
    }

    private mutating func begin(after progress: [Progress], _ standing: Standing, _ turn: Turn) {
        let usual = Duration.seconds(standing.configuration.settings.failoverDeadlineSeconds)
        let left = deadline.map { $0 - standing.coordinatorTime(at: turn.wall) } ?? usual
        // A clock that is astray gives no more time than the slot has, and none that has passed long ago.
        budget = Budget(
            deadline: turn.now + max(.zero, min(left, usual)),
            leastForVital: handOver == .exclusive || isOwn ? Self.exclusivePatience : Self.overlapPatience)
        ledger = progress.compactMap { if case .stepped(let step) = $0 { step } else { nil } }
        hasRunHooks = ledger.contains { $0.name == Self.hooksName && $0.outcome == .done }
    }

    private static let hooksName = "promote hooks"
    private static let addressName = "move address"
    private var next: Leg { Leg(rawValue: leg.rawValue + 1) ?? .undo }

    // MARK: Going on

    private mutating func enter(_ first: Leg, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        leg = first
        while leg != .undo {
            let parts = parts(turn)
            if leg == .start {
                activatedAt = standing.coordinatorTime(at: turn.wall)
                // From here on it may serve, whatever becomes of us.
                turn.remember(.workload(.serving(under: standing.epoch)))
            }
            if !parts.isEmpty { return .join(parts) }
            if leg == .verify { break }
            leg = next
        }
        return .end(finished())
    }

    private func parts(_ turn: Turn) -> [Part] {
        let vital = budget.vital(turn)
        switch leg {
        case .reach: return takeOver.volumes.map { attach($0, vital) } + (handOver == .exclusive ? address(vital) : [])
        case .hooks:
            guard takeOver.hooks.contains(.promote), !hasRunHooks else { return [] }
            return [hooks(.promote, Self.hooksName, vital)]
        case .start:
            let units = takeOver.promoteUnits
            return units.isEmpty ? [] : [Part("start units", within: vital, StartErrand(units, within: vital))]
        case .probe:
            return takeOver.probe.map { [Part("probe", within: vital, ProbeErrand($0, within: vital))] } ?? []
        case .traffic:
            return (isRunning ? takeOver.volumes.map { attach($0, vital) } : [])
                + (handOver == .overlap || isRunning ? address(vital) : [])
                + takeOver.targetGroups.map { join($0, vital) }
        case .verify:
            guard takeOver.hooks.contains(.verify), !isRunning else { return [] }
            let within = max(.seconds(1), min(Self.verifyMost, budget.left(turn)))
            return [hooks(.verify, "verify hooks", within)]
        case .undo: return undoing
        // What promote.d has mounted keeps a volume here.
        case .release:
            guard failedAt != .reach, takeOver.hooks.contains(.fence) else { return [] }
            return [hooks(.fence, "fence hooks", Self.fenceHooksTime)]
        case .detach:
            return takeOver.volumes.map {
                Part("detach \($0.id)", within: Self.giveBackMost, VolumeErrand.detach($0))
            }
        }
    }

    private func hooks(_ stage: HookStage, _ name: String, _ within: Duration) -> Part {
        Part(
            name, within: within,
            HooksErrand(stage: stage, incident: incident, deadline: budget.deadline, within: within))
    }

    private func attach(_ volume: DataVolume, _ within: Duration) -> Part {
        Part("attach \(volume.id)", within: within, VolumeErrand.attach(volume))
    }

    private func address(_ within: Duration) -> [Part] {
        takeOver.address.map { [Part(Self.addressName, within: within, AddressErrand($0))] } ?? []
    }

    private func join(_ group: TargetGroup, _ within: Duration) -> Part {
        Part("register with \(group)", within: within, TargetErrand.register(with: group))
    }

    // MARK: What came of a leg

    private mutating func take(_ ends: [PartEnd], _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let steps = ends.flatMap { $0.end.ledger.isEmpty ? [$0.step] : $0.end.ledger + [$0.step] }
        ledger += steps
        unsaved = steps
        let failures = ends.filter { !$0.isDone }.map { "\($0.name): \($0.end.message)" }
        if leg.rawValue >= Leg.undo.rawValue { return undo(after: ends, standing, &turn) }
        // The old ones came from another address.
        if ends.contains(where: { $0.name == Self.addressName && $0.isDone }) { turn.add(.dropConnections) }
        guard failures.isEmpty else { return fail(failures.joined(separator: "; "), standing, &turn) }
        if leg == .probe { verifiedAt = standing.coordinatorTime(at: turn.wall) }
        return rememberOrGoOn(standing, &turn)
    }

    private mutating func fail(_ reason: String, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        // Nobody else serves: what runs here without its balancer is better than nothing, and is not called proven.
        if handOver == .exclusive || (isOwn && leg == .traffic), leg == .traffic || leg == .verify {
            doubts.append(reason)
            return enter(next, standing, &turn)
        }
        if isOwn { return .failed(reason) }
        (failure, failedAt) = (reason, leg)
        isStillChosen =
            standing.role == .promoting && standing.toldAskedAt.map { turn.now - $0 < Self.staysChosen } ?? false
        leg = .verify
        return undo(after: [], standing, &turn)
    }

    private static let stopAgain = "stop units again"

    private var undoing: [Part] {
        var parts: [Part] = []
        // Also before the start: an earlier life may have begun it, and the disk need not know.
        if !takeOver.units.isEmpty {
            let stop = StopErrand(takeOver.units, graceful: Self.undoGrace, byForce: Self.undoGrace)
            parts.append(Part(Self.stopAgain, stop))
        }
        guard handOver == .overlap, failedAt == .traffic || failedAt == .verify else { return parts }
        if let address = takeOver.address, let predecessor, isStillChosen {
            parts.append(
                Part("give address back", within: Self.giveBackMost, AddressErrand.giveBack(address, to: predecessor)))
        }
        return parts
            + takeOver.targetGroups.map {
                Part("leave \($0)", within: Self.giveBackMost, TargetErrand.deregister(from: $0))
            }
    }

    private mutating func undo(after ends: [PartEnd], _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if let stop = ends.first(where: { $0.name == Self.stopAgain && !$0.isDone }) {
            let message = "\(failure); and it was not seen stopped: \(stop.end.message)"
            return .end(with(ErrandEnd(outcome: .fenceFailed, message: message)))
        }
        notUndone += ends.filter { !$0.isDone }.map { "; \($0.name): \($0.end.message)" }.joined()
        while let next = Leg(rawValue: leg.rawValue + 1) {
            leg = next
            let parts = parts(turn)
            if !parts.isEmpty { return .join(parts) }
        }
        turn.remember(.workload(.idle(under: standing.epoch)))
        return .end(with(.failed(failure + notUndone)))
    }

    private func finished() -> ErrandEnd {
        guard let activatedAt else { preconditionFailure("what is finished was started") }
        let isProven = doubts.isEmpty && verifiedAt != nil
        let facts = CommandResult.Facts.activated(at: activatedAt, verifiedAt: isProven ? verifiedAt : nil)
        if !doubts.isEmpty { return with(.done("it serves, but \(doubts.joined(separator: "; "))", facts)) }
        let sentence =
            takeOver.probe == nil
            ? "it was started; nothing here proves that it serves: set VERIFY_URL, VERIFY_TCP or VERIFY_COMMAND"
            : "it serves, and the probe proved it"
        return with(.done(sentence, facts))
    }

    private func with(_ end: ErrandEnd) -> ErrandEnd {
        var end = end
        (end.ledger, end.doubts) = (ledger, doubts)
        return end
    }
}
