import Platform

// The kinds of entries worth finding: `journalctl MESSAGE_ID=…`.
extension MessageID {
    static let serving = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a01")
    static let stopped = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a02")
    static let cannotServe = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a03")
    static let misconfigured = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a04")
    static let storeUnwell = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a05")
    static let storeWell = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a06")
    // …07 is an event's, which the API had before.
    static let adminToken = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a08")
    static let reloaded = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a09")
    static let checking = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a0a")
    static let checked = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a0b")
    static let commitsFail = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a0d")
    static let commitsWork = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a0e")
    static let newKey = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a0f")
    static let emptyDatabase = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a10")
    static let clockSet = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7c02")
    static let clocksAgree = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7c03")
    static let damaged = MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a0c")
}

extension LogField {
    static func reason(_ sentence: String) -> LogField { field("SPOT_REASON", sentence) }
    static func address(_ url: String) -> LogField { field("SPOT_ADDRESS", url) }
    static func database(_ path: String) -> LogField { field("SPOT_DATABASE", path) }
}
