import JSON
import Wire

extension Slot {
    /// Time has passed and nothing else: leases and lives of commands end, incidents become late, waits are over.
    package mutating func timePassed(_ turn: inout Turn) {
        guard deletedAt == nil else { return }
        endCommands(&turn)
        giveUpLaunches(&turn)
        endPromotion(&turn)
        judgeIncidents(&turn)
        settle(&turn)
    }

    /// Brings the slot to rest after any change: what can be done now is done, and the next moment to look is noted.
    mutating func settle(_ turn: inout Turn) {
        guard deletedAt == nil else { return }
        if let old = primary, promoting != nil, settings.handOver == .exclusive, isFenced(old, at: turn.now) {
            noteFence(of: old.instance, "its lease has run out", &turn)
        }
        pursueIncidents(&turn)
        fillVacancy(&turn)
        examineSilence(&turn)
        keepReplicas(&turn)
        askTerminations(&turn)
        precondition(hosts.count { $0.role == .primary } <= 1, "two primaries in slot \(id)")
        dueAt = nextDue(after: turn.now)
    }

    private mutating func endCommands(_ turn: inout Turn) {
        for command in commands where command.state.isOpen {
            if command.expiresAt <= turn.now {
                finish(command.id, as: .expired, &turn)
                if case .createReplica(let order) = command.order {
                    failReplica(order.replica, "its order expired", &turn)
                }
            } else if command.state == .delivered, let end = command.leaseUntil, end <= turn.now {
                changeCommand(command.id) { command in
                    command.state = .pending
                    command.leaseUntil = nil
                }
            }
        }
    }

    /// A successor that is neither heard nor has answered for long enough: another one is tried.
    private mutating func endPromotion(_ turn: inout Turn) {
        guard let promoting, turn.now - promoting.roleSince >= Rules.promotionPatience else { return }
        let isOrdered = openCommand(to: promoting.instance, where: \.movesTheWorkload) != nil
        // Prepared, and waiting for the fence of the old primary: that may take as long as it takes.
        let awaitsFence = primary != nil && settings.handOver == .exclusive && !isOrdered
        guard !promoting.isFresh || (!isOrdered && !awaitsFence) else { return }
        failHandOver(
            to: promoting.instance, incident: promotionIncident,
            promoting.isFresh ? "its orders ran out" : "it is not heard", &turn)
    }

    private mutating func judgeIncidents(_ turn: inout Turn) {
        for record in incidents where record.isOpen {
            let incident = record.incident
            if let deadline = incident.deadline, deadline <= turn.now, !record.isLate {
                changeIncident(record.id) { $0.isLate = true }
                turn.note(
                    .incidentLate, "nothing is proven to serve in place of \(incident.instance) by its deadline",
                    instance: incident.instance, incident: record.id)
            }
            guard turn.now >= closing(of: incident), promoting == nil else { continue }
            let outlived = host(incident.instance)?.isFresh == true
            if incident.kind == .rebalance || outlived {
                close(record.id, as: .averted, "nothing followed", &turn)
            } else {
                close(record.id, as: .missed, "nobody took over from \(incident.instance)", &turn)
            }
        }
    }

    /// When an incident that came to nothing ends by itself.
    private func closing(of incident: Incident) -> Timestamp {
        incident.kind == .rebalance
            ? incident.detectedAt + Rules.rebalanceWindow : incident.lastMoment + Rules.outlivedAfter
    }

    // MARK: When to look again

    private func nextDue(after now: Timestamp) -> Timestamp? {
        var moments: [Timestamp] = []
        for command in commands where command.state.isOpen {
            moments.append(command.expiresAt)
            if let lease = command.leaseUntil { moments.append(lease) }
            if command.state == .pending, let start = command.notBefore, start > now { moments.append(start) }
        }
        for record in incidents where record.isOpen {
            let incident = record.incident
            if let deadline = incident.deadline, !record.isLate { moments.append(deadline) }
            if incident.kind == .maintenance { moments.append(incident.lastMoment - Rules.maintenanceLead) }
            if incident.successor == nil { moments.append(incident.lastMoment - Rules.lastChoice) }
            moments.append(closing(of: incident))
        }
        for replica in replicas where replica.status == .launching {
            moments.append(replica.createdAt + Rules.replicaLaunchTime)
        }
        if let promoting { moments.append(promoting.roleSince + Rules.promotionPatience) }
        if let primary, !primary.isFresh {
            if settings.leaseSeconds > 0, let end = primary.leaseEndsAt { moments.append(end) }
            if let asked = primary.inspectedAt { moments.append(asked + Rules.inspectionPause) }
        }
        moments += hosts.compactMap(terminationDue)
        // What is due and cannot be done yet (the primary is not heard, say) is looked at again, not all the time.
        let later = moments.filter { $0 > now }
        let isOverdue = later.count < moments.count
        return [later.min(), isOverdue ? now + .seconds(5) : nil].compactMap { $0 }.min()
    }
}
