import JSON
import Wire

/// What is done again and again without anybody asking, while it is ours to do.
struct Duties: Sendable {
    enum Duty: Sendable, Equatable, CaseIterable { case readiness, volumes, rights, prices, cleanup }

    /// So long after it became ours, so that a start is not slowed down by it.
    static let rightsFirst = Duration.seconds(3)
    static let pricesFirst = Duration.seconds(10)
    static let cleanupFirst = Duration.seconds(60)

    /// Rights change when somebody edits a policy: rarely, and then soon after it was told that one is missing.
    static let rightsPeriod = Duration.seconds(3_600)
    static let rightsRetry = Duration.seconds(300)

    /// A replica that cannot take over any more is known for it before the next notice, most of the time.
    static let readinessPeriod = Duration.seconds(10)
    /// Volumes do not move between zones, but somebody may set another one.
    static let volumesPeriod = Duration.seconds(600)
    static let volumesRetry = Duration.seconds(60)

    private(set) var rights = Rights.unverified
    private var readiness: [String]?
    private var volumes: [String]?
    private var readinessDue: Duration?
    private var volumesDue: Duration?
    private var rightsDue: Duration?
    private var pricesDue: Duration?
    private var cleanupDue: Duration?
    private var arePricesUnknown = false

    var dues: [Duration] { [readinessDue, volumesDue, rightsDue, pricesDue, cleanupDue].compactMap(\.self) }

    /// What a replica was found to lack; nil: nobody has looked.
    func lacks(hasVolumes: Bool) -> [String]? {
        guard let readiness else { return nil }
        return hasVolumes ? volumes.map { readiness + $0 } : readiness
    }

    /// Whether to begin it now.
    mutating func isDue(_ duty: Duty, isOurs: Bool, _ standing: Standing, _ turn: inout Turn) -> Bool {
        switch duty {
        case .readiness: Self.isDue(&readinessDue, isOurs, first: .zero, Self.readinessPeriod, &turn)
        case .volumes: Self.isDue(&volumesDue, isOurs, first: .zero, Self.volumesPeriod, &turn)
        case .rights:
            // One that stands by is not ready before, and its agent may have been restarted in the middle of a hand-over.
            Self.isDue(
                &rightsDue, isOurs, first: standing.role == .replica ? .zero : Self.rightsFirst, Self.rightsPeriod,
                &turn)
        case .prices:
            Self.isDue(&pricesDue, isOurs, first: Self.pricesFirst, standing.options.pricesPeriod, &turn)
        case .cleanup:
            Self.isDue(&cleanupDue, isOurs, first: Self.cleanupFirst, standing.options.cleanupPeriod, &turn)
        }
    }

    private static func isDue(
        _ due: inout Duration?, _ isOurs: Bool, first: Duration, _ period: Duration, _ turn: inout Turn
    ) -> Bool {
        guard isOurs else {
            due = nil
            return false
        }
        if due == nil, first > .zero {
            due = turn.now + turn.jittered(first)
            return false
        }
        let at = due ?? turn.now
        guard turn.now >= at else { return false }
        due = turn.now + turn.jittered(period)
        return true
    }

    mutating func note(_ end: ErrandEnd, of duty: Duty, _ turn: inout Turn) {
        switch duty {
        case .readiness: readiness = end.lacks
        case .volumes:
            volumes = end.outcome == .done ? end.lacks : [end.message]
            if end.outcome != .done, volumesDue != nil { volumesDue = turn.now + turn.jittered(Self.volumesRetry) }
        case .rights: noteRights(end, &turn)
        case .prices: notePrices(end, &turn)
        // What it did it tells itself.
        case .cleanup: break
        }
    }

    private mutating func noteRights(_ end: ErrandEnd, _ turn: inout Turn) {
        let before = rights
        switch end.outcome {
        case .done: rights = .verified
        case .refused: rights = .denied(end.message)
        // Nobody said anything new.
        default: break
        }
        if end.outcome != .done, rightsDue != nil { rightsDue = turn.now + turn.jittered(Self.rightsRetry) }
        if rights == before { return }
        if case .denied(let reason) = rights { turn.tell(.rightsDenied(reason: reason)) }
        if case .denied = before, rights == .verified { turn.tell(.rightsGranted) }
    }

    private mutating func notePrices(_ end: ErrandEnd, _ turn: inout Turn) {
        let isUnknown = end.outcome != .done
        if isUnknown, !arePricesUnknown { turn.tell(.pricesUnknown(reason: end.message)) }
        if !isUnknown, arePricesUnknown { turn.tell(.pricesKnown) }
        arePricesUnknown = isUnknown
    }
}

extension Errands {
    mutating func beginDuties(_ standing: Standing, _ turn: inout Turn) {
        for duty in Duties.Duty.allCases {
            guard duties.isDue(duty, isOurs: isOurs(duty, standing), standing, &turn),
                !runs.contains(where: { !$0.isOver && $0.duty == duty }),
                let errand = errand(for: duty, standing)
            else { continue }
            let at = add(.duty(duty), errand, startedAt: turn.wall, turn)
            advance(at, on: .began(progress: []), standing, &turn)
        }
    }

    private func isOurs(_ duty: Duties.Duty, _ standing: Standing) -> Bool {
        guard !standing.isDeleted else { return false }
        // Whoever serves or may have to.
        if duty == .rights { return standing.role != .zombie }
        if duty == .readiness { return standing.role == .replica }
        if duty == .volumes { return standing.role == .replica && !standing.options.takeOver.volumes.isEmpty }
        // Only a primary, so that a slot does nothing twice.
        guard standing.role == .primary else { return false }
        // Without the coordinator's clock we do not know what is old.
        return duty == .prices ? standing.configuration.reportsPrices : standing.clockOffset != nil
    }

    private func errand(for duty: Duties.Duty, _ standing: Standing) -> (any Errand)? {
        switch duty {
        case .readiness: ReadyErrand(standing.options.takeOver)
        case .volumes: VolumesErrand(volumes: standing.options.takeOver.volumes)
        case .rights: RightsErrand()
        case .prices: PricesErrand(standing.facts)
        case .cleanup:
            CleanupErrand(
                nil,
                Order.Cleanup(
                    snapshotsOlderThanDays: standing.options.snapshotsOlderThanDays,
                    imagesOlderThanDays: standing.options.imagesOlderThanDays))
        }
    }
}
