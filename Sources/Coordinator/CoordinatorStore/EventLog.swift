import CoordinatorCore
import JSON
import SQLite
package import Wire

extension StoreReader {
    /// The lines of the log after a place in it, oldest first; without a place, from the oldest that is kept. Throws
    /// `.cursorGone` for a place that is not in this log: it is of another one, or this one was restored.
    package borrowing func events(
        after cursor: EventCursor? = nil, client: ClientID? = nil, slot: SlotID? = nil,
        limit: Int = Limits.overviewMax
    ) throws(StoreError) -> LogLines {
        let limit = bounded(limit, Limits.overviewMax)
        return try attempt("read the event log") { transaction in
            let (log, end) = (try identity(transaction), try lastSequence(transaction))
            let start = try cursor?.sequence(in: log, endingAt: end) ?? 0
            let lines = try transaction.all(statement(client, slot), start, client, slot, limit) { row in
                try reading("event", row) { try LogLine($0, in: log) }
            }
            // Of a page that is not full all was seen: who asks again need not have it searched again.
            let next = lines.count < limit ? nil : lines.last?.cursor
            return LogLines(events: lines, next: next ?? EventCursor(after: end, in: log))
        }
    }

    /// The newest lines, oldest first: what a person looks at first. `next` goes on from there.
    package borrowing func latestEvents(
        client: ClientID? = nil, slot: SlotID? = nil, limit: Int = Limits.overviewMax
    ) throws(StoreError) -> LogLines {
        let limit = bounded(limit, Limits.overviewMax)
        return try attempt("read the end of the event log") { transaction in
            let (log, end) = (try identity(transaction), try lastSequence(transaction))
            let lines = try transaction.all(latestStatement(client, slot), client, slot, limit) { row in
                try reading("event", row) { try LogLine($0, in: log) }
            }
            return LogLines(events: lines.reversed(), next: EventCursor(after: end, in: log))
        }
    }

    /// Which log this is, and its newest lines, oldest first, each with its place; `end` is that of the last line that ever
    /// was.
    package borrowing func tail(
        limit: Int = Limits.overviewMax
    ) throws(StoreError) -> (log: Int64, lines: [LogLine], end: Int64) {
        let lines = try latestEvents(limit: limit)
        return try attempt("look up the end of the event log") {
            (try identity($0), lines.events, try lastSequence($0))
        }
    }

    /// Where the log ends now.
    package borrowing func endOfLog() throws(StoreError) -> EventCursor {
        try attempt("look up the end of the event log") {
            EventCursor(after: try lastSequence($0), in: try identity($0))
        }
    }

    /// Which log this is: a restore begins another.
    borrowing func identity(_ transaction: borrowing Transaction) throws -> Int64 {
        let log: Int64? = try transaction.first("SELECT log FROM installation") { try $0.value(0) }
        guard let log else {
            throw StoreError(.damaged, "read the event log: the installation has no record")
        }
        return log
    }

    borrowing func lastSequence(_ transaction: borrowing Transaction) throws -> Int64 {
        // Not the greatest that is there: the last lines may be forgotten, and their places are never given again.
        try transaction.first("SELECT seq FROM sqlite_sequence WHERE name = 'event'") { try $0.value(0) } ?? 0
    }
}

// A client that was deleted is named no more, though its lines stay.
private func statement(_ client: ClientID?, _ slot: SlotID?) -> StaticString {
    if slot != nil {
        """
        SELECT seq, at, kind, sentence, (SELECT id FROM client WHERE id = client_id), slot_id, instance_id, incident_id,
            command_id, is_drill
        FROM event INDEXED BY event_of_slot
        WHERE seq > ?1 AND slot_id = ?3 AND (?2 IS NULL OR client_id = ?2) ORDER BY seq LIMIT ?4
        """
    } else if client != nil {
        """
        SELECT seq, at, kind, sentence, (SELECT id FROM client WHERE id = client_id), slot_id, instance_id, incident_id,
            command_id, is_drill
        FROM event INDEXED BY event_of_client
        WHERE seq > ?1 AND client_id = ?2 AND ?3 IS NULL ORDER BY seq LIMIT ?4
        """
    } else {
        """
        SELECT seq, at, kind, sentence, (SELECT id FROM client WHERE id = client_id), slot_id, instance_id, incident_id,
            command_id, is_drill
        FROM event
        WHERE seq > ?1 AND ?2 IS NULL AND ?3 IS NULL ORDER BY seq LIMIT ?4
        """
    }
}

private func latestStatement(_ client: ClientID?, _ slot: SlotID?) -> StaticString {
    if slot != nil {
        """
        SELECT seq, at, kind, sentence, (SELECT id FROM client WHERE id = client_id), slot_id, instance_id, incident_id,
            command_id, is_drill
        FROM event INDEXED BY event_of_slot
        WHERE slot_id = ?2 AND (?1 IS NULL OR client_id = ?1) ORDER BY seq DESC LIMIT ?3
        """
    } else if client != nil {
        """
        SELECT seq, at, kind, sentence, (SELECT id FROM client WHERE id = client_id), slot_id, instance_id, incident_id,
            command_id, is_drill
        FROM event INDEXED BY event_of_client
        WHERE client_id = ?1 AND ?2 IS NULL ORDER BY seq DESC LIMIT ?3
        """
    } else {
        """
        SELECT seq, at, kind, sentence, (SELECT id FROM client WHERE id = client_id), slot_id, instance_id, incident_id,
            command_id, is_drill
        FROM event
        WHERE ?1 IS NULL AND ?2 IS NULL ORDER BY seq DESC LIMIT ?3
        """
    }
}

extension LogLine {
    /// seq, at, kind, sentence, client, slot, instance, incident, command, drill
    fileprivate init(_ row: borrowing Row, in log: Int64) throws {
        let (kind, isDrill): (String, Bool) = (try row.value(2), try row.value(9))
        self.init(
            cursor: EventCursor(after: try row.value(0), in: log), at: try row.value(1), kind: kind,
            severity: EventKind(rawValue: kind)?.severity(inDrill: isDrill) ?? .info, message: try row.value(3))
        client = try row.value(4)
        slot = try row.value(5)
        instance = try row.value(6)
        incident = try row.value(7)
        command = try row.value(8)
        drill = isDrill
    }
}
