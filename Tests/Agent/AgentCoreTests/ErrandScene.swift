import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// Errands with a cloud, a disk and a clock around them, which only this moves.
struct ErrandScene {
    static let own: InstanceID = "i-000000000000000ff"

    var cloud = PretendCloud()
    var standing: Standing
    var errands = Errands(Memory())
    var now = Duration.seconds(1000)
    var wall = Timestamp(nanosecondsSinceEpoch: 1_900_000_000_000_000_000)
    /// What is on the disk, and what is on its way there.
    var disk: [Entry] = []
    var diskWorks = true
    var reports: [Report] = []
    var told: [Announcement] = []
    /// Whether the last turn asked for it.
    var wantsConfiguration = false
    /// The cloud, or whoever stands between, answers nothing.
    var losesAnswers = false
    private var batches: [(number: Int, entries: [Entry], at: Duration)] = []
    private var counted = 0
    private var numbers = Turn.Numbers()
    private var calls: [(id: CallID, request: CloudRequest, at: Duration)] = []
    var chance: NameSource

    init(seed: UInt64 = 1) {
        var facts = InstanceFacts(instance: Self.own, region: PretendCloud.region)
        facts.instanceType = "m5.large"
        facts.zone = "us-east-1a"
        facts.image = "ami-1"
        facts.mode = .spot
        standing = Standing(
            facts: facts, slot: "slot-1", role: .primary, epoch: 3, configuration: Configuration(version: 7),
            options: AgentOptions(hostname: "host", proposed: SlotSettingsChange()))
        chance = NameSource(now: wall, chance: seed)
        var own = CloudInstance(id: Self.own, state: .running)
        own.instanceType = "m5.large"
        own.zone = "us-east-1a"
        own.image = "ami-1"
        own.mode = .spot
        own.network = PretendCloud.network
        own.subnet = "subnet-a1"
        own.securityGroups = ["sg-11", "sg-22"]
        own.profile = "arn:aws:iam::1:instance-profile/web"
        own.keyName = "key"
        own.tags = [
            CloudRequest.Tag("Name", "web"), CloudRequest.Tag("aws:autoscaling:groupName", "g"),
            CloudRequest.Tag("team", "red"), CloudRequest.Tag("spot:command", "old"),
        ]
        cloud.add(own, userData: "IyEvYmluL3No")
        cloud.subnets = [
            CloudAnswer.Subnet(id: "subnet-a1", zone: "us-east-1a", freeAddresses: 5),
            CloudAnswer.Subnet(id: "subnet-a2", zone: "us-east-1a", freeAddresses: 50),
            CloudAnswer.Subnet(id: "subnet-b1", zone: "us-east-1b", freeAddresses: 20),
            CloudAnswer.Subnet(id: "subnet-b2", zone: "us-east-1b", freeAddresses: 30),
            CloudAnswer.Subnet(id: "subnet-c1", zone: "us-east-1c", freeAddresses: 10),
        ]
        cloud.onDemandPrice = JSONNumber("0.096")
        cloud.spotPrices = [
            PoolPrice(pool: "m5.large.us-east-1b", price: JSONNumber(Int64(2))),
            PoolPrice(pool: "m5.large.us-east-1a", price: JSONNumber(Int64(3))),
        ]
    }

    func command(_ order: Order, id: CommandID = "c1", priority: Int = 75, attempt: Int = 1) -> Command {
        Command(
            id: id, instance: Self.own, order: order, priority: priority, createdAt: wall,
            expiresAt: wall + .seconds(3600),
            leaseSeconds: 10, attempt: attempt, epoch: 3)
    }

    // MARK: Turns

    mutating func turn(_ body: (inout Errands, Standing, inout Turn) -> Void) {
        var turn = Turn(now: now, wall: wall, chance: chance.draw(), batch: counted + 1, numbers: numbers)
        body(&errands, standing, &turn)
        numbers = turn.countedNumbers
        wantsConfiguration = turn.wantsConfiguration
        reports += turn.reports
        let entries = turn.entries + turn.reports.map(Entry.reportQueued)
        if !entries.isEmpty {
            counted += 1
            batches.append((counted, entries, now + .milliseconds(Int(chance.draw() % 30))))
        }
        for effect in turn.effects {
            switch effect {
            case .call(let id, let request, _): calls.append((id, request, now + latency))
            case .tell(let announcement): told.append(announcement)
            default: Issue.record("errands only call and tell: \(effect)")
            }
        }
        told = told.suffix(1000)
    }

