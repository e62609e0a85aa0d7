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
            missFirstWord(&turn)
            endPromotion(&turn)
            judgeIncidents(&turn)
            noteLeaseEnd(&turn)
            pursueIncidents(&turn)
            fillVacancy(&turn)
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
        noteFence(of: old.instance, "its lease has run out", &turn)
    }

    private mutating func endCommands(_ turn: inout Turn) {
        for command in commands where command.state.isOpen {
            if command.expiresAt <= turn.now {
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

    /// A successor that is neither heard nor has answered for long enough: another one is tried.
    private mutating func endPromotion(_ turn: inout Turn) {
        guard let promoting, turn.now - promoting.roleSince >= Rules.promotionPatience else { return }
        let isOrdered = openCommand(to: promoting.instance, where: \.movesTheWorkload) != nil
        // Prepared, and waiting for the fence of the old primary: that may take as long as it takes.
        let awaitsFence = primary != nil && settings.handOver == .exclusive && !isOrdered
        guard promoting.isSilent || (!isOrdered && !awaitsFence) else { return }
        failHandOver(
            to: promoting.instance, incident: promotionIncident,
            promoting.isSilent ? "it is not heard" : "its orders ran out", &turn)
    }

    // MARK: When to look again

    /// Moments that have come are behind us: what they brought is done. An open incident is never left without one.
    private func nextDue(after now: Timestamp) -> Timestamp? {
        var moments = commandMoments + incidentMoments + machineMoments
        if let promoting { moments.append(promoting.roleSince + Rules.promotionPatience) }
        if let primary, settings.leaseSeconds > 0, let end = primary.leaseEndsAt { moments.append(end) }
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
            var moments = [record.givenUpAt, record.lastMoment - Rules.lastChoice, incident.preparationDue]
            if incident.kind == .maintenance { moments.append(incident.lastMoment - Rules.maintenanceLead) }
            if let deadline = incident.deadline { moments.append(deadline) }
            return moments
        }
    }

    private var machineMoments: [Timestamp] {
        let failed = replicas.filter { $0.status == .failed }
        return replicas.compactMap(givenUpAt)
            + failed.flatMap { [$0.createdAt + Rules.emergencyLaunchPause, $0.createdAt + Rules.failureMemory] }
            + firstWordMoments.map(\.due) + hosts.compactMap(\.inspectionDue) + hosts.compactMap(terminationDue)
            + hosts.compactMap(lostAt)
    }
}
