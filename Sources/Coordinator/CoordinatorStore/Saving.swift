package import CoordinatorCore
import JSON
import SQLite
import Wire

extension StoreTransaction {
    /// Writes what a turn changed of the slot that was loaded as `before`, and only that; nil makes a new one.
    package borrowing func save(_ slot: Slot, replacing before: Slot?) throws(StoreError) {
        precondition(before == nil || before?.id == slot.id, "slot \(slot.id) saved in place of another one")
        try attempt("save slot \(slot.id)") { transaction in
            try saveSlot(slot, before, transaction)
            try saveHosts(slot, before, transaction)
            try saveParts(slot.replicas, before?.replicas, by: { $0.id }) { replica, isNew in
                try saveReplica(replica, isNew, of: slot.id, transaction)
            }
            try saveParts(slot.commands, before?.commands, by: { $0.id }) { command, isNew in
                try saveCommand(command, isNew, of: slot.id, transaction)
            }
            try saveParts(slot.incidents, before?.incidents, by: { $0.id }) { incident, isNew in
                try saveIncident(incident, isNew, transaction)
            }
        }
    }
}

/// Gives `save` each part that is new or differs. Turns change parts in place and append to them, so a part is mostly where
/// it was.
private func saveParts<Part: Equatable, ID: Equatable>(
    _ parts: [Part], _ before: [Part]?, by id: (Part) -> ID, _ save: (Part, _ isNew: Bool) throws -> Void
) throws {
    let before = before ?? []
    precondition(parts.count >= before.count, "a turn took a part out of its slot: parts end, they do not vanish")
    for (index, part) in parts.enumerated() {
        let isInPlace = index < before.count && id(before[index]) == id(part)
        let old = isInPlace ? before[index] : before.first { id($0) == id(part) }
        if part != old { try save(part, old == nil) }
    }
}

/// A row that is to change is there, or what was loaded is no longer what is stored.
private func requireOneRow(_ rows: Int, _ table: StaticString, _ id: some CustomStringConvertible) throws(StoreError) {
    guard rows == 1 else { throw StoreError(.failed, "update \(table) \(id): it is gone") }
}

