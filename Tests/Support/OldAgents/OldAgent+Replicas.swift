// What v4-sync polls for beside commands: machines to launch and to end.
extension OldAgent {
    // MARK: Replicas to launch

    mutating func pollLaunches(_ cloud: inout Cloud) {
        call("GET", path("replicas?status=launching")) { agent, cloud, reply in
            let entries = reply.judged.map { $0.list ?? $0["replicas"]?.list ?? [] } ?? []
            agent.launchNext(of: entries[...], &cloud)
        }
    }

    /// Every entry, at every poll, whether it has a machine already or not.
    private mutating func launchNext(of entries: ArraySlice<OldValue>, _ cloud: inout Cloud) {
        var rest = entries
        guard let entry = rest.popFirst() else { return self.rest(.launches, 30) }
        // A number is no text that can be cut: it is told as failed, by whatever it is called.
        if let number = entry["id"]?.int { return fail("\(number)", "id is not a text", then: rest) }
        let zone = entry["az"]?.text ?? entry["pool"]?["az"]?.text
        let pool = entry["pool_id"]?.text ?? entry["pool"]?["id"]?.text
        guard let id = entry["id"]?.text, let zone, pool != nil else { return launchNext(of: rest, &cloud) }
        let tags = ["ReplicaId": id, "ParentInstance": instance]
        guard let image = machine(cloud)?.image,
            let new = cloud.launch(image: image, zone: zone, spot: true, tags: tags, at: now)
        else { return fail(id, "launch failed", then: rest) }
        let left = rest
        let body: OldValue = ["instance_id": .text(new), "status": "syncing"]
        call("PUT", path("replicas/\(id)"), body) { agent, _, reply in
            // Nothing more is done about the machine: it runs on.
            guard reply.judged != nil else { return agent.fail(id, "update failed", then: left) }
            agent.awaitRunning(new, step: 15, tries: 40) { agent, _, _ in
                let ready: OldValue = ["status": "ready", "sync_completed_at": .text(agent.clock)]
                agent.call("POST", agent.path("replicas/\(id)/status"), ready) { agent, cloud, _ in
                    agent.launchNext(of: left, &cloud)
                }
            }
        }
    }

    private mutating func fail(_ replica: String, _ reason: String, then rest: ArraySlice<OldValue>) {
        let body: OldValue = ["status": "failed", "error_message": .text(reason)]
        call("POST", path("replicas/\(replica)/status"), body) { agent, cloud, _ in
            agent.launchNext(of: rest, &cloud)
        }
    }

    // MARK: Replicas to end

    mutating func pollRemovals() {
        call("GET", path("replicas?status=terminated")) { agent, cloud, reply in
            let entries = reply.judged.map { $0.list ?? $0["replicas"]?.list ?? [] } ?? []
            agent.removeNext(of: entries[...], &cloud)
        }
    }

    private mutating func removeNext(of entries: ArraySlice<OldValue>, _ cloud: inout Cloud) {
        var rest = entries
        guard let entry = rest.popFirst() else { return self.rest(.removals, 30) }
        guard let id = entry["id"]?.text, let target = entry["instance_id"]?.text,
            !target.hasPrefix("manual-"), !target.hasPrefix("replica-"),
            // Remembered before it is tried: once in the life of the process.
            removedOnce.insert(id).inserted
        else { return removeNext(of: rest, &cloud) }
        guard cloud.state(of: target, at: now) == nil || cloud.terminate(target, at: now) else {
            return removeNext(of: rest, &cloud)
        }
        let left = rest
        let body: OldValue = ["status": "terminated", "is_active": false, "terminated_at": .text(clock)]
        call("POST", path("replicas/\(id)/status"), body) { agent, cloud, _ in agent.removeNext(of: left, &cloud) }
    }

    // MARK: Machines that were replaced

    mutating func pollTerminations() {
        call("GET", path("instances-to-terminate")) { agent, cloud, reply in
            let list = reply.judged?["instances"]?.list ?? []
            let isOn = reply.judged?["auto_terminate_enabled"]?.isTrue ?? false
            agent.terminateNext(of: isOn ? list[...] : [], &cloud)
        }
    }

    private mutating func terminateNext(of entries: ArraySlice<OldValue>, _ cloud: inout Cloud) {
        var rest = entries
        guard let entry = rest.popFirst() else { return self.rest(.terminations, 60) }
        guard let target = entry["instance_id"]?.text else { return terminateNext(of: rest, &cloud) }
        let isPlaceholder = !target.hasPrefix("i-")
        let isGone = cloud.state(of: target, at: now) == nil && !isPlaceholder
        let done = isGone || (!isPlaceholder && cloud.terminate(target, at: now))
        let left = rest
        let body: OldValue = [
            "instance_id": .text(target), "success": .bool(done),
            "error": done ? .none : "Insufficient IAM permissions", "terminated_at": done ? .text(clock) : .none,
        ]
        call("POST", path("termination-report"), body) { agent, cloud, _ in agent.terminateNext(of: left, &cloud) }
    }
}
