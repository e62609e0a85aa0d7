import JSON
import Wire

/// Whether this replica could take over now: its units are there, and its hooks say so. It always ends well; what is lacking is
/// what it found.
struct ReadyErrand: Errand {
    private static let look = Duration.seconds(2)
    static let hooksTime = Duration.seconds(5)

    private enum Step: Sendable { case units, hooks, over }

    let takeOver: TakeOver
    private var step = Step.units
    private var lacks: [String] = []

    init(_ takeOver: TakeOver) { self.takeOver = takeOver }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        guard case .acted(let result) = event else { return next(.units, standing) }
        note(result)
        return next(step == .units ? .hooks : .over, standing)
    }

    private mutating func next(_ first: Step, _ standing: Standing) -> ErrandStep {
        step = first
        if step == .units {
            if !takeOver.units.isEmpty { return .act(.inspect(takeOver.units), within: Self.look) }
            step = .hooks
        }
        if step == .hooks, takeOver.hooks.contains(.ready) {
            let facts = HookFacts(incident: nil, role: standing.role, epoch: standing.epoch, left: Self.hooksTime)
            return .act(.runHooks(.ready, facts), within: Self.hooksTime)
        }
        var end = ErrandEnd.done("looked")
        end.lacks = lacks
        return .end(end)
    }

    private mutating func note(_ result: Result<Acted, ActFault>) {
        switch result {
        case .success(.units(let found)):
            lacks += found.filter { !$0.isLoaded }.map { "its unit \($0.name) is not there or cannot be read" }
        case .success(.ran(let runs)):
            lacks += runs.filter { $0.outcome != .done }.map { "its hook ready.d/\($0.name) says no" }
        case .success: break
        case .failure(let fault): lacks.append("\(fault)")
        }
    }
}

/// Whether the workload's volumes could be attached to this replica.
struct VolumesErrand: Errand {
    private static let patience = Duration.seconds(30)

    let volumes: [DataVolume]

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch event {
        case .answered(.success(.volumes(let found))):
            var end = ErrandEnd.done("looked")
            end.lacks = volumes.compactMap { volume in
                guard let zone = found.first(where: { $0.id == volume.id })?.zone else {
                    return "EC2 does not know its volume \(volume.id)"
                }
                guard let own = standing.facts.zone, own != zone else { return nil }
                return "its volume \(volume.id) is in \(zone), and it is in \(own)"
            }
            return .end(end)
        case .answered(.success(let other)): return .failed("\(CloudFault.mismatch(other))")
        case .answered(.failure(let fault)): return .failed("\(fault)")
        default: return .call(.volumes(volumes.map(\.id)), within: Self.patience)
        }
    }
}
