import JSON
import Wire

/// Every message of protocol version 1, in the order of `Docs.docc/Protocol.md`.
let goldens: [Golden] =
    lifeGoldens + commandGoldens + resultGoldens + reportGoldens + interruptionGoldens
    + replicaGoldens + serviceGoldens + administrationGoldens + overviewGoldens

let host: InstanceID = "i-0a1b2c3d4e5f60718"
let successor: InstanceID = "i-0fedcba9876543210"

/// 2026-11-20T13:05:00Z and so many milliseconds.
func moment(_ milliseconds: Int64 = 0) -> Timestamp {
    Timestamp(nanosecondsSinceEpoch: (1_795_179_900_000 + milliseconds) * 1_000_000)
}

func number(_ text: String) -> JSONNumber {
    guard let number = JSONNumber(text) else { preconditionFailure("\(text) is not a number") }
    return number
}

func token(_ text: String) -> Token {
    guard let token = try? Token(text) else { preconditionFailure("\(text) is not a token") }
    return token
}

func with<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var changed = value
    change(&changed)
    return changed
}

private let stampPlaces = ["report_id", "reporter_instance_id"]
private let stamp = ReportStamp(report: "i-0a1b2c3d4e5f60718:17", instance: host, epoch: 3)

let settings = with(SlotSettings()) {
    $0.autoSwitchEnabled = false
    $0.manualReplicaEnabled = true
    $0.replicaCount = 1
    $0.minSavingsPercent = number("12.50")
    $0.handOver = .exclusive
    $0.leaseSeconds = 60
}

private let lifeGoldens = [
    Golden(
        "registration",
        with(
            Registration(
                logicalAgent: "web 1/é", instance: host, region: "us-east-1", hostname: "ip-10-0-0-7",
                agentVersion: "0.1.0")
        ) {
            $0.instanceType = "m5.large"
            $0.zone = "us-east-1b"
            $0.image = "ami-0a1b2c3d"
            $0.mode = .spot
            $0.privateAddress = "10.0.0.7"
            $0.publicAddress = "203.0.113.7"
            $0.proposed = with(SlotSettingsChange()) {
                $0[.handOver] = .handOver(.exclusive)
                $0[.failoverDeadlineSeconds] = .whole(20)
            }
            $0.renews = "01a3185c-68c8-7000-8350-bb7035c75566"
        },
        required: ["logical_agent_id", "instance_id", "region", "hostname", "agent_version"]),
    Golden(
        "registration-reply",
        with(
            RegistrationReply(
                slot: "5f0c7a52-3f0e-4b5e-9a43-2f7d8f3f0c11", client: "client-7", token: token("agent-5ecret"),
                role: .replica, epoch: 3, configuration: Configuration(version: 12), serverTime: moment(250))
        ) {
            $0.leaseSeconds = 60
            $0.message = "joined as replica"
        },
        required: [
            "agent_id", "client_id", "agent_token", "role", "epoch", "config", "config.config_version", "server_time",
        ]),
    Golden(
        "heartbeat",
        with(Heartbeat(status: .online, instance: host)) {
            $0.instanceType = "m5.large"
            $0.mode = .spot
            $0.zone = "us-east-1b"
            $0.region = "us-east-1"
            $0.agentVersion = "0.1.0"
            $0.role = .replica
            $0.epoch = 3
            $0.configVersion = 12
            $0.monitored = [host]
            $0.running = ["c-41", "c-42"]
            $0.health = HostHealth(uptimeSeconds: 86400, metadataAgeMilliseconds: 420, blind: true, outbox: 2)
            $0.clock = HostClock(wall: moment(250), monotonicMilliseconds: 123_456_789)
            $0.lacking = ["ready.d/10-sync: exit status 1"]
        },
        required: ["status", "instance_id", "health.uptime_seconds", "clock.wall", "clock.monotonic_ms"]),
    Golden(
        "heartbeat-reply",
        with(
            HeartbeatReply(
                slot: "5f0c7a52-3f0e-4b5e-9a43-2f7d8f3f0c11", role: .primary, epoch: 3, configVersion: 12,
                heartbeatSeconds: 3, receivedAt: moment(), serverTime: moment(2_750))
        ) {
            $0.leaseSeconds = 60
            $0.commands = [command(.activate)]
            $0.commandsPending = 2
        },
        required: [
            "agent_id", "role", "epoch", "config_version", "heartbeat_seconds", "received_at", "server_time",
        ] + commandPlaces.map { "commands[0]." + $0 }),
    Golden(
        "configuration", Configuration(version: 12, settings: settings, reportsPrices: true),
        required: ["config_version"]),
]

