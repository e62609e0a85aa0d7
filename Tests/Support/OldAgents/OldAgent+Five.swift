// Both v5 builds.
extension OldAgent {
    // MARK: Heartbeat

    mutating func beatFive(_ cloud: Cloud) {
        // While a command runs it says nothing.
        guard readiness == .ready else { return rest(.heartbeat, 30) }
        let inventory = cloud.running(at: now).map { machine -> OldValue in
            let pool: OldValue = machine.isSpot ? .text("\(cloud.type).\(machine.zone)") : .none
            return [
                "instance_id": .text(machine.id), "state": "running", "az": .text(machine.zone),
                "instance_type": .text(cloud.type), "pool": pool,
                "tags": .object(machine.tags.mapValues { .text($0) }),
            ]
        }
        let body: OldValue = [
            "status": "online", "health_metrics": health, "reconnect": false,
            "inventory_snapshot": ["instances": .list(inventory), "count": .int(inventory.count)],
        ]
        call("POST", path("heartbeat"), body) { agent, _, reply in
            // An empty object, an error, a time-out: offline, and nothing but a restart brings it back.
            guard reply.judged?.isTrue == true else {
                agent.readiness = .offline
                return agent.judge(reply) { agent, _ in agent.rest(.heartbeat, 30) }
            }
            agent.judge(reply) { agent, _ in agent.rest(.heartbeat, 30) }
        }
    }

    var health: OldValue {
        ["uptime": .int(Int((now - startedAt).components.seconds)), "cpu_percent": 0, "memory_percent": 0]
    }

    var shutdownBody: OldValue {
        [
            "cloud_instance_id": .text(instance), "timestamp": .text(clock),
            "metadata": [
                "uptime": .int(Int((now - startedAt).components.seconds)), "final_state": "SHUTDOWN",
            ],
        ]
    }

    /// A failure costs the worker a pause that doubles, up to five minutes; any success ends that.
    mutating func judge(_ reply: OldReply, _ then: @escaping Woken) {
        guard build.isFive, reply.judged == nil else {
            failures = 0
            return sleep(.zero, then)
        }
        failures = min(failures + 1, 9)
        sleep(.seconds(min(1 << failures, 300)), then)
    }

    // MARK: Commands

    mutating func pollFive() {
        guard readiness == .ready else { return rest(.commands, 5) }
        call("GET", path("commands/pending")) { agent, _, reply in
            // A bare list is none.
            let commands = reply.judged?["commands"]?.list ?? []
            agent.judge(reply) { agent, cloud in agent.obeyNext(of: commands[...], &cloud) }
        }
    }

    private mutating func obeyNext(of commands: ArraySlice<OldValue>, _ cloud: inout Cloud) {
        var left = commands
        guard let command = left.popFirst() else { return rest(.commands, 5) }
        let rest = left
        let request = command["request_id"]?.text ?? ""
        if let known = results[request] { return tell(known, request, then: rest) }
        readiness = .executing
        // Null parameters are an exception, in the middle of it: it stays so for ever.
        if let params = command["params"], params == .none { return }
        if build == .v5production, let metadata = command["metadata"], metadata == .none { return }
        obey(command, request, then: rest, &cloud)
    }

    private mutating func obey(
        _ command: OldValue, _ request: String, then rest: ArraySlice<OldValue>, _ cloud: inout Cloud
    ) {
        var params = fields(of: command["params"])
        if build == .v5production { params.merge(fields(of: command["metadata"])) { $1 } }
        switch command["command_type"]?.text {
        case "LAUNCH_INSTANCE": launchFive(command, params, request, then: rest, &cloud)
        case "TERMINATE_INSTANCE": terminateFive(params, request, then: rest, &cloud)
        case "PROMOTE_REPLICA_TO_PRIMARY":
            if let new = params["replica_instance_id"]?.text { cloud.tag(new, "Role", "primary") }
            if let old = params["old_primary_id"]?.text {
                cloud.tag(old, "Role", build == .v5 ? "terminated" : "zombie")
            }
            finish(request, nil, then: rest)
        case "APPLY_CONFIG": finish(request, nil, then: rest)
        case "SELF_DESTRUCT":
            finish(request, nil, then: [])
            sleep(.zero) { agent, _ in agent.life = .ended }
        case let other: finish(request, nil, failing: "Unknown command type: \(other ?? "None")", then: rest)
        }
    }

