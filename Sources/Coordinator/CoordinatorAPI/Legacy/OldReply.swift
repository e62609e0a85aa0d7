import HTTPServer
import JSON
import Wire

/// An answer as every old program can read it: old hosts read the keys at the top, dashboards those in `data`, so they stand in
/// both places, between the words of the envelope.
struct OldReply: JSONWritable {
    typealias Write = (inout JSONObjectWriter) -> Void

    private let failure: String?
    private let write: Write
    private let writeData: Write

    /// `failure`: the question was heard, and what it asked for could not be done. `data` has keys that the envelope has, too.
    init(failure: String? = nil, _ write: @escaping Write = { _ in }, data: @escaping Write = { _ in }) {
        self.failure = failure
        self.write = write
        writeData = data
    }

    func write(to writer: inout JSONWriter) {
        writer.object { reply in
            reply.field("status", failure == nil ? "success" : "error")
            if let failure { reply.field("error", failure) } else { reply.null("error") }
            reply.field("success", failure == nil)
            write(&reply)
            reply.object("data") { data in
                write(&data)
                writeData(&data)
            }
        }
    }
}

extension JSONObjectWriter {
    /// Old programs ask for a key and do without its value: null where there is none.
    mutating func known(_ key: String, _ value: (some JSONWritable)?) {
        if let value { field(key, value) } else { null(key) }
    }

    mutating func place(_ key: String, _ pool: PoolID) {
        object(key) {
            $0.field("id", pool)
            $0.field("name", "\(pool.instanceType) (\(pool.zone))")
            $0.field("instance_type", pool.instanceType)
            $0.known("region", pool.zone.region)
            $0.field("az", pool.zone)
        }
    }
}

extension Response {
    static func old(
        failure: String? = nil, _ write: @escaping OldReply.Write = { _ in }, data: @escaping OldReply.Write = { _ in }
    ) -> Response {
        .json(OldReply(failure: failure, write, data: data))
    }

    /// What a host of today would get, between the words of the envelope.
    static func enveloped(_ reply: some JSONWritable) -> Response {
        guard let envelope = Envelope(encodeJSON(reply)) else { preconditionFailure("every reply is an object") }
        return .json(envelope)
    }
}

/// A slot's settings as old hosts read them.
struct OldConfiguration {
    let slot: SlotID
    let configuration: Configuration
    /// A host that does not serve has nothing to do: all that could move it is off.
    var isIdle = false

    func write(_ fields: inout JSONObjectWriter) {
        let settings = configuration.settings
        fields.field("agent_id", slot)
        fields.field("config_version", configuration.version)
        fields.field("enabled", settings.enabled && !isIdle)
        fields.field("auto_switch_enabled", settings.autoSwitchEnabled && !isIdle)
        fields.field("auto_terminate_enabled", settings.autoTerminateEnabled && !isIdle)
        fields.field("terminate_wait_seconds", isIdle ? 0 : settings.terminateWaitSeconds)
        fields.field("terminate_wait_minutes", isIdle ? 0 : settings.terminateWaitSeconds / 60)
        fields.field("manual_replica_enabled", settings.manualReplicaEnabled && !isIdle)
        fields.field("replica_enabled", settings.manualReplicaEnabled && !isIdle)
        fields.field("replica_count", isIdle ? 0 : settings.replicaCount)
        fields.field("min_savings_percent", settings.minSavingsPercent)
        fields.field("risk_threshold", settings.riskThreshold)
        fields.field("max_switches_per_week", settings.maxSwitchesPerWeek)
        fields.field("min_pool_duration_hours", settings.minPoolDurationHours)
        fields.field("emergency_rebalance_only", false)
        fields.field("decision_engine_active", false)
    }
}
