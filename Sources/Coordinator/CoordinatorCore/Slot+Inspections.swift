import JSON
import Wire

// EC2's word on a silent host is the evidence that silence is not. Another host of the slot asks for it.
extension Slot {
    /// Has one silent host looked at, the one that serves before the others. One look at a time: the answer to it, or its
    /// end, brings the next. The one that serves waits for no other.
    mutating func examineSilence(_ turn: inout Turn) {
        let looks = commands.filter { $0.state.isOpen }.compactMap(\.order.inspected)
        guard looks.isEmpty || (primary.map { !looks.contains($0.instance) } ?? false) else { return }
        let due = hosts.filter { $0.inspectionDue.map { $0 <= turn.now } ?? false }
        guard let target = due.min(by: { $0.rank < $1.rank }),
            looks.isEmpty || target.role == .primary,
            let witness = witness(besides: target.inspectedBy)
        else { return }
        guard !target.inspections.isSpent else {
            change(target.instance) { $0.inspections.giveUp() }
            return noteGivenUp("EC2 was asked what became of \(target.instance)", instance: target.instance, &turn)
        }
        change(target.instance) { host in
            host.inspectedAt = turn.now
            host.inspectedBy = witness
            if host.countsInspections { host.inspections.note() }
        }
        queue(
            .inspectInstance(target.instance), to: witness, priority: Rules.emergencyPriority,
            life: Rules.inspectionLife, &turn)
    }

    /// The next in turn of those that are heard: one may lack the right to look, and never know.
    private func witness(besides last: InstanceID?) -> InstanceID? {
        let witnesses = hosts.filter { $0.isFresh && $0.canWitness }.sorted { $0.rank < $1.rank }.map(\.instance)
        guard let last, let place = witnesses.firstIndex(of: last) else { return witnesses.first }
        return witnesses[(place + 1) % witnesses.count]
    }

    mutating func followInspection(_ result: CommandResult, _ turn: inout Turn) {
        guard case .inspected(let instances)? = result.facts else { return }
        for found in instances {
            guard let host = host(found.instance), !host.isFresh else { continue }
            switch found.state {
            case .terminated: noteEnd(of: found.instance, "EC2 says terminated", &turn)
            // Not found is what EC2 also says of a machine that it has only just launched.
            case .notFound where turn.now - host.registeredAt > Rules.replicaLaunchTime:
                noteEnd(of: found.instance, "EC2 no longer knows it", &turn)
            case .stopped: proveDead(found.instance, "EC2 says stopped", &turn)
            // Its units may run to the last moment, which only matters where two must never serve.
            case .shuttingDown where settings.handOver == .overlap:
                proveDead(found.instance, "EC2 says shutting-down", &turn)
            case .notFound, .shuttingDown, .pending, .running, .stopping: break
            }
        }
    }

    /// It is gone, and does not come back as a stopped one may.
    private mutating func noteEnd(of instance: InstanceID, _ evidence: String, _ turn: inout Turn) {
        proveDead(instance, evidence, &turn)
        if host(instance)?.role.isReplaced == true { noteTermination(of: instance, by: nil, &turn) }
    }
}

extension Order {
    /// The machine that is looked at.
    var inspected: InstanceID? { if case .inspectInstance(let target) = self { target } else { nil } }
}

extension Host {
    /// Between two looks at it.
    var inspectionPause: Duration {
        let pause = isOffline ? inspections.pause(from: Rules.offlineInspectionPause) : Rules.inspectionPause
        guard role.isReplaced else { return pause }
        guard mayServe, !isProvenDead, let inspectedAt else { return Rules.zombieInspectionPause }
        // Nobody may serve before it has stopped, so its end is worth more than the books; but what EC2 has not said for
        // hours it will not say within the minute.
        let waited = Duration.seconds((inspectedAt - roleSince).components.seconds / 4)
        return min(max(pause, waited), Rules.zombieInspectionPause)
    }

    /// When EC2 is to be asked about it again: never while it is heard, or known to be gone and awaited no more.
    var inspectionDue: Timestamp? {
        guard !isFresh, !inspections.isGivenUp, let inspectedAt,
            role.isReplaced || (role.isInUse && !isProvenDead)
        else { return nil }
        return inspectedAt + inspectionPause
    }

    /// Silence ends with the time-out, and one that was replaced is forgotten after its time: these are bounds of their own.
    fileprivate var countsInspections: Bool { isOffline && !role.isReplaced }

    fileprivate var canWitness: Bool { !isTokenless && (role.isInUse || role == .zombie) }

    /// Lower is looked at first, and asked first.
    fileprivate var rank: (Int, Timestamp, InstanceID) {
        let place: Int =
            switch role {
            case .primary: 0
            case .promoting: 1
            case .zombie where mayServe: 1
            case .replica: 2
            case .zombie, .launching, .terminating, .terminated: 3
            }
        return (place, inspectedAt ?? roleSince, instance)
    }
}

extension Role {
    /// Was replaced or is no longer wanted, and may still run.
    var isReplaced: Bool { self == .zombie || self == .terminating }
}
