package import JSON

/// One entry of `GET /api/notifications`, a bare array as the original's page expects it: a line of the log that a person
/// should know of.
package struct Notification: WireObject {
    /// Its place in the log.
    package var id: EventCursor
    package var message: String
    package var severity: Severity
    /// By an operator, where operators ask; by the client, where that does.
    package var isRead: Bool
    package var at: Timestamp

    package init(id: EventCursor, message: String, severity: Severity, isRead: Bool, at: Timestamp) {
        self.id = id
        self.message = message
        self.severity = severity
        self.isRead = isRead
        self.at = at
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("id")
        message = try fields.text("message", upTo: Limits.sentenceBytes)
        severity = try fields.need("severity")
        isRead = try fields.need("isRead")
        at = try fields.need("time")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", id)
        fields.putSentence("message", message)
        fields.put("severity", severity)
        fields.put("isRead", isRead)
        fields.put("time", at)
    }
}

/// `POST /api/notifications/mark-all-read`: those of one client, or all that the caller sees.
package struct ReadMark: WireObject {
    package var client: ClientID?

    package init(client: ClientID? = nil) { self.client = client }
    package init(_ fields: Fields) throws(JSONError) { client = try fields.maybe("client_id") }
    package func write(_ fields: inout FieldWriter) { fields.put("client_id", client) }
}

/// The answer to both ways of marking notifications as read, as the original gives it.
package struct MarkedRead: WireObject {
    package init() {}
    package init(_ fields: Fields) {}
    package func write(_ fields: inout FieldWriter) { fields.put("success", true) }
}
