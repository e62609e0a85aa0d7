package import JSON
package import Wire

// What is done about the open incidents. Nothing here asks whether automatic switching is on, how many switches there were,
// or what an engine advises: when a machine goes, the workload moves.
extension Slot {
    /// Does for each open incident what can be done now, the one that ends first before the others.
    mutating func pursueIncidents(_ turn: inout Turn) {
        let open = incidents.filter(\.isOpen).sorted {
            ($0.lastMoment, $0.id) < ($1.lastMoment, $1.id)
        }
        for record in open { pursue(record.id, &turn) }
    }

    private mutating func pursue(_ id: IncidentID, _ turn: inout Turn) {
        guard let record = incident(id), record.isOpen else { return }
        let instance = record.incident.instance
        if record.incident.drill { return pursueDrill(record, &turn) }
        // One that is no longer loaded is terminated.
        switch host(instance)?.role ?? .terminated {
        case .primary: pursueForPrimary(record, &turn)
        case .promoting:
            // Its own silence is what the hand-over waits out.
            guard record.incident.isUrgent(at: turn.now), record.incident.kind != .silence else { return }
            if isDispensable(at: turn.now) {
                failHandOver(to: instance, incident: promotionIncident, "it announced its own end", &turn)
            } else {
                launchSuccessor(for: record, &turn)
            }
        case .launching, .replica:
            guard record.incident.isUrgent(at: turn.now) else { return }
            loseReplica(instance, "it announced its end", &turn)
            close(id, as: .averted, "\(instance) was a replica: nothing has to move", &turn)
        case .zombie, .terminating, .terminated:
            // The old primary of a hand-over under way, fenced already: its incident is closed by the successor's proof.
            guard promoting == nil else { return }
            if primary != nil {
                close(id, as: .averted, "\(instance) is not to serve: nothing has to move", &turn)
            } else {
                pursueForPrimary(record, &turn)
            }
        }
    }

    private mutating func pursueForPrimary(_ record: IncidentRecord, _ turn: inout Turn) {
        let incident = record.incident
        guard incident.isUrgent(at: turn.now) else { return prepare(for: record, &turn) }
        if let promoting {
            if incident.successor == nil { commit(promoting.instance, to: record.id) }
            return
        }
        let deadline = incident.deadline ?? turn.now + failoverTime
        changeIncident(record.id) { $0.incident.deadline = deadline }
        let isFailing = host(incident.instance)?.fails(at: turn.now) ?? false
        let reason = "\(incident.instance) \(isFailing ? "does not serve" : "goes")"
        if let ready = successor(of: incident.instance, at: turn.now, where: servesOrIsReady) {
            beginHandOver(to: ready, incident: record.id, because: reason, &turn)
        } else if record.lastMoment - turn.now <= Rules.lastChoice,
            let syncing = successor(of: incident.instance, at: turn.now, where: { $0.role == .replica && $0.isFresh })
        {
            beginHandOver(
                to: syncing, incident: record.id, because: "\(reason), and none is readier", &turn)
        } else {
            callBack(for: record, &turn)
            launchSuccessor(for: record, &turn)
        }
    }

    /// Whether a successor that goes itself may be given up: for one that stays, or because the old primary was not told to stop
    /// and serves on. Else it serves until its end, which is longer than nobody does.
    private func isDispensable(at now: Timestamp) -> Bool {
        if successor(of: primary?.instance, at: now, where: servesOrIsReady) != nil { return true }
        guard let primary, !isFenced(primary, at: now), !primary.fails(at: now) else { return false }
        return openDemotion(of: primary.instance).map { $0.attempt == 0 } ?? true
    }

    private mutating func launchSuccessor(for record: IncidentRecord, _ turn: inout Turn) {
        guard !hasReplicaComing(besides: record.incident.instance, at: turn.now),
            !failsElsewhere(than: record, at: turn.now)
        else { return }
        orderInEmergency(.automaticTermination, incident: record.id, &turn)
        allowForLaunch(record.id)
    }

    /// A launch alone takes longer than a ready replica is given for everything: it has until the machine goes.
    private mutating func allowForLaunch(_ id: IncidentID) {
        guard let record = incident(id), record.ordered != nil, !record.isLate else { return }
        changeIncident(id) { $0.incident.deadline = max($0.incident.deadline ?? .earliest, record.lastMoment) }
    }

    /// The machine may go, or goes later: a replica is to be there by then, and not days before.
    private mutating func prepare(for record: IncidentRecord, _ turn: inout Turn) {
        guard promoting == nil, record.incident.preparationDue <= turn.now,
            !hasReplicaComing(besides: record.incident.instance, at: turn.now)
        else { return }
        orderInEmergency(.automaticRebalance, incident: record.id, &turn)
    }

