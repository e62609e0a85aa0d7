import JSON
import Wire

// Who may serve besides the one that is to, and how each is brought to stop. What counts is what a host was told and has
// answered: a role is the coordinator's opinion, an order that was delivered is not taken back by a change of it.
extension Slot {
    /// Those that may serve, `instance` aside: told to, and nothing proves that they stopped.
    func unfenced(besides instance: InstanceID? = nil, at now: Timestamp) -> [Host] {
        hosts.filter {
            $0.mayServe && $0.role != .terminated && $0.instance != instance && !isFenced($0, at: now)
        }
    }

    /// Proof that the host serves no more: EC2 says so, or the lease that it serves under has run out.
    func isFenced(_ host: Host, at now: Timestamp) -> Bool {
        if host.isProvenDead { return true }
        guard settings.leaseSeconds > 0, !host.isFresh, let end = host.leaseEndsAt else { return false }
        return end <= now
    }

    /// Whether the successor has the order to serve where two must never: nobody else may until it is fenced.
    func isBoundByOrder(_ promoting: Host, at now: Timestamp) -> Bool {
        settings.handOver == .exclusive && promoting.mayServe && !isFenced(promoting, at: now)
    }

    func openDemotion(of instance: InstanceID) -> CommandRecord? {
        openCommand(to: instance, where: \.isDemotion)
    }

    // MARK: Asking

    /// Somebody was replaced and may still serve: whoever is heard next may be the one that was waited for.
    package var owesStop: Bool { hosts.contains { $0.mayServe && $0.role.isReplaced } }

    /// Has each host stop that may serve and must not, as soon as it is heard and until it answers: the old primary, one
    /// that was replaced while it was away, a successor that was given up.
    mutating func orderStops(_ turn: inout Turn) {
        let asked = Set(commands.filter { $0.state.isOpen && $0.order.isDemotion }.map(\.instance))
        // The one that serves before the others, and whoever served last before those that should have stopped long ago.
        let due = hosts.filter {
            $0.mayServe && $0.isFresh && $0.role != .terminated && !$0.isTokenless && !asked.contains($0.instance)
        }
        .sorted { ($0.role == .primary ? 0 : 1, $1.roleSince) < ($1.role == .primary ? 0 : 1, $0.roleSince) }
        for host in due.prefix(max(0, Rules.stopsMax - asked.count)) {
            guard let successor = successor(inPlaceOf: host), !isStopGivenUp(host, &turn) else { continue }
            orderStop(of: host.instance, for: successor, &turn)
        }
    }

    private mutating func isStopGivenUp(_ host: Host, _ turn: inout Turn) -> Bool {
        guard host.stops.isSpent, !host.stops.isGivenUp else { return host.stops.isGivenUp }
        change(host.instance) { $0.stops.giveUp() }
        noteGivenUp(
            "\(host.instance) was asked to stop", instance: host.instance, incident: incidentOfStop(of: host.instance),
            &turn)
        return true
    }

    /// For whom it is to stop. Where two may serve it goes on until another one is heard to.
    private func successor(inPlaceOf host: Host) -> InstanceID? {
        switch settings.handOver {
        case .overlap: host.role.isReplaced && primary?.isFresh == true ? primary?.instance : nil
        case .exclusive:
            if host.role.isReplaced {
                (promoting ?? primary)?.instance
            } else {
                // It goes on until its successor is heard, as one that was only just launched is not.
                promoting.flatMap { $0.isFresh && $0.instance != host.instance ? $0.instance : nil }
            }
        }
    }

    private mutating func orderStop(
        of instance: InstanceID, for successor: InstanceID, notBefore: Timestamp? = nil, _ turn: inout Turn
    ) {
        var order = Order.Demote(
            handOver: settings.handOver, successor: successor, drainBudgetSeconds: settings.drainBudgetSeconds)
        if settings.handOver == .exclusive {
            // The timer fires after the drain had its whole budget and the stop the time that a stop takes.
            order.fenceAt = (notBefore ?? turn.now) + .seconds(settings.drainBudgetSeconds) + .seconds(3)
        }
        queue(
            .demote(order), to: instance, priority: Rules.emergencyPriority, life: Rules.handOverLife,
            incident: incidentOfStop(of: instance), notBefore: notBefore, &turn)
    }