    private var latency: Duration { .milliseconds(50) }

    mutating func deliver(_ commands: Command...) {
        turn { errands, standing, turn in errands.take(commands, standing, &turn) }
    }

    mutating func look() { turn { errands, standing, turn in errands.wake(standing, &turn) } }

    /// The next thing that happens, if anything does before `end`; false when nothing does.
    mutating func step(until end: Duration) -> Bool {
        let saved = diskWorks ? batches.first.map { max($0.at, now) } : nil
        let answered = calls.map(\.at).min()
        let woken = errands.nextDue.map { max($0, now) }
        guard let next = [saved, answered, woken].compactMap(\.self).min(), next <= end else {
            pass(to: end)
            return false
        }
        pass(to: next)
        if saved == next {
            let batch = batches.removeFirst()
            disk += batch.entries
            turn { errands, standing, turn in errands.noteRecorded(upTo: batch.number, standing, &turn) }
        } else if let at = calls.firstIndex(where: { $0.at == next }) {
            let call = calls.remove(at: at)
            let answer = cloud.answer(call.request, at: now)
            guard !losesAnswers else { return true }
            turn { errands, standing, turn in errands.take(call.id, answer, standing, &turn) }
        } else {
            look()
        }
        return true
    }

    private mutating func pass(to time: Duration) {
        wall += time - now
        now = time
    }

    mutating func pass(_ duration: Duration) {
        let end = now + duration
        var steps = 0
        while step(until: end) {
            steps += 1
            guard steps < 50_000 else {
                Issue.record("it never rests")
                return
            }
        }
    }

    // MARK: Crashes

    /// The process dies: what is under way may have been done, what is on its way to the disk may be there in part.
    mutating func crash() {
        for call in calls where chance.draw() % 2 == 0 { _ = cloud.answer(call.request, at: now) }
        calls = []
        while diskWorks, let batch = batches.first, chance.draw() % 2 == 0 {
            disk += batch.entries
            batches.removeFirst()
        }
        batches = []
        errands = Errands(Memory(replaying: disk))
        pass(to: now + .milliseconds(Int(chance.draw() % 3000)))
        turn { errands, standing, turn in errands.resume(standing, &turn) }
    }

    /// As `crash`, and nobody is there for so long.
    mutating func switchOff(for time: Duration) {
        let wakes = now + time
        crash()
        // What the start did belongs to the other end of it.
        errands = Errands(Memory(replaying: disk))
        calls = []
        batches = []
        pass(to: wakes)
        turn { errands, standing, turn in errands.resume(standing, &turn) }
    }

    // MARK: What came of it

    var results: [CommandResult] {
        reports.compactMap { if case .result(let result, _) = $0.content { result } else { nil } }
    }
    var result: CommandResult? { results.last }
    var switches: [SwitchReport] {
        reports.compactMap { if case .switched(let report) = $0.content { report } else { nil } }
    }
    var terminations: [TerminationReport] {
        reports.compactMap { if case .terminated(let report) = $0.content { report } else { nil } }
    }
    var cleanups: [CleanupReport] {
        reports.compactMap { if case .cleaned(let report) = $0.content { report } else { nil } }
    }
    var pricings: [PricingReport] {
        reports.compactMap { if case .pricing(let report) = $0.content { report } else { nil } }
    }
    var launches: [Launch] { cloud.machines.compactMap(\.launch) }
    /// Without those of the one duty that everybody has.
    var requestsBesideRights: [CloudRequest] {
        var others = cloud.requests.filter { if case .may = $0 { false } else { true } }
        // Each pass describes the machine, and then tries a launch.
        for case .may(.run) in cloud.requests {
            if let at = others.firstIndex(of: .describeInstances([Self.own])) { others.remove(at: at) }
        }
        return others
    }
    var changes: [CloudRequest] { cloud.requests.filter(\.changesSomething) }

    func state(of id: InstanceID) -> InstanceState? {
        cloud.machines.first { $0.instance.id == id }.map { cloud.state(of: $0, at: now).state }
    }
    var launchedID: InstanceID? {
        if case .launched(let machine)? = result?.facts { machine.instance } else { nil }
    }
}

extension Entry {
    var isCommandTaken: Bool { if case .commandTaken = self { true } else { false } }
    var isImageCreated: Bool { if case .progressed(_, .imageCreated) = self { true } else { false } }
}