/// The frame that every command has.
func command(_ order: Order) -> Command {
    with(
        Command(
            id: "c-41", instance: host, order: order, priority: 100, createdAt: moment(), expiresAt: moment(120_000),
            leaseSeconds: 30, attempt: 1, epoch: 4)
    ) {
        $0.notBefore = moment(1_000)
        $0.incident = "inc-9"
    }
}

private let commandPlaces = [
    "id", "instance_id", "priority", "created_at", "expires_at", "lease_seconds", "attempt", "epoch", "command_type",
]

private let commandGoldens = [
    ("switch", .switch(.init(mode: .spot, pool: "m5.large.us-east-1c", terminateWaitSeconds: 300, makesImage: true))),
    (
        "create-replica",
        .createReplica(
            .init(replica: "r-5", mode: .spot, pool: "m5.large.us-east-1c", avoidedZones: ["us-east-1a", "us-east-1b"]))
    ),
    (
        "terminate-instance",
        .terminateInstance(.init(target: successor, reason: .replicaTerminated, replica: "r-5"))
    ),
    (
        "promote",
        .promote(.init(handOver: .exclusive, awaitsFence: true, predecessor: successor, deadline: moment(15_000)))
    ),
    ("activate", .activate),
    (
        "demote",
        .demote(.init(handOver: .exclusive, successor: successor, drainBudgetSeconds: 5, fenceAt: moment(6_000)))
    ),
    ("inspect-instance", .inspectInstance(successor)),
    ("apply-config", .applyConfig(13)),
    ("cleanup", .cleanup(.init(snapshotsOlderThanDays: 7, imagesOlderThanDays: 30))),
].map { (name: String, order: Order) in Golden("command-" + name, command(order), required: commandPlaces) }

private func result(_ outcome: CommandResult.Outcome, _ facts: CommandResult.Facts?) -> CommandResult {
    with(
        CommandResult(
            outcome, message: "Switch completed", instance: host, attempt: 1, epoch: 4, finishedAt: moment(9_000))
    ) {
        $0.startedAt = moment(1_000)
        $0.facts = facts
        $0.ledger = [
            with(LedgerStep(name: "drain", budgetMilliseconds: 5_000, tookMilliseconds: 812, outcome: .done)) {
                $0.startedAt = moment(1_010)
            },
            LedgerStep(name: "snapshot", budgetMilliseconds: 2_000, tookMilliseconds: nil, outcome: .dropped),
        ]
    }
}

private let resultGoldens = [
    (
        "launched", .done,
        .launched(
            .init(
                instance: successor, instanceType: "m5.large", zone: "us-east-1c", mode: .spot, image: "ami-0a1b2c3d")),
        ["instance_id", "instance_type", "az", "mode"]
    ),
    ("terminated", .done, .terminated(successor), ["instance_id"]),
    (
        "inspected", .done,
        .inspected([.init(instance: successor, state: .shuttingDown), .init(instance: host, state: .notFound)]),
        ["instances[0].instance_id", "instances[0].state"]
    ),
    ("fenced", .fenced, .fenced(at: moment(5_812)), ["fenced_at"]),
    ("activated", .done, .activated(at: moment(6_000), verifiedAt: moment(6_400)), ["activated_at"]),
    ("configured", .done, .configured(13), ["config_version"]),
].map { (name: String, outcome: CommandResult.Outcome, facts: CommandResult.Facts, places: [String]) in
    Golden(
        "command-result-" + name, result(outcome, facts),
        required: [
            "success", "message", "outcome", "instance_id", "attempt", "epoch", "finished_at", "execution_result.kind",
            "ledger[0].step", "ledger[0].budget_ms", "ledger[0].outcome",
        ] + places.map { "execution_result." + $0 })
}

