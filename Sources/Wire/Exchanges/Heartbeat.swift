package import JSON

/// `POST /api/agents/{agent_id}/heartbeat?wait=3`: a host is alive, this is how it is, and has it anything to do?
///
/// With `wait` the coordinator parks the request and answers at once when a command is committed or the configuration
/// changes, else when the time is up (Decisions/0001).
package struct Heartbeat: WireObject {
    package var status: HostStatus
    package var instance: InstanceID
    package var instanceType: InstanceType?
    package var mode: Mode?
    package var zone: AvailabilityZone?
    package var region: Region?
    package var agentVersion: String?
    /// What the host takes itself for. The coordinator's record decides.
    package var role: Role?
    /// The newest epoch that the host knows.
    package var epoch: Epoch?
    package var configVersion: ConfigVersion?
    package var monitored: [InstanceID] = []
    /// The commands that the host is working on: being named here renews their leases.
    package var running: [CommandID] = []
    package var health: HostHealth?
    package var clock: HostClock?
    /// What a replica still lacks to be promoted, in its own words; empty when it is ready, nil when it did not look. Of a primary
    /// why its workload does not run, though it was to start it; empty or nil while it serves.
    package var lacking: [String]?

    package init(status: HostStatus, instance: InstanceID) {
        self.status = status
        self.instance = instance
    }

    package init(_ fields: Fields) throws(JSONError) {
        status = try fields.need("status")
        instance = try fields.need("instance_id")
        instanceType = try fields.known("instance_type")
        mode = try fields.known("mode")
        zone = try fields.known("az")
        region = try fields.known("region")
        agentVersion = try fields.maybeText("agent_version")
        role = try fields.maybe("role")
        epoch = try fields.maybe("epoch")
        configVersion = try fields.maybe("config_version")
        monitored = try fields.list("monitored_instances", upTo: Limits.monitoredMax)
        running = try fields.list("commands_running", upTo: Limits.commandsRunningMax)
        health = try fields.maybe("health")
        clock = try fields.maybe("clock")
        lacking = try fields.maybeTexts("lacking", upTo: Limits.lackingMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("status", status)
        fields.put("instance_id", instance)
        fields.put("instance_type", instanceType)
        fields.put("mode", mode)
        fields.put("az", zone)
        fields.put("region", region)
        fields.put("agent_version", agentVersion)
        fields.put("role", role)
        fields.put("epoch", epoch)
        fields.put("config_version", configVersion)
        fields.put("monitored_instances", monitored)
        fields.put("commands_running", running)
        fields.put("health", health)
        fields.put("clock", clock)
        fields.put("lacking", lacking)
    }

    /// Reads the query parameter `wait`: whole seconds, shortened to the longest that we park. Absent is no wait.
    package static func wait(fromQuery text: String?) throws(WireError) -> Int {
        guard let text else { return 0 }
        guard let seconds = Int(text), seconds >= 0 else {
            throw WireError(code: .malformed, "wait: expected whole seconds")
        }
        return min(seconds, Limits.waitSecondsMax)
    }
}

/// What a host says of itself.
package enum HostStatus: String, WireWord {
    case online
    /// Switched off in the slot's configuration: watched, not used.
    case disabled
    /// Leaving on purpose.
    case offline
}

/// How well the agent itself does.
package struct HostHealth: WireObject {
    package var uptimeSeconds: Int64
    /// The age of the newest answer of the metadata service. Absent when there was none yet.
    package var metadataAgeMilliseconds: Int64?
    /// The alarm of the agent: it would not see a notice now.
    package var blind: Bool
    /// Reports that wait in the outbox.
    package var outbox: Int64

    package init(uptimeSeconds: Int64, metadataAgeMilliseconds: Int64?, blind: Bool = false, outbox: Int64 = 0) {
        self.uptimeSeconds = uptimeSeconds
        self.metadataAgeMilliseconds = metadataAgeMilliseconds
        self.blind = blind
        self.outbox = outbox
    }

    package init(_ fields: Fields) throws(JSONError) {
        uptimeSeconds = try fields.needCount("uptime_seconds")
        metadataAgeMilliseconds = try fields.count("imds_age_ms")
        blind = try fields.maybe("blind") ?? false
        outbox = try fields.count("outbox") ?? 0
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("uptime_seconds", uptimeSeconds)
        fields.put("imds_age_ms", metadataAgeMilliseconds)
        fields.put("blind", blind)
        fields.put("outbox", outbox)
    }
}

/// The host's clocks when it sent, for the timeline that puts two hosts' events in order.
package struct HostClock: WireObject {
    package var wall: Timestamp
    /// Counts through suspension from the host's boot.
    package var monotonicMilliseconds: Int64

    package init(wall: Timestamp, monotonicMilliseconds: Int64) {
        self.wall = wall
        self.monotonicMilliseconds = monotonicMilliseconds
    }

    package init(_ fields: Fields) throws(JSONError) {
        wall = try fields.need("wall")
        monotonicMilliseconds = try fields.needCount("monotonic_ms")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("wall", wall)
        fields.put("monotonic_ms", monotonicMilliseconds)
    }
}

/// What a host is told at each heartbeat: what it is, what it shall do, and when to call again.
package struct HeartbeatReply: WireObject {
    package var slot: SlotID
    package var role: Role
    package var epoch: Epoch
    /// Newer than the host's: it fetches the configuration.
    package var configVersion: ConfigVersion
    /// Seconds until the next heartbeat; the coordinator sets the pace.
    package var heartbeatSeconds: Int
    /// When the request came in. With `serverTime` the host can tell our clock from its own in spite of the park.
    package var receivedAt: Timestamp
    /// When the answer left.
    package var serverTime: Timestamp
    /// As in `RegistrationReply`.
    package var leaseSeconds: Int?
    /// In the order in which they are to be obeyed.
    package var commands: [Command] = []
    /// How many more wait than this answer holds.
    package var commandsPending: Int = 0

    package init(
        slot: SlotID, role: Role, epoch: Epoch, configVersion: ConfigVersion, heartbeatSeconds: Int,
        receivedAt: Timestamp, serverTime: Timestamp
    ) {
        self.slot = slot
        self.role = role
        self.epoch = epoch
        self.configVersion = configVersion
        self.heartbeatSeconds = heartbeatSeconds
        self.receivedAt = receivedAt
        self.serverTime = serverTime
    }

    package init(_ fields: Fields) throws(JSONError) {
        slot = try fields.need("agent_id")
        role = try fields.need("role")
        epoch = try fields.need("epoch")
        configVersion = try fields.need("config_version")
        heartbeatSeconds = try fields.needWhole("heartbeat_seconds", in: 1...Limits.heartbeatSecondsMax)
        receivedAt = try fields.need("received_at")
        serverTime = try fields.need("server_time")
        leaseSeconds = try fields.whole("lease_seconds", in: 1...Limits.settingSecondsMax)
        commands = try fields.list("commands", upTo: Limits.commandsMax)
        commandsPending = try fields.whole("commands_pending", in: 0...Int(Int32.max)) ?? 0
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agent_id", slot)
        fields.put("role", role)
        fields.put("epoch", epoch)
        fields.put("config_version", configVersion)
        fields.put("heartbeat_seconds", heartbeatSeconds)
        fields.put("received_at", receivedAt)
        fields.put("server_time", serverTime)
        fields.put("lease_seconds", leaseSeconds)
        fields.put("commands", commands)
        fields.put("commands_pending", commandsPending)
    }
}
