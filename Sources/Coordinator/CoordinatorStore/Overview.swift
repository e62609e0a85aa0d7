import CoordinatorCore
import JSON
import SQLite
package import Wire

// What an operator looks at. Whether a host is heard is not stored: the caller knows, and says it of each.

/// Which agents of all.
package struct AgentFilter: Sendable {
    package var client: ClientID?
    /// Without one, those that have not ended.
    package var status: AgentStatus?
    /// A part of a name: the agent's, its client's, its primary's.
    package var search: String?
    package init() {}
}

/// Which machines of all.
package struct InstanceFilter: Sendable {
    package var client: ClientID?
    package var role: Role?
    package var isTerminated: Bool?
    package var mode: Mode?
    /// A part of a name: the machine's, its agent's, its client's.
    package var search: String?
    package init() {}
}

extension StoreReader {
    /// By client and name.
    package borrowing func agents(
        _ filter: AgentFilter = AgentFilter(), after cursor: EventCursor? = nil, limit: Int = Limits.overviewMax,
        isFresh: (SlotID, InstanceID) -> Bool
    ) throws(StoreError) -> AgentList {
        let limit = bounded(limit, Limits.overviewMax)
        return try attempt("list agents") { transaction in
            let start = try cursor.map { try place(of: $0, transaction) }
            var agents: [AgentSummary] = []
            var isMore = false
            try transaction.walk(
                """
                SELECT * FROM agent
                WHERE (?1 IS NULL OR client_id = ?1) AND (deleted_at IS NOT NULL) = ?2
                    AND (?3 IS NULL OR instr(lower(logical_agent_id), ?3) OR instr(lower(client_name), ?3)
                        OR instr(id, ?3) OR instr(instance_id, ?3) OR instr(lower(hostname), ?3))
                    AND client_name >= coalesce(?4, '')
                    AND (?4 IS NULL OR (client_name, logical_agent_id, id) > (?4, ?5, ?6))
                ORDER BY client_name, logical_agent_id, id
                """, filter.client, filter.status == .deleted, filter.search?.lowercased(), start?.client, start?.name,
                start?.id
            ) { row in
                let found = try reading("slot", row) { row in try status(row, isFresh) }
                guard filter.status == nil || filter.status == found else { return true }
                isMore = agents.count == limit
                if !isMore { agents.append(try reading("slot", row) { row in try AgentSummary(row, found) }) }
                return !isMore
            }
            for index in agents.indices { try count(&agents[index], transaction) }
            return AgentList(agents: agents, next: isMore ? agents.last.map { EventCursor(.agents, $0.id) } : nil)
        }
    }

    /// The newest first.
    package borrowing func instances(
        _ filter: InstanceFilter = InstanceFilter(), after cursor: EventCursor? = nil, limit: Int = Limits.overviewMax,
        isFresh: (SlotID, InstanceID) -> Bool
    ) throws(StoreError) -> InstanceList {
        let limit = bounded(limit, Limits.overviewMax)
        var start = Int64.max
        if let cursor {
            guard let number = Int64(try cursor.place(in: .instances)) else { throw cursor.notOurs }
            start = number
        }
        return try attempt("list instances") { transaction in
            let ofAll: StaticString = """
                SELECT * FROM instance
                WHERE number < ?2 AND ?1 IS NULL AND (?3 IS NULL OR (role = 'terminated') = ?3)
                    AND (?4 IS NULL OR mode = ?4) AND (?7 IS NULL OR role = ?7)
                    AND (?5 IS NULL OR instr(instance_id, ?5) OR instr(lower(logical_agent_id), ?5)
                        OR instr(lower(client_name), ?5) OR instr(slot_id, ?5))
                ORDER BY number DESC LIMIT ?6
                """
            let ofClient: StaticString = """
                SELECT * FROM instance
                WHERE number < ?2 AND slot_id IN (SELECT id FROM slot WHERE client_id = ?1)
                    AND (?3 IS NULL OR (role = 'terminated') = ?3) AND (?4 IS NULL OR mode = ?4) AND (?7 IS NULL OR role = ?7)
                    AND (?5 IS NULL OR instr(instance_id, ?5) OR instr(lower(logical_agent_id), ?5)
                        OR instr(lower(client_name), ?5) OR instr(slot_id, ?5))
                ORDER BY number DESC LIMIT ?6
                """
            let found = try transaction.all(
                filter.client == nil ? ofAll : ofClient, filter.client, start, filter.isTerminated, filter.mode,
                filter.search?.lowercased(), limit + 1, filter.role
            ) { row in
                (
                    try row.value(1, as: Int64.self),
                    try reading("host", row) { row in try InstanceSummary(row, isFresh) }
                )
            }
            let page = found.prefix(limit)
            return InstanceList(
                instances: page.map(\.1),
                next: found.count > limit ? page.last.map { EventCursor(.instances, $0.0) } : nil)
        }
    }

