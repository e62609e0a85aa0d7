import JSON
import Wire

// The coordinator's side of moving the workload. The epoch and the successor are committed together with the orders, and
// only proof makes the successor the primary.
//
//     overlap     promote ─▶ done ─▶ primary; demote the old one
//     exclusive   promote + demote ─▶ fenced ─▶ activate ─▶ done ─▶ primary
extension Slot {
    mutating func beginHandOver(
        to successor: InstanceID, incident: IncidentID?, because reason: String, _ turn: inout Turn
    ) {
        precondition(promoting == nil, "one hand-over at a time")
        let predecessor = primary
        let awaitsFence = settings.handOver == .exclusive && predecessor.map { !isFenced($0, at: turn.now) } ?? false
        raiseEpoch(to: epoch.next, &turn)
        change(successor) { $0.become(.promoting, at: turn.now) }
        let deadline = incident.flatMap { self.incident($0)?.incident.deadline } ?? turn.now + failoverTime
        queue(
            .promote(
                Order.Promote(
                    handOver: settings.handOver, awaitsFence: awaitsFence, predecessor: predecessor?.instance,
                    deadline: deadline)),
            to: successor, priority: Rules.emergencyPriority, life: Rules.handOverLife, incident: incident, &turn)
        if awaitsFence, let predecessor {
            orderFence(of: predecessor.instance, for: successor, incident: incident, &turn)
        } else if settings.handOver == .exclusive, let predecessor {
            change(predecessor.instance) { $0.become(.zombie, at: turn.now) }
        }
        if let incident { commit(successor, to: incident) }
        turn.note(
            .promotionDecided,
            "\(successor) is to take over from \(predecessor?.instance.text ?? "nobody") under epoch \(epoch): \(reason)",
            instance: successor, incident: incident)
    }

    /// Notes under which epoch the incident has found its successor.
    mutating func commit(_ successor: InstanceID, to incident: IncidentID) {
        let epoch = epoch
        changeIncident(incident) { record in
            record.incident.successor = successor
            record.incident.epoch = epoch
        }
    }

    var failoverTime: Duration { .seconds(settings.failoverDeadlineSeconds) }

    /// Proof that the host serves no more: EC2 says so, or the lease that it serves under has run out.
    func isFenced(_ host: Host, at now: Timestamp) -> Bool {
        if host.isProvenDead { return true }
        guard settings.leaseSeconds > 0, !host.isFresh, let end = host.leaseEndsAt else { return false }
        return end <= now
    }

    // MARK: The successor answers

    mutating func followPromotion(_ command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        guard host(command.instance)?.role == .promoting else { return }
        // An incident may have come after a person had asked for the same move.
        let incident = promotionIncident ?? command.incident
        switch result.outcome {
        case .done:
            // Told to wait for the fence: whatever it did, that is what it was allowed to do.
            if case .promote(let order) = command.order, order.awaitsFence { return }
            var verifiedAt: Timestamp?
            if case .activated(_, let proven)? = result.facts { verifiedAt = proven }
            completeHandOver(to: command.instance, incident: incident, isProven: verifiedAt != nil, &turn)
        case .prepared: break
        case .failed, .refused, .expired, .fenced, .fenceFailed:
            failHandOver(to: command.instance, incident: incident, result.message, &turn)
        }
    }

    private mutating func completeHandOver(
        to successor: InstanceID, incident: IncidentID?, isProven: Bool, _ turn: inout Turn
    ) {
        let old = primary
        contestedBy = nil
        if let old { change(old.instance) { $0.become(.zombie, at: turn.now) } }
        change(successor) { host in
            host.become(.primary, at: turn.now)
            host.lacking = nil
        }
        if let replica = replica(of: successor) { changeReplica(replica.id) { $0.status = .promoted } }
        if let old, !old.isOffline {
            queue(
                .demote(
                    Order.Demote(
                        handOver: .overlap, successor: successor, drainBudgetSeconds: settings.drainBudgetSeconds)),
                to: old.instance, priority: Rules.emergencyPriority, life: Rules.handOverLife, incident: incident,
                &turn)
        }
        let left = incident.flatMap { self.incident($0) }.flatMap { host($0.incident.instance) }
        let predecessor = old ?? left ?? hosts.filter { $0.role == .zombie }.max { $0.roleSince < $1.roleSince }
        turn.note(
            .replicaPromoted, "\(successor) serves in place of \(predecessor?.instance.text ?? "nobody")",
            instance: successor, incident: incident)
        noteSwitch(from: predecessor, to: successor, trigger: incident == nil ? .manual : .emergency, &turn)
        if let incident { conclude(incident, isProven: isProven, &turn) }
    }

