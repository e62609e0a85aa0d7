import JSON
package import Wire

// How an incident ends, and what is told of it.
extension Slot {
    /// The successor serves; whether that was proven, and in time, is the verdict.
    mutating func conclude(_ id: IncidentID, isProven: Bool, _ turn: inout Turn) {
        guard let record = incident(id), record.isOpen else { return }
        if isProven { changeIncident(id) { $0.incident.verifiedAt = turn.now } }
        let took = max(.zero, turn.now - record.incident.detectedAt)
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
        // Where nobody took over, the replica on its way is the last hope.
        let isOver = primary.map { state == .averted || $0.instance != record.incident.instance } ?? false
        if isOver, let ordered = record.ordered { undoOrder(of: ordered, &turn) }
    }

    /// Says which incidents are late, and ends those that nothing came of.
    mutating func judgeIncidents(_ turn: inout Turn) {
        for record in incidents where record.isOpen {
            let incident = record.incident
            if let deadline = incident.deadline, deadline <= turn.now, !record.isLate {
                changeIncident(record.id) { $0.isLate = true }
                turn.note(
                    .incidentLate, "nothing is proven to serve in place of \(incident.instance) by its deadline",
                    instance: incident.instance, incident: record.id)
            }
            // While nobody serves it goes on.
            guard turn.now >= givenUpAt(record), promoting == nil, !isUnserved(at: turn.now) else { continue }
            if incident.kind == .rebalance, incident.drill {
                let limit = Rules.replicaLaunchTime.components.seconds
                close(record.id, as: .missed, "no replica was ready within \(limit) s", &turn)
            } else if incident.kind == .rebalance || host(incident.instance)?.isFresh == true {
                close(record.id, as: .averted, "nothing followed", &turn)
            } else {
                close(record.id, as: .missed, "nobody took over from \(incident.instance)", &turn)
            }
        }
    }

    /// When nothing came of it. One that may be at work is taken for there for so much longer after its last word.
    func givenUpAt(_ record: IncidentRecord) -> Timestamp {
        let isTokenless = host(record.incident.instance)?.isTokenless ?? false
        return record.givenUpAt + (isTokenless ? Rules.workSilence : .zero)
    }

    package var emergencyStatus: EmergencyStatus {
        let open = incidents.filter { $0.isOpen && !$0.incident.drill }.max {
            $0.incident.kind.weight < $1.incident.kind.weight
        }
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

extension IncidentRecord {
    /// When one that came to nothing ends by itself.
    var givenUpAt: Timestamp {
        guard incident.kind == .rebalance else { return lastMoment + Rules.outlivedAfter }
        return incident.detectedAt + (incident.drill ? Rules.replicaLaunchTime : Rules.rebalanceWindow)
    }
}

extension ReplicaStatus {
    /// Is one, or is to become one.
    package var isActive: Bool { [.launching, .syncing, .ready].contains(self) }
}

extension Duration {
    /// Whole milliseconds, for a sentence.
    package var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
