package import JSON
package import Wire

// From the first signal of an interruption to the verdict. Nothing here asks whether automatic switching is on, how many
// switches there were, or what an engine advises: when a machine goes, the workload moves.
extension Slot {
    /// A host announced its end, or that it may come. Repeats fold into the incident that they belong to.
    package mutating func take(_ notice: Notice, _ turn: inout Turn) throws(Refusal) -> NoticeReply {
        guard let host = host(notice.instance) else {
            throw Refusal(.notFound, "agent \(id) has no host \(notice.instance): register it first")
        }
        change(notice.instance) { $0.isFresh = true }
        let incident = fold(notice, &turn)
        settle(&turn)
        return reply(to: host.instance, about: incident, at: turn.now)
    }

    private mutating func reply(to instance: InstanceID, about id: IncidentID, at now: Timestamp) -> NoticeReply {
        guard let record = incident(id), let host = host(instance) else {
            preconditionFailure("incident \(id) was folded a moment ago")
        }
        let replica = record.ordered ?? record.incident.successor.flatMap { self.replica(of: $0)?.id }
        let action: NoticeReply.Action
        let message: String
        if let successor = record.incident.successor {
            (action, message) = (.replicaPromoted, "\(successor) is to take over")
        } else if record.isOpen, replicas.contains(where: \.status.isActive) {
            (action, message) = (.replicaCreated, "a replica is being made ready; go on serving")
        } else if record.isOpen, record.incident.isUrgent(at: now), host.role == .primary {
            (action, message) = (.noSuccessor, "no host of this agent can take over; serve to the last moment")
        } else {
            (action, message) = (.monitor, "noted")
        }
        var reply = NoticeReply(incident: id, action: action, role: host.role, epoch: epoch)
        reply.deadline = record.incident.deadline
        reply.replica = replica
        reply.successor = record.incident.successor
        reply.commands = deliver(to: instance, at: now)
        reply.message = message
        return reply
    }

    // MARK: Folding

    private mutating func fold(_ notice: Notice, _ turn: inout Turn) -> IncidentID {
        let signal = Signal(notice.signal)
        if let known = incidents.first(where: { matches($0, notice.instance, signal, at: turn.now) }) {
            if known.isOpen { strengthen(known.id, by: signal, &turn) }
            return known.id
        }
        return open(
            signal.kind, of: notice.instance, interruptionTime: signal.time, signal.sentence, signal.event, &turn)
    }

    /// The key is instance and time. A signal without a time means any incident of that instance that is open or not older
    /// than `Rules.foldingTime`; and an incident without a time takes the first signal that has one.
    private func matches(
        _ record: IncidentRecord, _ instance: InstanceID, _ signal: Signal, at now: Timestamp
    ) -> Bool {
        guard record.incident.instance == instance else { return false }
        let isRecent = record.isOpen || now - (record.incident.closedAt ?? now) <= Rules.foldingTime
        guard isRecent else { return false }
        guard let time = signal.time, let known = record.incident.interruptionTime else { return true }
        return time == known
    }

    private mutating func strengthen(_ id: IncidentID, by signal: Signal, _ turn: inout Turn) {
        guard let record = incident(id) else { return }
        if signal.isCancelled {
            if record.incident.kind == .maintenance, record.incident.successor == nil {
                close(id, as: .averted, "\(record.incident.instance): \(signal.sentence)", &turn)
            }
            return
        }
        let isNews =
            signal.kind.weight > record.incident.kind.weight
            || (signal.time != nil && record.incident.interruptionTime == nil)
        guard isNews else { return }
        let deadline = turn.now + failoverTime
        changeIncident(id) { record in
            if signal.kind.weight > record.incident.kind.weight { record.incident.kind = signal.kind }
            record.incident.interruptionTime = signal.time ?? record.incident.interruptionTime
            if record.incident.isUrgent(at: turn.now) {
                record.incident.deadline = record.incident.deadline ?? deadline
            }
        }
        turn.note(
            signal.event, signal.sentence(of: record.incident.instance), instance: record.incident.instance,
            incident: id)
    }

    @discardableResult
    private mutating func open(
        _ kind: Incident.Kind, of instance: InstanceID, interruptionTime: Timestamp?, _ sentence: String,
        _ event: EventKind, _ turn: inout Turn
    ) -> IncidentID {
        var incident = Incident(
            id: turn.makeID(), slot: id, instance: instance, kind: kind, state: .open, detectedAt: turn.now,
            epoch: epoch)
        incident.interruptionTime = interruptionTime
        if incident.isUrgent(at: turn.now) { incident.deadline = turn.now + failoverTime }
        incidents.append(IncidentRecord(incident))
        turn.note(event, "\(instance): \(sentence)", instance: instance, incident: incident.id)
        return incident.id
    }

