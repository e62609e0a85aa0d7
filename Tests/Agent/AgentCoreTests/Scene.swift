import JSON
import PretendCloud
import PretendHost
import Testing
import Wire

@testable import AgentCore

/// A machine, its metadata service, its disk and a coordinator that says what the test says. Time only passes in `pass`.
struct Scene {
    static let start = Duration.seconds(1_000)
    static let instance: InstanceID = "i-0123456789abcdef0"

    var machine: AgentMachine
    /// What acts are carried out by, after a while.
    var host = PretendHost(units: ["web.service"])
    var cloud = PretendCloud()
    var actsTake = Duration.milliseconds(50)
    private(set) var working: [Working] = []

    struct Working {
        let at: Duration
        let work: Work
        enum Work {
            case act(ActID, Act)
            case call(CallID, CloudRequest)
        }
    }

    private(set) var now = Scene.start
    /// How far somebody has set our wall clock wrong, and the coordinator's.
    var wallError = Duration.zero
    var serverError = Duration.zero
    /// How long the machine has been suspended since its boot.
    private(set) var slept = Duration.zero
    var metadata: [MetadataItem: MetadataReading] = [
        .instanceID: .value(Scene.instance.text), .instanceType: .value("m5.large"), .zone: .value("us-east-1b"),
        .lifeCycle: .value("spot"),
    ]
    /// Whether the disk takes each batch at once.
    var keepsAtOnce = true
    private var chance: Chance
    /// Whether EC2 answers at all.
    var asksCloud = false
    private(set) var drops = 0

    private(set) var open: [Open] = []
    private(set) var asked: [Open] = []
    private(set) var abandoned: [ExchangeID] = []
    private(set) var told: [Announcement] = []
    private(set) var batches: [[Entry]] = []
    private(set) var forgotten: [InstanceID] = []
    private(set) var wakeAt: Duration?
    private(set) var hasStopped = false
    /// The effects of the last input that was fed.
    private(set) var last: [Effect] = []

    struct Open: Equatable {
        let id: ExchangeID
        let question: Question
        let at: Duration
        let deadline: Duration
    }

    let options: AgentOptions
    private var remembered: [Entry]

    init(
        remembering entries: [Entry] = [], boot: BootID = Scene.boot, seed: UInt64 = 1,
        _ change: (inout AgentOptions) -> Void = { _ in }
    ) {
        var options = AgentOptions(hostname: "host", proposed: SlotSettingsChange())
        change(&options)
        self.options = options
        remembered = entries
        machine = AgentMachine(options, Memory(replaying: entries), boot: boot, slept: slept)
        chance = Chance(seed)
    }

    static let boot = BootID("boot-1")

    /// The agent is killed, and starts again with what the disk has; what PID 1 was told goes on.
    mutating func restart(boot: BootID = Scene.boot) {
        remembered += batches.joined()
        batches = []
        machine = AgentMachine(options, Memory(replaying: remembered), boot: boot, slept: slept)
        open = []
        // What was asked of PID 1 is done, and nobody hears of it.
        for working in working { if case .act(_, let act) = working.work { _ = host.carryOut(act, at: now) } }
        working = []
        wakeAt = nil
        feed(.started)
    }

    /// The disk loses what it was given, as when it answers nobody for a while.
    mutating func forget(where isMeant: (Entry) -> Bool) { batches = batches.map { $0.filter { !isMeant($0) } } }

    var wall: Timestamp { Samples.time + now + wallError }
    private func serverTime(at moment: Duration) -> Timestamp { Samples.time + moment + serverError }

    // MARK: Inputs

    mutating func feed(_ input: Input) {
        var inputs = [input]
        last = []
        while !inputs.isEmpty {
            let effects = machine.handle(inputs.removeFirst(), now: now, wall: wall, chance: chance.next())
            last += effects
            for effect in effects { carryOut(effect, &inputs) }
        }
    }

    private mutating func carryOut(_ effect: Effect, _ inputs: inout [Input]) {
        switch effect {
        case .ask(let id, let question, let deadline):
            open.append(Open(id: id, question: question, at: now, deadline: deadline))
            asked.append(open[open.count - 1])
        case .abandon(let id):
            #expect(open.contains { $0.id == id }, "what is not open cannot be abandoned")
            open.removeAll { $0.id == id }
            abandoned.append(id)
        case .read(let item, _): inputs.append(.metadata(item, metadata[item] ?? .absent))
        case .record(let entries):
            batches.append(entries)
            if keepsAtOnce { inputs.append(.recorded(batches: batches.count)) }
        case .forgetEverything(let instance): forgotten.append(instance)
        case .wake(let time): wakeAt = time
        case .tell(let announcement): told.append(announcement)
        case .call(let id, let request, _):
            if asksCloud { working.append(Working(at: now + .milliseconds(80), work: .call(id, request))) }
        case .act(let id, let act, _): working.append(Working(at: now + actsTake, work: .act(id, act)))
        case .letGo(let id):
            working.removeAll { if case .act(id, _) = $0.work { true } else { false } }
        case .dropConnections: drops += 1
        case .stop:
            #expect(!hasStopped, "it stops once")
            hasStopped = true
        }
    }

    /// Lets time pass, second by second if need be: what comes due comes, and what is not answered in time fails.
    mutating func pass(_ time: Duration, answering answer: ((inout Scene) -> Void)? = nil) {
        let end = now + time
        var turns = 0
        while true {
            answer?(&self)
            let due = open.map { $0.at + $0.deadline }.min()
            let done = working.map(\.at).min()
            guard let next = [wakeAt, due, done, host.fence?.at].compactMap({ $0 }).min(), next <= end else { break }
            turns += 1
            #expect(turns < 200_000, "it spins")
            if turns >= 200_000 { break }
            now = max(now, next)
            host.pass(to: now)
            if let index = working.firstIndex(where: { $0.at <= now }) {
                finish(working.remove(at: index).work)
            } else if let late = open.first(where: { $0.at + $0.deadline <= now }) {
                fail(late, .unreachable("nobody answered in time"))
            } else if wakeAt.map({ $0 <= now }) ?? false {
                wakeAt = nil
                feed(.wokeUp)
            }
        }
        now = end
    }

