// The dialect of switches: v3.2, v4-early and v4-sync.
extension OldAgent {
    mutating func pollSwitches() {
        guard isEnabled else { return rest(.commands, 15) }
        call("GET", path("pending-commands")) { agent, cloud, reply in
            guard let reply = reply.judged else { return agent.rest(.commands, 15) }
            agent.obeyFirst(of: Self.commands(in: reply), &cloud)
        }
    }

    /// A bare list, or the first of three keys that holds one.
    private static func commands(in reply: OldValue) -> [OldValue] {
        if let list = reply.list { return list }
        for key in ["commands", "pending_commands", "data"] {
            if let value = reply[key] { return value.list ?? [] }
        }
        return []
    }

    /// Only the first that it can use; it does not know any again.
    private mutating func obeyFirst(of commands: [OldValue], _ cloud: inout Cloud) {
        for command in commands {
            guard let id = command["id"]?.text else { continue }
            if build == .sync, command["command_type"]?.text == "create_replica" {
                return createReplica(command, id, &cloud)
            }
            if let target = command["target_mode"]?.text { return switchTo(target, command, id, &cloud) }
            // v3.2 says that it is done; the others pass over it, for ever.
            if build == .v3 { return acknowledge(id, success: true) }
        }
        rest(.commands, 15)
    }

    private struct Switch: Sendable {
        let id: String
        let target: String
        let pool: String?
        let priority: OldValue?
        /// To wait before the old machine is ended; nil: it stays.
        let wait: Int?
        var image = ""
        var newInstance = ""
    }

    private mutating func switchTo(_ target: String, _ command: OldValue, _ id: String, _ cloud: inout Cloud) {
        var order = Switch(
            id: id, target: target, pool: command["target_pool_id"]?.text, priority: command["priority"],
            wait: wait(of: command))
        // Null is compared with a number before anything is done: an exception, no word, and the same at the next poll.
        if build == .sync, let wait = command["terminate_wait_seconds"], wait.int == nil { return rest(.commands, 15) }
        order.image = machine(cloud)?.image ?? ""
        guard build == .early, environment.makesImage else { return launch(order, &cloud) }
        order.image = cloud.makeImage(build, environment, storedID: storedID, at: now)
        awaitImage(order, tries: 40)
    }

    private func wait(of command: OldValue) -> Int? {
        guard build == .sync else { return environment.autoTerminates ? environment.terminateWait : nil }
        let wait = command["terminate_wait_seconds"]?.int ?? 0
        return wait > 0 ? wait : nil
    }

    private mutating func awaitImage(_ order: Switch, tries: Int) {
        sleep(.seconds(15)) { agent, cloud in
            if cloud.isAvailable(order.image, at: agent.now) || tries <= 1 { return agent.launch(order, &cloud) }
            agent.awaitImage(order, tries: tries - 1)
        }
    }

    private mutating func launch(_ order: Switch, _ cloud: inout Cloud) {
        var order = order
        // Spot without a pool is launched on demand, and reported as spot all the same.
        let isSpot = order.target == "spot" && order.pool != nil
        let zone = order.pool.flatMap { $0.split(separator: ".").last.map(String.init) } ?? machine(cloud)?.zone ?? ""
        let tags = build == .v3 ? [:] : ["ManagedBy": "SpotOptimizer", "LogicalAgentId": environment.logicalID]
        guard let new = cloud.launch(image: order.image, zone: zone, spot: isSpot, tags: tags, at: now) else {
            return acknowledge(order.id, success: false)
        }
        order.newInstance = new
        let launched = order
        awaitRunning(new, step: 10, tries: 30) { agent, cloud, isRunning in
            guard isRunning else {
                cloud.terminate(new, at: agent.now)
                return agent.acknowledge(launched.id, success: false)
            }
            agent.sleep(.seconds(2)) { agent, cloud in agent.endOld(launched, cloud) }
        }
    }

    private mutating func endOld(_ order: Switch, _ cloud: Cloud) {
        guard let wait = order.wait else { return report(order, ended: false, cloud) }
        sleep(.seconds(wait)) { agent, cloud in
            // This ends its own machine; as a rule nothing below is reached.
            let isEnded = cloud.terminate(agent.instance, at: agent.now)
            agent.sleep(.seconds(15)) { agent, cloud in agent.report(order, ended: isEnded, cloud) }
        }
    }