    /// The primary is gone and nobody announced it.
    mutating func openSilence(of instance: InstanceID, _ turn: inout Turn) {
        guard !incidents.contains(where: { $0.isOpen && $0.incident.instance == instance }) else { return }
        open(.silence, of: instance, interruptionTime: nil, "it ended without a notice", .terminationNotice, &turn)
    }

    // MARK: Pursuit

    /// Does for each open incident what can be done now, the one that ends first before the others.
    mutating func pursueIncidents(_ turn: inout Turn) {
        let open = incidents.filter(\.isOpen).sorted { $0.incident.lastMoment < $1.incident.lastMoment }
        for record in open { pursue(record.id, &turn) }
    }

    private mutating func pursue(_ id: IncidentID, _ turn: inout Turn) {
        guard let record = incident(id), record.isOpen, let host = host(record.incident.instance) else { return }
        switch host.role {
        case .primary: pursueForPrimary(record, &turn)
        case .promoting:
            if record.incident.isUrgent(at: turn.now) {
                failHandOver(to: host.instance, incident: promotionIncident, "it announced its own end", &turn)
            }
        case .launching, .replica:
            guard record.incident.isUrgent(at: turn.now) else { return }
            loseReplica(host.instance, "it announced its end", &turn)
            close(id, as: .averted, "\(host.instance) was a replica: nothing has to move", &turn)
        case .zombie, .terminating, .terminated:
            // The old primary of a hand-over under way, fenced already: its incident is closed by the successor's proof.
            guard promoting == nil else { return }
            if primary != nil {
                close(id, as: .averted, "\(host.instance) serves no more: nothing has to move", &turn)
            } else {
                pursueForPrimary(record, &turn)
            }
        }
    }

    private mutating func pursueForPrimary(_ record: IncidentRecord, _ turn: inout Turn) {
        let incident = record.incident
        if let promoting {
            if incident.isUrgent(at: turn.now) && incident.successor == nil {
                commit(promoting.instance, to: record.id)
            }
            return
        }
        guard incident.isUrgent(at: turn.now) else {
            if !replicas.contains(where: \.status.isActive) {
                orderReplica(.automaticRebalance, incident: record.id, &turn)
            }
            return
        }
        let deadline = incident.deadline ?? turn.now + failoverTime
        changeIncident(record.id) { $0.incident.deadline = deadline }
        if let ready = successor(besides: incident.instance, where: \.isReady) {
            beginHandOver(to: ready, incident: record.id, because: "\(incident.instance) goes", &turn)
        } else if incident.lastMoment - turn.now <= Rules.lastChoice,
            let syncing = successor(besides: incident.instance, where: { $0.role == .replica && $0.isFresh })
        {
            beginHandOver(
                to: syncing, incident: record.id, because: "\(incident.instance) goes, and none is readier", &turn)
        } else if !replicas.contains(where: \.status.isActive) {
            orderReplica(.automaticTermination, incident: record.id, &turn)
        }
    }

    /// The best replica: in another zone, in another pool, then the one that has been there longest.
    private func successor(besides instance: InstanceID, where isFit: (Host) -> Bool) -> InstanceID? {
        let leaving = host(instance)?.facts
        let announced = Set(
            incidents.filter { $0.isOpen && $0.incident.isUrgent(at: .latest) }.map(\.incident.instance))
        return hosts.filter { isFit($0) && !announced.contains($0.instance) }
            .min { left, right in
                let (a, b) = (left.facts, right.facts)
                return (a.zone == leaving?.zone ? 1 : 0, a.pool == leaving?.pool ? 1 : 0, left.roleSince, left.instance)
                    < (
                        b.zone == leaving?.zone ? 1 : 0, b.pool == leaving?.pool ? 1 : 0, right.roleSince,
                        right.instance
                    )
            }?.instance
    }

    /// A slot without a primary and without a hand-over: whoever is ready takes over.
    mutating func fillVacancy(_ turn: inout Turn) {
        guard primary == nil, promoting == nil, deletedAt == nil, !hosts.isEmpty else { return }
        let open = incidents.first { $0.isOpen && $0.incident.isUrgent(at: turn.now) }
        guard let ready = successor(besides: open?.incident.instance ?? hosts[0].instance, where: \.isReady) else {
            return
        }
        beginHandOver(to: ready, incident: open?.id, because: "nobody serves", &turn)
    }

    // MARK: The end

