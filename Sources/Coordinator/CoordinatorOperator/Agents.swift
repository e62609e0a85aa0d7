import Platform
import Wire

extension Desk {
    func agents() throws {
        let query =
            try filter("client", .client, ClientKind.self) + filter("status", .status, AgentStatus.self)
        try list(
            AgentList.self, .agents, query, none: "no agents",
            [
                Column("AGENT") { $0.id.text },
                Column("NAME", widest: 40) { $0.logicalAgent.text },
                Column("CLIENT", widest: 24) { $0.clientName },
                Column("STATUS") { $0.status.rawValue },
                Column("PRIMARY") { $0.instance?.text },
                Column("ZONE") { $0.zone?.text },
                Column("MODE") { $0.mode?.rawValue },
                Column("HEARD", isNumber: true) { self.age($0.lastHeartbeatAt) },
                Column("HOSTS", isNumber: true) { "\($0.hosts)" },
                Column("READY", isNumber: true) { "\($0.readyReplicas)" },
                Column("INCIDENTS", isNumber: true) { "\($0.openIncidents)" },
                Column("SURVIVES") { $0.survives.map(yesOrNo) },
            ])
    }

    func instances() throws {
        let query =
            try filter("client", .client, ClientKind.self) + filter("role", .role, Role.self, or: ["active"])
            + filter("mode", .mode, Mode.self)
        try list(InstanceList.self, .instances, query, none: "no instances", instanceColumns(withAgent: true))
    }

    func instanceColumns(withAgent: Bool) -> [Column<InstanceSummary>] {
        let agent: [Column<InstanceSummary>] = [
            Column("AGENT") { $0.slot.text }, Column("NAME", widest: 40) { $0.logicalAgent.text },
        ]
        return [Column("INSTANCE") { $0.instance.text }] + (withAgent ? agent : []) + [
            Column("ROLE") { $0.role.rawValue },
            Column("SINCE", isNumber: true) { self.age($0.roleSince) },
            Column("PRESENCE") { $0.presence.rawValue },
            Column("HEARD", isNumber: true) { self.age($0.lastHeartbeatAt) },
            Column("TYPE") { $0.instanceType?.text },
            Column("ZONE") { $0.zone?.text },
            Column("MODE") { $0.mode?.rawValue },
            Column("LACKING") { $0.lacking.map { $0.isEmpty ? "nothing" : $0.joined(separator: "; ") } },
        ]
    }

    func agent() throws {
        let slot: SlotID = try argument(0)
        try show(Question(.agent, slot), as: AgentDetail.self) { detail in
            facts(of: detail)
                + section("Machines", table(detail.hosts, instanceColumns(withAgent: false), none: "none"))
                + section("Replicas", table(detail.replicas, replicaColumns, none: "none"))
                + section("Open commands", table(detail.commands, commandColumns(withAgent: false), none: "none"))
                + section("Incidents", table(detail.incidents, incidentColumns(withAgent: false), none: "none"))
        }
    }

    private func facts(of detail: AgentDetail) -> String {
        let (agent, settings) = (detail.agent, detail.configuration.settings)
        return sheet([
            ("agent", agent.id.text),
            ("name", agent.logicalAgent.text),
            ("client", "\(agent.clientName) (\(agent.client))"),
            ("status", agent.status.rawValue),
            ("primary", agent.instance?.text),
            ("host name", agent.hostname),
            ("place", [agent.instanceType?.text, agent.zone?.text, agent.mode?.rawValue].joinedFacts),
            ("heard", self.age(agent.lastHeartbeatAt).map { "\($0) ago" }),
            ("agent version", agent.version),
            ("created", clockTime(agent.createdAt)),
            ("epoch", agent.epoch.description),
            ("hand-over", "\(settings.handOver.rawValue), within \(settings.failoverDeadlineSeconds)s"),
            ("settings", "version \(detail.configuration.version), see: settings \(agent.id)"),
        ])
    }

    private var replicaColumns: [Column<Replica>] {
        [
            Column("REPLICA") { $0.id.text },
            Column("INSTANCE") { $0.instance?.text },
            Column("STATUS") { $0.status.rawValue },
            Column("WANTED BY") { $0.type.rawValue },
            Column("POOL") { $0.pool?.text },
            Column("CREATED") { clockTime($0.createdAt) },
        ]
    }

    func promote() throws {
        let slot: SlotID = try argument(0)
        let machine = invocation.arguments[1]
        let question: Question
        if let instance = try? InstanceID(machine) {
            question = Question(.promoteInstance, slot, instance, body: Nothing())
        } else if let replica = try? ReplicaID(machine) {
            question = Question(.promoteReplica, slot, replica, body: Nothing())
        } else {
            throw OperatorError(
                .usage, "\(quoted(machine)): expected \(ReplicaKind.expectation) or \(InstanceKind.expectation)")
        }
        try show(question, as: QueuedCommand.self, queued)
    }

    func switchSlot() throws {
        let slot: SlotID = try argument(0)
        guard let wanted = invocation.options["to"] else { throw OperatorError(.usage, "--to is missing") }
        let target: ForceSwitch.Target
        if wanted == Mode.ondemand.rawValue {
            target = .onDemand
        } else if let pool = try? PoolID(wanted) {
            target = .pool(pool)
        } else {
            throw OperatorError(.usage, "--to \(quoted(wanted)): expected ondemand or \(PoolKind.expectation)")
        }
        try show(
            Question(.switchSlot, slot, body: ForceSwitch(target: target)), as: QueuedCommand.self, queued)
    }

    private func queued(_ command: QueuedCommand) -> String {
        let message = command.message.map { ": \(printable($0))" } ?? ""
        return "command \(command.command) is queued\(message)\n"
    }
}

extension [String?] {
    fileprivate var joinedFacts: String? {
        let known = compactMap { $0 }
        return known.isEmpty ? nil : known.joined(separator: ", ")
    }
}
