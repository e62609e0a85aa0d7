import JSON
package import Wire

// What hosts announce, folded into incidents.
extension Slot {
    /// A host announced its end, or that it may come. Repeats fold into the incident that they belong to. In the answer it finds
    /// those orders for it that ask for one of `abilities`.
    package mutating func take(
        _ notice: Notice, handing abilities: Abilities = .all, _ turn: inout Turn
    ) throws(Refusal) -> NoticeReply {
        try requireInUse()
        guard let host = host(notice.instance) else {
            throw Refusal(.notFound, "agent \(id) has no host \(notice.instance): register it first")
        }
        learn(notice.epoch, from: notice.instance, &turn)
        noteHeardBesides(notice.instance, &turn)
        try requireSurvival(of: notice, at: turn.now)
        change(notice.instance) { $0.tryAgain() }
        let incident = fold(notice, &turn)
        settle(&turn)
        return reply(to: host.instance, about: incident, handing: abilities, at: turn.now)
    }

    private mutating func reply(
        to instance: InstanceID, about id: IncidentID, handing abilities: Abilities, at now: Timestamp
    ) -> NoticeReply {
        guard let record = incident(id), let host = host(instance) else {
            preconditionFailure("incident \(id) was folded a moment ago")
        }
        var replica = record.ordered ?? record.incident.successor.flatMap { self.replica(of: $0)?.id }
        let action: NoticeReply.Action
        let message: String
        if let successor = record.incident.successor {
            (action, message) = (.replicaPromoted, "\(successor) is to take over")
        } else if record.isOpen, host.role == .primary, hasReplicaComing(besides: instance, at: now) {
            (action, message) = (.replicaCreated, "a replica is being made ready; go on serving")
            replica = replica ?? activeReplicas.first { $0.instance != instance }?.id
        } else if record.isOpen, record.incident.isUrgent(at: now), host.role == .primary {
            (action, message) = (.noSuccessor, "no host of this agent can take over; serve to the last moment")
        } else {
            (action, message) = (.monitor, "noted")
        }
        var reply = NoticeReply(incident: id, action: action, role: host.role, epoch: epoch)
        reply.deadline = record.incident.deadline
        reply.replica = replica
        reply.successor = record.incident.successor
        reply.commands = deliver(to: instance, for: abilities, at: now)
        reply.message = record.incident.drill ? "drill: \(message)" : message
        return reply
    }

    // MARK: Folding

    private mutating func fold(_ notice: Notice, _ turn: inout Turn) -> IncidentID {
        var signal = Signal(notice.signal)
        signal.isDrill = notice.drill
        // Planned work presses when its date comes near, not since it was seen.
        if signal.kind != .maintenance { signal.seenAt = notice.seen(at: turn.now) }
        signal.endsAt = notice.end(at: turn.now)
        if let known = incidents.first(where: { $0.isOpen && folds(signal, of: notice.instance, into: $0) }) {
            if known.endsAt.map({ $0 <= turn.now }) ?? false {
                // It outlived what its host still announces: by that host's clock the end is yet to come.
                changeIncident(known.id) { $0.endsAt = signal.endsAt ?? $0.endsAt }
            }
            strengthen(known.id, by: signal, &turn)
            return known.id
        }
        if let closed = incidents.first(where: { repeats(signal, of: notice.instance, $0, at: turn.now) }) {
            return closed.id
        }
        if let earliest = earliestWhenFull(besides: signal, of: notice.instance) {
            strengthen(earliest, by: signal, &turn)
            return earliest
        }
        let id = open(
            signal.kind, of: notice.instance, seenAt: signal.seenAt, interruptionTime: signal.time, signal.sentence,
            signal.event, isDrill: signal.isDrill, &turn)
        changeIncident(id) { record in
            record.endsAt = signal.endsAt
            record.maintenance = signal.maintenance
        }
        if signal.isCancelled { strengthen(id, by: signal, &turn) }
        return id
    }

    /// The key is instance and time. A signal without a time means any open incident of that instance, and an incident
    /// without a time takes the first signal that has one. Planned work stands apart: it may be weeks away, and what is
    /// announced meanwhile is another matter; its key is its name, whatever its date has become. A drill and the real thing are
    /// two.
    func folds(_ signal: Signal, of instance: InstanceID, into record: IncidentRecord) -> Bool {
        guard record.incident.instance == instance, record.incident.drill == signal.isDrill,
            (signal.kind == .maintenance) == (record.incident.kind == .maintenance)
        else { return false }
        if let name = signal.maintenance, let known = record.maintenance { return name == known }
        guard let time = signal.time, let known = record.incident.interruptionTime else { return true }
        return time == known
    }

    /// Where there are too many, the machine's earliest incident of that sort stands for all that it announces.
    private func earliestWhenFull(besides signal: Signal, of instance: InstanceID) -> IncidentID? {
        guard incidents.count(where: \.isOpen) >= Rules.openIncidentsMax, !signal.isCancelled else { return nil }
        return incidents.filter {
            $0.isOpen && $0.incident.instance == instance && !$0.incident.drill
                && (signal.kind == .maintenance) == ($0.incident.kind == .maintenance)
        }.min { ($0.incident.lastMoment, $0.id) < ($1.incident.lastMoment, $1.id) }?.id
    }