    /// The successor serves; whether that was proven, and in time, is the verdict.
    mutating func conclude(_ id: IncidentID, isProven: Bool, _ turn: inout Turn) {
        guard let record = incident(id), record.isOpen else { return }
        if isProven { changeIncident(id) { $0.incident.verifiedAt = turn.now } }
        let took = turn.now - record.incident.detectedAt
        let isInTime = record.incident.deadline.map { turn.now <= $0 } ?? true
        let time = "\(took.milliseconds) ms after the first signal"
        if isProven && isInTime {
            close(id, as: .met, "proven to serve \(time)", &turn)
        } else {
            close(id, as: .missed, isProven ? "proven to serve only \(time)" : "serves, but nothing proved it", &turn)
        }
        // Other announcements of the machine that was replaced are settled with it.
        for other in incidents where other.isOpen && other.incident.instance == record.incident.instance {
            close(other.id, as: .averted, "the workload has left \(record.incident.instance)", &turn)
        }
    }

    mutating func close(_ id: IncidentID, as state: Incident.State, _ sentence: String, _ turn: inout Turn) {
        guard let record = incident(id), record.isOpen else { return }
        changeIncident(id) { record in
            record.incident.state = state
            record.incident.closedAt = turn.now
        }
        let kind: EventKind = state == .met ? .incidentMet : state == .missed ? .incidentMissed : .incidentAverted
        turn.note(kind, sentence, instance: record.incident.instance, incident: id)
        if state == .averted, let ordered = record.ordered { undoOrder(of: ordered, &turn) }
    }

    package var emergencyStatus: EmergencyStatus {
        let open = incidents.filter(\.isOpen).max { $0.incident.kind.weight < $1.incident.kind.weight }
        guard let open else { return EmergencyStatus(slot: id, noticeStatus: .none) }
        let isUrgent = open.incident.kind.isUrgent
        var status = EmergencyStatus(slot: id, noticeStatus: isUrgent ? .termination : .rebalance)
        status.noticeReceivedAt = open.incident.detectedAt
        status.noticeDeadline = open.incident.interruptionTime ?? open.incident.deadline
        status.incident = open.id
        status.replica =
            open.incident.successor.flatMap { replica(of: $0) }
            ?? open.ordered.flatMap { ordered in replicas.first { $0.id == ordered } }
            ?? replicas.first { $0.status.isActive }
        return status
    }
}

/// What a notice means for an incident.
private struct Signal {
    let kind: Incident.Kind
    let time: Timestamp?
    let sentence: String
    let event: EventKind
    var isCancelled = false

    init(_ signal: Notice.Signal) {
        switch signal {
        case .interruption(let action, let at):
            (kind, time, event) = (.interruption, at, .terminationNotice)
            sentence = "EC2 will \(action.rawValue) it at \(at)"
        case .rebalance:
            (kind, time, event) = (.rebalance, nil, .rebalanceNotice)
            sentence = "EC2 may take it back soon"
        case .maintenance(let maintenance):
            (kind, time, event) = (.maintenance, maintenance.notBefore, .maintenanceNotice)
            isCancelled = maintenance.cancelled
            sentence =
                "EC2 \(maintenance.cancelled ? "has called off" : "plans") \(maintenance.code) at \(maintenance.notBefore)"
        case .lifecycle(let target):
            (kind, time, event) = (.lifecycle, nil, .terminationNotice)
            sentence = "its Auto Scaling group moves it to \(target)"
        case .shutdown:
            (kind, time, event) = (.shutdown, nil, .terminationNotice)
            sentence = "it is shutting down"
        }
    }

    func sentence(of instance: InstanceID) -> String { "\(instance): \(sentence)" }
}

extension Incident.Kind {
    /// A stronger signal takes an incident over.
    var weight: Int {
        switch self {
        case .rebalance: 0
        case .maintenance: 1
        case .silence: 2
        case .lifecycle: 3
        case .shutdown: 4
        case .interruption: 5
        }
    }
    /// The machine goes, as opposed to: it may.
    var isUrgent: Bool { self != .rebalance && self != .maintenance }
}

extension Incident {
    /// Whether the workload has to move now.
    func isUrgent(at now: Timestamp) -> Bool {
        if kind == .maintenance, let interruptionTime { return interruptionTime - now <= Rules.maintenanceLead }
        return kind.isUrgent
    }

    /// When the machine goes, as far as that is known: EC2 gives two minutes.
    package var lastMoment: Timestamp { interruptionTime ?? detectedAt + .seconds(120) }
}

extension ReplicaStatus {
    /// Is one, or is to become one.
    package var isActive: Bool { [.launching, .syncing, .ready].contains(self) }
}

extension Duration {
    /// Whole milliseconds, for a sentence.
    package var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
