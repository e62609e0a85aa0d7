import JSON

/// A message with the size and the shape of what every agent sends all day.
struct Heartbeat: Equatable, JSONReadable, JSONWritable {
    var status: String
    var instanceID: String
    var instanceType: String
    var mode: String
    var zone: String
    var region: String
    var agentVersion: String
    var configVersion: Int64
    var epoch: Int64
    var monitoredInstances: [String]
    var uptimeSeconds: Int64
    var metadataAgeMilliseconds: Int64
    var outbox: Int64
    var wall: Timestamp
    var monotonicMilliseconds: Int64

    static let text = Array(
        """
        {"status":"online","instance_id":"i-0abc1234def567890","instance_type":"m5.large","mode":"spot",\
        "az":"us-east-1b","region":"us-east-1","agent_version":"1.0.0-beta.1+7fa","config_version":12,"epoch":3,\
        "monitored_instances":["i-0abc1234def567890","i-0fed9876cba543210"],\
        "health":{"uptime_seconds":86400,"imds_age_ms":420,"outbox":0},\
        "clock":{"wall":"2026-11-20T13:05:00.250Z","monotonic_ms":123456789}}
        """.utf8)

    init(from value: JSONValue) throws(JSONError) {
        let object = try value.object()
        status = try object.required("status").string()
        instanceID = try object.required("instance_id").string()
        instanceType = try object.required("instance_type").string()
        mode = try object.required("mode").string()
        zone = try object.required("az").string()
        region = try object.required("region").string()
        agentVersion = try object.required("agent_version").string()
        configVersion = try object.required("config_version").integer()
        epoch = try object.required("epoch").integer()
        monitoredInstances = try [String](from: object.required("monitored_instances"))
        let health = try object.required("health").object()
        uptimeSeconds = try health.required("uptime_seconds").integer()
        metadataAgeMilliseconds = try health.required("imds_age_ms").integer()
        outbox = try health.required("outbox").integer()
        let clock = try object.required("clock").object()
        wall = try clock.required("wall").timestamp()
        monotonicMilliseconds = try clock.required("monotonic_ms").integer()
    }

    func write(to writer: inout JSONWriter) {
        writer.object { object in
            object.field("status", status)
            object.field("instance_id", instanceID)
            object.field("instance_type", instanceType)
            object.field("mode", mode)
            object.field("az", zone)
            object.field("region", region)
            object.field("agent_version", agentVersion)
            object.field("config_version", configVersion)
            object.field("epoch", epoch)
            object.field("monitored_instances", monitoredInstances)
            object.object("health") { health in
                health.field("uptime_seconds", uptimeSeconds)
                health.field("imds_age_ms", metadataAgeMilliseconds)
                health.field("outbox", outbox)
            }
            object.object("clock") { clock in
                clock.field("wall", wall)
                clock.field("monotonic_ms", monotonicMilliseconds)
            }
        }
    }
}