    /// Whether it says again what a closed incident was about. What says more is news, however soon it comes.
    func repeats(
        _ signal: Signal, of instance: InstanceID, _ record: IncidentRecord, at now: Timestamp
    ) -> Bool {
        let foldingTime = signal.isDrill ? Rules.drillFoldingTime : Rules.foldingTime
        guard let closedAt = record.incident.closedAt, now - closedAt <= foldingTime,
            // Another date of planned work is news.
            signal.maintenance == nil || signal.isCancelled || signal.time == record.incident.interruptionTime
        else { return false }
        return folds(signal, of: instance, into: record) && signal.kind.weight <= record.incident.kind.weight
    }

    private mutating func strengthen(_ id: IncidentID, by signal: Signal, _ turn: inout Turn) {
        guard let record = incident(id) else { return }
        if signal.isCancelled {
            guard record.incident.successor == nil else { return }
            return close(id, as: .averted, signal.sentence(of: record.incident.instance), &turn)
        }
        if let name = signal.maintenance, name == record.maintenance { return reschedule(record, signal, &turn) }
        let isStronger = signal.kind.weight > record.incident.kind.weight
        let known = record.incident.interruptionTime
        let time = signal.time.map { min($0, known ?? $0) } ?? known
        guard isStronger || time != known else { return }
        launches = Attempts()
        let deadline = (signal.seenAt ?? turn.now) + failoverTime
        changeIncident(id) { record in
            if isStronger { record.incident.kind = signal.kind }
            record.incident.interruptionTime = time
            if time == signal.time { record.endsAt = signal.endsAt ?? record.endsAt }
            if record.incident.isUrgent(at: turn.now) {
                record.incident.deadline = record.incident.deadline ?? deadline
            }
        }
        turn.note(
            signal.event, signal.sentence(of: record.incident.instance), instance: record.incident.instance,
            incident: id)
    }

    /// The planned work has another date. Once the workload is on its way nothing is put off.
    private mutating func reschedule(_ record: IncidentRecord, _ signal: Signal, _ turn: inout Turn) {
        guard record.incident.successor == nil, signal.time != record.incident.interruptionTime else { return }
        let deadline = turn.now + failoverTime
        changeIncident(record.id) { record in
            record.incident.interruptionTime = signal.time
            record.incident.deadline = record.incident.isUrgent(at: turn.now) ? deadline : nil
            record.isLate = false
        }
        turn.note(
            signal.event, signal.sentence(of: record.incident.instance), instance: record.incident.instance,
            incident: record.id)
    }

    private mutating func open(
        _ kind: Incident.Kind, of instance: InstanceID, seenAt: Timestamp? = nil, interruptionTime: Timestamp?,
        _ sentence: String, _ event: EventKind, isDrill: Bool = false, _ turn: inout Turn
    ) -> IncidentID {
        var incident = Incident(
            id: turn.makeID(), slot: id, instance: instance, kind: kind, state: .open,
            detectedAt: seenAt ?? turn.now, epoch: epoch)
        incident.interruptionTime = interruptionTime
        incident.drill = isDrill
        if incident.isUrgent(at: turn.now) { incident.deadline = incident.detectedAt + failoverTime }
        incidents.append(IncidentRecord(incident))
        // What failed for hours while nothing pressed is tried again now.
        launches = Attempts()
        turn.note(event, "\(instance): \(sentence)", instance: instance, incident: incident.id)
        return incident.id
    }

    /// What a host announced was of no account while it did not serve. Now it does, and says nothing new.
    mutating func recallEnd(of instance: InstanceID, _ turn: inout Turn) {
        let ends = incidents.filter { record in
            [.interruption, .lifecycle, .shutdown].contains(record.incident.kind) && !record.incident.drill
                && record.incident.instance == instance && record.lastMoment > turn.now
        }
        guard !ends.contains(where: \.isOpen), let last = ends.max(by: { $0.lastMoment < $1.lastMoment }) else {
            return
        }
        let id = open(
            last.incident.kind, of: instance, interruptionTime: last.incident.interruptionTime,
            "it serves after all, and still goes", .terminationNotice, &turn)
        changeIncident(id) { $0.endsAt = last.endsAt }
    }

    /// Nobody serves any more and nobody announced it, or no more than that the machine might go. Returns the incident that it is to be
    /// pursued in.
    @discardableResult
    mutating func openSilence(
        of instance: InstanceID, as signal: Signal = .silence, _ turn: inout Turn
    ) -> IncidentID {
        let known = incidents.filter { $0.isOpen && $0.incident.instance == instance && !$0.incident.drill }
        if let urgent = known.first(where: { $0.incident.isUrgent(at: turn.now) }) { return urgent.id }
        if let rebalance = known.first(where: { $0.incident.kind == .rebalance }) {
            strengthen(rebalance.id, by: signal, &turn)
            return rebalance.id
        }
        return open(signal.kind, of: instance, interruptionTime: nil, signal.sentence, signal.event, &turn)
    }
}
