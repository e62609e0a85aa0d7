package import CoordinatorCore
import JSON
import SQLite
package import Wire

extension StoreTransaction {
    /// The slot with all that a decision about it needs, and what `focus` names; nil when there is no such slot.
    package borrowing func slot(_ id: SlotID, naming focus: Focus) throws(StoreError) -> Slot? {
        try attempt("load slot \(id)") { transaction in try loadWhole(id, focus, transaction) }
    }
}

extension StoreReader {
    /// As the writer would load it, to be looked at only.
    package borrowing func slot(_ id: SlotID, naming focus: Focus) throws(StoreError) -> Slot? {
        try attempt("load slot \(id)") { transaction in try loadWhole(id, focus, transaction) }
    }
}

private func loadWhole(
    _ id: SlotID, _ focus: Focus, _ transaction: borrowing Transaction
) throws -> Slot? {
    // None of these lists is made with a table in between (IN of a SELECT, UNION): SQLite builds one as a database of its own.
    guard var slot = try loadSlot(id, transaction) else { return nil }
    slot.hosts = try loadHosts(of: id, focus, transaction)
    slot.replicas = try loadReplicas(of: id, focus, transaction)
    slot.commands = try loadCommands(of: id, focus, transaction)
    slot.incidents = try loadIncidents(of: id, focus, transaction)
    slot.liveElsewhere = try lookUpElsewhere(id, focus, transaction)
    return slot
}

/// Those of the hosts and of the named machines that may run as hosts of other slots, or were last heard as such: there it is known
/// how long they are to be kept.
private func lookUpElsewhere(
    _ slot: SlotID, _ focus: Focus, _ transaction: borrowing Transaction
) throws -> [InstanceID: Slot.Neighbour] {
    var found: [InstanceID: Slot.Neighbour] = [:]
    try transaction.forEach(
        """
        SELECT host.instance_id, slot.client_id = (SELECT client_id FROM slot WHERE id = ?1) FROM (
            SELECT instance_id, last_heard_at FROM host WHERE slot_id = ?1 AND role <> 'terminated'
            UNION ALL SELECT value, NULL FROM json_each(?2)
        ) AS ours
        CROSS JOIN host INDEXED BY host_not_ended ON host.instance_id = ours.instance_id
        CROSS JOIN slot ON slot.id = host.slot_id
        WHERE host.slot_id <> ?1 AND host.role <> 'terminated' AND slot.deleted_at IS NULL
            AND (host.role IN ('launching', 'replica', 'promoting', 'primary') AND host.is_offline = 0
                OR host.last_heard_at > ours.last_heard_at)
        """, slot, focus.instances
    ) { row in
        let (instance, isOwn): (InstanceID, Bool) = (try row.value(0), try row.value(1))
        if isOwn || found[instance] == nil { found[instance] = isOwn ? .own : .foreign }
    }
    return found
}

private func loadSlot(_ id: SlotID, _ transaction: borrowing Transaction) throws -> Slot? {
    try transaction.first(
        """
        SELECT id, client_id, logical_agent_id, created_at, settings, reports_prices, config_version, epoch, deleted_at,
            due_at, contested_by, launch_attempts, launch_failed_at
        FROM slot WHERE id = ?
        """, id
    ) { row in try reading("slot", row) { try Slot($0) } }
}

/// Those that may still run and those that are named, in the order in which they came; where nobody serves, the last that ended,
/// too: it is the one that is missed.
private func loadHosts(
    of slot: SlotID, _ focus: Focus, _ transaction: borrowing Transaction
) throws -> [Host] {
    try transaction.all(
        """
        SELECT instance_id, role, role_since, registered_at, hostname, agent_version, region, zone, instance_type, mode,
            image, private_address, public_address, lacking, is_offline, is_proven_dead, is_blind, inspected_at,
            termination_asked_at, last_heard_at, lease_seconds, inspected_by, service, stop_attempts,
            termination_attempts, inspection_attempts, failing_since, abilities
        FROM host
        WHERE slot_id = ?1 AND (
            role <> 'terminated'
            OR instance_id IN (SELECT value FROM json_each(?2))
            OR (NOT EXISTS (SELECT 1 FROM host WHERE slot_id = ?1 AND role = 'primary')
                AND instance_id = (SELECT instance_id FROM host WHERE slot_id = ?1 AND role = 'terminated'
                    ORDER BY role_since DESC, instance_id DESC LIMIT 1)))
        ORDER BY number
        """, slot, focus.instances
    ) { row in try reading("host", row) { try Host($0) } }
}

