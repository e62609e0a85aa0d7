package import JSON

/// One line of `GET /api/admin/commands`: a command and what became of it.
package struct CommandSummary: WireObject {
    package var id: CommandID
    package var slot: SlotID
    package var instance: InstanceID
    /// The `command_type`.
    package var type: String
    /// What it asks for, for a person.
    package var summary: String
    package var state: CommandState
    package var priority: Int
    package var attempt: Int
    package var epoch: Epoch
    package var createdAt: Timestamp
    package var notBefore: Timestamp?
    package var expiresAt: Timestamp
    package var leaseUntil: Timestamp?
    package var finishedAt: Timestamp?
    package var incident: IncidentID?
    /// What its result said.
    package var message: String?

    package init(
        id: CommandID, slot: SlotID, instance: InstanceID, type: String, summary: String, state: CommandState,
        priority: Int, attempt: Int, epoch: Epoch, createdAt: Timestamp, expiresAt: Timestamp
    ) {
        self.id = id
        self.slot = slot
        self.instance = instance
        self.type = type
        self.summary = summary
        self.state = state
        self.priority = priority
        self.attempt = attempt
        self.epoch = epoch
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("id")
        slot = try fields.need("agent_id")
        instance = try fields.need("instance_id")
        type = try fields.text("command_type")
        summary = try fields.text("summary", upTo: Limits.sentenceBytes)
        state = try fields.need("state")
        priority = try fields.needWhole("priority", in: 0...100)
        attempt = try fields.needWhole("attempt", in: 0...Int(Int32.max))
        epoch = try fields.need("epoch")
        createdAt = try fields.need("created_at")
        notBefore = try fields.maybe("not_before")
        expiresAt = try fields.need("expires_at")
        leaseUntil = try fields.maybe("lease_until")
        finishedAt = try fields.maybe("finished_at")
        incident = try fields.maybe("incident_id")
        message = try fields.maybeText("message", upTo: Limits.sentenceBytes)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", id)
        fields.put("agent_id", slot)
        fields.put("instance_id", instance)
        fields.put("command_type", type)
        fields.putSentence("summary", summary)
        fields.put("state", state)
        fields.put("priority", priority)
        fields.put("attempt", attempt)
        fields.put("epoch", epoch)
        fields.put("created_at", createdAt)
        fields.put("not_before", notBefore)
        fields.put("expires_at", expiresAt)
        fields.put("lease_until", leaseUntil)
        fields.put("finished_at", finishedAt)
        fields.put("incident_id", incident)
        fields.putSentence("message", message)
    }
}

/// Where a command is in its life.
package enum CommandState: String, WireWord {
    /// Waits for its host.
    case pending
    /// Its host has it, under a lease.
    case delivered
    case done, failed, refused
    /// Nobody took it up in time.
    case expired
    /// No longer wanted.
    case cancelled

    package var isOpen: Bool { self == .pending || self == .delivered }
}

/// The answer to `GET /api/admin/commands`, newest first.
package struct CommandList: WireObject {
    package var commands: [CommandSummary]
    package var next: EventCursor?

    package init(commands: [CommandSummary], next: EventCursor? = nil) {
        self.commands = commands
        self.next = next
    }

    package init(_ fields: Fields) throws(JSONError) {
        commands = try fields.list("commands", upTo: Limits.overviewMax)
        next = try fields.maybe("next")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("commands", commands)
        fields.put("next", next)
    }
}

/// One line of the event log.
package struct LogLine: WireObject {
    /// Its place in the log.
    package var cursor: EventCursor
    package var at: Timestamp
    package var kind: String
    package var severity: Severity
    /// For a person.
    package var message: String
    package var client: ClientID?
    package var slot: SlotID?
    package var instance: InstanceID?
    package var incident: IncidentID?
    package var command: CommandID?
    /// It belongs to a drill.
    package var drill = false

    package init(cursor: EventCursor, at: Timestamp, kind: String, severity: Severity, message: String) {
        self.cursor = cursor
        self.at = at
        self.kind = kind
        self.severity = severity
        self.message = message
    }

    package init(_ fields: Fields) throws(JSONError) {
        cursor = try fields.need("cursor")
        at = try fields.need("at")
        kind = try fields.text("event_type")
        severity = try fields.need("severity")
        message = try fields.text("message", upTo: Limits.sentenceBytes)
        client = try fields.maybe("client_id")
        slot = try fields.maybe("agent_id")
        instance = try fields.maybe("instance_id")
        incident = try fields.maybe("incident_id")
        command = try fields.maybe("command_id")
        drill = try fields.maybe("drill") ?? false
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("cursor", cursor)
        fields.put("at", at)
        fields.put("event_type", kind)
        fields.put("severity", severity)
        fields.putSentence("message", message)
        fields.put("client_id", client)
        fields.put("agent_id", slot)
        fields.put("instance_id", instance)
        fields.put("incident_id", incident)
        fields.put("command_id", command)
        fields.put("drill", drill ? true : nil)
    }
}

/// How much a line of the log matters, in the words that the original's pages show.
package enum Severity: String, WireWord { case info, warning, error, critical }

/// The answer to `GET /api/admin/events?after=…&wait=…`: the lines after a place in the log, oldest first. With `wait` it
/// is held until there is one, or the time is up.
package struct LogLines: WireObject {
    package var events: [LogLine]
    /// Where to go on; it is there even when there is no line, so that nothing is missed or told twice.
    package var next: EventCursor

    package init(events: [LogLine], next: EventCursor) {
        self.events = events
        self.next = next
    }

    package init(_ fields: Fields) throws(JSONError) {
        events = try fields.list("events", upTo: Limits.overviewMax)
        next = try fields.need("next")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("events", events)
        fields.put("next", next)
    }
}

/// One entry of `GET /api/admin/clients`, a bare array as the original's page expects it.
package struct ClientSummary: WireObject {
    package var id: ClientID
    package var name: String
    package var isActive: Bool
    package var agentsOnline: Int
    package var agentsTotal: Int
    package var instances: Int
    /// Dollars.
    package var totalSavings: JSONNumber
    package var lastSync: Timestamp?
    package var createdAt: Timestamp

    package init(id: ClientID, name: String, isActive: Bool, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.isActive = isActive
        self.createdAt = createdAt
        (agentsOnline, agentsTotal, instances, totalSavings) = (0, 0, 0, JSONNumber(Int64(0)))
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("id")
        name = try fields.text("name")
        isActive = try fields.text("status") == "active"
        agentsOnline = try fields.needWhole("agentsOnline", in: 0...Int(Int32.max))
        agentsTotal = try fields.needWhole("agentsTotal", in: 0...Int(Int32.max))
        instances = try fields.needWhole("instances", in: 0...Int(Int32.max))
        totalSavings = try fields.need("totalSavings")
        lastSync = try fields.maybe("lastSync")
        createdAt = try fields.need("createdAt")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", id)
        fields.put("name", name)
        fields.put("status", isActive ? "active" : "inactive")
        fields.put("agentsOnline", agentsOnline)
        fields.put("agentsTotal", agentsTotal)
        fields.put("instances", instances)
        fields.put("totalSavings", totalSavings)
        fields.put("lastSync", lastSync)
        fields.put("createdAt", createdAt)
    }
}
