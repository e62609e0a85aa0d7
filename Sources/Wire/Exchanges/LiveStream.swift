package import JSON

/// One event of the live stream, in the frame that server-sent events have. What happened stands in `data`, and beside it
/// when, as the original's listeners read it.
package struct StreamEvent: Sendable {
    /// What listeners ask for by name: words of the original where it has one for this, else the line's own in capitals.
    package var name: String
    /// Where to go on after it; nil where nothing is to be gone on from.
    package var cursor: EventCursor?
    package var at: Timestamp
    private let write: @Sendable (inout FieldWriter) -> Void

    private init(
        _ name: String, _ cursor: EventCursor?, at: Timestamp,
        _ write: @escaping @Sendable (inout FieldWriter) -> Void
    ) {
        self.name = name
        self.cursor = cursor
        self.at = at
        self.write = write
    }

    /// A line of the log. `status` is the original's word for what the machine, the agent or the command is by now.
    package init(_ line: LogLine, named name: String, status: String?) {
        self.init(name, line.cursor, at: line.at) { fields in
            line.write(&fields)
            fields.put("status", status)
            if name.hasSuffix("_CHANGED") { fields.put("new_status", status) }
        }
    }

    /// The first event: whose lines follow, and why some before them are missing, if any are.
    package static func connected(
        _ client: ClientID?, from cursor: EventCursor, missing: String?, at: Timestamp
    ) -> StreamEvent {
        StreamEvent("CONNECTED", cursor, at: at) { fields in
            fields.put("status", "connected")
            fields.put("client_id", client)
            fields.put("timestamp", at)
            fields.putSentence("missing", missing)
        }
    }

    /// Nothing happened up to there.
    package static func heartbeat(_ cursor: EventCursor, at: Timestamp) -> StreamEvent {
        StreamEvent("HEARTBEAT", cursor, at: at) { $0.put("timestamp", at) }
    }

    /// The last event: why no more come. Who reconnects goes on after the last line.
    package static func closing(because reason: String, at: Timestamp) -> StreamEvent {
        StreamEvent("CLOSING", nil, at: at) { $0.putSentence("reason", reason) }
    }

    /// As it is sent. JSON has no line break in it, so one line of `data` holds all.
    package var text: [UInt8] {
        var writer = JSONWriter()
        writer.object { fields in
            fields.object("data", write)
            fields.put("timestamp", at)
        }
        // A comment beside the heartbeat: it is all that who follows with curl needs to see.
        var head = name == "HEARTBEAT" ? ": nothing new\n" : ""
        if let cursor { head += "id: \(cursor)\n" }
        return Array("\(head)event: \(name)\ndata: ".utf8) + writer.bytes + [0x0A, 0x0A]
    }
}

/// The answer to `GET /api/events/stats`: who listens to the live stream.
package struct StreamStats: WireObject {
    package var listeners: Int
    /// The clients whose tokens some of these showed.
    package var clients: [ClientID]

    package init(listeners: Int, clients: [ClientID]) {
        self.listeners = listeners
        self.clients = clients
    }

    package init(_ fields: Fields) throws(JSONError) {
        listeners = try fields.needWhole("active_connections", in: 0...Int(Int32.max))
        clients = try fields.list("client_ids", upTo: Limits.streamsMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("active_connections", listeners)
        fields.put("client_ids", clients)
    }
}
