import CoordinatorCore
import JSON
import SQLite
package import Wire

// Commands, incidents and replicas as an operator sees them. The names that the coordinator makes sort by time, so the newest
// are those with the greatest; `~` sorts behind every name.
extension StoreReader {
    /// The newest first.
    package borrowing func commands(
        of slot: SlotID? = nil, state: CommandState? = nil, onlyOpen: Bool = false, after cursor: EventCursor? = nil,
        limit: Int = Limits.overviewMax
    ) throws(StoreError) -> CommandList {
        let limit = bounded(limit, Limits.overviewMax)
        let start = try cursor?.place(in: .commands)
        return try attempt("list commands") { transaction in
            let sql: StaticString =
                if slot != nil {
                    """
                    SELECT id, slot_id, instance_id, asks, priority, created_at, not_before, expires_at, epoch, incident_id,
                        state, attempt, lease_until, finished_at, result
                    FROM command
                    WHERE slot_id = ?1 AND (?2 IS NULL OR state = ?2) AND (NOT ?5 OR finished_at IS NULL)
                        AND id < coalesce(?3, '~')
                    ORDER BY id DESC LIMIT ?4
                    """
                } else if onlyOpen || state?.isOpen == true {
                    """
                    SELECT id, slot_id, instance_id, asks, priority, created_at, not_before, expires_at, epoch, incident_id,
                        state, attempt, lease_until, finished_at, result
                    FROM command INDEXED BY command_open
                    WHERE finished_at IS NULL AND ?1 IS NULL AND (?2 IS NULL OR state = ?2) AND (?5 OR NOT ?5)
                        AND id < coalesce(?3, '~')
                    ORDER BY id DESC LIMIT ?4
                    """
                } else {
                    """
                    SELECT id, slot_id, instance_id, asks, priority, created_at, not_before, expires_at, epoch, incident_id,
                        state, attempt, lease_until, finished_at, result
                    FROM command
                    WHERE ?1 IS NULL AND NOT ?5 AND (?2 IS NULL OR state = ?2) AND id < coalesce(?3, '~')
                    ORDER BY id DESC LIMIT ?4
                    """
                }
            let found = try transaction.all(sql, slot, state, start, limit + 1, onlyOpen) { row in
                try reading("command", row) { try CommandSummary($0) }
            }
            let page = Array(found.prefix(limit))
            return CommandList(
                commands: page, next: found.count > limit ? page.last.map { EventCursor(.commands, $0.id) } : nil)
        }
    }

    /// The newest first, without ledgers and timelines.
    package borrowing func incidents(
        of slot: SlotID? = nil, state: Incident.State? = nil, after cursor: EventCursor? = nil,
        limit: Int = Limits.incidentsMax
    ) throws(StoreError) -> IncidentList {
        let limit = bounded(limit, Limits.incidentsMax)
        let start = try cursor?.place(in: .incidents)
        return try attempt("list incidents") { transaction in
            let sql: StaticString =
                state == .open
                ? """
                SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
                    verified_at, closed_at, '[]', is_drill
                FROM incident
                WHERE closed_at IS NULL AND state = ?4 AND (?1 IS NULL OR slot_id = ?1) AND id < coalesce(?2, '~')
                ORDER BY id DESC LIMIT ?3
                """
                : """
                SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
                    verified_at, closed_at, '[]', is_drill
                FROM incident
                WHERE (?1 IS NULL OR slot_id = ?1) AND (?4 IS NULL OR state = ?4) AND id < coalesce(?2, '~')
                ORDER BY id DESC LIMIT ?3
                """
            let found = try transaction.all(sql, slot, start, limit + 1, state) { row in
                try reading("incident", row) { try Incident($0) }
            }
            let page = Array(found.prefix(limit))
            return IncidentList(
                incidents: page, next: found.count > limit ? page.last.map { EventCursor(.incidents, $0.id) } : nil)
        }
    }

    /// With its ledger, and with its timeline out of both the log and the ledger.
    package borrowing func incident(_ id: IncidentID) throws(StoreError) -> Incident? {
        try attempt("look up incident \(id)") { transaction in
            let found = try transaction.first(
                """
                SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
                    verified_at, closed_at, ledger, is_drill
                FROM incident WHERE id = ?
                """, id
            ) { row in try reading("incident", row) { try Incident($0) } }
            guard var incident = found else { return nil }
            let lines = try transaction.all(
                "SELECT seq, at, instance_id, sentence, kind FROM event WHERE incident_id = ? ORDER BY seq LIMIT ?",
                id, max(0, Limits.timelineMax - incident.ledger.count)
            ) { row in
                try reading("event", row) { row in
                    LoggedMoment(
                        kind: EventKind(rawValue: try row.value(4)), at: try row.value(1), instance: try row.value(2),
                        sentence: try row.value(3))
                }
            }
            incident.timeline = timeline(of: lines, with: incident.ledger)
            return incident
        }
    }

    /// The newest first.
    package borrowing func replicas(
        of slot: SlotID, status: ReplicaStatus? = nil
    ) throws(StoreError) -> [Replica] {
        try attempt("list the replicas of agent \(slot)") { transaction in
            try replicas(of: slot, status: status, transaction)
        }
    }

    borrowing func replicas(
        of slot: SlotID, status: ReplicaStatus?, _ transaction: borrowing Transaction
    ) throws -> [Replica] {
        try transaction.all(
            """
            SELECT id, type, status, instance_id, parent_instance_id, pool_id, created_at, ready_at, terminated_at
            FROM replica WHERE slot_id = ?1 AND (?2 IS NULL OR status = ?2) ORDER BY id DESC LIMIT ?3
            """, slot, status, Limits.hostsMax
        ) { row in try reading("replica", row) { try Replica($0) } }
    }

    borrowing func openCommands(
        of slot: SlotID, _ transaction: borrowing Transaction
    ) throws -> [CommandSummary] {
        try transaction.all(
            """
            SELECT id, slot_id, instance_id, asks, priority, created_at, not_before, expires_at, epoch, incident_id, state,
                attempt, lease_until, finished_at, result
            FROM command WHERE slot_id = ? AND finished_at IS NULL ORDER BY id LIMIT ?
            """, slot, Limits.overviewMax
        ) { row in try reading("command", row) { try CommandSummary($0) } }
    }

    borrowing func incidents(of slot: SlotID, _ transaction: borrowing Transaction) throws -> [Incident] {
        try transaction.all(
            """
            SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
                verified_at, closed_at, '[]', is_drill
            FROM incident WHERE slot_id = ? ORDER BY id DESC LIMIT ?
            """, slot, Limits.incidentsMax
        ) { row in try reading("incident", row) { try Incident($0) } }
    }
}

extension CommandSummary {
    /// id, slot, instance, asks, priority, created, not before, expires, epoch, incident, state, attempt, until, finished,
    /// result
    fileprivate init(_ row: borrowing Row) throws {
        let order: Order = try row.json(3, "asks")
        let result: CommandResult? = try row.json(14, "result")
        self.init(
            id: try row.value(0), slot: try row.value(1), instance: try row.value(2), type: order.type,
            summary: order.sentence, state: try row.value(10), priority: try row.value(4),
            attempt: try row.value(11), epoch: try row.value(8), createdAt: try row.value(5),
            expiresAt: try row.value(7))
        notBefore = try row.value(6)
        incident = try row.value(9)
        leaseUntil = try row.value(12)
        finishedAt = try row.value(13)
        message = result?.message
    }
}
