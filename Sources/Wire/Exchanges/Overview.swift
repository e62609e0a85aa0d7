package import JSON

/// One line of `GET /api/admin/agents`: a slot as an operator sees it in a list. The keys are those of the original's page.
package struct AgentSummary: WireObject {
    package var id: SlotID
    package var logicalAgent: LogicalAgentID
    package var client: ClientID
    package var clientName: String
    package var status: AgentStatus
    package var enabled: Bool
    package var autoSwitchEnabled: Bool
    /// The primary and what is known of its machine; nil while nobody serves.
    package var instance: InstanceID?
    package var hostname: String?
    package var instanceType: InstanceType?
    package var region: Region?
    package var zone: AvailabilityZone?
    package var mode: Mode?
    package var pool: PoolID?
    package var version: String?
    package var lastHeartbeatAt: Timestamp?
    package var createdAt: Timestamp
    package var epoch: Epoch
    package var configVersion: ConfigVersion
    /// Hosts that may still run, whatever their role.
    package var hosts: Int
    package var readyReplicas: Int
    package var openIncidents: Int
    /// Whether it would survive an interruption now; `GET …/readiness` says why not. Nil where nobody looked.
    package var survives: Bool?

    package init(
        id: SlotID, logicalAgent: LogicalAgentID, client: ClientID, clientName: String, status: AgentStatus,
        settings: SlotSettings, createdAt: Timestamp, epoch: Epoch, configVersion: ConfigVersion
    ) {
        self.id = id
        self.logicalAgent = logicalAgent
        self.client = client
        self.clientName = clientName
        self.status = status
        enabled = settings.enabled
        autoSwitchEnabled = settings.autoSwitchEnabled
        self.createdAt = createdAt
        self.epoch = epoch
        self.configVersion = configVersion
        (hosts, readyReplicas, openIncidents) = (0, 0, 0)
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("id")
        logicalAgent = try fields.need("logicalAgentId")
        client = try fields.need("clientId")
        clientName = try fields.text("clientName")
        status = try fields.need("status")
        enabled = try fields.need("enabled")
        autoSwitchEnabled = try fields.need("autoSwitchEnabled")
        instance = try fields.maybe("instanceId")
        hostname = try fields.maybeText("hostname")
        instanceType = try fields.maybe("instanceType")
        region = try fields.maybe("region")
        zone = try fields.maybe("az")
        mode = try fields.maybe("currentMode")
        pool = try fields.maybe("currentPoolId")
        version = try fields.maybeText("version")
        lastHeartbeatAt = try fields.maybe("lastHeartbeatAt")
        createdAt = try fields.need("createdAt")
        epoch = try fields.need("epoch")
        configVersion = try fields.need("configVersion")
        hosts = try fields.needWhole("hosts", in: 0...Int(Int32.max))
        readyReplicas = try fields.needWhole("readyReplicas", in: 0...Int(Int32.max))
        openIncidents = try fields.needWhole("openIncidents", in: 0...Int(Int32.max))
        survives = try fields.maybe("survives")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", id)
        fields.put("logicalAgentId", logicalAgent)
        fields.put("clientId", client)
        fields.put("clientName", clientName)
        fields.put("status", status)
        fields.put("enabled", enabled)
        fields.put("autoSwitchEnabled", autoSwitchEnabled)
        fields.put("instanceId", instance)
        fields.put("hostname", hostname)
        fields.put("instanceType", instanceType)
        fields.put("region", region)
        fields.put("az", zone)
        fields.put("currentMode", mode)
        fields.put("currentPoolId", pool)
        fields.put("version", version)
        fields.put("lastHeartbeatAt", lastHeartbeatAt)
        fields.put("createdAt", createdAt)
        fields.put("epoch", epoch)
        fields.put("configVersion", configVersion)
        fields.put("hosts", hosts)
        fields.put("readyReplicas", readyReplicas)
        fields.put("openIncidents", openIncidents)
        fields.put("survives", survives)
    }
}

/// How a slot does, in one word.
package enum AgentStatus: String, WireWord {
    /// Its primary is heard.
    case online
    /// Its primary missed several heartbeats; that is not dead.
    case unknown
    /// Its primary is gone, or nobody serves.
    case offline
    /// A hand-over is under way.
    case switching
    case disabled
    case deleted
}

/// The answer to `GET /api/admin/agents`, by client and name.
package struct AgentList: WireObject {
    package var agents: [AgentSummary]
    /// Asks for those after these; nil at the end.
    package var next: EventCursor?

    package init(agents: [AgentSummary], next: EventCursor? = nil) {
        self.agents = agents
        self.next = next
    }

    package init(_ fields: Fields) throws(JSONError) {
        agents = try fields.list("agents", upTo: Limits.overviewMax)
        next = try fields.maybe("next")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agents", agents)
        fields.put("total", agents.count)
        fields.put("next", next)
    }
}