    private func fields(of value: OldValue?) -> [String: OldValue] {
        if case .object(let fields) = value { fields } else { [:] }
    }

    private mutating func launchFive(
        _ command: OldValue, _ params: [String: OldValue], _ request: String, then rest: ArraySlice<OldValue>,
        _ cloud: inout Cloud
    ) {
        // A text is searched in it: absent is an exception in 5.0.0, and it stays executing.
        guard let pool = params["target_pool"]?.text ?? (build == .v5production ? "" : nil) else { return }
        let own = machine(cloud)
        let zone = params["az"]?.text ?? own?.zone ?? ""
        let image = params["ami_id"]?.text ?? (build == .v5production ? own?.image : nil)
        let role = params["role_hint"]?.text ?? "replica"
        // 5.0.1 names its own subnet, which is in its own zone; 5.0.0 has no image of its own.
        let fits = build == .v5 || zone == own?.zone
        guard fits, let image, cloud.hasImage(image),
            let new = cloud.launch(
                image: image, zone: zone, spot: pool.lowercased().contains("spot"), tags: ["Role": role], at: now)
        else { return finish(request, nil, failing: "launch refused", then: rest) }
        guard build == .v5production else { return finish(request, new, then: rest) }
        let temporary = command["instance_id"]?.text
        awaitRunning(new, step: 5, tries: 60) { agent, cloud, isRunning in
            guard isRunning, let temporary else { return agent.finish(request, new, then: rest) }
            let body: OldValue = [
                "temp_instance_id": .text(temporary), "instance_id": .text(new), "instance_type": .text(cloud.type),
                "az": .text(zone), "request_id": .text(request), "confirmed_at": .text(agent.clock),
            ]
            agent.call("POST", agent.path("instance-launched"), body) { agent, _, _ in
                agent.finish(request, new, then: rest)
            }
        }
    }

    private mutating func terminateFive(
        _ params: [String: OldValue], _ request: String, then rest: ArraySlice<OldValue>, _ cloud: inout Cloud
    ) {
        guard let target = params["instance_id"]?.text, cloud.terminate(target, at: now) else {
            return finish(request, nil, failing: "terminate refused", then: rest)
        }
        guard build == .v5production else { return finish(request, target, then: rest) }
        sleep(.seconds(30)) { agent, _ in
            let body: OldValue = [
                "instance_id": .text(target), "request_id": .text(request), "confirmed_at": .text(agent.clock),
            ]
            agent.call("POST", agent.path("instance-terminated"), body) { agent, _, _ in
                agent.finish(request, target, then: rest)
            }
        }
    }

    private mutating func finish(
        _ request: String, _ made: String?, failing reason: String? = nil, then rest: ArraySlice<OldValue>
    ) {
        // Also out of OFFLINE, when it became that meanwhile.
        readiness = .ready
        let result: OldValue = [
            "request_id": .text(request), "agent_id": OldValue(agentID),
            "result": reason == nil ? "SUCCESS" : "FAILURE", "cloud_instance_id": OldValue(made),
            "error_message": OldValue(reason), "metadata": [:],
        ]
        results[request] = result
        tell(result, request, then: rest)
    }

    private mutating func tell(_ result: OldValue, _ request: String, then rest: ArraySlice<OldValue>) {
        call("POST", path("action-result"), result) { agent, _, reply in
            agent.judge(reply) { agent, cloud in agent.obeyNext(of: rest, &cloud) }
        }
    }

    // MARK: Notices

    mutating func watchFive(_ cloud: Cloud) {
        guard readiness == .ready, let notice = machine(cloud)?.notice else { return rest(.notices, 10) }
        let isEnd = notice.action == "terminate"
        let body: OldValue =
            isEnd
            ? [
                "cloud_instance_id": .text(instance), "notice_type": "TERMINATION",
                "termination_time": .text(notice.time),
            ]
            : ["cloud_instance_id": .text(instance), "notice_type": "REBALANCE", "notice_time": .text(notice.time)]
        call("POST", path(isEnd ? "termination-report" : "rebalance-recommendation"), body) { agent, _, reply in
            agent.judge(reply) { agent, _ in agent.rest(.notices, 10) }
        }
    }
}