    /// The successor did not come to serve. Where the old primary still does, it goes on; another replica is next.
    mutating func failHandOver(
        to successor: InstanceID, incident: IncidentID?, _ reason: String, _ turn: inout Turn
    ) {
        change(successor) { $0.become(.zombie, at: turn.now) }
        if let replica = replica(of: successor) { changeReplica(replica.id) { $0.status = .failed } }
        cancel(where: { $0.order.movesTheWorkload }, &turn)
        turn.note(
            .promotionFailed, "\(successor) did not take over: \(reason)", instance: successor, incident: incident)
        for record in incidents where record.isOpen && record.incident.successor == successor {
            changeIncident(record.id) { $0.incident.successor = nil }
        }
    }

    // MARK: The old primary answers

    mutating func followDemotion(
        _ command: CommandRecord, _ order: Order.Demote, _ result: CommandResult, _ turn: inout Turn
    ) {
        guard order.handOver == .exclusive else { return }
        if result.outcome == .fenced {
            noteFence(of: command.instance, "its units were seen stopped", &turn)
        } else {
            block(command.instance, incident: command.incident, result.message, &turn)
        }
    }

    /// The old primary serves no more, for certain: now the successor may.
    mutating func noteFence(of instance: InstanceID, _ proof: String, _ turn: inout Turn) {
        guard host(instance)?.role == .primary, let successor = promoting else { return }
        change(instance) { $0.become(.zombie, at: turn.now) }
        cancel(
            where: { command in if case .demote = command.order { command.instance == instance } else { false } }, &turn
        )
        let incident = promotionIncident
        turn.note(.fenced, "\(instance) serves no more: \(proof)", instance: instance, incident: incident)
        queue(
            .activate, to: successor.instance, priority: Rules.emergencyPriority, life: Rules.handOverLife,
            incident: incident, &turn)
    }

    /// Without proof that the old one stopped the new one must not start: a person, or EC2's word, is needed. It is asked
    /// again and again, which is the alarm, too.
    private mutating func block(
        _ instance: InstanceID, incident: IncidentID?, _ reason: String, _ turn: inout Turn
    ) {
        turn.note(
            .fenceFailed,
            "\(instance) may still serve, so its successor waits: \(reason); stop its workload, or the machine, by hand",
            instance: instance, incident: incident)
        if let incident, self.incident(incident) != nil { changeIncident(incident) { $0.isBlocked = true } }
        // Once somebody has stopped the workload the host can say so.
        if let successor = promoting, host(instance)?.role == .primary {
            orderFence(
                of: instance, for: successor.instance, incident: incident, notBefore: turn.now + Rules.fenceRetry, &turn
            )
        }
    }

    /// An order of a hand-over was not taken up in time. An old primary that was away is to find its order when it comes
    /// back; a successor that does not answer is none.
    mutating func followExpiry(of expired: CommandRecord, _ turn: inout Turn) {
        guard let promoting else { return }
        switch expired.order {
        case .demote(let order) where order.handOver == .exclusive:
            guard host(expired.instance)?.role == .primary, promoting.instance == order.successor else { return }
            orderFence(of: expired.instance, for: order.successor, incident: expired.incident, &turn)
        case .promote, .activate:
            guard expired.instance == promoting.instance else { return }
            failHandOver(to: expired.instance, incident: promotionIncident, "it did not answer", &turn)
        default: break
        }
    }

    private mutating func orderFence(
        of predecessor: InstanceID, for successor: InstanceID, incident: IncidentID?, notBefore: Timestamp? = nil,
        _ turn: inout Turn
    ) {
        let drain = settings.drainBudgetSeconds
        // The timer fires after the drain had its whole budget and the stop the time that a stop takes.
        let fenceAt = (notBefore ?? turn.now) + .seconds(drain) + .seconds(3)
        queue(
            .demote(
                Order.Demote(
                    handOver: .exclusive, successor: successor, drainBudgetSeconds: drain, fenceAt: fenceAt)),
            to: predecessor, priority: Rules.emergencyPriority, life: Rules.handOverLife, incident: incident,
            notBefore: notBefore, &turn)
    }
}
