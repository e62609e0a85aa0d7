import JSON
import Testing
import Wire

@testable import AgentCore

/// What is read when, and what is made of the answers.
struct WatchTests {
    @Test func `what is announced is read from the first moment on, and before who we are`() {
        var scene = WatchScene()
        scene.begin()
        #expect(scene.reading == .instanceAction)
        scene.answer(.absent)
        #expect(scene.reading == .lifecycleState)
    }

    @Test func `a machine is identified once everything is read, and again when it has changed`() {
        var scene = WatchScene()
        scene.begin()
        scene.answerAll()
        #expect(scene.found == [.identified(WatchScene.facts)])
        scene.answers[.publicAddress] = .value("198.51.100.7")
        scene.pass(.seconds(400))
        var changed = WatchScene.facts
        changed.publicAddress = "198.51.100.7"
        #expect(scene.found == [.identified(changed)])
    }

    @Test func `what cannot be read is not waited for, but for the instance and its region`() {
        var scene = WatchScene()
        scene.answers[.image] = .failed("503")
        scene.answers[.instanceID] = .failed("503")
        scene.begin()
        scene.pass(.seconds(4))
        #expect(scene.found == [])
        scene.answers[.instanceID] = .value("i-0123456789abcdef0")
        scene.pass(.seconds(2))
        var facts = WatchScene.facts
        facts.image = nil
        #expect(scene.found == [.identified(facts)])
    }

    @Test(arguments: [
        ("us-east-1b", "us-east-1"), ("us-west-2-lax-1a", "us-west-2"), ("us-gov-west-1a", "us-gov-west-1"),
        ("us-east-1-wl1-bos-wlz-1", "us-east-1"), ("ap-southeast-10c", "ap-southeast-10"),
    ])
    func `a zone tells its region`(zone: AvailabilityZone, region: Region) {
        #expect(zone.region == region)
    }

    // MARK: Periods

    @Test func `the notice is read every second, and the others at their own pace`() {
        var scene = WatchScene()
        scene.begin()
        scene.answerAll()
        scene.reads = []
        scene.pass(.seconds(300))
        let counts = Dictionary(grouping: scene.reads) { $0 }.mapValues(\.count)
        #expect((280...320).contains(counts[.instanceAction] ?? 0))
        #expect((55...66).contains(counts[.rebalance] ?? 0))
        #expect((55...66).contains(counts[.lifecycleState] ?? 0))
        #expect((4...6).contains(counts[.maintenance] ?? 0))
        #expect(counts[.instanceID] == nil)
    }

    @Test func `one read at a time, and the others wait until what is announced is read`() {
        var scene = WatchScene()
        scene.begin()
        scene.answerAll()
        scene.isAnswering = false
        scene.pass(.seconds(20))
        #expect(scene.reads.last == .instanceAction)
        #expect(scene.outstanding == 1)
        scene.isAnswering = true
        scene.answer(.absent)
        #expect(scene.reading == .lifecycleState)
    }

    @Test func `a read that fails is tried again before anything else is, once`() {
        var scene = WatchScene()
        scene.begin()
        scene.answer(.failed("timed out"))
        #expect(scene.reading == .instanceAction)
        scene.answer(.failed("timed out"))
        #expect(scene.reading == .lifecycleState)
    }

    @Test func `a service that loses every second request is never unread for three seconds`() {
        var scene = WatchScene.identified()
        scene.failsEverySecond = true
        var longest = Duration.zero
        var answered = scene.now
        for _ in 0..<3_000 {
            let before = scene.answeredActions
            scene.pass(.milliseconds(100))
            if scene.answeredActions > before { answered = scene.now }
            longest = max(longest, scene.now - answered)
        }
        #expect(longest < .seconds(3), "\(longest)")
        #expect(scene.answeredActions > 100)
    }

    @Test func `a read that fails is tried again soon`() {
        var scene = WatchScene()
        scene.begin()
        scene.answerAll()
        scene.answers[.instanceAction] = .failed("timed out")
        scene.reads = []
        scene.pass(.seconds(11))
        // 1 s, then 50, 100, 200, 400 and 500 ms: some 20 times, not 10 and not 200.
        #expect((15...30).contains(scene.reads.count { $0 == .instanceAction }))
    }