private func switched(_ instance: InstanceID, _ zone: AvailabilityZone) -> SwitchedInstance {
    with(SwitchedInstance(instance: instance)) {
        $0.instanceType = "m5.large"
        $0.region = "us-east-1"
        $0.zone = zone
        $0.image = "ami-0a1b2c3d"
        $0.mode = .spot
        $0.pool = PoolID("m5.large", zone)
    }
}

private let reportGoldens = [
    Golden("report-reply", ReportReply(.duplicate), required: ["outcome"]),
    Golden(
        "pricing-report",
        with(
            PricingReport(
                stamp: stamp,
                instance: PricedInstance(
                    instance: host, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1b", mode: .spot,
                    pool: "m5.large.us-east-1b"),
                pools: [
                    PoolPrice(pool: "m5.large.us-east-1a", price: number("0.0416")),
                    PoolPrice(pool: "m5.large.us-east-1b", price: number("0.041600")),
                ],
                collectedAt: moment())
        ) {
            $0.onDemandPrice = number("0.0960000000")
            $0.currentSpotPrice = number("0.041600")
            $0.cheapestPool = PoolPrice(pool: "m5.large.us-east-1a", price: number("0.0416"))
        },
        required: stampPlaces + [
            "instance", "instance.instance_id", "instance.instance_type", "instance.region", "instance.az", "pricing",
            "pricing.cheapest_pool.pool_id", "pricing.cheapest_pool.price", "pricing.spot_pools[0].pool_id",
            "pricing.spot_pools[0].price", "pricing.collected_at",
        ],
        unread: ["cheapest_pool", "spot_pools[0]", "spot_pools[1]"].flatMap {
            ["pricing.\($0).instance_type", "pricing.\($0).az"]
        }),
    Golden(
        "switch-report",
        with(
            SwitchReport(
                stamp: stamp, oldInstance: switched(host, "us-east-1b"), newInstance: switched(successor, "us-east-1c"),
                timing: with(SwitchTiming(initiatedAt: moment())) {
                    $0.imageCreatedAt = moment(60_000)
                    $0.launchedAt = moment(61_000)
                    $0.readyAt = moment(90_000)
                    $0.trafficSwitchedAt = moment(90_500)
                    $0.oldTerminatedAt = moment(390_000)
                },
                trigger: .emergency)
        ) {
            $0.command = "c-41"
            $0.incident = "inc-9"
            $0.image = "ami-0a1b2c3d"
            $0.onDemandPrice = number("0.096")
            $0.oldSpotPrice = number("0.0416")
            $0.newSpotPrice = number("0.0402")
        },
        required: stampPlaces + [
            "old_instance", "old_instance.instance_id", "new_instance", "new_instance.instance_id", "timing",
            "timing.switch_initiated_at", "trigger",
        ],
        unread: ["snapshot.used"]),
    Golden(
        "termination-report",
        with(TerminationReport(stamp: stamp, target: successor, success: false)) {
            $0.error = "terminate i-0fedcba9876543210: UnauthorizedOperation"
            $0.terminatedAt = moment(30_000)
            $0.command = "c-41"
            $0.replica = "r-5"
        },
        required: stampPlaces + ["instance_id", "success"]),
    Golden(
        "cleanup-report",
        with(
            CleanupReport(
                stamp: stamp, timestamp: moment(),
                snapshots: with(CleanupReport.Pass()) {
                    $0.deleted = ["snap-0aa", "snap-0bb"]
                    $0.failed = [.init(id: "snap-0cc", error: "in use")]
                    $0.cutoff = moment(-604_800_000)
                },
                images: with(CleanupReport.Pass()) {
                    $0.deleted = ["ami-0aa"]
                    $0.failed = [.init(id: "ami-0cc", error: "in use")]
                    $0.error = "list images: RequestLimitExceeded"
                })
        ) {
            $0.command = "c-41"
            $0.imageSnapshots = ["snap-0dd"]
        },
        required: stampPlaces + [
            "timestamp", "snapshots", "snapshots.failed[0].id", "snapshots.failed[0].error", "amis",
            "amis.failed[0].id", "amis.failed[0].error",
        ],
        unread: ["snapshots.type", "amis.type"]),
    Golden(
        "termination-list",
        TerminationList(
            instances: [
                with(TerminationList.Entry(instance: successor, reason: .zombieTimeout, secondsWaiting: 312)) {
                    $0.instanceType = "m5.large"
                    $0.zone = "us-east-1c"
                }
            ],
            autoTerminateEnabled: true, terminateWaitSeconds: 300),
        required: ["instances[0].instance_id", "instances[0].reason"]),
]

