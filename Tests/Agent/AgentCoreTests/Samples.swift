import AgentCore
import JSON
import Wire

/// One of each thing that is remembered, and the values that tests are told with.
enum Samples {
    static let instance: InstanceID = "i-0000000000000000a"
    static let time = Timestamp(nanosecondsSinceEpoch: 1_790_000_000_123_456_789)

    static var facts: InstanceFacts {
        var facts = InstanceFacts(instance: instance, region: "us-east-1")
        facts.instanceType = "m5.large"
        facts.zone = "us-east-1a"
        facts.mode = .spot
        return facts
    }

    static var enrolment: Enrolment {
        Enrolment(instance: instance, slot: "slot-1", client: "client-1", token: token("first"))
    }

    static func token(_ secret: String) -> Token {
        do { return try Token(secret) } catch { preconditionFailure("\(error)") }
    }

    static func command(_ id: CommandID, epoch: Epoch = 1) -> Command {
        var command = Command(
            id: id, instance: instance, order: .switch(.init(mode: .ondemand, pool: "m5.large.us-east-1b")),
            priority: 75, createdAt: time, expiresAt: time + .seconds(3600), leaseSeconds: 10, attempt: 2, epoch: epoch)
        command.incident = "incident-1"
        return command
    }

    static func result(_ outcome: CommandResult.Outcome) -> CommandResult {
        var result = CommandResult(
            outcome, message: "it went as it went", instance: instance, attempt: 2, epoch: 1, finishedAt: time)
        result.facts = .inspected([.init(instance: instance, state: .running)])
        return result
    }

    static func report(_ id: ReportID, _ content: Report.Content? = nil) -> Report {
        Report(id, content ?? .result(result(.done), of: "command-1"))
    }

    static func pricing(_ id: ReportID) -> Report {
        Report(
            id,
            .pricing(
                PricingReport(
                    stamp: stamp(id),
                    instance: PricedInstance(
                        instance: instance, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1a",
                        mode: .spot),
                    pools: [PoolPrice(pool: "m5.large.us-east-1a", price: number("0.0345"))], collectedAt: time)))
    }

    static func cleanup(_ id: ReportID) -> Report {
        var pass = CleanupReport.Pass()
        pass.deleted = ["snap-0a"]
        pass.failed = [.init(id: "snap-0b", error: "in use")]
        return Report(
            id, .cleaned(CleanupReport(stamp: stamp(id), timestamp: time, snapshots: pass, images: .init())))
    }

    static func switched(_ id: ReportID) -> Report {
        Report(
            id,
            .switched(
                SwitchReport(
                    stamp: stamp(id), oldInstance: SwitchedInstance(instance: instance),
                    newInstance: SwitchedInstance(instance: "i-0000000000000000c"),
                    timing: SwitchTiming(initiatedAt: time), trigger: .manual)))
    }

    static func stamp(_ id: ReportID) -> ReportStamp { ReportStamp(report: id, instance: instance, epoch: 4) }

    static func number(_ text: String) -> JSONNumber {
        guard let number = JSONNumber(text) else { preconditionFailure("\(text) is not a number") }
        return number
    }

    static var launch: Launch {
        var launch = Launch(
            token: "spot-c-1", image: "ami-0a", instanceType: "m5.large", mode: .spot, zone: "us-east-1b")
        launch.subnet = "subnet-0a"
        launch.securityGroups = ["sg-0a", "sg-0b"]
        launch.profile = "arn:aws:iam::1:instance-profile/p"
        launch.keyName = "key"
        launch.userData = "IyEvYmluL3No"
        launch.tags = [.init("Name", "the \"workload\"")]
        return launch
    }

    static let entries: [Entry] =
        [
            .enrolled(enrolment), .configured(Configuration(version: 3, reportsPrices: true)), .ranked(.primary, 7),
            .ranked(.replica, 8), .reportGone("report-1"), .reportGone("report-2"),
            .commandTaken(command("command-1"), at: time), .commandTaken(command("command-2"), at: time),
            .commandEnded("command-1", result(.failed)), .booted(BootID("boot-1"), slept: nil),
            .booted(BootID("boot-1"), slept: .milliseconds(1_500)), .booted(BootID("boot-2"), slept: .zero), .unstopped,
            .workload(.serving(under: 7)), .workload(.idle(under: 8)), .workload(.halted(.pause, under: 7)),
        ]
        + [
            Progress.launchPrepared(launch),
            .launchPrepared(
                Launch(token: "t", image: "ami-0a", instanceType: "m5.large", mode: .ondemand, zone: "us-east-1b")),
            .launched("i-0000000000000000c"), .launchFailed(token: "t"), .imageNamed("of a Monday"),
            .imageCreated("ami-0b"), .switched(to: "i-0000000000000000c", at: time),
        ].map { .progressed("command-2", $0) }
        + [
            report("report-1"), pricing("report-2"), switched("report-3"), cleanup("report-4"),
            Report(
                "report-5", .terminated(TerminationReport(stamp: stamp("report-5"), target: instance, success: true))),
            Report("report-6", .replicaLaunched(.init(instance: instance, status: .syncing), for: "replica-1")),
            Report("report-7", .replicaProgressed(.init(status: .ready), of: "replica-1")),
        ].map { .reportQueued($0) }
}

/// The same numbers from the same seed, in every process.
struct Chance {
    private var source: NameSource
    init(_ seed: UInt64) { source = NameSource(now: Samples.time, chance: seed) }

    mutating func next() -> UInt64 { source.draw() }
    mutating func index(below count: Int) -> Int { Int(next() % UInt64(count)) }
}
