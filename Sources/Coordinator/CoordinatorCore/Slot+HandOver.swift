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
        let unfenced = settings.handOver == .exclusive ? unfenced(besides: successor, at: turn.now) : []
        raiseEpoch(to: epoch.next, &turn)
        change(successor) { $0.become(.promoting, at: turn.now) }
        // Whoever did not stop for another is asked again for this one.
        for index in hosts.indices { hosts[index].stops = Attempts() }
        let deadline = incident.flatMap { self.incident($0)?.incident.deadline } ?? turn.now + failoverTime
        queue(
            .promote(
                Order.Promote(
                    handOver: settings.handOver, awaitsFence: !unfenced.isEmpty,
                    predecessor: (predecessor ?? unfenced.first)?.instance, deadline: deadline)),
            to: successor, priority: Rules.emergencyPriority, life: handOverLife(of: successor), incident: incident,
            &turn)
        if settings.handOver == .exclusive, let predecessor, isFenced(predecessor, at: turn.now) {
            change(predecessor.instance) { $0.become(.zombie, at: turn.now) }
        }
        if let incident { commit(successor, to: incident) }
        turn.note(
            .promotionDecided,
            "\(successor) is to take over from \(predecessor?.instance.text ?? "nobody") under epoch \(epoch): \(reason)",
            instance: successor, incident: incident)
        for host in unfenced where !host.isFresh {
            turn.note(
                .fenceFailed,
                "\(host.instance) is not heard and may still serve, so its successor waits; "
                    + "stop its workload, or the machine, by hand",
                instance: host.instance, incident: incident)
        }
        concludeUnproven(successor, incident: incident, &turn)
    }

    /// One that was only just launched is not heard before its machine has started.
    func handOverLife(of successor: InstanceID) -> Duration {
        host(successor)?.lastHeardAt == nil ? Rules.launchLife : Rules.handOverLife
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

    // MARK: The successor answers

    mutating func followPromotion(_ command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        guard host(command.instance)?.role == .promoting else { return }
        // An incident may have come after a person had asked for the same move.
        let incident = promotionIncident ?? command.incident
        switch result.outcome {
        case .done:
            // Told to wait for the fence: whatever it did, that is what it was allowed to do.
            guard command.order.letsServe else { return }
            completeHandOver(to: command.instance, incident: incident, isProven: result.isProof, &turn)
        case .prepared: break
        case .failed, .refused, .expired, .fenced:
            // Its word that it does not serve, unless it has another order by which it may.
            let isToldAgain = commands.contains {
                $0.instance == command.instance && $0.state == .delivered && $0.order.letsServe
            }
            if !isToldAgain { change(command.instance) { $0.service = .idle } }
            failHandOver(to: command.instance, incident: incident, result.message, &turn)
        case .fenceFailed: failHandOver(to: command.instance, incident: incident, result.message, &turn)
        }
    }

    mutating func completeHandOver(
        to successor: InstanceID, incident: IncidentID?, isProven: Bool, _ turn: inout Turn
    ) {
        let old = primary
        contestedBy = nil
        launches = Attempts()
        if let old { change(old.instance) { $0.become(.zombie, at: turn.now) } }
        change(successor) { host in
            host.become(.primary, at: turn.now)
            host.service = isProven ? .proven : .told
            host.lacking = nil
        }
        cancel(where: { $0.instance == successor && $0.order.movesTheWorkload }, &turn)
        if let replica = replica(of: successor) { changeReplica(replica.id) { $0.status = .promoted } }
        let left = incident.flatMap { self.incident($0) }.flatMap { host($0.incident.instance) }
        let predecessor = old ?? left ?? hosts.filter { $0.role == .zombie }.max { $0.roleSince < $1.roleSince }
        turn.note(
            .replicaPromoted, "\(successor) serves in place of \(predecessor?.instance.text ?? "nobody")",
            instance: successor, incident: incident)
        let isForced = incident.map { !isDrill($0) } ?? false
        noteSwitch(from: predecessor, to: successor, trigger: isForced ? .emergency : .manual, &turn)
        guard let incident, let record = self.incident(incident), record.isOpen else { return }
        // One that was given up on its way had been taken off it.
        if record.incident.successor != successor { commit(successor, to: incident) }
        conclude(incident, isProven: isProven, &turn)
    }

    /// The successor did not come to serve. Where the old primary still does, it goes on; another replica is next.
    mutating func failHandOver(
        to successor: InstanceID, incident: IncidentID?, _ reason: String, _ turn: inout Turn
    ) {
        guard let host = host(successor) else { return }
        if !host.mayServe && !host.isFresh && !host.isProvenDead {
            // It was not told to serve, and all that is known against it is silence: it is the replica that it was.
            change(successor) { $0.become(.replica, at: turn.now) }
        } else {
            change(successor) { $0.become(.zombie, at: turn.now) }
            if let replica = replica(of: successor) {
                changeReplica(replica.id) { $0.status = .failed }
                noteFailedLaunch(of: replica, at: turn.now)
            }
        }
        cancel(where: { $0.order.movesTheWorkload }, &turn)
        turn.note(
            .promotionFailed, "\(successor) did not take over: \(reason)", instance: successor, incident: incident)
        for record in incidents where record.isOpen && record.incident.successor == successor {
            changeIncident(record.id) { $0.incident.successor = nil }
        }
    }

    // MARK: Answers that come late

    /// What a command that was given up is answered with is still true of its host. Whether it changed anything.
    mutating func followLate(_ command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) -> Bool {
        guard deletedAt == nil, result.epoch >= command.epoch, let host = host(command.instance) else { return false }
        switch (command.order, result.outcome) {
        case (.demote(let order), _) where order.isObeyed(by: result.outcome):
            // One that was called back since serves again, or will: it stopped under an earlier epoch.
            guard host.mayServe, host.role != .primary || result.epoch >= epoch else { return false }
            noteStop(of: host.instance, &turn)
            return true
        case (.promote, .done), (.activate, .done):
            return followLatePromotion(command, result, of: host, &turn)
        default: return false
        }
    }

    /// The successor serves after all, and no other was chosen since: the epoch is still the one of its order.
    private mutating func followLatePromotion(
        _ command: CommandRecord, _ result: CommandResult, of host: Host, _ turn: inout Turn
    ) -> Bool {
        guard command.order.letsServe, command.epoch == epoch, host.mayServe else { return false }
        if host.role == .promoting {
            followPromotion(command, result, &turn)
            return true
        }
        guard host.role == .zombie, promoting == nil, result.isProof,
            settings.handOver == .overlap || unfenced(besides: host.instance, at: turn.now).isEmpty,
            openDemotion(of: host.instance).map({ $0.attempt == 0 }) ?? true
        else { return false }
        // Its own end is not what it took over for.
        let urgent = incidents.first {
            $0.isOpen && $0.incident.isUrgent(at: turn.now) && $0.incident.instance != host.instance
        }
        completeHandOver(to: host.instance, incident: urgent?.id ?? command.incident, isProven: true, &turn)
        recallEnd(of: host.instance, &turn)
        return true
    }

    // MARK: An order ran out

    /// An order of a hand-over was not taken up in time: a successor that does not answer is none. But where two must never
    /// serve, one that has the order and is away finds it again when it comes back.
    mutating func followExpiry(of expired: CommandRecord, _ turn: inout Turn) {
        if case .demote = expired.order { noteUnansweredStop(of: expired.instance) }
        guard let promoting, expired.instance == promoting.instance else { return }
        switch expired.order {
        case .promote, .activate:
            if expired.order.letsServe, !promoting.isFresh, isBoundByOrder(promoting, at: turn.now) {
                queue(
                    expired.order, to: promoting.instance, priority: Rules.emergencyPriority, life: Rules.handOverLife,
                    incident: promotionIncident, &turn)
            } else {
                failHandOver(to: promoting.instance, incident: promotionIncident, "it did not answer", &turn)
            }
        default: break
        }
    }
}

extension CommandResult {
    /// A probe proved that the host serves.
    fileprivate var isProof: Bool {
        if case .activated(_, .some)? = facts { true } else { false }
    }
}