private let interruptionGoldens =
    [
        ("interruption", .interruption(.hibernate, at: moment(120_000)), ["action", "termination_time"]),
        ("rebalance", .rebalance, []),
        (
            "maintenance",
            .maintenance(
                Maintenance(
                    event: "instance-event-0d59937288b749b32", code: "system-reboot", notBefore: moment(86_400_000),
                    notAfter: moment(90_000_000), cancelled: true)),
            ["maintenance", "maintenance.event_id", "maintenance.code", "maintenance.not_before"]
        ),
        ("lifecycle", .lifecycle(target: "Terminated"), ["target_state"]),
        ("shutdown", .shutdown, []),
    ].map { (name: String, signal: Notice.Signal, places: [String]) in
        Golden(
            "notice-" + name,
            with(Notice(instance: host, signal: signal, detectedAt: moment(), epoch: 3)) { $0.seenAt = moment(250) },
            required: ["instance_id", "signal", "detected_at"] + places)
    } + [
        Golden(
            "notice-drill",
            with(Notice(instance: host, signal: .rebalance, detectedAt: moment(), epoch: 3)) {
                $0.seenAt = moment(250)
                $0.drill = true
            },
            required: ["instance_id", "signal", "detected_at"]),
        Golden(
            "notice-reply",
            with(NoticeReply(incident: "inc-9", action: .replicaPromoted, role: .zombie, epoch: 4)) {
                $0.deadline = moment(15_000)
                $0.replica = "r-5"
                $0.successor = successor
                $0.commands = [command(.demote(.init(handOver: .overlap, successor: successor, drainBudgetSeconds: 5)))]
                $0.message = "replica r-5 takes over"
            },
            required: ["incident_id", "action", "role", "epoch"] + commandPlaces.map { "commands[0]." + $0 }),
        Golden(
            "emergency-status",
            with(EmergencyStatus(slot: "slot-1", noticeStatus: .termination)) {
                $0.noticeReceivedAt = moment()
                $0.noticeDeadline = moment(120_000)
                $0.incident = "inc-9"
                $0.replica = replica
            },
            required: ["agent_id", "notice_status"] + replicaPlaces.map { "emergency_replica." + $0 }),
        Golden(
            "incident", incident,
            required: incidentPlaces + [
                "ledger[0].step", "ledger[0].budget_ms", "ledger[0].outcome", "timeline[0].at", "timeline[0].what",
            ]),
        Golden(
            "incident-list",
            IncidentList(
                incidents: [
                    with(incident) {
                        $0.ledger = []
                        $0.timeline = []
                    }
                ],
                next: "9f3a"),
            required: incidentPlaces.map { "incidents[0]." + $0 }),
    ]

