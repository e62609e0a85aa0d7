import JSON
import Wire

// The steps that hosts tell of, as they stand in the incident that their orders belong to.
extension Slot {
    /// Takes the ledger of a result into its incident, whether or not the result came in time. A repeat adds nothing.
    mutating func noteSteps(of command: CommandRecord, _ result: CommandResult, at now: Timestamp) {
        guard let id = incident(of: command), let record = incident(id) else { return }
        let steps = command.placed(result.ledger, receivedAt: now)
        let known = record.incident.ledger.filter { $0.instance == command.instance }
        // Another answer to the same order tells of the same steps; by a clock that is off they may seem to lie elsewhere.
        let news = steps.new(besides: known, byTime: command.result == nil)
        changeIncident(id) { record in
            record.incident.ledger += news.prefix(max(0, Limits.stepsMax - record.incident.ledger.count))
        }
    }

    /// An interruption may have come after a person had ordered the same move, which then is a part of it.
    private func incident(of command: CommandRecord) -> IncidentID? {
        if promoting?.instance == command.instance, let id = promotionIncident { return id }
        if let id = command.incident, incident(id) != nil { return id }
        guard command.order.movesTheWorkload else { return nil }
        return incidents.first { record in
            record.isOpen && [record.incident.instance, record.incident.successor].contains(command.instance)
        }?.id
    }
}

extension CommandRecord {
    /// The steps with their host, and each with a time that can be true, whatever the host's clock says: after the order was
    /// handed out and before its result came in. A step that says no time ended when the next one began.
    fileprivate func placed(_ steps: [LedgerStep], receivedAt now: Timestamp) -> [LedgerStep] {
        let given = deliveredAt ?? createdAt
        var next = now
        return steps.reversed().map { step in
            let took = min(.milliseconds(step.tookMilliseconds ?? 0), max(.zero, now - given))
            next = max(given, min(step.startedAt ?? next - took, now - took))
            var step = step
            step.instance = instance
            step.startedAt = next
            return step
        }.reversed()
    }
}

extension [LedgerStep] {
    /// Those that are not among `known`, of which each stands for one.
    fileprivate func new(besides known: [LedgerStep], byTime: Bool) -> [LedgerStep] {
        var known = known
        return filter { step in
            let place = known.firstIndex { other in
                var other = other
                if !byTime { other.startedAt = step.startedAt }
                return other == step
            }
            if let place { known.remove(at: place) }
            return place == nil
        }
    }
}
