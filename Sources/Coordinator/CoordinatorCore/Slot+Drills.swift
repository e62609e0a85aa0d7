import JSON
import Wire

// A drill goes the way of the real thing: promotion, epoch, demotion, verdict. But nobody sets out on it from where it would not
// be survived, it launches nothing to move to, and what goes wrong ends it while the old primary serves.
extension Slot {
    /// Refuses a drill that would not be survived. A repeat belongs to the drill that it repeats.
    func requireSurvival(of notice: Notice, at now: Timestamp) throws(Refusal) {
        guard notice.drill, let host = host(notice.instance), !isRepeated(notice, at: now) else { return }
        if case .maintenance = notice.signal {
            throw Refusal(.validation, "signal: planned work is not rehearsed; an interruption or a recommendation is")
        }
        guard host.role == .primary else {
            throw Refusal(
                .conflict,
                "the drill is refused: \(host.instance) is \(host.role.rawValue), and only the primary's end is rehearsed"
            )
        }
        // A recommendation makes sure of a replica itself.
        let asksForReplica = notice.signal == .rebalance
        let reasons = asksForReplica ? doubtsBesidesReplicas(at: now) : readiness(at: now).reasons
        guard reasons.isEmpty else {
            let why = reasons.joined(separator: "; ")
            throw Refusal(.conflict, "the drill is refused: the agent would not survive it: \(why)")
        }
        guard incidents.count(where: \.isOpen) < Rules.openIncidentsMax else {
            throw Refusal(.conflict, "the drill is refused: \(Rules.openIncidentsMax) incidents are open")
        }
    }

    private func isRepeated(_ notice: Notice, at now: Timestamp) -> Bool {
        var signal = Signal(notice.signal)
        signal.isDrill = true
        return incidents.contains { record in
            record.isOpen
                ? folds(signal, of: notice.instance, into: record)
                : repeats(signal, of: notice.instance, record, at: now)
        }
    }

    mutating func pursueDrill(_ record: IncidentRecord, _ turn: inout Turn) {
        let (id, instance) = (record.id, record.incident.instance)
        guard promoting == nil else { return }
        guard let primary else {
            return close(
                id, as: .missed, "\(instance) has stopped and nobody took over: this is no drill any more", &turn)
        }
        guard primary.instance == instance else {
            return close(id, as: .averted, "\(instance) serves no more: nothing has to move", &turn)
        }
        guard !primary.isProvenDead else {
            return close(id, as: .missed, "\(instance) is gone: this is no drill any more", &turn)
        }
        if record.incident.kind == .rebalance { return prepareForDrill(record, &turn) }
        if let ready = successor(of: instance, at: turn.now, where: \.isReady) {
            beginHandOver(to: ready, incident: id, because: "\(instance) is to go", &turn)
        } else {
            close(id, as: .missed, "no replica is left to take over; \(instance) serves on", &turn)
        }
    }

    /// A recommendation asks for no more than a replica that is ready.
    private mutating func prepareForDrill(_ record: IncidentRecord, _ turn: inout Turn) {
        if let ready = fitReplicas(at: turn.now).first {
            close(record.id, as: .averted, "\(ready.instance) is ready to take over", &turn)
        } else if !hasReplicaComing(besides: record.incident.instance, at: turn.now) {
            orderInEmergency(.automaticRebalance, incident: record.id, &turn)
        }
    }

    func isDrill(_ incident: IncidentID) -> Bool { self.incident(incident)?.incident.drill ?? false }

    /// The lines of the log, those of a drill marked. That a fence failed is no drill: the workload is as much at stake.
    package func marked(_ events: [Event]) -> [Event] {
        events.map { event in
            guard let incident = event.incident, isDrill(incident) else { return event }
            var event = event
            event.sentence = "drill: " + event.sentence
            event.isDrill = event.kind != .fenceFailed
            return event
        }
    }
}
