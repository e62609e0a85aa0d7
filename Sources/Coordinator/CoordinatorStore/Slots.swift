import CoordinatorCore
package import JSON
import SQLite
package import Wire

// What is asked and noted of slots without loading one.
extension StoreTransaction {
    // MARK: Who is where

    /// The client's slot of that name that has not ended.
    package borrowing func slotID(of client: ClientID, named name: LogicalAgentID) throws(StoreError) -> SlotID? {
        try attempt("look up agent \(name) of client \(client)") { transaction in
            try transaction.first(
                "SELECT id FROM slot WHERE client_id = ? AND logical_agent_id = ? AND deleted_at IS NULL", client, name
            ) { try $0.value(0) }
        }
    }

    /// The slots that have not ended and in which the machine may still run. Two tell as much as more: it is not clear which.
    package borrowing func slotsHolding(_ instance: InstanceID) throws(StoreError) -> [SlotID] {
        try attempt("look up the agents of \(instance)") { transaction in
            try transaction.all(
                """
                SELECT slot.id FROM host JOIN slot ON slot.id = host.slot_id
                WHERE host.instance_id = ? AND host.role <> 'terminated' AND slot.deleted_at IS NULL
                ORDER BY slot.id LIMIT 2
                """, instance
            ) { try $0.value(0) }
        }
    }

    package borrowing func isDeleted(_ slot: SlotID, of client: ClientID) throws(StoreError) -> Bool {
        try attempt("look up whether agent \(slot) was deleted") { transaction in
            try transaction.first(
                "SELECT 1 FROM slot WHERE id = ? AND client_id = ? AND deleted_at IS NOT NULL", slot, client
            ) { _ in true } ?? false
        }
    }

    /// Whether the machine belongs to an agent of the client that was deleted after `since`, and is to be ended for it; or was,
    /// under that name: it says its last words while it shuts down.
    package borrowing func isBeingEnded(
        _ instance: InstanceID, of client: ClientID, named name: LogicalAgentID, since: Timestamp
    ) throws(StoreError) -> Bool {
        try attempt("look up whether \(instance) is to be ended") { transaction in
            try transaction.first(
                """
                SELECT 1 FROM host INDEXED BY host_not_ended JOIN slot ON slot.id = host.slot_id
                WHERE host.instance_id = ?1 AND host.role <> 'terminated' AND host.role = 'terminating'
                    AND slot.client_id = ?2 AND slot.deleted_at >= ?4
                UNION ALL
                SELECT 1 FROM slot INDEXED BY slot_of_client JOIN host ON host.slot_id = slot.id
                WHERE slot.client_id = ?2 AND slot.logical_agent_id = ?3 AND slot.deleted_at >= ?4
                    AND host.instance_id = ?1 AND host.role = 'terminated'
                """, instance, client, name, since
            ) { _ in true } ?? false
        }
    }

    /// Gives a host the token that it authenticates with, in place of the one it had; nil leaves it without one, known by the
    /// `address` that it registered from. Throws `.duplicate` when another host has the same token.
    package borrowing func setToken(
        _ hash: [UInt8]?, of instance: InstanceID, in slot: SlotID, registeredFrom address: String? = nil
    ) throws(StoreError) {
        try attempt("set the token of \(instance) in slot \(slot)") { transaction in
            let rows = try transaction.execute(
                "UPDATE host SET token_hash = ?, registered_from = ? WHERE slot_id = ? AND instance_id = ?", hash,
                address,
                slot, instance)
            guard rows == 1 else {
                throw StoreError(.failed, "set the token of \(instance) in slot \(slot): it is no host of it")
            }
        }
    }

    // MARK: Reports

    /// Whether the report was taken before.
    package borrowing func isKnown(_ report: ReportKey, of slot: SlotID) throws(StoreError) -> Bool {
        try attempt("look up report \(report.id) of slot \(slot)") { transaction in
            // Without an instance: from before that was kept.
            try transaction.first(
                "SELECT 1 FROM report WHERE slot_id = ? AND report_id = ? AND kind = ? AND instance_id IN (?, '')",
                slot,
                report.id, report.kind.description, report.instance
            ) { _ in true } ?? false
        }
    }

    /// Notes a report as taken; a repeat changes nothing.
    package borrowing func note(_ report: ReportKey, of slot: SlotID, at now: Timestamp) throws(StoreError) {
        try attempt("note report \(report.id) of slot \(slot)") { transaction in
            _ = try transaction.execute(
                """
                INSERT INTO report (slot_id, report_id, kind, instance_id, at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO NOTHING
                """, slot, report.id, report.kind.description, report.instance, now)
        }
    }

    // MARK: Time

    /// The slots at which time alone changes something by now, the longest due first.
    package borrowing func slotsDue(at now: Timestamp, limit: Int) throws(StoreError) -> [SlotID] {
        try attempt("look up the slots that are due") { transaction in
            try transaction.all(
                "SELECT id FROM slot WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?", now, limit
            ) { try $0.value(0) }
        }
    }

    /// When the next slot is due.
    package borrowing func nextDue() throws(StoreError) -> Timestamp? {
        try attempt("look up when a slot is due") { transaction in
            try transaction.first("SELECT due_at FROM slot WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1") {
                try $0.value(0)
            }
        }
    }

    /// Has a slot that cannot be loaded looked at later. One that can be says itself when it is due.
    package borrowing func postpone(_ slot: SlotID, to moment: Timestamp) throws(StoreError) {
        try attempt("postpone slot \(slot)") { transaction in
            _ = try transaction.execute("UPDATE slot SET due_at = ? WHERE id = ?", moment, slot)
        }
    }

    /// The longest list that `noteHeard` takes: so many rows delay what waits behind them by a few milliseconds.
    package static var heardMax: Int { 200 }

    /// Notes when hosts were last heard, never earlier than what is noted already. Hosts that are gone are passed over.
    package borrowing func noteHeard(
        _ heard: [(slot: SlotID, instance: InstanceID, at: Timestamp)]
    ) throws(StoreError) {
        precondition(heard.count <= Self.heardMax, "\(heard.count) hosts noted at once")
        try attempt("note which hosts were heard") { transaction in
            for (slot, instance, at) in heard {
                try transaction.execute(
                    """
                    UPDATE host SET last_heard_at = max(coalesce(last_heard_at, ?1), ?1)
                    WHERE slot_id = ?2 AND instance_id = ?3
                    """, at, slot, instance)
            }
        }
    }
}

/// What makes a report the same report, in its slot: each host numbers its own.
package struct ReportKey: Sendable {
    package let id: ReportID
    package let instance: InstanceID
    package let kind: StaticString

    package init(_ stamp: ReportStamp, _ kind: StaticString) {
        id = stamp.report
        instance = stamp.instance
        self.kind = kind
    }
}