    mutating func orderInEmergency(_ type: ReplicaType, incident: IncidentID, _ turn: inout Turn) {
        guard !isLaunchPutOff(emergencyPause(incident, at: turn.now), incident: incident, &turn) else { return }
        orderReplica(type, incident: incident, &turn)
    }

    /// Whether a replica is there or on its way that could take over. One that fell silent counts for nothing here: it may
    /// be gone, and there is no time to find out. But one that has only not been heard since we were away ourselves will be in a
    /// moment: no machine is launched in its place before it has missed its time. What it lacked when it was heard last may be that
    /// it had just been started itself. One without a token speaks too seldom to be waited for.
    func hasReplicaComing(besides instance: InstanceID, at now: Timestamp) -> Bool {
        let going = announced(at: now)
        return replicas.contains { replica in
            guard replica.status.isActive, let machine = replica.instance else { return replica.status.isActive }
            guard machine != instance, !going.contains(machine), let host = host(machine) else { return false }
            let isAwaited = !host.isTokenless && !host.isSilent && !host.isOffline
            return host.role == .launching || (host.role == .replica && (host.isFresh || isAwaited))
        }
    }

    /// The machines that go.
    package func announced(at now: Timestamp) -> Set<InstanceID> {
        Set(incidents.filter { $0.isOpen && $0.incident.isUrgent(at: now) }.map(\.incident.instance))
    }

    /// Ready, or by its own word serving already, which a record that was restored does not know.
    private func servesOrIsReady(_ host: Host) -> Bool {
        host.isReady || isTakenForReady(host)
            || (host.instance == contestedBy && host.role == .replica && host.presence == .fresh)
    }

    /// The best replica: one that can prove what it says, one that says it serves, one whose own end is not even likely, in another zone, in another pool, then
    /// the one that has been there longest.
    func successor(
        of instance: InstanceID?, at now: Timestamp, where isFit: (Host) -> Bool
    ) -> InstanceID? {
        let leaving = instance.flatMap { host($0) }?.facts
        let going = announced(at: now)
        let doubtful = Set(incidents.filter(\.isOpen).map(\.incident.instance))
        func rank(_ host: Host) -> (Int, Int, Int, Int, Timestamp, InstanceID) {
            (
                host.isTokenless ? 1 : 0, host.instance == contestedBy ? -1 : doubtful.contains(host.instance) ? 1 : 0,
                host.facts.zone == leaving?.zone ? 1 : 0,
                host.facts.pool == leaving?.pool ? 1 : 0, host.roleSince, host.instance
            )
        }
        return hosts.filter { isFit($0) && !going.contains($0.instance) }.min { rank($0) < rank($1) }?.instance
    }

    /// Nobody serves for certain, and no hand-over is under way: whoever is ready takes over.
    mutating func fillVacancy(_ turn: inout Turn) {
        let gone = primary
        let last = gone ?? latest(.zombie) ?? latest(.terminated)
        if let promoting {
            let isTold = promotionIncident.map { !isDrill($0) } ?? false
            // One that was only not heard since our own start has not missed anything.
            let isMissed = promoting.isSilent || promoting.isOffline || promoting.lastHeardAt == nil
            guard gone == nil, !promoting.isFresh, isMissed, !isTold, let last else { return }
            return commit(promoting.instance, to: openSilence(of: last.instance, &turn))
        }
        guard isVacant(at: turn.now) else { return }
        if let ready = successor(of: last?.instance, at: turn.now, where: servesOrIsReady) {
            let incident = last.map { openSilence(of: $0.instance, &turn) }
            beginHandOver(to: ready, incident: incident, because: "nobody serves", &turn)
        } else if let last, !incidents.contains(where: { $0.isOpen && $0.incident.isUrgent(at: turn.now) }) {
            // As long as nobody serves there is an incident that says so.
            openSilence(of: last.instance, &turn)
        }
    }

    private func latest(_ role: Role) -> Host? {
        hosts.filter { $0.role == role }.max { ($0.roleSince, $0.instance) < ($1.roleSince, $1.instance) }
    }

    /// Whether nobody serves for certain.
    func isVacant(at now: Timestamp) -> Bool { primary.map { isFenced($0, at: now) } ?? true }
}

extension Incident {
    /// From when on a replica is to be ready for it.
    var preparationDue: Timestamp {
        guard kind == .maintenance, let interruptionTime else { return detectedAt }
        return interruptionTime - Rules.maintenanceLead - Rules.replicaLaunchTime
    }
}