/// One line of `GET /api/admin/instances`: a machine, in the keys of the original's page.
package struct InstanceSummary: WireObject {
    package var instance: InstanceID
    package var slot: SlotID
    package var logicalAgent: LogicalAgentID
    package var client: ClientID
    package var clientName: String
    package var role: Role
    /// `fresh`, `unknown` or `offline`.
    package var presence: HostPresence
    package var roleSince: Timestamp
    package var registeredAt: Timestamp
    package var lastHeartbeatAt: Timestamp?
    package var instanceType: InstanceType?
    package var region: Region?
    package var zone: AvailabilityZone?
    package var mode: Mode?
    package var pool: PoolID?
    package var version: String?
    /// What a replica said it lacks; nil before it looked.
    package var lacking: [String]?

    package init(
        instance: InstanceID, slot: SlotID, logicalAgent: LogicalAgentID, client: ClientID, clientName: String,
        role: Role, presence: HostPresence, roleSince: Timestamp, registeredAt: Timestamp
    ) {
        self.instance = instance
        self.slot = slot
        self.logicalAgent = logicalAgent
        self.client = client
        self.clientName = clientName
        self.role = role
        self.presence = presence
        self.roleSince = roleSince
        self.registeredAt = registeredAt
    }

    package init(_ fields: Fields) throws(JSONError) {
        instance = try fields.need("instanceId")
        slot = try fields.need("agentId")
        logicalAgent = try fields.need("logicalAgentId")
        client = try fields.need("clientId")
        clientName = try fields.text("clientName")
        role = try fields.need("role")
        presence = try fields.need("presence")
        roleSince = try fields.need("roleSince")
        registeredAt = try fields.need("createdAt")
        lastHeartbeatAt = try fields.maybe("lastHeartbeatAt")
        instanceType = try fields.maybe("instanceType")
        region = try fields.maybe("region")
        zone = try fields.maybe("az")
        mode = try fields.maybe("currentMode")
        pool = try fields.maybe("currentPoolId")
        version = try fields.maybeText("version")
        lacking = try fields.maybeTexts("lacking", upTo: Limits.lackingMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("id", instance)
        fields.put("instanceId", instance)
        fields.put("agentId", slot)
        fields.put("logicalAgentId", logicalAgent)
        fields.put("clientId", client)
        fields.put("clientName", clientName)
        fields.put("role", role)
        fields.put("isPrimary", role == .primary)
        fields.put("isActive", role == .primary || role == .replica || role == .promoting)
        fields.put("presence", presence)
        fields.put("roleSince", roleSince)
        fields.put("installedAt", registeredAt)
        fields.put("createdAt", registeredAt)
        fields.put("lastHeartbeatAt", lastHeartbeatAt)
        fields.put("instanceType", instanceType)
        fields.put("region", region)
        fields.put("az", zone)
        fields.put("currentMode", mode)
        fields.put("currentPoolId", pool)
        fields.put("version", version)
        fields.put("lacking", lacking)
    }
}

/// Whether a host is heard. Unknown is not dead.
package enum HostPresence: String, WireWord { case fresh, unknown, offline }

/// The answer to `GET /api/admin/instances`.
package struct InstanceList: WireObject {
    package var instances: [InstanceSummary]
    package var next: EventCursor?

    package init(instances: [InstanceSummary], next: EventCursor? = nil) {
        self.instances = instances
        self.next = next
    }

    package init(_ fields: Fields) throws(JSONError) {
        instances = try fields.list("instances", upTo: Limits.overviewMax)
        next = try fields.maybe("next")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("instances", instances)
        fields.put("total", instances.count)
        fields.put("next", next)
    }
}

/// The answer to `GET /api/agents/{agent_id}`: one slot, whole.
package struct AgentDetail: WireObject {
    package var agent: AgentSummary
    package var configuration: Configuration
    package var hosts: [InstanceSummary]
    package var replicas: [Replica]
    /// The open ones.
    package var commands: [CommandSummary]
    package var incidents: [Incident]

    package init(
        agent: AgentSummary, configuration: Configuration, hosts: [InstanceSummary], replicas: [Replica],
        commands: [CommandSummary], incidents: [Incident]
    ) {
        self.agent = agent
        self.configuration = configuration
        self.hosts = hosts
        self.replicas = replicas
        self.commands = commands
        self.incidents = incidents
    }

    package init(_ fields: Fields) throws(JSONError) {
        agent = try fields.need("agent")
        configuration = try fields.need("config")
        hosts = try fields.list("hosts", upTo: Limits.hostsMax)
        replicas = try fields.list("replicas", upTo: Limits.hostsMax)
        commands = try fields.list("commands", upTo: Limits.overviewMax)
        incidents = try fields.list("incidents", upTo: Limits.incidentsMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agent_id", agent.id)
        fields.put("agent", agent)
        fields.put("config", configuration)
        fields.put("hosts", hosts)
        fields.put("replicas", replicas)
        fields.put("commands", commands)
        fields.put("incidents", incidents)
    }
}