let incidentPlaces = ["incident_id", "agent_id", "instance_id", "kind", "state", "detected_at", "epoch"]
let incident = with(
    Incident(
        id: "inc-9", slot: "slot-1", instance: host, kind: .interruption, state: .met, detectedAt: moment(), epoch: 4)
) {
    $0.interruptionTime = moment(120_000)
    $0.deadline = moment(15_000)
    $0.successor = successor
    $0.verifiedAt = moment(3_200)
    $0.closedAt = moment(3_201)
    $0.drill = true
    $0.ledger = [
        with(LedgerStep(name: "drain", budgetMilliseconds: 5_000, tookMilliseconds: 5_000, outcome: .overran)) {
            $0.startedAt = moment(60)
            $0.instance = host
        }
    ]
    $0.timeline = [
        with(.init(at: moment(60), instance: host, what: "drain: overran")) {
            $0.tookMilliseconds = 5_000
            $0.budgetMilliseconds = 5_000
        },
        .init(at: moment(52), instance: nil, what: "promotion of r-5 committed, epoch 4"),
    ]
}

let replicaPlaces = ["id", "type", "status", "created_at"]
let replica = with(
    Replica(id: "r-5", type: .automaticTermination, status: .terminated, createdAt: moment())
) {
    $0.instance = successor
    $0.parent = host
    $0.pool = "m5.large.us-east-1c"
    $0.readyAt = moment(30_000)
    $0.terminatedAt = moment(60_000)
}

private let replicaGoldens = [
    Golden(
        "replica-list", ReplicaList(replicas: [replica]), required: replicaPlaces.map { "replicas[0]." + $0 },
        unread: ["total"]),
    Golden(
        "replica-creation",
        with(ReplicaCreation(type: .automaticRebalance)) {
            $0.instance = successor
            $0.parent = host
            $0.pool = "m5.large.us-east-1c"
            $0.status = .launching
        }),
    Golden("replica-launch", ReplicaLaunch(instance: successor, status: .launching), required: ["instance_id"]),
    Golden(
        "replica-progress",
        with(ReplicaProgress(status: .failed)) {
            $0.syncStartedAt = moment(1_000)
            $0.syncCompletedAt = moment(2_000)
            $0.terminatedAt = moment(3_000)
            $0.errorMessage = "launch: InsufficientInstanceCapacity"
        },
        required: ["status"]),
    Golden(
        "replica-reply", ReplicaReply(replica: "r-5", instance: successor, status: .ready),
        required: ["replica_id", "status"]),
]

private let serviceGoldens = [
    Golden(
        "service", ServiceDescription(uptimeSeconds: 86400),
        required: ["name", "version", "protocol", "uptime_seconds"]),
    Golden(
        "health",
        Health(status: .unhealthy, timestamp: moment(), version: "0.1.0", fault: "commit: no space left on device"),
        required: ["status", "timestamp", "version"]),
    Golden("time", ServerTime(moment(250)), required: ["server_time"]),
    Golden(
        "error", ErrorReply(.validation, "instance_id: missing", request: "req-77"), required: ["error", "code"],
        unread: ["status", "data", "error_code", "success"]),
]

private let administrationGoldens = [
    Golden("client-creation", ClientCreation(name: "Acme", email: "ops@acme.example"), required: ["name"]),
    Golden(
        "created-client", CreatedClient(id: "client-7", name: "Acme", token: token("token-5ecret")),
        required: ["client", "client.id", "client.name", "client.token"], unread: ["client.status"]),
    Golden(
        "client-token", ClientToken(token: token("token-5ecret"), clientName: "Acme"),
        required: ["token", "client_name"]),
    Golden(
        "validated-client", ValidatedClient(client: "client-7", name: "Acme", email: "ops@acme.example"),
        required: ["client_id", "name"], unread: ["valid", "client_name"]),
    Golden("settings-change", SlotSettingsChange(to: settings)),
    Golden("enabled-change", EnabledChange(enabled: false)),
    Golden("force-switch-pool", ForceSwitch(target: .pool("m5.large.us-east-1c")), required: ["target", "pool_id"]),
    Golden("force-switch-ondemand", ForceSwitch(target: .onDemand), required: ["target"]),
    Golden("queued-command", QueuedCommand(command: "c-41", message: "switch queued"), required: ["command_id"]),
    Golden("nothing", Nothing()),
]
