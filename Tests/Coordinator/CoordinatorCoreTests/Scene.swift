import CoordinatorCore
import JSON
import Testing
import Wire

let alpha: InstanceID = "i-aaaaaaaa"
let bravo: InstanceID = "i-bbbbbbbb"
let charlie: InstanceID = "i-cccccccc"
let delta: InstanceID = "i-dddddddd"

/// One slot, a time that stands still until it is moved, and the log of what was decided: a test reads as a story.
struct Scene {
    static let start = Timestamp(nanosecondsSinceEpoch: 1_767_225_600_000_000_000)

    var slot: Slot
    var now = Scene.start
    private(set) var events: [Event] = []
    private(set) var switches: [SwitchRecord] = []
    private var turns: UInt64 = 0

    init(_ adjust: (inout SlotSettings) -> Void = { _ in }) {
        var settings = SlotSettings()
        adjust(&settings)
        slot = Slot(id: "slot", client: "client", logicalAgent: "web", createdAt: Scene.start, settings: settings)
    }

    /// A primary, and a replica that is ready.
    static func pair(_ adjust: (inout SlotSettings) -> Void = { _ in }) throws -> Scene {
        var scene = Scene(adjust)
        try scene.register(alpha, zone: "us-east-1a")
        try scene.stand(bravo, zone: "us-east-1b")
        return scene
    }

    /// One decision, with a turn of its own. What it refused changed nothing.
    @discardableResult
    mutating func decide<Answer>(
        isRepeat: Bool = false, chance: UInt64? = nil, _ body: (inout Slot, inout Turn) throws -> Answer
    ) throws -> Answer {
        turns += 1
        var turn = Turn(now: now, chance: chance ?? turns, isRepeat: isRepeat, slot: slot.id, client: slot.client)
        var changed = slot
        let answer = try body(&changed, &turn)
        slot = changed
        events += slot.marked(turn.events)
        switches += turn.switches
        return answer
    }

    private mutating func happen(_ body: (inout Slot, inout Turn) -> Void) {
        do { try decide(body) } catch { preconditionFailure("nothing here is refused: \(error)") }
    }

    // MARK: Hosts

    @discardableResult
    mutating func register(
        _ instance: InstanceID, zone: AvailabilityZone = "us-east-1a", type: InstanceType = "m5.large",
        mode: Mode = .spot
    ) throws -> Role {
        var registration = Registration(
            logicalAgent: "web", instance: instance, region: "us-east-1", hostname: instance.text)
        registration.zone = zone
        registration.instanceType = type
        registration.mode = mode
        return try decide { slot, turn in try slot.register(registration, &turn).role }
    }

    /// Registers a host and hears that it is ready.
    mutating func stand(_ instance: InstanceID, zone: AvailabilityZone = "us-east-1b") throws {
        try register(instance, zone: zone)
        hear(instance)
    }

    @discardableResult
    mutating func hear(
        _ instance: InstanceID, as role: Role? = nil, lacking: [String]? = [], running: [CommandID] = [],
        status: HostStatus = .online, knowing version: ConfigVersion? = nil
    ) -> [Command] {
        var heartbeat = Heartbeat(status: status, instance: instance)
        heartbeat.role = role
        heartbeat.configVersion = version
        heartbeat.lacking = lacking
        heartbeat.running = running
        var commands: [Command] = []
        happen { slot, turn in commands = slot.hear(heartbeat, &turn) }
        return commands
    }

    mutating func silence(_ instance: InstanceID) { happen { $0.noteSilence(of: instance, &$1) } }
    mutating func offline(_ instance: InstanceID) { happen { $0.noteOffline(instance, after: .seconds(120), &$1) } }

    @discardableResult
    mutating func notice(
        _ instance: InstanceID, _ signal: Notice.Signal, detectedAt: Timestamp? = nil, drill: Bool = false
    ) throws -> NoticeReply {
        var notice = Notice(instance: instance, signal: signal, detectedAt: detectedAt ?? now)
        notice.drill = drill
        return try self.notice(notice)
    }