    /// Where two may serve the old primary stops only after the verdict, and its steps are part of the story all the same.
    private func incidentOfStop(of instance: InstanceID) -> IncidentID? {
        let its = incidents.filter { $0.incident.instance == instance }
        return promotionIncident ?? (its.first(where: \.isOpen) ?? its.last { $0.incident.successor != nil })?.id
    }

    // MARK: Answers

    mutating func followDemotion(_ command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        guard case .demote(let order) = command.order, let host = host(command.instance) else { return }
        if order.isObeyed(by: result.outcome) {
            noteStop(of: host.instance, &turn)
        } else if order.handOver == .exclusive {
            block(host, incident: command.incident, result.message, &turn)
        } else {
            askAgain(host, &turn)
        }
    }

    /// By its own word the host serves no more.
    mutating func noteStop(of instance: InstanceID, _ turn: inout Turn) {
        change(instance) { host in
            host.service = .idle
            host.stops = Attempts()
        }
        cancel(where: { $0.instance == instance && $0.order.isDemotion }, &turn)
        if host(instance)?.role == .primary { noteVacancy(of: instance, "its units were seen stopped", &turn) }
    }

    /// The old primary serves no more, for certain: now the successor may. Without one that is an incident.
    mutating func noteVacancy(of instance: InstanceID, _ proof: String, _ turn: inout Turn) {
        guard host(instance)?.role == .primary else { return }
        change(instance) { $0.become(.zombie, at: turn.now) }
        let incident = promoting == nil ? openSilence(of: instance, &turn) : promotionIncident
        turn.note(.fenced, "\(instance) serves no more: \(proof)", instance: instance, incident: incident)
    }

    /// Nobody else may serve any more: the successor that was told to wait is told to go on.
    mutating func releaseSuccessor(_ turn: inout Turn) {
        guard settings.handOver == .exclusive, let promoting,
            // One that says it serves was told so by nobody here.
            !promoting.mayServe || promoting.instance == contestedBy,
            unfenced(besides: promoting.instance, at: turn.now).isEmpty,
            openCommand(to: promoting.instance, where: \.letsServe) == nil
        else { return }
        queue(
            .activate, to: promoting.instance, priority: Rules.emergencyPriority, life: Rules.handOverLife,
            incident: promotionIncident, &turn)
    }

    /// Without proof that the old one stopped the new one must not start: a person, or EC2's word, is needed. It is asked
    /// again and again, which is the alarm, too.
    private mutating func block(
        _ host: Host, incident: IncidentID?, _ reason: String, _ turn: inout Turn
    ) {
        turn.note(
            .fenceFailed,
            "\(host.instance) may still serve, so its successor waits: \(reason); "
                + "stop its workload, or the machine, by hand",
            instance: host.instance, incident: incident)
        if let incident, self.incident(incident) != nil { changeIncident(incident) { $0.isBlocked = true } }
        askAgain(host, &turn)
    }

    /// Once somebody has stopped the workload the host can say so.
    private mutating func askAgain(_ old: Host, _ turn: inout Turn) {
        change(old.instance) { $0.stops.note() }
        guard let host = host(old.instance), host.mayServe, let successor = successor(inPlaceOf: host),
            !isStopGivenUp(host, &turn)
        else { return }
        let pause = host.stops.pause(from: Rules.retryPause)
        orderStop(of: host.instance, for: successor, notBefore: turn.now + pause, &turn)
    }

    /// It had the order and did not answer. One that was away for it is asked when it is back.
    mutating func noteUnansweredStop(of instance: InstanceID) {
        guard host(instance)?.isFresh == true else { return }
        change(instance) { $0.stops.note() }
    }
}

extension Order {
    fileprivate var isDemotion: Bool { if case .demote = self { true } else { false } }
}

extension Order.Demote {
    /// Whether the answer says that the host has stopped. Where two may serve, one that does not know the order has nothing
    /// to stop that we know of.
    func isObeyed(by outcome: CommandResult.Outcome) -> Bool {
        switch handOver {
        case .exclusive: outcome == .fenced
        case .overlap: outcome == .done || outcome == .fenced || outcome == .refused
        }
    }
}