/// Those in use, those of the hosts that are loaded, those that did not work lately, and the one that is named.
private func loadReplicas(
    of slot: SlotID, _ focus: Focus, _ transaction: borrowing Transaction
) throws -> [Replica] {
    // A failed one counts for some minutes in which no other is ordered, fewer than incidents fold.
    let lately = focus.now - Rules.foldingTime
    return try transaction.all(
        """
        SELECT id, type, status, instance_id, parent_instance_id, pool_id, created_at, ready_at, terminated_at
        FROM replica
        WHERE slot_id = ?1 AND (
            status IN ('launching', 'syncing', 'ready')
            OR (status = 'failed' AND created_at >= ?3)
            OR id = ?4
            OR instance_id IN (SELECT value FROM json_each(?2))
            OR instance_id IN (SELECT instance_id FROM host WHERE slot_id = ?1 AND role <> 'terminated'))
        ORDER BY rowid
        """, slot, focus.instances, lately, focus.replica
    ) { row in try reading("replica", row) { try Replica($0) } }
}

/// The open ones and the one that is named, oldest first.
private func loadCommands(
    of slot: SlotID, _ focus: Focus, _ transaction: borrowing Transaction
) throws -> [CommandRecord] {
    try transaction.all(
        """
        SELECT id, instance_id, asks, priority, created_at, not_before, expires_at, lease_seconds, epoch, incident_id,
            state, attempt, lease_until, finished_at, result, delivered_at, rowid AS place
        FROM command INDEXED BY command_open WHERE slot_id = ?1 AND finished_at IS NULL
        UNION ALL
        SELECT id, instance_id, asks, priority, created_at, not_before, expires_at, lease_seconds, epoch, incident_id,
            state, attempt, lease_until, finished_at, result, delivered_at, rowid AS place
        FROM command WHERE id = ?2 AND slot_id = ?1 AND finished_at IS NOT NULL
        ORDER BY place
        """, slot, focus.command
    ) { row in try reading("command", row) { try CommandRecord($0) } }
}

/// The open ones, those that still absorb repeats, and the one that is named or that the named command belongs to.
private func loadIncidents(
    of slot: SlotID, _ focus: Focus, _ transaction: borrowing Transaction
) throws -> [IncidentRecord] {
    try transaction.all(
        """
        SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
            verified_at, closed_at, ledger, is_drill, ordered_replica_id, is_late, is_blocked, ends_at, maintenance,
            rowid AS place
        FROM incident WHERE slot_id = ?1 AND closed_at IS NULL
        UNION ALL
        SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
            verified_at, closed_at, ledger, is_drill, ordered_replica_id, is_late, is_blocked, ends_at, maintenance,
            rowid AS place
        FROM incident WHERE slot_id = ?1 AND closed_at >= ?2
        UNION ALL
        SELECT id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch, successor_id,
            verified_at, closed_at, ledger, is_drill, ordered_replica_id, is_late, is_blocked, ends_at, maintenance,
            rowid AS place
        FROM incident
        WHERE id = coalesce(?3, (SELECT incident_id FROM command WHERE id = ?4 AND slot_id = ?1)) AND slot_id = ?1
            AND closed_at < ?2
        ORDER BY place
        """, slot, focus.now - Rules.foldingTime, focus.incident, focus.command
    ) { row in try reading("incident", row) { try IncidentRecord($0) } }
}

extension Focus {
    /// The named machines as SQL takes a list.
    fileprivate var instances: String { jsonText((instance.map { [$0] } ?? []) + otherInstances) }
}