    private mutating func finish(_ work: Working.Work) {
        switch work {
        case .act(let id, let act): feed(.acted(id, host.carryOut(act, at: now)))
        case .call(let id, let request): feed(.cloud(id, cloud.answer(request, at: now)))
        }
    }

    /// The whole machine stands still, PID 1 and what it was told with it.
    mutating func sleep(_ time: Duration) {
        sleepUnseen(time)
        feed(.resumed(after: time))
    }

    /// While no agent runs.
    mutating func sleepUnseen(_ time: Duration) {
        now += time
        slept += time
    }

    mutating func jump(_ error: Duration) { wallError = error }

    // MARK: Questions and answers

    enum Kind { case register, heartbeat, configuration, notice, report }

    func count(_ kind: Kind) -> Int { asked.count { $0.question.kind == kind } }
    /// The agent that the open registration wants to remain in.
    var renewed: SlotID? {
        if case .register(let registration)? = open(.register).first?.question { registration.renews } else { nil }
    }

    func open(_ kind: Kind) -> [Open] { open.filter { $0.question.kind == kind } }

    mutating func answer(_ kind: Kind, _ answer: Answer, location: SourceLocation = #_sourceLocation) {
        guard let first = open(kind).first else {
            Issue.record("no \(kind) is open", sourceLocation: location)
            return
        }
        close(first, .success(answer))
    }

    mutating func fail(_ kind: Kind, _ failure: AskFailure, location: SourceLocation = #_sourceLocation) {
        guard let first = open(kind).first else {
            Issue.record("no \(kind) is open", sourceLocation: location)
            return
        }
        fail(first, failure)
    }

    mutating func fail(_ one: Open, _ failure: AskFailure) { close(one, .failure(failure)) }

    mutating func close(_ one: Open, _ result: Result<Answer, AskFailure>) {
        open.removeAll { $0.id == one.id }
        feed(.answered(one.id, result))
    }

    func registered(
        _ role: Role = .primary, _ epoch: Epoch = 1, in slot: SlotID = "slot-1", token: String = "first",
        settings: SlotSettings = SlotSettings()
    ) -> Answer {
        .registered(
            RegistrationReply(
                slot: slot, client: "client-1", token: Samples.token(token), role: role, epoch: epoch,
                configuration: Configuration(version: 1, settings: settings), serverTime: serverTime(at: now)))
    }

    /// As if the heartbeat that is open had been parked until now, but for `onTheWay` in both directions.
    func heard(
        _ role: Role = .primary, _ epoch: Epoch = 1, version: ConfigVersion = 1, pace: Int = 3,
        parked: Duration = .zero, onTheWay: Duration = .zero, _ change: (inout HeartbeatReply) -> Void = { _ in }
    ) -> Answer {
        var reply = HeartbeatReply(
            slot: "slot-1", role: role, epoch: epoch, configVersion: version, heartbeatSeconds: pace,
            receivedAt: serverTime(at: now - onTheWay - parked), serverTime: serverTime(at: now - onTheWay))
        change(&reply)
        return .heard(reply)
    }

    func stored(_ role: Role = .primary, _ epoch: Epoch = 1) -> Answer {
        .noticed(NoticeReply(incident: "incident-1", action: .monitor, role: role, epoch: epoch))
    }

    // MARK: Beginnings

    /// Enrolled and in contact, with a parked heartbeat open.
    static func inContact(remembering entries: [Entry] = [], role: Role = .primary) -> Scene {
        var scene = Scene(remembering: entries)
        scene.feed(.started)
        if scene.open(.register).count == 1 { scene.answer(.register, scene.registered(role)) }
        scene.answer(.heartbeat, scene.heard(role))
        scene.pass(.milliseconds(250))
        return scene
    }

    static let enrolled: [Entry] = [
        .enrolled(
            Enrolment(instance: instance, slot: "slot-1", client: "client-1", token: Samples.token("remembered"))),
        .configured(Configuration(version: 1)), .ranked(.primary, 1),
    ]

    /// The heartbeat that is open.
    func heartbeat() throws -> (heartbeat: Heartbeat, wait: Int, token: Token, deadline: Duration) {
        let one = try #require(open(.heartbeat).first, "a heartbeat is open")
        guard case .heartbeat(let heartbeat, let wait, _, let token) = one.question else {
            preconditionFailure("a heartbeat is one")
        }
        return (heartbeat, wait, token, one.deadline)
    }

    func notices() -> [Notice] {
        open(.notice).compactMap { if case .notice(let notice, _, _) = $0.question { notice } else { nil } }
    }

    func reports() -> [ReportID] {
        open(.report).compactMap { if case .report(let report, _, _) = $0.question { report.id } else { nil } }
    }

    func times(_ isMeant: (Announcement) -> Bool) -> Int { told.count(where: isMeant) }
}

extension Question {
    var kind: Scene.Kind {
        switch self {
        case .register: .register
        case .heartbeat: .heartbeat
        case .configuration: .configuration
        case .notice: .notice
        case .report: .report
        case .service, .time, .client: preconditionFailure("the machine enrols and asks nobody who he is")
        }
    }
}

func refused(_ status: Int, _ code: ErrorCode = .validation, retryAfter: Duration? = nil) -> AskFailure {
    .refused(status: status, code, sentence: "no", retryAfter: retryAfter)
}
