import JSON
import Wire

// A primary that says that its workload does not run. Its machine is there and is heard, but nobody serves: that is an incident
// like an end without a notice, and is over when the host takes its word back before a successor was chosen.
extension Slot {
    /// What a replica lacks to be ready, and a primary to serve.
    mutating func noteLacks(_ heartbeat: Heartbeat, _ turn: inout Turn) {
        guard let host = host(heartbeat.instance) else { return }
        guard host.role == .primary else {
            return change(host.instance) { $0.lacking = heartbeat.lacking ?? $0.lacking }
        }
        // One that does not know yet that it was promoted speaks of what it lacked as a replica.
        let lacking = heartbeat.role == .primary ? heartbeat.lacking ?? [] : []
        let isFailing = !lacking.isEmpty
        if isFailing != (host.failingSince != nil) { noteFailure(of: host, lacking.first, &turn) }
        change(host.instance) { host in
            host.lacking = isFailing ? lacking : nil
            // A clock that was set back counts anew.
            host.failingSince = isFailing ? min(host.failingSince ?? turn.now, turn.now) : nil
        }
    }

    private func noteFailure(of host: Host, _ reason: String?, _ turn: inout Turn) {
        guard deletedAt == nil else { return }
        turn.note(
            reason == nil ? .workloadBack : .workloadFailed,
            reason.map { "\(host.instance) does not serve: \($0)" } ?? "\(host.instance) serves again",
            instance: host.instance)
    }

    /// Opens the incident of a primary that does not serve, and closes that of one that does.
    mutating func judgeService(_ turn: inout Turn) {
        guard let primary, primary.isFresh else { return }
        if primary.fails(at: turn.now) {
            openSilence(of: primary.instance, as: .failure, &turn)
        } else if primary.failingSince == nil {
            for record in incidents where record.isOpen && record.incident.kind == .silence {
                guard record.incident.instance == primary.instance, record.incident.successor == nil else { continue }
                close(record.id, as: .averted, "\(primary.instance) is heard and serves", &turn)
            }
        }
    }

    /// The old primary has stopped for a successor that did not come, and could not prove it. What it let go of under this epoch
    /// is its own again under the next alone. The incident keeps the one of its last hand-over, so this comes once after each.
    mutating func callBack(for record: IncidentRecord, _ turn: inout Turn) {
        guard settings.handOver == .exclusive, record.incident.epoch == epoch, let primary, promoting == nil,
            primary.instance == record.incident.instance, primary.fails(at: turn.now)
        else { return }
        raiseEpoch(to: epoch.next, &turn)
    }

    /// Whether a successor is heard that did not come to serve either: then it is the workload, and one more machine after the
    /// other would not help.
    func failsElsewhere(than record: IncidentRecord, at now: Timestamp) -> Bool {
        guard host(record.incident.instance)?.fails(at: now) == true else { return false }
        return hosts.contains {
            $0.role == .zombie && $0.isFresh && $0.roleSince >= record.incident.detectedAt && !hasAnnounced($0.instance)
        }
    }

    /// One that was given up for its own end has not shown what it can do.
    private func hasAnnounced(_ instance: InstanceID) -> Bool {
        incidents.contains { $0.incident.instance == instance && $0.incident.kind != .silence }
    }

    /// Whether nobody serves, for certain or by the primary's own word.
    func isUnserved(at now: Timestamp) -> Bool { isVacant(at: now) || primary?.fails(at: now) == true }

    var failureMoments: [Timestamp] { primary?.failingSince.map { [$0 + Rules.failurePatience] } ?? [] }
}

extension Host {
    /// It is the primary, and has said for too long that its workload does not run.
    func fails(at now: Timestamp) -> Bool { failingSince.map { now - $0 >= Rules.failurePatience } ?? false }
}
