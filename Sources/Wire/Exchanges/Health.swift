package import JSON

/// The answer to `GET /health` and `GET /api/health`.
package struct Health: WireObject {
    package var status: Status
    package var timestamp: Timestamp
    package var version: String
    /// What is wrong with the store; nil when nothing is.
    package var fault: String?

    package enum Status: String, WireWord { case healthy, unhealthy }

    package init(status: Status, timestamp: Timestamp, version: String = productVersion, fault: String? = nil) {
        self.status = status
        self.timestamp = timestamp
        self.version = version
        self.fault = fault
    }

    package init(_ fields: Fields) throws(JSONError) {
        status = try fields.need("status")
        timestamp = try fields.need("timestamp")
        version = try fields.text("version")
        fault = try fields.maybeText("fault", upTo: Limits.sentenceBytes)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("status", status)
        fields.put("timestamp", timestamp)
        fields.put("version", version)
        fields.putSentence("fault", fault)
    }
}

/// The answer to `GET /`: who answers here.
package struct ServiceDescription: WireObject {
    package var name: String
    package var version: String
    package var `protocol`: Int
    package var uptimeSeconds: Int64

    package init(uptimeSeconds: Int64) {
        name = "spot-coordinator"
        version = productVersion
        self.protocol = protocolVersion
        self.uptimeSeconds = uptimeSeconds
    }

    package init(_ fields: Fields) throws(JSONError) {
        name = try fields.text("name")
        version = try fields.text("version")
        self.protocol = try fields.needWhole("protocol", in: 1...Int(Int32.max))
        uptimeSeconds = try fields.need("uptime_seconds")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("name", name)
        fields.put("version", version)
        fields.put("protocol", `protocol`)
        fields.put("uptime_seconds", uptimeSeconds)
    }
}

/// The answer to `GET /time`.
package struct ServerTime: WireObject {
    package var serverTime: Timestamp

    package init(_ serverTime: Timestamp) { self.serverTime = serverTime }
    package init(_ fields: Fields) throws(JSONError) { serverTime = try fields.need("server_time") }
    package func write(_ fields: inout FieldWriter) { fields.put("server_time", serverTime) }
}
