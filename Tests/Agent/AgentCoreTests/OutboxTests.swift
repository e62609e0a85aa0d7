import JSON
import Testing
import Wire

@testable import AgentCore

@Suite struct SendingTests {
    private let queued = (1...3).map { Entry.reportQueued(Samples.report(ReportID("report", $0))) }

    @Test func `nothing is sent before there is somebody to send to`() {
        var scene = Scene(remembering: Scene.enrolled + queued)
        scene.feed(.started)
        scene.pass(.seconds(60)) { if !$0.open(.heartbeat).isEmpty { $0.fail(.heartbeat, .unreachable("away")) } }
        #expect(scene.count(.report) == 0)
    }

    @Test func `what was kept is sent in order, one at a time, and forgotten when it is there`() {
        var scene = Scene.inContact(remembering: Scene.enrolled + queued)
        var sent: [ReportID] = []
        while let report = scene.reports().first {
            #expect(scene.open(.report).count == 1)
            sent.append(report)
            scene.answer(.report, .reported)
        }
        #expect(sent == ["report-1", "report-2", "report-3"])
        #expect(scene.batches.joined().filter { if case .reportGone = $0 { true } else { false } }.count == 3)
        #expect(scene.machine.memory.reports.isEmpty)
    }

    @Test(arguments: OutageTests.passing.filter { $0 != refused(500, .server) } + [refused(401, .invalidToken)])
    func `it is sent again until it is there`(_ failure: AskFailure) {
        var scene = Scene.inContact(remembering: Scene.enrolled + queued)
        for _ in 0..<10 {
            #expect(scene.reports() == ["report-1"])
            scene.fail(.report, failure)
            scene.pass(.milliseconds(5_100)) { scene in
                if !scene.open(.register).isEmpty { scene.answer(.register, scene.registered()) }
                if !scene.open(.heartbeat).isEmpty { scene.answer(.heartbeat, scene.heard()) }
            }
        }
        scene.answer(.report, .reported)
        #expect(scene.reports() == ["report-2"])
    }

    @Test(arguments: [400, 403, 404, 405, 409, 413, 422])
    func `what the coordinator will never take is given up, and holds up nobody`(_ status: Int) {
        var scene = Scene.inContact(remembering: Scene.enrolled + queued)
        let told = scene.told
        scene.fail(.report, refused(status))
        #expect(scene.reports() == ["report-2"])
        #expect(scene.machine.memory.reports.map(\.id) == ["report-2", "report-3"])
        #expect(scene.machine.outbox.refused == 1)
        #expect(scene.told == told)
        #expect(scene.machine.contact.place == .enrolled)
    }

    @Test(arguments: [("slot-1", 3), ("slot-2", 0)])
    func `another slot is not told what belongs to the one before`(_ slot: String, _ kept: Int) {
        var scene = Scene.inContact(remembering: Scene.enrolled + queued)
        scene.fail(.heartbeat, refused(404, .notFound))
        scene.feed(.reconfigured(scene.machine.options))
        scene.answer(.register, scene.registered(in: SlotID(stringLiteral: slot)))
        #expect(scene.machine.memory.reports.count == kept)
        #expect(scene.machine.outbox.count == kept)
        #expect(scene.machine.outbox.refused == 3 - kept)
    }

    @Test func `what the coordinator stumbles over lets the others go first`() {
        var scene = Scene.inContact(remembering: Scene.enrolled + queued)
        var sent: [ReportID] = []
        scene.pass(.seconds(120)) { scene in
            if !scene.open(.heartbeat).isEmpty { scene.answer(.heartbeat, scene.heard()) }
            guard let report = scene.reports().first else { return }
            if report == "report-1" { return scene.fail(.report, refused(500, .server)) }
            sent.append(report)
            scene.answer(.report, .reported)
        }
        #expect(sent == ["report-2", "report-3"])
        #expect(scene.machine.memory.reports.map(\.id) == ["report-1"])
    }