    @discardableResult
    mutating func notice(_ notice: Notice) throws -> NoticeReply {
        try decide { slot, turn in try slot.take(notice, &turn) }
    }

    /// EC2's two minutes.
    @discardableResult
    mutating func interrupt(
        _ instance: InstanceID, in seconds: Int = 120, drill: Bool = false
    ) throws -> NoticeReply {
        try notice(instance, .interruption(.terminate, at: now + .seconds(seconds)), drill: drill)
    }

    // MARK: Commands

    /// What is asked of a host and not yet answered.
    func asked(of instance: InstanceID) -> [String] { open(for: instance).map(\.order.type) }
    func open(for instance: InstanceID) -> [CommandRecord] {
        slot.commands.filter { $0.instance == instance && $0.state.isOpen }
    }

    func order(_ type: String, of instance: InstanceID) throws -> CommandRecord {
        try #require(open(for: instance).first { $0.order.type == type }, "\(instance) has no open \(type)")
    }

    /// The host answers its open command of that type.
    @discardableResult
    mutating func answer(
        _ instance: InstanceID, _ type: String, _ outcome: CommandResult.Outcome = .done,
        _ facts: CommandResult.Facts? = nil
    ) throws -> ReportReply.Outcome {
        try answer(try order(type, of: instance), outcome, facts)
    }

    @discardableResult
    mutating func answer(
        _ command: CommandRecord, _ outcome: CommandResult.Outcome = .done, _ facts: CommandResult.Facts? = nil,
        from instance: InstanceID? = nil, epoch: Epoch? = nil
    ) throws -> ReportReply.Outcome {
        var result = CommandResult(
            outcome, message: "\(outcome.rawValue)", instance: instance ?? command.instance,
            attempt: max(1, command.attempt), epoch: epoch ?? slot.epoch, finishedAt: now)
        result.facts = facts
        return try decide { slot, turn in try slot.take(result, of: command.id, &turn) }
    }

    /// The successor serves, and a probe proved it.
    mutating func activate(_ instance: InstanceID, by type: String = "promote") throws {
        try answer(instance, type, .done, .activated(at: now, verifiedAt: now))
    }

    mutating func launched(_ instance: InstanceID, by maker: InstanceID, zone: AvailabilityZone = "us-east-1c") throws {
        try answer(
            maker, "create_replica", .done,
            .launched(.init(instance: instance, instanceType: "m5.large", zone: zone, mode: .spot)))
    }

    mutating func inspected(_ target: InstanceID, _ state: InstanceState, by witness: InstanceID) throws {
        try answer(witness, "inspect_instance", .done, .inspected([.init(instance: target, state: state)]))
    }

    // MARK: Time

    /// Lets time pass as the coordinator does: looking at each moment that the slot asked for.
    mutating func wait(_ seconds: Int) {
        let end = now + .seconds(seconds)
        while let due = slot.dueAt, due <= end {
            precondition(due > now, "the slot asks for a moment that is not ahead")
            now = due
            look()
        }
        now = end
    }

    /// Names follow from the time, so that two scenes that look at the same moments make the same ones.
    mutating func look() {
        let chance = UInt64(bitPattern: now.nanosecondsSinceEpoch)
        do { try decide(chance: chance) { $0.timePassed(&$1) } } catch { preconditionFailure("\(error)") }
    }

    // MARK: What one looks at

    func role(_ instance: InstanceID) -> Role? { slot.host(instance)?.role }
    var primary: InstanceID? { slot.primary?.instance }
    var kinds: [EventKind] { events.map(\.kind) }
    var incident: Incident? { slot.incidents.last?.incident }
    func count(_ kind: EventKind) -> Int { events.count { $0.kind == kind } }
    func stamp(_ instance: InstanceID, epoch: Epoch? = nil) -> ReportStamp {
        ReportStamp(report: "report", instance: instance, epoch: epoch ?? slot.epoch)
    }
}

/// Whether an expression is refused, and as what.
func refusal(_ body: () throws -> Void) -> ErrorCode? {
    do {
        try body()
        return nil
    } catch let refusal as Refusal {
        return refusal.code
    } catch {
        Issue.record(error)
        return nil
    }
}
