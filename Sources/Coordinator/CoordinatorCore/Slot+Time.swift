import JSON
import Wire

extension Slot {
    /// Time has passed and nothing else: leases and lives of commands end, incidents become late, waits are over.
    package mutating func timePassed(_ turn: inout Turn) { settle(&turn) }

    /// Brings the slot to rest after any change: what is due by now is done, as often as one thing makes the next possible,
    /// and the next moment to look is noted. Whatever is due and not done waits for a host to report, not for time.
    mutating func settle(_ turn: inout Turn) {
        var passes = 0
        var before: Slot
        repeat {
            before = self
            pass(&turn)
            passes += 1
        } while self != before && passes < Rules.passesMax
        precondition(hosts.count { $0.role == .primary } <= 1, "two primaries in slot \(id)")
        dueAt = nextDue(after: turn.now)
    }

    private mutating func pass(_ turn: inout Turn) {
        endCommands(&turn)
        if deletedAt == nil {
            giveUpLaunches(&turn)
            withdrawLaunches(&turn)
            noteLeaseEnd(&turn)
            releaseSuccessor(&turn)
            missFirstWord(&turn)
            replaceUnproven(&turn)
            concludeAwaitedSwitch(&turn)
            endPromotion(&turn)
            judgeService(&turn)
            judgeIncidents(&turn)
            pursueIncidents(&turn)
            fillVacancy(&turn)
            orderStops(&turn)
            examineSilence(&turn)
            keepReplicas(&turn)
        }
        askTerminations(&turn)
        forgetLost(&turn)
    }

    private mutating func noteLeaseEnd(_ turn: inout Turn) {
        guard let old = primary, promoting != nil, settings.handOver == .exclusive, isFenced(old, at: turn.now) else {
            return
        }
        noteVacancy(of: old.instance, "its lease has run out", &turn)
    }

    private mutating func endCommands(_ turn: inout Turn) {
        for command in commands where command.state.isOpen {
            // It begins by then or not at all; what was begun may take longer.
            let isBegun = command.state == .delivered && command.leaseUntil.map { $0 > turn.now } ?? false
            if command.state == .delivered, let end = command.leaseUntil, end <= turn.now, !canRepeat(command) {
                endUnanswered(command, &turn)
            } else if command.expiresAt <= turn.now && !isBegun {
                finish(command.id, as: .expired, &turn)
                followExpiry(of: command, &turn)
            } else if command.state == .delivered, let end = command.leaseUntil, end <= turn.now,
                mayDeliverAgain(command)
            {
                changeCommand(command.id) { command in
                    command.state = .pending
                    command.leaseUntil = nil
                }
            }
        }
    }

    /// A successor that is not heard, or is and gets nowhere: another one is tried. Where two must never serve, silence after
    /// the order to serve proves nothing, so that one keeps its place until it speaks or is fenced.
    private mutating func endPromotion(_ turn: inout Turn) {
        guard let promoting, turn.now - promoting.roleSince >= Rules.promotionPatience else { return }
        let order = openCommand(to: promoting.instance, where: \.movesTheWorkload)
        let reason: String
        if promoting.isSilent {
            guard !isBoundByOrder(promoting, at: turn.now) else { return }
            reason = "it is not heard"
        } else if let order {
            guard isOverdue(promoting, order, at: turn.now) else { return }
            reason = "it has not done so in time"
        } else {
            // Prepared, and waiting for the fence of another: that may take as long as it takes.
            guard settings.handOver == .overlap || unfenced(besides: promoting.instance, at: turn.now).isEmpty else {
                return
            }
            reason = "its orders ran out"
        }
        failHandOver(to: promoting.instance, incident: promotionIncident, reason, &turn)
    }

    /// Whether one that works on its order is to be replaced: after the deadline when another is ready, else only when there
    /// is nothing left to wait for.
    private func isOverdue(_ promoting: Host, _ order: CommandRecord, at now: Timestamp) -> Bool {
        guard now - order.createdAt >= Rules.promotionPatience else { return false }
        if promotionGivenUpAt(promoting) <= now { return true }
        // One that is on its way takes longer than any deadline; nothing has stopped for it, so it may, unless something presses.
        return promotionDeadline(promoting) <= now && (promoting.lastHeardAt != nil || promotionIncident != nil)
            && hosts.contains { $0.isReady && !announced(at: now).contains($0.instance) }
    }

    private func promotionDeadline(_ promoting: Host) -> Timestamp {
        promotionIncident.flatMap { incident($0)?.incident.deadline } ?? promoting.roleSince + failoverTime
    }

    /// By then the old machine is gone.
    private func promotionGivenUpAt(_ promoting: Host) -> Timestamp {
        max(
            promotionIncident.flatMap { incident($0)?.incident.lastMoment } ?? .earliest,
            promoting.roleSince + handOverLife(of: promoting.instance))
    }

    // MARK: When to look again

    /// Moments that have come are behind us: what they brought is done. An open incident is never left without one.
    private func nextDue(after now: Timestamp) -> Timestamp? {
        var moments = commandMoments + incidentMoments + machineMoments + failureMoments
        if let promoting {
            moments += [
                promoting.roleSince + Rules.promotionPatience, promotionDeadline(promoting),
                promotionGivenUpAt(promoting),
            ]
            moments += commands.filter { $0.instance == promoting.instance && $0.state.isOpen }
                .map { $0.createdAt + Rules.promotionPatience }
        }
        if settings.leaseSeconds > 0 { moments += hosts.filter(\.mayServe).compactMap(\.leaseEndsAt) }
        let isOpen = incidents.contains(where: \.isOpen)
        return moments.filter { $0 > now }.min() ?? (isOpen ? now + Rules.incidentLook : nil)
    }

    private var commandMoments: [Timestamp] {
        commands.filter(\.state.isOpen).flatMap { command in
            [command.expiresAt, command.leaseUntil, command.notBefore].compactMap { $0 }
        }
    }

    private var incidentMoments: [Timestamp] {
        incidents.filter(\.isOpen).flatMap { record in
            let incident = record.incident
            var moments = [givenUpAt(record), record.lastMoment - Rules.lastChoice, incident.preparationDue]
            if incident.kind == .maintenance { moments.append(incident.lastMoment - Rules.maintenanceLead) }
            if let deadline = incident.deadline { moments.append(deadline) }
            return moments
        }
    }

    private var machineMoments: [Timestamp] {
        replicas.compactMap(givenUpAt) + launchMoments + firstWordMoments.map(\.due) + hosts.compactMap(\.inspectionDue)
            + hosts.compactMap(terminationDue) + hosts.compactMap(unendedAt)
            + hosts.compactMap(lostAt)
    }
}
