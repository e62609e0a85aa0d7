package import JSON
import SQLite

/// Up to when each kind of record is forgotten.
package struct Retention: Sendable {
    package var events: Timestamp
    /// By when they ended.
    package var commands: Timestamp
    package var prices: Timestamp
    /// That they were taken; what they told is kept elsewhere.
    package var reports: Timestamp
    /// By when they were known to be terminated, or their agent was deleted.
    package var hosts: Timestamp
    /// Those that ended.
    package var replicas: Timestamp
    /// By when they were closed.
    package var incidents: Timestamp

    /// The periods of the original, whose numbers operators know.
    package init(at now: Timestamp) {
        let day = Duration.seconds(86_400)
        events = now - day * 90
        commands = now - day * 7
        prices = now - day * 30
        reports = now - day * 7
        hosts = now - day * 30
        replicas = now - day * 30
        incidents = now - day * 180
    }
}

extension StoreTransaction {
    /// Forgets up to `rows` rows that are over their time and returns how many these were; to be repeated until none was
    /// left. Small, because whatever is decided meanwhile waits for it.
    package borrowing func forget(before retention: Retention, rows: Int) throws(StoreError) -> Int {
        try attempt("forget what is over its time") { transaction in
            var left = rows
            for (sql, cutoff) in retention.statements where left > 0 {
                left -= try transaction.execute(sql, cutoff, left)
            }
            return rows - left
        }
    }
}

extension Retention {
    /// Each takes the moment and the number of rows.
    ///
    /// The log and the prices are in the order of their time, near enough: they are taken from their beginning, and need no
    /// index of their time.
    fileprivate var statements: [(StaticString, Timestamp)] {
        [
            (
                """
                DELETE FROM event
                WHERE seq IN (SELECT seq FROM event ORDER BY seq LIMIT ?2) AND at < ?1
                """, events
            ),
            (
                """
                DELETE FROM price
                WHERE number IN (SELECT number FROM price ORDER BY number LIMIT ?2) AND received_at < ?1
                """, prices
            ),
            (
                """
                DELETE FROM command WHERE id IN (
                    SELECT id FROM command WHERE finished_at IS NOT NULL AND finished_at < ?1 LIMIT ?2)
                """, commands
            ),
            (
                """
                DELETE FROM report WHERE (slot_id, report_id, kind, instance_id) IN (
                    SELECT slot_id, report_id, kind, instance_id FROM report WHERE at < ?1 LIMIT ?2)
                """, reports
            ),
            (
                """
                DELETE FROM host WHERE number IN (
                    SELECT number FROM host WHERE role = 'terminated' AND role_since < ?1 LIMIT ?2)
                """, hosts
            ),
            (
                """
                DELETE FROM host WHERE number IN (
                    SELECT host.number FROM slot INDEXED BY slot_deleted CROSS JOIN host ON host.slot_id = slot.id
                    WHERE slot.deleted_at IS NOT NULL AND slot.deleted_at < ?1 LIMIT ?2)
                """, hosts
            ),
            (
                """
                DELETE FROM replica WHERE id IN (
                    SELECT id FROM replica
                    WHERE status IN ('promoted', 'failed', 'terminated') AND created_at < ?1
                        AND coalesce(terminated_at, created_at) < ?1
                    LIMIT ?2)
                """, replicas
            ),
            (
                """
                DELETE FROM incident WHERE id IN (
                    SELECT id FROM incident WHERE closed_at IS NOT NULL AND closed_at < ?1 LIMIT ?2)
                """, incidents
            ),
        ]
    }
}
