import JSON
import Wire

/// `promote` in an exclusive slot, whose old primary may still serve: whether all is there to take over, as soon as `activate`
/// comes.
struct PrepareErrand: Errand {
    let takeOver: TakeOver
    private static let look = Duration.seconds(2)

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .acted(.success(.units(let found))):
            let missing = found.filter { !$0.isLoaded }.map(\.name)
            guard missing.isEmpty else { return .failed("\(missing.words): not there, or not readable") }
            return .end(Self.prepared)
        case .acted(.failure(let fault)): return .failed("\(fault)")
        default: return takeOver.units.isEmpty ? .end(Self.prepared) : .act(.inspect(takeOver.units), within: Self.look)
        }
    }

    private static let prepared = ErrandEnd(outcome: .prepared, message: "ready to activate")
}

/// This machine is the primary, and the workload is to run here: looks first, because it usually does.
struct ServeErrand: Errand {
    static let wasRunning = "it runs"
    private static let look = Duration.seconds(2)

    private var activation: Activation
    private var looks: Bool
    /// That it runs is not in doubt.
    private let onlyFollows: Bool
    private var isFound = false
    private var epoch: Epoch?

    init(_ takeOver: TakeOver, _ handOver: HandOver, looksFirst: Bool, onlyFollows: Bool) {
        self.onlyFollows = onlyFollows
        activation = Activation(takeOver, handOver, incident: nil, deadline: nil, isOwn: true)
        looks = looksFirst && !onlyFollows && !takeOver.promoteUnits.isEmpty
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if onlyFollows, !isFound {
            isFound = true
            return told(activation.follow(standing, &turn))
        }
        guard looks else { return told(activation.go(on: event, standing, &turn)) }
        guard case .acted(let result) = event else {
            epoch = standing.epoch
            return .act(.inspect(activation.takeOver.promoteUnits), within: Self.look)
        }
        looks = false
        guard standing.role == .primary, standing.epoch == epoch else {
            return .end(ErrandEnd(outcome: .refused, message: "it is not ours any more"))
        }
        if case .success(.units(let found)) = result, found.allSatisfy(\.isActive) {
            turn.remember(.workload(.serving(under: standing.epoch)))
            isFound = true
            return told(activation.follow(standing, &turn))
        }
        return activation.go(on: .began(progress: []), standing, &turn)
    }

    private func told(_ step: ErrandStep) -> ErrandStep {
        guard isFound, case .end(var end) = step, end.outcome == .done else { return step }
        end.message = Self.wasRunning
        return .end(end)
    }
}

/// An order to take over that came too late: it is said that nothing serves here, so it is made sure of.
struct Withdrawal: Errand {
    private static let grace = Duration.seconds(3)

    let takeOver: TakeOver
    let refusal: ErrandEnd

    init(_ takeOver: TakeOver, _ refusal: ErrandEnd) { (self.takeOver, self.refusal) = (takeOver, refusal) }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        guard !takeOver.units.isEmpty else { return .end(refusal) }
        guard case .joined(let ends) = event else {
            let stop = StopErrand(takeOver.units, graceful: Self.grace, byForce: Self.grace)
            return .join([Part("stop units", stop)])
        }
        turn.remember(.workload(.idle(under: standing.epoch)))
        guard ends.allSatisfy(\.isDone) else {
            let reasons = ends.map(\.end.message).joined(separator: "; ")
            return .end(ErrandEnd(outcome: .fenceFailed, message: "\(refusal.message); not seen stopped: \(reasons)"))
        }
        return .end(refusal)
    }
}
