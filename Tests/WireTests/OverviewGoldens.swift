import Wire

/// What an operator looks at.
let overviewGoldens = [
    Golden(
        "agent-list", AgentList(agents: [agent], next: "a1-9f3a"), required: agentPlaces.map { "agents[0]." + $0 },
        unread: ["total"]),
    Golden(
        "readiness", readiness,
        required: ["agent_id", "survives", "hand_over", "deadline_seconds"]
            + ["instance_id", "ready", "fresh"].map { "replicas[0]." + $0 }),
    Golden(
        "readiness-list",
        SlotReadinessList(agents: [survivor], next: "a1-9f3a"),
        required: ["agent_id", "survives", "hand_over", "deadline_seconds"].map { "agents[0]." + $0 }),
    Golden(
        "instance-list", InstanceList(instances: [machine], next: "i1-9f3a"),
        required: machinePlaces.map { "instances[0]." + $0 },
        unread: ["total"] + machineUnread.map { "instances[0]." + $0 }),
    Golden(
        "agent-detail",
        AgentDetail(
            agent: agent, configuration: Configuration(version: 12, settings: settings), hosts: [machine],
            replicas: [replica], commands: [finished],
            incidents: [
                with(incident) {
                    $0.ledger = []
                    $0.timeline = []
                }
            ]),
        required: ["agent", "config", "config.config_version"] + agentPlaces.map { "agent." + $0 }
            + machinePlaces.map { "hosts[0]." + $0 } + replicaPlaces.map { "replicas[0]." + $0 }
            + finishedPlaces.map { "commands[0]." + $0 } + incidentPlaces.map { "incidents[0]." + $0 },
        unread: ["agent_id"] + machineUnread.map { "hosts[0]." + $0 }),
    Golden(
        "command-list", CommandList(commands: [finished], next: "c1-9f3a"),
        required: finishedPlaces.map { "commands[0]." + $0 }),
    Golden(
        "log-lines", LogLines(events: [logLine], next: "e1-17"),
        required: ["next"] + ["cursor", "at", "event_type", "severity", "message"].map { "events[0]." + $0 }),
    Golden(
        "stream-stats", StreamStats(listeners: 3, clients: ["client-7"]), required: ["active_connections"]),
    Golden(
        "notification",
        Notification(
            id: "e2-0-17", message: "i-0a1b2c3d4e5f60718 goes away", severity: .critical, isRead: true, at: moment()),
        required: ["id", "message", "severity", "isRead", "time"]),
    Golden("read-mark", ReadMark(client: "client-7"), required: []),
    Golden("marked-read", MarkedRead(), required: [], unread: ["success"]),
    Golden(
        "client-summary",
        with(ClientSummary(id: "client-7", name: "Acme", isActive: true, createdAt: moment())) {
            $0.agentsOnline = 3
            $0.agentsTotal = 5
            $0.instances = 8
            $0.totalSavings = number("1234.50")
            $0.lastSync = moment(60_000)
        },
        required: [
            "id", "name", "status", "agentsOnline", "agentsTotal", "instances", "totalSavings", "createdAt",
        ]),
]

private let agentPlaces = [
    "id", "logicalAgentId", "clientId", "clientName", "status", "enabled", "autoSwitchEnabled", "createdAt", "epoch",
    "configVersion", "hosts", "readyReplicas", "openIncidents",
]
private let agent = with(
    AgentSummary(
        id: "slot-1", logicalAgent: "web 1/é", client: "client-7", clientName: "Acme", status: .switching,
        settings: settings, createdAt: moment(), epoch: 4, configVersion: 12)
) {
    $0.instance = host
    $0.hostname = "ip-10-0-0-7"
    $0.instanceType = "m5.large"
    $0.region = "us-east-1"
    $0.zone = "us-east-1b"
    $0.mode = .spot
    $0.pool = "m5.large.us-east-1b"
    $0.version = "0.1.0"
    $0.lastHeartbeatAt = moment(60_000)
    $0.hosts = 3
    $0.readyReplicas = 1
    $0.openIncidents = 2
    $0.survives = false
}

private let readiness = with(
    SlotReadiness(
        slot: "slot-1", reasons: ["replica i-0fedcba9876543210 lacks units"], primary: host, handOver: .exclusive,
        deadlineSeconds: 15)
) {
    $0.warnings = ["they may go together"]
    $0.replicas = [
        SlotReadiness.Replica(
            instance: successor, isReady: false, lacking: ["units"], zone: "us-east-1c", isFresh: true)
    ]
}

private let survivor = with(
    SlotReadiness(slot: "slot-1", reasons: [], primary: host, handOver: .exclusive, deadlineSeconds: 15)
) { $0.warnings = ["they may go together"] }

private let machineUnread = ["id", "isPrimary", "isActive", "installedAt"]
private let machinePlaces = [
    "instanceId", "agentId", "logicalAgentId", "clientId", "clientName", "role", "presence", "roleSince", "createdAt",
]
private let machine = with(
    InstanceSummary(
        instance: successor, slot: "slot-1", logicalAgent: "web 1/é", client: "client-7", clientName: "Acme",
        role: .replica, presence: .unknown, roleSince: moment(30_000), registeredAt: moment())
) {
    $0.lastHeartbeatAt = moment(60_000)
    $0.instanceType = "m5.large"
    $0.region = "us-east-1"
    $0.zone = "us-east-1c"
    $0.mode = .ondemand
    $0.pool = "m5.large.us-east-1c"
    $0.version = "0.1.0"
    $0.lacking = ["ready.d/10-sync: exit status 1"]
}

private let finishedPlaces = [
    "id", "agent_id", "instance_id", "command_type", "summary", "state", "priority", "attempt", "epoch", "created_at",
    "expires_at",
]
private let finished = with(
    CommandSummary(
        id: "c-41", slot: "slot-1", instance: host, type: "switch", summary: "switch to m5.large.us-east-1c",
        state: .failed, priority: 75, attempt: 2, epoch: 4, createdAt: moment(), expiresAt: moment(300_000))
) {
    $0.notBefore = moment(1_000)
    $0.leaseUntil = moment(31_000)
    $0.finishedAt = moment(9_000)
    $0.incident = "inc-9"
    $0.message = "launch: InsufficientInstanceCapacity"
}

private let logLine = with(
    LogLine(
        cursor: "e1-17", at: moment(), kind: "termination_notice", severity: .critical, message: "notice: terminate")
) {
    $0.client = "client-7"
    $0.slot = "slot-1"
    $0.instance = host
    $0.incident = "inc-9"
    $0.command = "c-41"
    $0.drill = true
}