    @Test func `a network that is there again ends the pause`() {
        var scene = Scene.inContact(remembering: Scene.enrolled + queued)
        for _ in 0..<8 {
            scene.fail(.report, .unreachable("away"))
            scene.pass(.milliseconds(5_100)) { scene in
                if !scene.open(.heartbeat).isEmpty { scene.answer(.heartbeat, scene.heard()) }
            }
        }
        scene.fail(.report, .unreachable("away"))
        #expect(scene.reports().isEmpty)
        scene.feed(.networkChanged)
        #expect(scene.reports() == ["report-1"])
        // And what is on its way over a network that is gone goes over the next.
        let old = scene.open(.report).map(\.id)
        scene.feed(.networkChanged)
        #expect(scene.abandoned.suffix(2).contains(old[0]))
        #expect(scene.reports() == ["report-1"])
    }
}

/// The outbox by itself, with a disk that does what the test says.
private struct Box {
    var outbox = Outbox(Memory())
    var memory = Memory()
    var disk = Outbox.Disk()
    var now = Duration.seconds(100)
    var batches: [[Entry]] = []
    var told: [Announcement] = []
    private(set) var sent: [(id: ExchangeID, report: ReportID)] = []
    private var numbers = Turn.Numbers()

    mutating func queue(_ reports: [Report]) { turn { $0.take(reports, &$1) } }
    mutating func wake() { turn { _, _ in } }
    mutating func answer(_ result: Result<Answer, AskFailure>) { turn { $0.take(result, &$1) } }

    mutating func turn(_ body: (inout Outbox, inout Turn) -> Void) {
        var turn = Turn(now: now, wall: Samples.time, chance: 1, batch: batches.count + 1, numbers: numbers)
        body(&outbox, &turn)
        outbox.wake(to: Samples.enrolment, disk, &turn)
        numbers = turn.countedNumbers
        for entry in turn.entries { memory.apply(entry) }
        if !turn.entries.isEmpty { batches.append(turn.entries) }
        for effect in turn.effects {
            if case .ask(let id, .report(let report, _, _), _) = effect { sent.append((id, report.id)) }
            if case .tell(let announcement) = effect { told.append(announcement) }
        }
    }
}

@Suite struct OutboxTests {
    @Test func `a report leaves once it is on the disk`() {
        var box = Box()
        box.queue([Samples.report("report-1")])
        #expect(box.sent.isEmpty)
        #expect(box.outbox.nextDue == box.now + .seconds(1))
        box.disk.recorded = 1
        box.wake()
        #expect(box.sent.map(\.report) == ["report-1"])
    }

    @Test func `a disk that hangs holds it up for a second, one that fails not at all`() {
        var hanging = Box()
        hanging.queue([Samples.report("report-1")])
        hanging.now += .seconds(1)
        hanging.wake()
        #expect(hanging.sent.count == 1)
        var failing = Box()
        failing.disk.fault = "no space left"
        failing.queue([Samples.report("report-1")])
        #expect(failing.sent.count == 1)
    }

    @Test func `the same report is queued once`() {
        var box = Box()
        box.queue([Samples.report("report-1"), Samples.report("report-1")])
        box.queue([Samples.report("report-1")])
        #expect(box.outbox.count == 1)
        #expect(box.memory.reports.count == 1)
    }

    @Test func `a full one gives up prices first, then clean-ups, and results last`() {
        var box = Box()
        box.queue([Samples.report("result"), Samples.switched("switch"), Samples.cleanup("cleanup")])
        box.queue((1...Outbox.countMax).map { Samples.pricing(ReportID("pricing", $0)) })
        #expect(box.outbox.count == Outbox.countMax)
        #expect(box.memory.reports.map(\.id).prefix(4) == ["result", "switch", "cleanup", "pricing-4"])
        box.queue((1...Outbox.countMax - 2).map { Samples.report(ReportID("more", $0)) })
        #expect(box.memory.reports.map(\.id).prefix(3) == ["result", "switch", "more-1"])
        #expect(box.memory.reports.count == Outbox.countMax)
    }

