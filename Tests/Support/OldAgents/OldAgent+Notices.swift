// What AWS announces, and what those before v5 make of it.
extension OldAgent {
    mutating func watchNotices(_ cloud: Cloud) {
        if build != .runbook { detectMode(cloud) }
        let period = build == .runbook ? 10 : 5
        // Only on spot; the runbook build goes by what it found at its start.
        guard mode == "spot", let notice = machine(cloud)?.notice else { return rest(.notices, period) }
        switch build {
        case .early: announce(notice.time, period)
        case .sync:
            guard !announcedOnce else { return rest(.notices, period) }
            announcedOnce = true
            askForReplica("termination-notice", notice.time) { agent, _, _ in agent.announce(notice.time, period) }
        default: announceByRebalance(notice, period)
        }
    }

    private mutating func announce(_ time: String, _ period: Int) {
        let body: OldValue = [
            "instance_id": .text(instance), "termination_time": .text(time), "detected_at": .text(clock),
        ]
        call("POST", path("termination-imminent"), body) { agent, cloud, reply in
            let reply = reply.judged
            if agent.build == .sync {
                // It believes that it has been replaced, and ends; systemd starts it again on the dying machine.
                if reply?["success"]?.isTrue == true { return agent.life = .ended }
                return agent.rest(.notices, period)
            }
            guard reply?["create_emergency_replica"]?.isTrue == true else { return agent.rest(.notices, period) }
            agent.launchEmergencyReplica(period, &cloud)
        }
    }

    /// One for each reply that asks for it.
    private mutating func launchEmergencyReplica(_ period: Int, _ cloud: inout Cloud) {
        guard let machine = machine(cloud),
            let new = cloud.launch(
                image: machine.image, zone: machine.zone, spot: true,
                tags: ["ManagedBy": "SpotOptimizer", "ParentInstance": instance], at: now)
        else { return rest(.notices, period) }
        let pool = "\(cloud.type).\(machine.zone)"
        awaitRunning(new, step: 15, tries: 40) { agent, _, _ in
            let body: OldValue = [
                "instance_id": .text(new), "replica_type": "emergency", "parent_instance_id": .text(agent.instance),
                "pool_id": .text(pool), "status": "ready",
            ]
            agent.call("POST", agent.path("replicas"), body) { agent, _, _ in agent.rest(.notices, period) }
        }
    }

    private mutating func askForReplica(_ signal: String, _ time: String?, _ then: @escaping Answered) {
        var body: [String: OldValue] = ["signal_type": .text(signal), "instance_id": .text(instance)]
        if let time { body["termination_time"] = .text(time) }
        call("POST", path("create-emergency-replica"), .object(body), then)
    }

    /// The runbook build's way to say both, at every pass. The id of the request stays for all that follow.
    private mutating func announceByRebalance(_ notice: (action: String, time: String), _ period: Int) {
        uuids += 1
        requestID = "\(instance)-\(uuids)"
        var body: [String: OldValue] = ["notice_time": .text(notice.time)]
        if notice.action == "terminate" { body["immediate"] = true }
        call("POST", path("rebalance-recommendation"), .object(body)) { agent, _, _ in
            agent.call("GET", agent.path("emergency-status")) { agent, _, _ in agent.rest(.notices, period) }
        }
    }

    mutating func watchRebalance(_ cloud: Cloud) {
        detectMode(cloud)
        guard mode == "spot", machine(cloud)?.isRebalanced == true else {
            rebalanceTold = false
            return rest(.rebalance, 30)
        }
        guard build == .sync else { return tellRebalance() }
        guard !rebalanceTold else { return rest(.rebalance, 30) }
        rebalanceTold = true
        askForReplica("rebalance-recommendation", nil) { agent, _, _ in agent.tellRebalance() }
    }

    private mutating func tellRebalance() {
        let body: OldValue = ["instance_id": .text(instance), "detected_at": .text(clock)]
        // `action` is written into its log, and that is all.
        call("POST", path("rebalance-recommendation"), body) { agent, _, _ in agent.rest(.rebalance, 30) }
    }
}
