import CoordinatorCore
import SQLite
package import Wire

// Lines of the log that a person should know of. The log is not written to: who has read what stands beside it. What a client
// has read, operators may have still to read, and the other way round.
extension StoreReader {
    /// The newest, newest first, as `reader` sees them: a client its own; operators, where the reader is nil, all, or those of
    /// one client and of no client.
    package borrowing func notifications(
        for reader: ClientID?, of client: ClientID?, limit: Int
    ) throws(StoreError) -> [Notification] {
        let limit = bounded(limit, Limits.overviewMax)
        return try attempt("read the notifications") { transaction in
            let log = try identity(transaction)
            return try transaction.all(
                """
                SELECT seq, at, kind, sentence,
                    seq <= coalesce((
                        SELECT max(up_to) FROM notification_cursor
                        WHERE reader = ?1 AND client_id IN ('', coalesce(event.client_id, ''))), 0)
                    OR EXISTS (SELECT 1 FROM notification_read AS mark WHERE mark.seq = event.seq AND mark.reader = ?1)
                FROM event WHERE seq IN (
                    SELECT seq FROM (
                        SELECT seq FROM event INDEXED BY event_notifying
                        WHERE notifies = 1 AND ?2 IS NULL ORDER BY seq DESC LIMIT ?3)
                    UNION ALL SELECT seq FROM (
                        SELECT seq FROM event INDEXED BY event_notifying_client
                        WHERE notifies = 1 AND client_id = ?2 ORDER BY seq DESC LIMIT ?3)
                    UNION ALL SELECT seq FROM (
                        SELECT seq FROM event INDEXED BY event_notifying_client
                        WHERE notifies = 1 AND client_id IS NULL AND ?2 IS NOT NULL AND ?1 = ''
                        ORDER BY seq DESC LIMIT ?3))
                ORDER BY seq DESC LIMIT ?3
                """, name(of: reader), reader ?? client, limit
            ) { row in
                try reading("event", row) { row in
                    let kind: String = try row.value(2)
                    return Notification(
                        id: EventCursor(after: try row.value(0), in: log), message: try row.value(3),
                        severity: EventKind(rawValue: kind)?.severity ?? .info, isRead: try row.value(4),
                        at: try row.value(1))
                }
            }
        }
    }
}

extension StoreTransaction {
    /// Marks one. False: the reader sees no such notification.
    package borrowing func markRead(_ place: Int64, by reader: ClientID?) throws(StoreError) -> Bool {
        try attempt("mark a notification as read") { transaction in
            let isThere = try transaction.first(
                "SELECT 1 FROM event WHERE seq = ?1 AND notifies = 1 AND (?2 IS NULL OR client_id = ?2)", place, reader
            ) { _ in true }
            guard isThere == true else { return false }
            try transaction.execute(
                "INSERT INTO notification_read (seq, reader) VALUES (?, ?) ON CONFLICT DO NOTHING", place,
                name(of: reader))
            return true
        }
    }

    /// Marks all that there are: one row, however many these are.
    package borrowing func markAllRead(by reader: ClientID?, of client: ClientID?) throws(StoreError) {
        try attempt("mark the notifications as read") { transaction in
            _ = try transaction.execute(
                """
                INSERT INTO notification_cursor (reader, client_id, up_to)
                SELECT ?1, ?2, seq FROM sqlite_sequence WHERE name = 'event'
                ON CONFLICT DO UPDATE SET up_to = max(up_to, excluded.up_to)
                """, name(of: reader), client?.text ?? "")
        }
    }
}

/// As the tables have it.
private func name(of reader: ClientID?) -> String { reader?.text ?? "" }
