import JSON
import Wire

let host: InstanceID = "i-0a1b2c3d4e5f60718"
let successor: InstanceID = "i-0fedcba9876543210"

func with<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var changed = value
    change(&changed)
    return changed
}

func token(_ text: String) -> Token {
    guard let token = try? Token(text) else { preconditionFailure("\(text) is not a token") }
    return token
}

func agent(_ id: SlotID = "slot-1", named name: LogicalAgentID = "web", status: AgentStatus = .online) -> AgentSummary {
    with(
        AgentSummary(
            id: id, logicalAgent: name, client: "client-7", clientName: "Acme", status: status,
            settings: SlotSettings(), createdAt: moment(), epoch: 4, configVersion: 12)
    ) {
        $0.instance = host
        $0.zone = "us-east-1b"
        $0.mode = .spot
        $0.lastHeartbeatAt = moment(48_000)
        $0.hosts = 2
        $0.readyReplicas = 1
    }
}

let machine = with(
    InstanceSummary(
        instance: successor, slot: "slot-1", logicalAgent: "web", client: "client-7", clientName: "Acme",
        role: .replica, presence: .fresh, roleSince: moment(-180_000), registeredAt: moment(-7_200_000))
) {
    $0.lastHeartbeatAt = moment(58_000)
    $0.instanceType = "m5.large"
    $0.zone = "us-east-1c"
    $0.mode = .spot
    $0.lacking = ["ready.d/10-sync: exit status 1"]
}

func command(_ id: CommandID = "c-41", message: String? = "launch: InsufficientInstanceCapacity") -> CommandSummary {
    with(
        CommandSummary(
            id: id, slot: "slot-1", instance: host, type: "switch", summary: "switch to m5.large.us-east-1c",
            state: .failed, priority: 75, attempt: 2, epoch: 4, createdAt: moment(), expiresAt: moment(300_000))
    ) { $0.message = message }
}

let incident = with(
    Incident(
        id: "inc-9", slot: "slot-1", instance: host, kind: .interruption, state: .met, detectedAt: moment(), epoch: 4)
) {
    $0.interruptionTime = moment(120_000)
    $0.deadline = moment(15_000)
    $0.successor = successor
    $0.verifiedAt = moment(3_200)
    $0.closedAt = moment(3_201)
    $0.timeline = [
        .init(at: moment(), instance: host, what: "rebalance recommended\u{1B}[2J"),
        .init(at: moment(52), instance: nil, what: "promotion of r-5 committed, epoch 4"),
        with(.init(at: moment(60), instance: successor, what: "activate: done")) {
            ($0.tookMilliseconds, $0.budgetMilliseconds) = (812, 5_000)
        },
    ]
}

let prospects = with(
    SlotReadiness(
        slot: "slot-1", reasons: ["it is not heard", "nor that\u{1B}[2J"], primary: host, handOver: .exclusive,
        deadlineSeconds: 15)
) {
    $0.warnings = ["they may go together"]
    $0.replicas = [
        SlotReadiness.Replica(instance: successor, isReady: true, lacking: [], zone: "us-east-1c", isFresh: true)
    ]
}

func event(_ number: Int, _ message: String = "notice: terminate") -> LogLine {
    with(
        LogLine(
            cursor: cursor(number), at: moment(Int64(number) * 1_000), kind: "termination_notice", severity: .critical,
            message: message)
    ) {
        $0.slot = "slot-1"
        $0.instance = host
    }
}

func cursor(_ number: Int) -> EventCursor {
    guard let cursor = try? EventCursor("e1-\(number)") else { preconditionFailure("\(number) makes no cursor") }
    return cursor
}