    private mutating func report(_ order: Switch, ended: Bool, _ cloud: Cloud) {
        // Compared with 50: not a number is an exception, after all was done.
        guard let priority = order.priority?.int else { return acknowledge(order.id, success: false) }
        func side(_ id: String, _ mode: String) -> OldValue {
            let zone = cloud.machine(id)?.zone ?? ""
            return [
                "instance_id": .text(id), "instance_type": .text(cloud.type), "region": .text(environment.region),
                "az": .text(zone), "ami_id": .text(order.image), "mode": .text(mode),
                "pool_id": mode == "spot" ? .text("\(cloud.type).\(zone)") : .none,
            ]
        }
        let time = OldValue.text(clock)
        let body: OldValue = [
            "old_instance": side(instance, mode), "new_instance": side(order.newInstance, order.target),
            "snapshot": build == .early && environment.makesImage
                ? ["used": true, "ami_id": .text(order.image), "ami_name": "SpotOptimizer"] : ["used": false],
            "prices": ["on_demand": .real("0.1"), "new_spot": .real("0.031")],
            "timing": [
                "switch_initiated_at": time, "new_instance_ready_at": time, "traffic_switched_at": time,
                "old_instance_terminated_at": ended ? time : .none,
            ],
            "trigger": priority >= 50 ? "manual" : "model",
        ]
        let ends = order.wait != nil
        call("POST", path("switch-report"), body) { agent, _, _ in
            agent.acknowledge(order.id, success: true, thenEnds: ends)
        }
    }

    private mutating func acknowledge(_ command: String, success: Bool, thenEnds: Bool = false) {
        let done: Answered = { agent, _, _ in
            if thenEnds { agent.life = .ended } else { agent.rest(.commands, 15) }
        }
        if build == .v3 {
            call("POST", path("mark-command-executed"), ["command_id": .text(command)], done)
        } else {
            let message: OldValue = success ? "Switch completed" : "Switch failed"
            call(
                "POST", path("commands/\(command)/executed"), ["success": .bool(success), "message": message], done)
        }
    }

    /// Asks every `step` seconds; false when it does not come to run.
    mutating func awaitRunning(
        _ id: String, step: Int, tries: Int,
        _ then: @escaping @Sendable (inout OldAgent, inout Cloud, Bool) -> Void
    ) {
        sleep(.seconds(step)) { agent, cloud in
            if cloud.state(of: id, at: agent.now) == .running { return then(&agent, &cloud, true) }
            if tries <= 1 { return then(&agent, &cloud, false) }
            agent.awaitRunning(id, step: step, tries: tries - 1, then)
        }
    }

    // MARK: Replicas by command

    private mutating func createReplica(_ command: OldValue, _ id: String, _ cloud: inout Cloud) {
        let pool = command["target_pool_id"]?.text
        let zone = pool.flatMap { $0.split(separator: ".").last.map(String.init) } ?? machine(cloud)?.zone ?? ""
        let image = machine(cloud)?.image ?? ""
        let tags = ["ManagedBy": "SpotOptimizer", "ParentInstance": instance]
        guard let new = cloud.launch(image: image, zone: zone, spot: true, tags: tags, at: now) else {
            return finishReplica(id, nil)
        }
        awaitRunning(new, step: 10, tries: 30) { agent, cloud, _ in
            let body: OldValue = [
                "instance_id": .text(new), "replica_type": "manual", "parent_instance_id": .text(agent.instance),
                "pool_id": OldValue(pool), "status": "launching",
            ]
            agent.call("POST", agent.path("replicas"), body) { agent, _, reply in
                guard let replica = reply.judged?["replica_id"]?.text else { return agent.finishReplica(id, nil) }
                agent.sync(replica, for: id)
            }
        }
    }

    private mutating func sync(_ replica: String, for command: String) {
        let path = path("replicas/\(replica)/status")
        call("POST", path, ["status": "syncing", "sync_started_at": .text(clock)]) { agent, _, _ in
            agent.sleep(.seconds(15)) { agent, _ in
                let body: OldValue = ["status": "ready", "sync_completed_at": .text(agent.clock)]
                agent.call("POST", path, body) { agent, _, _ in agent.finishReplica(command, replica) }
            }
        }
    }

    private mutating func finishReplica(_ command: String, _ replica: String?) {
        let message = replica.map { "Replica created: \($0)" } ?? "Replica creation failed"
        let body: OldValue = ["success": .bool(replica != nil), "message": .text(message)]
        call("POST", path("commands/\(command)/executed"), body) { agent, _, _ in agent.rest(.commands, 15) }
    }
}
