package import JSON
package import Wire

// Whether the slot would survive an interruption of its primary now. Each reason is for a person who can do something about it.
extension Slot {
    package func readiness(at now: Timestamp) -> SlotReadiness {
        let reasons = doubtsBesidesReplicas(at: now) + doubtsAboutReplicas(at: now)
        var readiness = SlotReadiness(
            slot: id, reasons: Array(reasons.prefix(Limits.reasonsMax)), primary: primary?.instance,
            handOver: settings.handOver, deadlineSeconds: settings.failoverDeadlineSeconds)
        readiness.warnings = warnings(at: now)
        let fit = Set(fitReplicas(at: now).map(\.instance))
        readiness.replicas = standBy.prefix(Limits.reasonsMax).map { host in
            SlotReadiness.Replica(
                instance: host.instance, isReady: fit.contains(host.instance), lacking: host.lacking,
                zone: host.facts.zone, isFresh: host.presence == .fresh)
        }
        return readiness
    }

    /// What stands in the way of a hand-over whoever is heard and however ready the replicas are: so it changes with what is
    /// stored alone.
    package func hindrances(at now: Timestamp) -> [String] {
        var reasons: [String] = []
        if deletedAt != nil { reasons.append("the agent was deleted") }
        if let promoting {
            reasons.append("\(promoting.instance) is taking over just now")
        } else if let primary, announced(at: now).contains(primary.instance) {
            reasons.append("an interruption of \(primary.instance) is under way, and nobody is taking over yet")
        }
        if let contestedBy {
            reasons.append(
                "\(contestedBy) says that it serves, too: promote the one that is to serve, or end the other")
        }
        if let primary, primary.isTokenless {
            reasons.append(
                "\(primary.instance) has no token of its own, so nothing that it does is proven: install the agent there"
            )
        }
        guard settings.handOver == .exclusive else { return reasons }
        for host in unfenced(besides: primary?.instance, at: now) where host.role != .promoting {
            reasons.append("\(host.instance) was replaced and may still serve: nobody takes over before it has stopped")
        }
        let needed = settings.drainBudgetSeconds + Int(Rules.exclusiveHandOver.components.seconds)
        if settings.failoverDeadlineSeconds < needed {
            reasons.append(
                "failover_deadline_seconds \(settings.failoverDeadlineSeconds) is too short: an exclusive hand-over takes up "
                    + "to \(needed), of which drain_budget_seconds are \(settings.drainBudgetSeconds)")
        }
        return reasons
    }

    /// Why not, replicas aside.
    func doubtsBesidesReplicas(at now: Timestamp) -> [String] { hindrances(at: now) + doubtsAboutPrimary }

    private var doubtsAboutPrimary: [String] {
        guard let primary else { return promoting == nil ? ["nobody serves"] : [] }
        if !primary.isFresh { return ["the primary \(primary.instance) is not heard"] }
        var doubts: [String] = []
        if primary.failingSince != nil {
            let lacking = (primary.lacking ?? []).joined(separator: ", ")
            doubts.append("the primary \(primary.instance) does not serve: \(lacking)")
        }
        if primary.isBlind {
            doubts.append("the primary \(primary.instance) cannot see its metadata service, and so no notice")
        }
        return doubts
    }

    /// Machines that stand by, or are to.
    private var standBy: [Host] { hosts.filter { $0.role == .replica || $0.role == .launching } }

    /// Those that could take over now.
    func fitReplicas(at now: Timestamp) -> [Host] {
        let going = announced(at: now)
        return hosts.filter { $0.isReady && !going.contains($0.instance) }
    }

    private func doubtsAboutReplicas(at now: Timestamp) -> [String] {
        guard fitReplicas(at: now).isEmpty else { return [] }
        let orders = activeReplicas.filter { $0.instance == nil }.map { "replica \($0.id) is being launched" }
        let doubts = standBy.map(\.doubt) + orders
        return doubts.isEmpty ? ["it has no replica"] : doubts
    }

    private func warnings(at now: Timestamp) -> [String] {
        let fit = fitReplicas(at: now)
        guard !fit.isEmpty, let primary else { return [] }
        var warnings: [String] = []
        if let pool = primary.facts.pool, fit.allSatisfy({ $0.facts.pool == pool }) {
            warnings.append("every ready replica is in the zone and pool of the primary, \(pool): they may go together")
        }
        let doubtful = Set(incidents.filter(\.isOpen).map(\.incident.instance))
        if fit.allSatisfy({ doubtful.contains($0.instance) }) {
            warnings.append("every ready replica may be taken back soon itself")
        }
        return warnings
    }
}

extension SlotReadiness {
    /// As it stands in a list: the first few of everything, which is all in nearly every case.
    package var inShort: SlotReadiness {
        var short = self
        short.reasons = Array(reasons.prefix(Rules.replicasMax))
        short.replicas = replicas.prefix(Rules.replicasMax).map { replica in
            var replica = replica
            replica.lacking = nil
            return replica
        }
        return short
    }
}

extension Host {
    /// Why it could not take over now.
    fileprivate var doubt: String {
        if role == .launching { return "replica \(instance) was launched and is not heard yet" }
        guard presence == .fresh else { return "replica \(instance) is not heard" }
        guard let lacking else { return "replica \(instance) has not said yet what it lacks" }
        // One that lacks nothing is passed over only because it goes itself.
        return lacking.isEmpty
            ? "replica \(instance) is going away itself"
            : "replica \(instance) lacks " + lacking.joined(separator: ", ")
    }
}