    // MARK: Notices

    @Test(arguments: [
        ("terminate", Notice.InterruptionAction.terminate), ("stop", .stop), ("hibernate", .hibernate),
        ("vaporize", .terminate),
    ])
    func `an interruption is told once, with what will happen`(word: String, action: Notice.InterruptionAction) {
        var scene = WatchScene.identified()
        scene.answers[.instanceAction] = .value(#"{"action": "\#(word)", "time": "2026-11-20T08:22:00Z"}"#)
        scene.pass(.seconds(10))
        #expect(
            scene.found == [.noticed(.interruption(action, at: Timestamp(rfc3339: "2026-11-20T08:22:00Z") ?? .latest))])
    }

    @Test func `another time of the same interruption is told`() {
        var scene = WatchScene.identified()
        var count = 0
        for minute in ["22", "23"] {
            scene.answers[.instanceAction] = .value(#"{"action": "stop", "time": "2026-11-20T08:\#(minute):00Z"}"#)
            scene.pass(.seconds(3))
            count += scene.takeFound().count
        }
        #expect(count == 2)
    }

    @Test func `a notice is gone when the service has said so three times in a row`() {
        var scene = WatchScene.identified()
        scene.answers[.rebalance] = .value(#"{"noticeTime": "2026-11-20T08:22:00Z"}"#)
        scene.pass(.seconds(6))
        #expect(scene.takeFound() == [.noticed(.rebalance)])
        scene.answers[.rebalance] = .absent
        scene.pass(.seconds(9))
        #expect(scene.found == [])
        scene.pass(.seconds(10))
        #expect(scene.found == [.gone(.rebalance)])
    }

    @Test(arguments: [
        "", "null", "[]", "{}", #"{"action": "stop"}"#, #"{"action": 1, "time": "2026-11-20T08:22:00Z"}"#,
        #"{"action": "stop", "time": "soon"}"#, "<html>",
    ])
    func `an interruption that cannot be read is a failed read, and blinds when it goes on`(text: String) {
        var scene = WatchScene.identified()
        for item in MetadataItem.allCases { scene.answers[item] = .failed("not now") }
        scene.answers[.instanceAction] = .value(text)
        scene.pass(.seconds(7))
        guard case .blind(let reason)? = scene.found.first else { return #expect(Bool(false), "it went unnoticed") }
        #expect(scene.found.count == 1)
        #expect(reason.contains("instance-action") || reason.contains("not now"))
    }

    @Test func `a page in place of every answer announces nothing, and blinds`() {
        var scene = WatchScene.identified()
        for item in MetadataItem.allCases { scene.answers[item] = .value("<html>") }
        scene.pass(.seconds(7))
        guard case .blind? = scene.found.first else { return #expect(Bool(false), "it went unnoticed") }
        #expect(scene.found.count == 1)
    }

    @Test(arguments: [
        ("InService", false), ("Terminated", true), ("Standby", false), ("Warmed:Stopped", true),
        ("Warmed:Running", false), ("Detached", false),
    ])
    func `a group that takes the machine out of service is told`(state: String, isTold: Bool) {
        var scene = WatchScene.identified()
        scene.answers[.lifecycleState] = .value(state)
        scene.pass(.seconds(7))
        #expect(scene.found == (isTold ? [.noticed(.lifecycle(target: state))] : []))
    }

    @Test func `planned maintenance is told, again when it moves, and when it is called off`() throws {
        func event(_ day: Int, _ state: String, _ description: String = "reboot") -> MetadataReading {
            .value(
                """
                [{"NotBefore": "\(day) Jan 2027 09:00:43 GMT", "Code": "system-reboot", "Description": "\(description)",
                "EventId": "instance-event-1", "NotAfter": "", "State": "\(state)"}]
                """)
        }
        func planned(_ day: Int, cancelled: Bool = false) throws -> Notice.Signal {
            .maintenance(
                Maintenance(
                    event: "instance-event-1", code: "system-reboot",
                    notBefore: try #require(Timestamp(rfc3339: "2027-01-\(day)T09:00:43Z")), cancelled: cancelled))
        }
        var scene = WatchScene.identified()
        scene.answers[.maintenance] = event(21, "active")
        scene.pass(.seconds(130))
        #expect(scene.takeFound() == [.noticed(try planned(21))])
        scene.answers[.maintenance] = event(22, "active")
        scene.pass(.seconds(70))
        #expect(scene.takeFound() == [.noticed(try planned(22))])
        scene.answers[.maintenance] = event(22, "canceled", "[Canceled] reboot")
        scene.pass(.seconds(130))
        #expect(scene.takeFound() == [.gone(try planned(22, cancelled: true))])
        scene.answers[.maintenance] = event(23, "active")
        scene.pass(.seconds(70))
        _ = scene.takeFound()
        scene.answers[.maintenance] = .absent
        scene.pass(.seconds(210))
        #expect(scene.takeFound() == [.gone(try planned(23, cancelled: true))])
    }

    @Test(
        arguments: [
            ("1 Feb 2019 09:00:43 GMT", "2019-02-01T09:00:43Z"), ("31 Dec 2026 23:59:59 GMT", "2026-12-31T23:59:59Z"),
            ("31 Feb 2019 09:00:43 GMT", nil), ("1 Foo 2019 09:00:43 GMT", nil), ("2019-02-01", nil), ("", nil),
            ("1 Feb 2019 09:00:43 UTC", nil),
        ] as [(String, String?)])
    func `EC2's own way to write a time is read`(text: String, time: String?) {
        #expect(Timestamp(ec2: text) == time.flatMap { Timestamp(rfc3339: $0) })
    }

    // MARK: Blindness

    @Test func `five seconds without an answer are told once, and the first answer after them`() {
        var scene = WatchScene.identified()
        for item in MetadataItem.allCases { scene.answers[item] = .failed("connection refused") }
        scene.pass(.seconds(4))
        #expect(!scene.watch.isBlind)
        scene.pass(.seconds(20))
        #expect(scene.takeFound() == [.blind(reason: "connection refused")])
        #expect(scene.watch.isBlind)
        scene.answers = WatchScene.wellAnswers
        scene.pass(.seconds(2))
        guard case .sighted(let silence)? = scene.found.first else { return #expect(Bool(false), "nobody was told") }
        #expect(silence > .seconds(23) && silence < .seconds(27))
        #expect(!scene.watch.isBlind)
    }

    @Test func `what else the service answers is no comfort while the interruption cannot be read`() {
        var scene = WatchScene.identified()
        scene.answers[.instanceAction] = .failed("503")
        scene.pass(.seconds(7))
        #expect(scene.takeFound() == [.blind(reason: "503")])
        scene.answers[.instanceAction] = .absent
        scene.pass(.seconds(2))
        #expect(!scene.watch.isBlind)
    }

    @Test func `whoever has it read every five seconds is not told that it is blind in between`() {
        var options = AgentOptions(hostname: "h", proposed: SlotSettingsChange())
        options.noticePeriod = .seconds(5)
        var scene = WatchScene()
        scene.watch = Watch(options)
        scene.begin()
        scene.answerAll()
        scene.pass(.seconds(600))
        #expect(scene.found == [])
    }

    @Test(arguments: [MetadataItem.rebalance, .lifecycleState, .maintenance], ["<html>", "{}", "Sign in, please"])
    func `somebody else's page announces nothing`(item: MetadataItem, page: String) {
        var scene = WatchScene.identified()
        scene.answers[item] = .value(page)
        scene.pass(.seconds(130))
        #expect(scene.found == [])
    }

    @Test func `a service that never answered blinds from the start`() {
        var scene = WatchScene()
        for item in MetadataItem.allCases { scene.answers[item] = .failed("no route") }
        scene.begin()
        scene.pass(.seconds(6))
        #expect(scene.found == [.blind(reason: "no route")])
        #expect(scene.watch.age(at: scene.now) == nil)
    }

    @Test func `the alarm does not wait for an answer that does not come`() {
        var scene = WatchScene.identified()
        scene.isAnswering = false
        scene.pass(.seconds(7))
        #expect(scene.found.count == 1)
    }

    @Test func `an answer of every second read is enough to see`() {
        var scene = WatchScene.identified()
        scene.failsEverySecond = true
        scene.pass(.seconds(60))
        #expect(scene.found == [])
        scene.answers[.instanceAction] = .value(#"{"action": "stop", "time": "2026-11-20T08:22:00Z"}"#)
        scene.pass(.seconds(3))
        #expect(scene.found.count == 1)
    }
}

/// A watch, time that stands still until it is moved, and a metadata service that answers as it is told.
struct WatchScene {
    static let facts: InstanceFacts = {
        var facts = InstanceFacts(instance: "i-0123456789abcdef0", region: "us-east-1")
        facts.instanceType = "m5.large"
        facts.zone = "us-east-1b"
        facts.image = "ami-0a1b2c3d4e5f60718"
        facts.mode = .spot
        facts.privateAddress = "10.0.0.7"
        return facts
    }()
    static let wellAnswers: [MetadataItem: MetadataReading] = [
        .instanceID: .value("i-0123456789abcdef0"), .instanceType: .value("m5.large"), .zone: .value("us-east-1b"),
        .image: .value("ami-0a1b2c3d4e5f60718"), .privateAddress: .value("10.0.0.7"), .lifeCycle: .value("spot"),
    ]

    var watch = Watch(AgentOptions(hostname: "h", proposed: SlotSettingsChange()))
    var now = Duration.seconds(1_000)
    var answers = WatchScene.wellAnswers
    var isAnswering = true
    /// And each that fails takes its whole deadline.
    var failsEverySecond = false
    private(set) var answeredActions = 0
    private var hangsUntil: Duration?
    private(set) var reading: MetadataItem?
    private(set) var outstanding = 0
    var reads: [MetadataItem] = []
    private(set) var found: [Watch.Finding] = []

    static func identified() -> WatchScene {
        var scene = WatchScene()
        scene.begin()
        scene.answerAll()
        _ = scene.takeFound()
        return scene
    }

    mutating func takeFound() -> [Watch.Finding] {
        defer { found = [] }
        return found
    }

    mutating func begin() {
        turn { watch, turn in
            watch.begin(&turn); return []
        }
    }

    mutating func answer(_ reading: MetadataReading) {
        guard let item = self.reading else { return }
        self.reading = nil
        outstanding -= 1
        turn { watch, turn in watch.take(item, reading, &turn) }
    }

    /// Until nothing is read any more at this moment.
    mutating func answerAll() {
        found = []
        while let item = reading { answer(answers[item] ?? .absent) }
    }

    mutating func pass(_ time: Duration) {
        found = isAnswering ? [] : found
        let end = now + time
        while now < end {
            now += .milliseconds(10)
            if isAnswering, let item = reading {
                let fails = failsEverySecond && reads.count.isMultiple(of: 2)
                if fails, now < hangsUntil ?? .zero { continue }
                if fails, hangsUntil == nil {
                    hangsUntil = now + .milliseconds(800)
                    continue
                }
                hangsUntil = nil
                if item == .instanceAction, !fails { answeredActions += 1 }
                answer(fails ? .failed("timed out") : answers[item] ?? .absent)
            }
            if let due = watch.nextDue, due <= now { turn { watch, turn in watch.wake(&turn) } }
        }
    }

    private mutating func turn(_ body: (inout Watch, inout Turn) -> [Watch.Finding]) {
        var turn = Turn(
            now: now, wall: Timestamp(nanosecondsSinceEpoch: 0), chance: UInt64(reads.count), batch: 1,
            numbers: Turn.Numbers())
        found += body(&watch, &turn)
        for effect in turn.effects {
            guard case .read(let item, _) = effect else { continue }
            reading = item
            outstanding += 1
            reads.append(item)
        }
    }
}