    @Test func `it is bounded in bytes too`() {
        var box = Box()
        let long = String(repeating: "x", count: 900)
        let failures = (1...100).map { CleanupReport.Failure(id: ResourceID("snap", $0), error: long) }
        for number in 0..<100 {
            var pass = CleanupReport.Pass()
            pass.failed = failures
            let id = ReportID("cleanup", number)
            box.queue([
                Report(
                    id,
                    .cleaned(.init(stamp: Samples.stamp(id), timestamp: Samples.time, snapshots: pass, images: pass)))
            ])
        }
        let bytes = box.memory.reports.reduce(0) { $0 + encodeJSON($1).count }
        #expect(bytes <= Outbox.bytesMax)
        #expect(bytes > Outbox.bytesMax * 9 / 10)
        #expect(box.memory.reports.last?.id == "cleanup-99")
    }

    @Test func `what is under way is not dropped`() {
        var box = Box()
        box.disk.fault = "gone"
        box.queue([Samples.pricing("first")])
        box.queue((0..<Outbox.countMax).map { Samples.pricing(ReportID("pricing", $0)) })
        #expect(box.memory.reports.first?.id == "first")
        box.answer(.success(.reported))
        #expect(box.memory.reports.count == Outbox.countMax - 1)
    }

    @Test func `losses are told when they begin, and how many more they were when it is empty`() {
        var box = Box()
        box.disk.fault = "gone"
        box.queue((0..<Outbox.countMax).map { Samples.pricing(ReportID("pricing", $0)) })
        for number in 0..<5 { box.queue([Samples.pricing(ReportID("late", number))]) }
        #expect(box.told == [.reportsDropped(1)])
        while box.outbox.count > 0 { box.answer(.success(.reported)) }
        #expect(box.told == [.reportsDropped(1), .reportsDropped(4)])
    }

    @Test func `over a crash at any moment nothing that was kept is lost, and nothing gets a second name`() {
        for seed in 0..<300 as Range<UInt64> {
            var chance = Chance(seed)
            var box = Box()
            var (kept, arrived): (Set<ReportID>, Set<ReportID>) = ([], [])
            for step in 0..<60 {
                switch chance.index(below: 6) {
                case 0, 1: box.queue([Samples.report(ReportID("report", step))])
                case 2: box.disk.recorded = box.batches.count
                case 3:
                    // It arrived, and the answer came back or did not.
                    guard let sent = box.sent.last, box.outbox.isWaiting(for: sent.id) else { continue }
                    #expect(box.batches.prefix(box.disk.recorded).joined().contains { $0.queues(sent.report) })
                    arrived.insert(sent.report)
                    box.answer(chance.index(below: 2) == 0 ? .success(.reported) : .failure(.unreachable("cut")))
                // Only then, because the patience with a slow disk is another test's.
                case 4: if box.disk.recorded == box.batches.count { box.now += .milliseconds(400) }
                default:
                    // What the disk has is all that is left.
                    let survived = Array(box.batches.prefix(box.disk.recorded))
                    kept = Set(survived.joined().compactMap { $0.queuedReport })
                    box = Box(replaying: survived)
                    #expect(kept.subtracting(arrived).isSubset(of: box.memory.reports.map(\.id)), "seed \(seed)")
                }
                box.wake()
            }
        }
    }
}

extension Box {
    init(replaying batches: [[Entry]]) {
        memory = Memory(replaying: batches.joined())
        outbox = Outbox(memory)
        self.batches = batches
        disk.recorded = batches.count
    }
}

extension Entry {
    fileprivate var queuedReport: ReportID? { if case .reportQueued(let report) = self { report.id } else { nil } }
    fileprivate func queues(_ report: ReportID) -> Bool { queuedReport == report }
}

extension Identifier {
    /// Numbered, as in `report-7`.
    init(_ name: String, _ number: Int) {
        do { try self.init("\(name)-\(number)") } catch { preconditionFailure("\(error)") }
    }
}
