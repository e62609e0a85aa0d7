import JSON
import Testing
import Wire

@testable import AgentCore

@Suite struct MachineTests {
    @Test func `what one input has to be remembered is one batch, at the end`() {
        var scene = Scene()
        scene.keepsAtOnce = false
        scene.feed(.started)
        scene.answer(.register, scene.registered())
        let records = scene.last.indices.filter { if case .record = scene.last[$0] { true } else { false } }
        #expect(records.count == 1)
        #expect(scene.last[(records.last ?? 0)...].allSatisfy { if case .ask = $0 { false } else { true } })
    }

    @Test func `a disk that fails is told of once, and so is its recovery`() {
        var scene = Scene.inContact()
        for _ in 0..<5 { scene.feed(.recordingFailed(reason: "no space left")) }
        #expect(scene.times { $0 == .notRemembering(reason: "no space left") } == 1)
        #expect(scene.machine.status(now: scene.now, wall: scene.wall).diskFault == "no space left")
        for count in 1...3 { scene.feed(.recorded(batches: count)) }
        #expect(scene.times { $0 == .rememberingAgain } == 1)
        #expect(scene.machine.status(now: scene.now, wall: scene.wall).diskFault == nil)
    }

    @Test func `with a dead disk it enrols, watches and reports all the same`() {
        var scene = Scene(remembering: [.reportQueued(Samples.report("report-1"))])
        scene.keepsAtOnce = false
        scene.feed(.started)
        scene.feed(.recordingFailed(reason: "read-only file system"))
        scene.answer(.register, scene.registered())
        scene.answer(.heartbeat, scene.heard())
        #expect(scene.reports() == ["report-1"])
        scene.metadata[.instanceAction] = .value(#"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#)
        scene.pass(.milliseconds(1_100))
        #expect(scene.notices().count == 1)
    }

    @Test func `an answer that nobody waits for changes nothing`() {
        var scene = Scene.inContact()
        let memory = scene.machine.memory
        for number in [0, 1, 2, 999] as [UInt64] {
            scene.feed(.answered(ExchangeID(number), .success(scene.heard(.zombie, 99))))
            scene.feed(.cloud(CallID(number), .success(.done)))
        }
        #expect(scene.machine.memory == memory)
    }

    @Test func `the time to wake up is told when it is another one`() {
        var scene = Scene.inContact()
        scene.feed(.recorded(batches: 0))
        #expect(!scene.last.contains { if case .wake = $0 { true } else { false } })
        scene.pass(.seconds(2))
        #expect(scene.wakeAt.map { $0 > scene.now } == true)
    }

    // MARK: Crashes

    /// A life with everything in it that is remembered; a coordinator that never forgets what arrived.
    private func live(from entries: [Entry], _ arrived: inout Set<ReportID>, epoch: Epoch, turns: Int) -> Scene {
        var scene = Scene(remembering: entries, seed: UInt64(turns))
        scene.feed(.started)
        for turn in 0..<turns {
            if !scene.open(.register).isEmpty { scene.answer(.register, scene.registered(.primary, epoch)) }
            if !scene.open(.heartbeat).isEmpty {
                scene.answer(
                    .heartbeat,
                    scene.heard(turn > 6 ? .zombie : .primary, turn > 6 ? epoch.next : epoch, version: turn > 3 ? 2 : 1)
                )
            }
            if !scene.open(.configuration).isEmpty {
                scene.answer(.configuration, .configured(Configuration(version: 2)))
            }
            if let report = scene.reports().first {
                arrived.insert(report)
                if turn.isMultiple(of: 2) { scene.answer(.report, .reported) }
            }
            scene.pass(.milliseconds(900))
        }
        return scene
    }

    @Test func `after a crash behind any batch nothing is lost, and what was known is known`() {
        let reports = (1...4).map { ReportID("report", $0) }
        let before = Scene.enrolled + reports.map { .reportQueued(Samples.report($0)) }
        var arrivedFirst: Set<ReportID> = []
        let batches = live(from: before, &arrivedFirst, epoch: 5, turns: 14).batches
        #expect(batches.count >= 6)
        for count in 0...batches.count {
            let kept = before + batches.prefix(count).joined()
            let known = Memory(replaying: kept)
            // What is acknowledged on the disk has arrived.
            var arrived = Set(reports).subtracting(known.reports.map(\.id))
            #expect(arrived.isSubset(of: arrivedFirst))
            let scene = live(from: kept, &arrived, epoch: 5, turns: 20)
            #expect(arrived == Set(reports), "\(count) batches")
            #expect(scene.machine.memory.reports.isEmpty)
            #expect(scene.machine.memory.epoch == 6)
            #expect(scene.count(.register) == 0)
            #expect(Memory(replaying: kept + scene.batches.joined()) == scene.machine.memory)
        }
    }

    // MARK: At random

    @Test func `whatever happens, its promises hold`() {
        for seed in 1...60 as ClosedRange<UInt64> {
            var walk = RandomWalk(seed)
            for _ in 0..<400 { walk.step() }
        }
    }

    // MARK: Status

    @Test func `its status says how things stand, and is read back as it was written`() throws {
        var scene = Scene.inContact(
            remembering: Scene.enrolled + [.commandTaken(Samples.command("c"), at: Samples.time)])
        scene.jump(.seconds(60))
        scene.metadata[.instanceAction] = .value(#"{"action":"terminate","time":"2026-11-20T12:02:00Z"}"#)
        scene.pass(.seconds(2)) { if !$0.open(.notice).isEmpty { $0.answer(.notice, $0.stored()) } }
        scene.fail(.heartbeat, .unreachable("connection refused"))
        let status = scene.machine.status(now: scene.now, wall: scene.wall)
        #expect(status.instance == Scene.instance)
        #expect(status.slot == "slot-1")
        #expect(status.role == .primary)
        #expect(status.contact.state == .outOfContact)
        #expect(status.contact.reason == "connection refused")
        #expect(status.contact.since == scene.wall)
        #expect(status.clockOffsetMilliseconds == -60_000)
        #expect(status.notices.map(\.incident) == ["incident-1"])
        #expect(status.notices.first?.what == "EC2 will terminate this machine at 2026-11-20T12:02:00Z")
        #expect(status.commands == [.init(id: "c", type: "switch", since: Samples.time)])
        #expect(try decodeJSON(LocalStatus.self, from: encodeJSON(status)) == status)
    }

    @Test func `a status never holds the token`() {
        let scene = Scene.inContact(remembering: Scene.enrolled)
        let text = String(
            decoding: encodeJSON(scene.machine.status(now: scene.now, wall: scene.wall)), as: UTF8.self)
        #expect(!text.contains("remembered"))
    }

    @Test func `each place has its word`() {
        var scene = Scene()
        func state(_ scene: Scene) -> LocalStatus.Contact.State {
            scene.machine.status(now: scene.now, wall: scene.wall).contact.state
        }
        #expect(state(scene) == .identifying)
        scene.feed(.started)
        #expect(state(scene) == .enrolling)
        scene.answer(.register, scene.registered())
        #expect(state(scene) == .outOfContact)
        scene.answer(.heartbeat, scene.heard())
        #expect(state(scene) == .inContact)
        scene.pass(.milliseconds(250))
        scene.fail(.heartbeat, refused(404, .notFound))
        #expect(state(scene) == .deleted)
    }
}

/// Answers, refusals, outages, clones, clocks, disks and signs in any order; after each step the promises are looked at.
private struct RandomWalk {
    private var scene: Scene
    private var chance: Chance
    private var epoch: Epoch = .zero
    private var highest: Epoch = 1
    private let seed: UInt64

    init(_ seed: UInt64) {
        self.seed = seed
        chance = Chance(seed)
        let reports = (1...5).map { Entry.reportQueued(Samples.report(ReportID("report", $0))) }
        scene = Scene(remembering: seed.isMultiple(of: 2) ? Scene.enrolled + reports : [], seed: seed)
        scene.keepsAtOnce = !seed.isMultiple(of: 3)
        scene.feed(.started)
    }

    mutating func step() {
        switch chance.index(below: 10) {
        case 0...4: answer()
        case 5: scene.pass(.milliseconds(chance.index(below: 9_000)))
        case 6:
            let texts: [MetadataReading] = [
                .absent, .failed("hangs"), .value(#"{"action":"stop","time":"2026-11-20T12:02:00Z"}"#),
                .value("<html>"),
            ]
            scene.metadata[.instanceAction] = texts[chance.index(below: texts.count)]
        case 7: scene.jump(.seconds(chance.index(below: 7_200) - 3_600))
        case 8: scene.feed([Input.networkChanged, .reconfigured(scene.machine.options)][chance.index(below: 2)])
        default:
            let isWell = chance.index(below: 2) == 0
            scene.feed(isWell ? .recorded(batches: scene.batches.count) : .recordingFailed(reason: "full"))
        }
        look()
    }

    private mutating func answer() {
        guard !scene.open.isEmpty else { return scene.pass(.milliseconds(500)) }
        let one = scene.open[chance.index(below: scene.open.count)]
        if chance.index(below: 3) == 0 {
            let statuses = [400, 401, 403, 404, 409, 429, 500, 503]
            let failures =
                statuses.map { refused($0, retryAfter: .seconds(2)) } + [.unreachable("away"), .rubbish("<html>")]
            return scene.fail(one, failures[chance.index(below: failures.count)])
        }
        let told = Epoch(Int64(chance.index(below: 12))) ?? .zero
        let roles: [Role] = [.primary, .replica, .zombie]
        let role = roles[chance.index(below: roles.count)]
        switch one.question.kind {
        case .register: scene.close(one, .success(scene.registered(role, told)))
        case .heartbeat:
            let version = ConfigVersion(Int64(chance.index(below: 3))) ?? .zero
            scene.close(one, .success(scene.heard(role, told, version: version)))
        case .configuration: scene.close(one, .success(.configured(Configuration(version: 2))))
        case .notice: scene.close(one, .success(scene.stored(role, told)))
        case .report: scene.close(one, .success(.reported))
        }
    }

    private mutating func look() {
        let words = "seed \(seed)"
        #expect(scene.open.count { [.heartbeat, .register].contains($0.question.kind) } <= 1, "\(words)")
        #expect(scene.open(.report).count <= 1 && scene.open(.configuration).count <= 1, "\(words)")
        #expect(scene.wakeAt != nil || !scene.open.isEmpty, "\(words)")
        let known = scene.machine.memory.epoch ?? epoch
        #expect(known >= epoch, "\(words)")
        epoch = known
        #expect(Memory(replaying: scene.machine.memory.entries) == scene.machine.memory, "\(words)")
    }
}