    /// One slot, whole; nil when there is none of that id.
    package borrowing func agentDetail(
        _ slot: SlotID, isFresh: (SlotID, InstanceID) -> Bool
    ) throws(StoreError) -> AgentDetail? {
        try attempt("look up agent \(slot)") { transaction in
            let found = try transaction.first("SELECT * FROM agent WHERE id = ?", slot) { row in
                try reading("slot", row) { row in
                    let change: SlotSettingsChange = try row.json(5, "settings")
                    let configuration = Configuration(
                        version: try row.value(7), settings: change.applied(to: SlotSettings()),
                        reportsPrices: try row.value(8))
                    return (try AgentSummary(row, try status(row, isFresh)), configuration)
                }
            }
            guard case (var agent, let configuration)? = found else { return nil }
            try count(&agent, transaction)
            let hosts = try transaction.all(
                "SELECT * FROM instance WHERE slot_id = ? ORDER BY role = 'terminated', number DESC LIMIT ?", slot,
                Limits.hostsMax
            ) { row in try reading("host", row) { try InstanceSummary($0, isFresh) } }
            return AgentDetail(
                agent: agent, configuration: configuration, hosts: hosts,
                replicas: try replicas(of: slot, status: nil, transaction),
                commands: try openCommands(of: slot, transaction), incidents: try incidents(of: slot, transaction))
        }
    }
}

/// A list is never empty by its limit alone, and never longer than its reader takes.
func bounded(_ limit: Int, _ most: Int) -> Int { min(max(limit, 1), most) }

/// Where a page of agents begins: after an agent by the order of the list. It may have ended since, but its client may not.
private func place(
    of cursor: EventCursor, _ transaction: borrowing Transaction
) throws -> (client: String, name: LogicalAgentID, id: SlotID) {
    let place = try cursor.place(in: .agents)
    let found = try transaction.first("SELECT client_name, logical_agent_id, id FROM agent WHERE id = ?", place) {
        row in
        (
            try row.value(0, as: String.self), try row.value(1, as: LogicalAgentID.self),
            try row.value(2, as: SlotID.self)
        )
    }
    guard let found else { throw cursor.notOurs }
    return found
}

private func status(_ row: borrowing Row, _ isFresh: (SlotID, InstanceID) -> Bool) throws -> AgentStatus {
    if try row.value(10, as: Timestamp?.self) != nil { return .deleted }
    if try !row.value(9, as: Bool.self) { return .disabled }
    if try row.value(11, as: Bool.self) { return .switching }
    guard let primary = try row.value(12, as: InstanceID?.self), try !row.value(13, as: Bool.self) else {
        return .offline
    }
    return isFresh(try row.value(0), primary) ? .online : .unknown
}

/// The numbers of one line; only for lines that are shown.
private func count(_ agent: inout AgentSummary, _ transaction: borrowing Transaction) throws {
    let counts = try transaction.first(
        """
        SELECT (SELECT count(*) FROM host WHERE slot_id = ?1 AND role <> 'terminated'),
            (SELECT count(*) FROM replica WHERE slot_id = ?1 AND status = 'ready'),
            (SELECT count(*) FROM incident WHERE slot_id = ?1 AND closed_at IS NULL)
        """, agent.id
    ) { row in (try row.value(0, as: Int.self), try row.value(1, as: Int.self), try row.value(2, as: Int.self)) }
    if let counts { (agent.hosts, agent.readyReplicas, agent.openIncidents) = counts }
}

extension AgentSummary {
    /// A row of the view `agent`.
    fileprivate init(_ row: borrowing Row, _ status: AgentStatus) throws {
        let change: SlotSettingsChange = try row.json(5, "settings")
        self.init(
            id: try row.value(0), logicalAgent: try row.value(1), client: try row.value(2),
            clientName: try row.value(3), status: status, settings: change.applied(to: SlotSettings()),
            createdAt: try row.value(4), epoch: try row.value(6), configVersion: try row.value(7))
        instance = try row.value(12)
        lastHeartbeatAt = try row.value(14)
        let facts = try HostFacts(row, from: 15)
        hostname = facts.hostname
        version = facts.agentVersion
        region = facts.region
        zone = facts.zone
        instanceType = facts.instanceType
        mode = facts.mode
        pool = facts.pool
    }
}

extension InstanceSummary {
    /// A row of the view `instance`.
    fileprivate init(_ row: borrowing Row, _ isFresh: (SlotID, InstanceID) -> Bool) throws {
        let (instance, slot): (InstanceID, SlotID) = (try row.value(0), try row.value(2))
        let isOffline: Bool = try row.value(7)
        self.init(
            instance: instance, slot: slot, logicalAgent: try row.value(3), client: try row.value(4),
            clientName: try row.value(5), role: try row.value(6),
            presence: isOffline ? .offline : isFresh(slot, instance) ? .fresh : .unknown,
            roleSince: try row.value(8), registeredAt: try row.value(9))
        lastHeartbeatAt = try row.value(10)
        lacking = try row.json(11, "lacking")
        let facts = try HostFacts(row, from: 12)
        version = facts.agentVersion
        region = facts.region
        zone = facts.zone
        instanceType = facts.instanceType
        mode = facts.mode
        pool = facts.pool
    }
}