private func saveSlot(_ slot: Slot, _ before: Slot?, _ transaction: borrowing Transaction) throws {
    guard let before else {
        try transaction.execute(
            """
            INSERT INTO slot (id, client_id, logical_agent_id, created_at, settings, enabled, heartbeat_seconds,
                lease_seconds, reports_prices, config_version, epoch, deleted_at, due_at, contested_by,
                launch_attempts, launch_failed_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, slot.id, slot.client, slot.logicalAgent, slot.createdAt, settingsText(slot), slot.settings.enabled,
            slot.settings.heartbeatSeconds, slot.settings.leaseSeconds, slot.reportsPrices, slot.configVersion,
            slot.epoch, slot.deletedAt, slot.dueAt, slot.contestedBy, slot.launches, slot.launchFailedAt)
        return
    }
    if slot.settings != before.settings {
        let rows = try transaction.execute(
            "UPDATE slot SET settings = ?, enabled = ?, heartbeat_seconds = ?, lease_seconds = ? WHERE id = ?",
            settingsText(slot), slot.settings.enabled, slot.settings.heartbeatSeconds, slot.settings.leaseSeconds,
            slot.id)
        try requireOneRow(rows, "slot", slot.id)
    }
    let isSame =
        slot.epoch == before.epoch && slot.dueAt == before.dueAt && slot.configVersion == before.configVersion
        && slot.reportsPrices == before.reportsPrices && slot.deletedAt == before.deletedAt
        && slot.contestedBy == before.contestedBy && slot.launches == before.launches
        && slot.launchFailedAt == before.launchFailedAt
    guard !isSame else { return }
    let rows = try transaction.execute(
        """
        UPDATE slot SET reports_prices = ?, config_version = ?, epoch = ?, deleted_at = ?, due_at = ?, contested_by = ?,
            launch_attempts = ?, launch_failed_at = ?
        WHERE id = ?
        """, slot.reportsPrices, slot.configVersion, slot.epoch, slot.deletedAt, slot.dueAt, slot.contestedBy,
        slot.launches, slot.launchFailedAt, slot.id)
    try requireOneRow(rows, "slot", slot.id)
}

private func settingsText(_ slot: Slot) -> String { jsonText(SlotSettingsChange(to: slot.settings)) }

/// Whoever leaves a role that only one may have is written before whoever takes it: an index holds that at each statement. A
/// primary never becomes a successor, so the two roles are not exchanged. New ones keep their order.
private func saveHosts(_ slot: Slot, _ before: Slot?, _ transaction: borrowing Transaction) throws {
    var new: [Host] = []
    var changed: [Host] = []
    try saveParts(slot.hosts.map(\.stored), before?.hosts.map(\.stored), by: { $0.instance }) { host, isNew in
        if isNew { new.append(host) } else { changed.append(host) }
    }
    func update(_ belongs: (Role) -> Bool) throws {
        for host in changed where belongs(host.role) { try updateHost(host, of: slot.id, transaction) }
    }
    try update { $0 != .primary && $0 != .promoting }
    try update { $0 == .primary }
    for host in new { try insertHost(host, of: slot.id, transaction) }
    try update { $0 == .promoting }
}

extension Host {
    /// Without what only the switchboard knows.
    fileprivate var stored: Host {
        var host = self
        host.isFresh = false
        host.leaseEndsAt = nil
        return host
    }
}

private func insertHost(_ host: Host, of slot: SlotID, _ transaction: borrowing Transaction) throws {
    let facts = host.facts
    try transaction.execute(
        """
        INSERT INTO host (slot_id, instance_id, role, role_since, registered_at, hostname, agent_version, region, zone,
            instance_type, mode, image, private_address, public_address, lacking, is_offline, is_proven_dead, is_blind,
            inspected_at, termination_asked_at, last_heard_at, lease_seconds, inspected_by, service,
            stop_attempts, termination_attempts, inspection_attempts, failing_since, abilities)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """, slot, host.instance, host.role, host.roleSince, host.registeredAt, facts.hostname, facts.agentVersion,
        facts.region, facts.zone, facts.instanceType, facts.mode, facts.image, facts.privateAddress,
        facts.publicAddress, jsonText(host.lacking), host.isOffline, host.isProvenDead, host.isBlind,
        host.inspectedAt, host.terminationAskedAt, host.lastHeardAt, host.leaseSeconds, host.inspectedBy,
        host.service, host.stops, host.terminations, host.inspections, host.failingSince, host.abilities)
}

private func updateHost(_ host: Host, of slot: SlotID, _ transaction: borrowing Transaction) throws {
    let facts = host.facts
    let rows = try transaction.execute(
        """
        UPDATE host SET role = ?, role_since = ?, hostname = ?, agent_version = ?, region = ?, zone = ?,
            instance_type = ?, mode = ?, image = ?, private_address = ?, public_address = ?, lacking = ?,
            is_offline = ?, is_proven_dead = ?, is_blind = ?, inspected_at = ?, termination_asked_at = ?,
            last_heard_at = ?, lease_seconds = ?, inspected_by = ?, service = ?, stop_attempts = ?,
            termination_attempts = ?, inspection_attempts = ?, failing_since = ?, abilities = ?
        WHERE slot_id = ? AND instance_id = ?
        """, host.role, host.roleSince, facts.hostname, facts.agentVersion, facts.region, facts.zone,
        facts.instanceType, facts.mode, facts.image, facts.privateAddress, facts.publicAddress,
        jsonText(host.lacking), host.isOffline, host.isProvenDead, host.isBlind, host.inspectedAt,
        host.terminationAskedAt, host.lastHeardAt, host.leaseSeconds, host.inspectedBy, host.service, host.stops,
        host.terminations, host.inspections, host.failingSince, host.abilities, slot, host.instance)
    try requireOneRow(rows, "host", host.instance)
}

private func saveReplica(
    _ replica: Replica, _ isNew: Bool, of slot: SlotID, _ transaction: borrowing Transaction
) throws {
    if isNew {
        try transaction.execute(
            """
            INSERT INTO replica (id, slot_id, type, status, instance_id, parent_instance_id, pool_id, created_at,
                ready_at, terminated_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, replica.id, slot, replica.type, replica.status, replica.instance, replica.parent, replica.pool,
            replica.createdAt, replica.readyAt, replica.terminatedAt)
    } else {
        let rows = try transaction.execute(
            """
            UPDATE replica SET type = ?, status = ?, instance_id = ?, parent_instance_id = ?, pool_id = ?, ready_at = ?,
                terminated_at = ?
            WHERE id = ?
            """, replica.type, replica.status, replica.instance, replica.parent, replica.pool, replica.readyAt,
            replica.terminatedAt, replica.id)
        try requireOneRow(rows, "replica", replica.id)
    }
}

private func saveCommand(
    _ command: CommandRecord, _ isNew: Bool, of slot: SlotID, _ transaction: borrowing Transaction
) throws {
    if isNew {
        try transaction.execute(
            """
            INSERT INTO command (id, slot_id, instance_id, asks, priority, created_at, not_before, expires_at,
                lease_seconds, epoch, incident_id, state, attempt, lease_until, finished_at, result, delivered_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, command.id, slot, command.instance, jsonText(command.order), command.priority, command.createdAt,
            command.notBefore, command.expiresAt, command.leaseSeconds, command.epoch, command.incident,
            command.state, command.attempt, command.leaseUntil, command.finishedAt, jsonText(command.result),
            command.deliveredAt)
    } else {
        let rows = try transaction.execute(
            """
            UPDATE command SET epoch = ?, state = ?, attempt = ?, lease_until = ?, finished_at = ?, result = ?,
                delivered_at = ?
            WHERE id = ?
            """, command.epoch, command.state, command.attempt, command.leaseUntil, command.finishedAt,
            jsonText(command.result), command.deliveredAt, command.id)
        try requireOneRow(rows, "command", command.id)
    }
}

private func saveIncident(
    _ record: IncidentRecord, _ isNew: Bool, _ transaction: borrowing Transaction
) throws {
    let incident = record.incident
    if isNew {
        try transaction.execute(
            """
            INSERT INTO incident (id, slot_id, instance_id, kind, state, detected_at, interruption_time, deadline, epoch,
                successor_id, verified_at, closed_at, ledger, ordered_replica_id, is_late, is_blocked, ends_at,
                maintenance, is_drill)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, incident.id, incident.slot, incident.instance, incident.kind, incident.state, incident.detectedAt,
            incident.interruptionTime, incident.deadline, incident.epoch, incident.successor, incident.verifiedAt,
            incident.closedAt, jsonText(incident.ledger), record.ordered, record.isLate, record.isBlocked,
            record.endsAt, record.maintenance, incident.drill)
    } else {
        let rows = try transaction.execute(
            """
            UPDATE incident SET kind = ?, state = ?, interruption_time = ?, deadline = ?, epoch = ?, successor_id = ?,
                verified_at = ?, closed_at = ?, ledger = ?, ordered_replica_id = ?, is_late = ?, is_blocked = ?,
                ends_at = ?, maintenance = ?
            WHERE id = ?
            """, incident.kind, incident.state, incident.interruptionTime, incident.deadline, incident.epoch,
            incident.successor, incident.verifiedAt, incident.closedAt, jsonText(incident.ledger), record.ordered,
            record.isLate, record.isBlocked, record.endsAt, record.maintenance, incident.id)
        try requireOneRow(rows, "incident", incident.id)
    }
}
