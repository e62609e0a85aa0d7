// How each begins, and which workers it has.
extension OldAgent {
    mutating func start(_ cloud: inout Cloud) {
        detectMode(cloud)
        guard !environment.token.isEmpty else { return crash() }
        if build.isFive, let stored = storedID { reconnect(as: stored) } else { register(cloud) }
    }

    private mutating func register(_ cloud: Cloud) {
        call("POST", "/api/agents/register", registration(cloud)) { agent, _, reply in
            guard let reply = reply.judged else { return agent.crash() }
            if let id = reply["agent_id"]?.text {
                agent.agentID = id
            } else if agent.build != .runbook {
                // A key that is missing is an exception; only the runbook build goes on, as `None`.
                return agent.crash()
            }
            agent.take(configuration: reply["config"])
            if agent.life != .ended { agent.begin() }
        }
    }

    /// Absent is fine, null is not.
    private mutating func take(configuration: OldValue?) {
        guard let configuration else { return }
        guard case .object = configuration else { return crash() }
        isEnabled = configuration["enabled"]?.isTrue ?? true
    }

    private mutating func reconnect(as stored: String) {
        agentID = stored
        let body: OldValue = [
            "status": "online", "inventory_snapshot": [:], "health_metrics": health, "reconnect": true,
        ]
        call("POST", path("heartbeat"), body) { agent, cloud, reply in
            guard reply.judged?.isTrue == true else {
                (agent.agentID, agent.storedID) = (nil, nil)
                return agent.register(cloud)
            }
            agent.begin()
        }
    }

    private mutating func begin() {
        life = .running
        if build.isFive { storedID = agentID }
        for (worker, first) in firstTurns { schedule(worker, in: first) }
    }

    /// The workers, and when each has its first turn, in seconds.
    private var firstTurns: [(Worker, Int)] {
        switch build {
        case .v3: [(.heartbeat, 0), (.configuration, 0), (.commands, 0), (.prices, 0)]
        case .early:
            [
                (.heartbeat, 0), (.configuration, 0), (.commands, 0), (.prices, 0), (.notices, 0), (.rebalance, 0),
                (.cleanup, 60),
            ]
        case .sync:
            [
                (.heartbeat, 0), (.configuration, 0), (.commands, 0), (.prices, 0), (.notices, 0), (.rebalance, 0),
                (.cleanup, 60), (.launches, 0), (.removals, 0), (.terminations, 60),
            ]
        case .runbook: [(.heartbeat, 0), (.notices, 0), (.decisions, 60)]
        case .v5, .v5production: [(.heartbeat, 0), (.commands, 0), (.prices, 60), (.notices, 0)]
        }
    }

    mutating func turn(of worker: Worker, _ cloud: inout Cloud) {
        switch worker {
        case .heartbeat: build.isFive ? beatFive(cloud) : beat(cloud)
        case .configuration: refreshConfiguration()
        case .commands: build.isFive ? pollFive() : pollSwitches()
        case .prices: reportPrices(cloud)
        case .notices: build.isFive ? watchFive(cloud) : watchNotices(cloud)
        case .rebalance: watchRebalance(cloud)
        case .cleanup: reportCleanup(cloud)
        case .terminations: pollTerminations()
        case .launches: pollLaunches(&cloud)
        case .removals: pollRemovals()
        case .decisions: askForDecision(cloud)
        }
    }

    // MARK: Who it is

    /// By metadata and DescribeInstances, which agree here.
    mutating func detectMode(_ cloud: Cloud) {
        guard !build.isFive, let machine = machine(cloud) else { return }
        mode = machine.isSpot ? "spot" : "ondemand"
    }

    private func registration(_ cloud: Cloud) -> OldValue {
        let zone = machine(cloud)?.zone ?? "unknown"
        var fields: [String: OldValue] = [
            "logical_agent_id": .text(logicalID), "instance_id": .text(instance), "instance_type": .text(cloud.type),
            "region": .text(environment.region), "az": .text(zone),
            "ami_id": .text(machine(cloud)?.image ?? "unknown"), "hostname": "ip-10-0-0-7",
            "agent_version": .text(build.version),
        ]
        if build.switches { fields["client_token"] = .text(environment.token) }
        if build != .v3 { fields["mode"] = .text(mode) }
        if build.isFour || build == .runbook {
            (fields["private_ip"], fields["public_ip"]) = ("10.0.0.7", OldValue.none)
        }
        if build.isFive { (fields["cloud_account"], fields["project_id"]) = ("", "default") }
        return .object(fields)
    }

    // MARK: Heartbeat and configuration of those before v5

    private mutating func beat(_ cloud: Cloud) {
        detectMode(cloud)
        var fields: [String: OldValue] = ["status": isEnabled ? "online" : "disabled"]
        if build != .runbook { fields["monitored_instances"] = [.text(instance)] }
        if build.isFour {
            fields["instance_id"] = .text(instance)
            fields["instance_type"] = .text(cloud.type)
            fields["mode"] = .text(mode)
            fields["az"] = OldValue(machine(cloud)?.zone)
        }
        // The answer is not looked at.
        call("POST", path("heartbeat"), .object(fields)) { agent, _, _ in
            if agent.build == .runbook { agent.refreshConfiguration() } else { agent.rest(.heartbeat, 30) }
        }
    }

    private mutating func refreshConfiguration() {
        call("GET", path("config")) { agent, _, reply in
            // Missing is on, null is off, and a failure leaves it as it was.
            if let reply = reply.judged { agent.isEnabled = reply["enabled"]?.isTrue ?? true }
            if agent.build == .runbook { agent.rest(.heartbeat, 30) } else { agent.rest(.configuration, 60) }
        }
    }

    private mutating func askForDecision(_ cloud: Cloud) {
        let zone = machine(cloud)?.zone ?? ""
        let pool: OldValue = [
            "pool_id": .text("\(cloud.type).\(zone)"), "instance_type": .text(cloud.type), "az": .text(zone),
            "price": .real("0.031"), "is_current": true,
        ]
        let body: OldValue = ["spot_pools": [pool], "ondemand_price": .real("0.1"), "current_az": .text(zone)]
        call("POST", path("decide"), body) { agent, _, _ in agent.rest(.decisions, 300) }
    }
}
