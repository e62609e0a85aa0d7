import JSON
import Testing
import Wire

@testable import AgentCore

@Suite struct EnrollingTests {
    @Test func `nothing is asked before it is known which machine this is`() throws {
        var scene = Scene(remembering: Scene.enrolled)
        scene.metadata[.instanceID] = .failed("refused")
        scene.feed(.started)
        scene.pass(.seconds(30))
        #expect(scene.asked.isEmpty)
        scene.metadata[.instanceID] = .value(Scene.instance.text)
        scene.pass(.seconds(1))
        #expect(try scene.heartbeat().heartbeat.instance == Scene.instance)
    }

    @Test func `a new machine enrols, and sends a heartbeat at once with its own token`() throws {
        var scene = Scene()
        scene.feed(.started)
        guard case .register(let registration) = try #require(scene.open(.register).first).question else { return }
        #expect(registration.instance == Scene.instance)
        #expect(registration.logicalAgent.text == Scene.instance.text)
        #expect(registration.region == "us-east-1")
        scene.answer(.register, scene.registered())
        let (heartbeat, wait, token, _) = try scene.heartbeat()
        #expect(token == Samples.token("first"))
        #expect(wait == 0)
        #expect(heartbeat.role == .primary)
        #expect(heartbeat.configVersion == 1)
        #expect(scene.told.contains(.registered("slot-1", .primary, 1)))
        #expect(Memory(replaying: scene.batches.joined()).enrolment?.token == Samples.token("first"))
    }

    @Test func `what was enrolled before is used without asking for it again`() throws {
        let scene = Scene.inContact(remembering: Scene.enrolled)
        #expect(scene.count(.register) == 0)
        #expect(try scene.heartbeat().token == Samples.token("remembered"))
    }

    @Test func `what another machine remembered is put aside`() throws {
        var scene = Scene(remembering: Scene.enrolled + [.reportQueued(Samples.report("report-1"))])
        scene.metadata[.instanceID] = .value("i-0fedcba9876543210")
        scene.feed(.started)
        #expect(scene.forgotten == [Scene.instance])
        #expect(scene.told.contains(.cloned(from: Scene.instance)))
        scene.answer(.register, scene.registered(.replica, 5))
        scene.answer(.heartbeat, scene.heard(.replica, 5))
        scene.pass(.seconds(3))
        #expect(scene.count(.report) == 0)
        #expect(scene.machine.memory.enrolment?.instance.text == "i-0fedcba9876543210")
    }

    @Test func `under another name it is another workload`() throws {
        var scene = Scene(remembering: Scene.enrolled) { $0.logicalAgent = "shop" }
        scene.feed(.started)
        guard case .register(let registration) = try #require(scene.open(.register).first).question else { return }
        #expect(registration.logicalAgent == "shop")
        #expect(scene.forgotten.isEmpty)
    }

    @Test func `a reload with another name enrols again, one with the same does not`() {
        var scene = Scene.inContact()
        scene.feed(.reconfigured(scene.machine.options))
        #expect(scene.count(.register) == 1)
        var options = scene.machine.options
        options.logicalAgent = "shop"
        scene.feed(.reconfigured(options))
        #expect(scene.count(.register) == 2)
    }

    @Test(arguments: [
        refused(401, .invalidToken), refused(403, .inactiveClient), refused(409, .conflict), refused(422),
    ])
    func `a refused enrolment is told once and tried about once a minute`(_ failure: AskFailure) {
        var scene = Scene()
        scene.feed(.started)
        scene.pass(.seconds(3_600)) { if !$0.open(.register).isEmpty { $0.fail(.register, failure) } }
        #expect((60...150).contains(scene.count(.register)))
        #expect(scene.times { if case .enrolmentRefused = $0 { true } else { false } } == 1)
        scene.pass(.seconds(61)) { if !$0.open(.register).isEmpty { $0.answer(.register, $0.registered()) } }
        #expect(scene.times { if case .registered = $0 { true } else { false } } == 1)
    }

    @Test func `a refused token is replaced at once, and everything else is kept`() throws {
        var scene = Scene.inContact(remembering: Scene.enrolled + [.ranked(.primary, 7)])
        scene.fail(.heartbeat, refused(401, .invalidToken))
        scene.answer(.register, scene.registered(.primary, 7, token: "second"))
        #expect(try scene.heartbeat().token == Samples.token("second"))
        #expect(scene.machine.memory.epoch == 7)
        #expect(scene.forgotten.isEmpty)
    }

    @Test func `a coordinator that refuses what it gave is not asked in circles`() {
        var scene = Scene.inContact()
        scene.pass(.seconds(600)) { scene in
            if !scene.open(.register).isEmpty { scene.answer(.register, scene.registered()) }
            if !scene.open(.heartbeat).isEmpty { scene.fail(.heartbeat, refused(401, .invalidToken)) }
        }
        #expect((10...30).contains(scene.count(.register)))
        #expect(scene.times { if case .tokenRefused = $0 { true } else { false } } == 1)
    }

    @Test(arguments: [(ErrorCode.forbidden, 2), (.inactiveClient, 1)])
    func `a token of another machine is replaced, one of a closed client is not`(code: ErrorCode, registrations: Int) {
        var scene = Scene.inContact()
        scene.fail(.heartbeat, refused(403, code))
        #expect(scene.count(.register) == registrations)
    }

    @Test func `a deleted agent stays away, looks once a minute, and is told of once`() {
        var scene = Scene.inContact()
        scene.pass(.seconds(3_600)) {
            if !$0.open(.heartbeat).isEmpty { $0.fail(.heartbeat, refused(404, .notFound)) }
        }
        #expect(scene.count(.register) == 1)
        #expect((50...75).contains(scene.count(.heartbeat)))
        #expect(scene.times { $0 == .deleted } == 1)
        scene.pass(.seconds(70)) { if !$0.open(.heartbeat).isEmpty { $0.answer(.heartbeat, $0.heard()) } }
        #expect(scene.machine.contact.isInTouch)
    }

    @Test func `one that was deleted while its token was refused stays away as well`() {
        var scene = Scene.inContact(remembering: Scene.enrolled)
        scene.fail(.heartbeat, refused(401, .invalidToken))
        #expect(scene.renewed == "slot-1")
        scene.fail(.register, refused(404, .notFound))
        let registrations = scene.count(.register)
        scene.pass(.seconds(3_600)) {
            if !$0.open(.heartbeat).isEmpty { $0.fail(.heartbeat, refused(401, .invalidToken)) }
        }
        #expect(scene.count(.register) == registrations)
        #expect(scene.times { $0 == .deleted } == 1)
    }

    @Test func `a person who reloads a deleted agent has it enrolled anew`() {
        var scene = Scene.inContact(remembering: Scene.enrolled)
        scene.fail(.heartbeat, refused(404, .notFound))
        scene.feed(.reconfigured(scene.machine.options))
        #expect(scene.open(.register).count == 1)
        #expect(scene.renewed == nil)
    }
}

@Suite struct HeartbeatTests {
    @Test(arguments: [
        // wait, parked, commands wait, from, to: in milliseconds
        (3, 2_600, 0, 0, 200), (3, 1_500, 0, 0, 200), (3, 1_000, 0, 1_600, 2_400), (3, 0, 0, 2_600, 3_400),
        (3, 0, 2, 0, 200), (10, 2_000, 0, 6_900, 9_100),
    ])
    func `the next one comes when it is its time`(wait: Int, parked: Int, pending: Int, from: Int, to: Int) throws {
        var scene = Scene.inContact()
        scene.pass(.seconds(3))
        scene.answer(.heartbeat, scene.heard(pace: wait, parked: .seconds(3)))
        scene.pass(.milliseconds(parked))
        #expect(try scene.heartbeat().wait == wait)
        let count = scene.count(.heartbeat)
        scene.answer(
            .heartbeat, scene.heard(pace: wait, parked: .milliseconds(parked)) { $0.commandsPending = pending })
        scene.pass(.milliseconds(from - 1))
        #expect(scene.count(.heartbeat) == count || from == 0)
        scene.pass(.milliseconds(to - from + 1))
        #expect(scene.count(.heartbeat) == count + 1)
    }

    @Test(arguments: [(1, 1), (20, 20), (300, 25)])
    func `the coordinator sets the pace, and has five seconds more than it may park`(pace: Int, wait: Int) throws {
        var scene = Scene.inContact()
        #expect(try scene.heartbeat().wait == 3)
        scene.pass(.seconds(3))
        scene.answer(.heartbeat, scene.heard(pace: pace, parked: .seconds(3)))
        scene.pass(.milliseconds(200))
        #expect(try scene.heartbeat().wait == wait)
        #expect(try scene.heartbeat().deadline == .seconds(wait + 5))
    }

    @Test func `a coordinator that always has something at once does not make it spin`() {
        var scene = Scene.inContact()
        let before = scene.count(.heartbeat)
        scene.pass(.seconds(10)) {
            if !$0.open(.heartbeat).isEmpty { $0.answer(.heartbeat, $0.heard { $0.commandsPending = 1 }) }
        }
        #expect(scene.count(.heartbeat) - before <= 51)
    }

    @Test func `a parked one makes way for news`() throws {
        var scene = Scene.inContact()
        for item in MetadataItem.allCases { scene.metadata[item] = .failed("hangs") }
        scene.pass(.seconds(10)) {
            guard let one = $0.open(.heartbeat).first, $0.now >= one.at + .milliseconds(2_900) else { return }
            $0.answer(.heartbeat, $0.heard(parked: .milliseconds(2_900)))
        }
        #expect(!scene.abandoned.isEmpty)
        #expect(try scene.heartbeat().heartbeat.health?.blind == true)
        #expect(scene.machine.status(now: scene.now, wall: scene.wall).metadata.blindSince != nil)
    }

    @Test func `what a reply changed is confirmed at once`() throws {
        var scene = Scene.inContact()
        scene.pass(.milliseconds(500))
        scene.answer(.heartbeat, scene.heard(.zombie, 2, parked: .milliseconds(500)))
        #expect(try scene.heartbeat().heartbeat.role == .zombie)
        #expect(scene.told.contains(.roleChanged(.zombie, 2)))
    }

    @Test func `news that never ends is told five times a second at most`() {
        var scene = Scene.inContact()
        let before = scene.count(.heartbeat)
        for step in 0..<100 {
            scene.metadata[.publicAddress] = .value("10.0.0.\(step)")
            let facts = scene.machine.facts.map { facts in
                var changed = facts
                changed.publicAddress = "10.0.0.\(step)"
                return changed
            }
            scene.machine.facts = facts
            scene.feed(.recorded(batches: 0))
            scene.pass(.milliseconds(10))
        }
        #expect((4...6).contains(scene.count(.heartbeat) - before))
    }

    @Test func `what an older epoch says is not believed`() {
        var scene = Scene.inContact(remembering: Scene.enrolled + [.ranked(.zombie, 4)])
        #expect(scene.machine.memory.epoch == 4)
        #expect(scene.machine.memory.role == .zombie)
        scene.answer(.heartbeat, scene.heard(.terminating, 4))
        #expect(scene.machine.memory.role == .terminating)
    }

    @Test func `a replica says that it cannot take over`() throws {
        let replica = Scene.inContact(role: .replica)
        let lacking = try #require(replica.heartbeat().heartbeat.lacking)
        #expect(!lacking.isEmpty)
        let status = replica.machine.status(now: replica.now, wall: replica.wall)
        #expect(try decodeJSON(LocalStatus.self, from: encodeJSON(status)).lacking == lacking)
        #expect(try Scene.inContact().heartbeat().heartbeat.lacking == nil)
    }

    @Test func `a disabled slot is watched and says so`() throws {
        var settings = SlotSettings()
        settings.enabled = false
        let scene = Scene.inContact(
            remembering: Scene.enrolled + [.configured(Configuration(version: 1, settings: settings))])
        #expect(try scene.heartbeat().heartbeat.status == .disabled)
    }
}

@Suite struct OutageTests {
    static let passing: [AskFailure] = [
        .unreachable("refused"), .rubbish("a page of a proxy"), refused(500, .server), refused(503, .unavailable),
        refused(429, .tooManyRequests), refused(408),
    ]

    @Test(arguments: passing)
    func `it is told once, tried at least every five seconds, and its end is told once`(_ failure: AskFailure) {
        var scene = Scene.inContact()
        let before = scene.count(.heartbeat)
        var tries: [Duration] = []
        scene.pass(.seconds(300)) {
            guard !$0.open(.heartbeat).isEmpty else { return }
            tries.append($0.now)
            $0.fail(.heartbeat, failure)
        }
        #expect(zip(tries, tries.dropFirst()).allSatisfy { $1 - $0 <= .seconds(6) })
        #expect((60...150).contains(scene.count(.heartbeat) - before))
        #expect(scene.times { if case .outOfContact = $0 { true } else { false } } == 1)
        scene.pass(.seconds(7)) { if !$0.open(.heartbeat).isEmpty { $0.answer(.heartbeat, $0.heard()) } }
        // One is the first contact of all.
        #expect(scene.times { if case .inContact = $0 { true } else { false } } == 2)
        #expect(scene.count(.register) == 1)
    }

    @Test(arguments: [(7, 7_000, 8_500), (3_600, 30_000, 36_000), (0, 100, 300)])
    func `a coordinator that asks for a pause is given it, within reason`(seconds: Int, from: Int, to: Int) {
        var scene = Scene.inContact()
        scene.fail(.heartbeat, refused(503, .unavailable, retryAfter: .seconds(seconds)))
        let count = scene.count(.heartbeat)
        scene.pass(.milliseconds(from))
        #expect(scene.count(.heartbeat) == count)
        scene.pass(.milliseconds(to - from))
        #expect(scene.count(.heartbeat) == count + 1)
    }

    @Test func `a network that is there again is used at once`() {
        var scene = Scene.inContact()
        scene.pass(.seconds(120)) { if !$0.open(.heartbeat).isEmpty { $0.fail(.heartbeat, .unreachable("no route")) } }
        #expect(scene.open(.heartbeat).isEmpty)
        scene.feed(.networkChanged)
        #expect(scene.open(.heartbeat).count == 1)
    }

    @Test func `a heartbeat on a network that is gone is not waited for`() {
        var scene = Scene.inContact()
        scene.pass(.seconds(1))
        let old = scene.open(.heartbeat).map(\.id)
        scene.feed(.networkChanged)
        #expect(scene.abandoned == old)
        #expect(scene.open(.heartbeat).count == 1)
    }

    @Test func `what was asked a moment before the network changed is asked again a moment later`() {
        var scene = Scene.inContact()
        scene.pass(.seconds(1))
        scene.feed(.networkChanged)
        let second = scene.open(.heartbeat).map(\.id)
        scene.pass(.milliseconds(100))
        scene.feed(.networkChanged)
        #expect(scene.abandoned.last == second.first)
        #expect(scene.open(.heartbeat).isEmpty)
        scene.pass(.milliseconds(100))
        #expect(scene.open(.heartbeat).count == 1)
    }

    @Test func `a configuration that is being fetched is fetched over the new network`() throws {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard(version: 2))
        let old = try #require(scene.open(.configuration).first)
        scene.feed(.networkChanged)
        #expect(scene.abandoned.contains(old.id))
        scene.pass(.milliseconds(250)) { scene in
            if !scene.open(.heartbeat).isEmpty { scene.answer(.heartbeat, scene.heard(version: 2)) }
        }
        #expect(scene.open(.configuration).count == 1)
    }

    @Test func `settings that were read again are tried at once, also after a refusal`() {
        var scene = Scene()
        scene.feed(.started)
        scene.pass(.seconds(300)) { if !$0.open(.register).isEmpty { $0.fail(.register, refused(401)) } }
        let count = scene.count(.register)
        scene.feed(.reconfigured(scene.machine.options))
        #expect(scene.count(.register) == count + 1)
    }

    @Test func `the answer of another agent's coordinator is rubbish`() {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard(.zombie, 9) { $0.slot = "slot-9" })
        #expect(scene.machine.memory.role == .primary)
        #expect(!scene.machine.contact.isInTouch)
    }

    @Test func `an answer to something else does not stop it`() {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, .reported)
        scene.pass(.seconds(6))
        #expect(scene.count(.heartbeat) > 2)
    }
}

@Suite struct ConfigurationTests {
    @Test func `another version is fetched, kept, told, and said`() throws {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard(version: 2))
        guard case .configuration(let have, _, _) = try #require(scene.open(.configuration).first).question else {
            return
        }
        #expect(have == 1)
        scene.answer(.configuration, .configured(Configuration(version: 2, reportsPrices: true)))
        scene.pass(.milliseconds(250))
        #expect(try scene.heartbeat().heartbeat.configVersion == 2)
        #expect(scene.told.contains(.configured(2)))
        #expect(Memory(replaying: scene.batches.joined()).configuration?.reportsPrices == true)
    }

    @Test func `one fetch at a time, however often the version is named`() {
        var scene = Scene.inContact()
        for _ in 0..<8 {
            scene.answer(.heartbeat, scene.heard(version: 2) { $0.commandsPending = 1 })
            scene.pass(.milliseconds(200))
            #expect(scene.open(.configuration).count == 1)
        }
    }

    @Test func `a fetch that fails is tried again`() {
        var scene = Scene.inContact()
        scene.answer(.heartbeat, scene.heard(version: 2))
        scene.pass(.seconds(60)) {
            if !$0.open(.configuration).isEmpty { $0.fail(.configuration, .rubbish("half a page")) }
            guard let one = $0.open(.heartbeat).first, $0.now >= one.at + .seconds(2) else { return }
            $0.answer(.heartbeat, $0.heard(version: 2, parked: .seconds(2)))
        }
        #expect((10...40).contains(scene.count(.configuration)))
        #expect(scene.machine.memory.configuration?.version == 1)
    }

    @Test func `an older version is taken too, as after a restored backup`() {
        var scene = Scene.inContact(remembering: Scene.enrolled + [.configured(Configuration(version: 9))])
        scene.answer(.configuration, .configured(Configuration(version: 1)))
        #expect(scene.machine.memory.configuration?.version == 1)
    }

    @Test func `the same version is not fetched`() {
        #expect(Scene.inContact().count(.configuration) == 0)
    }
}

@Suite struct ClockTests {
    @Test(arguments: [8, -8, 3_600, -3_600])
    func `a clock that is wrong is told of once, with its sign, and when it is right again`(seconds: Int) {
        var scene = Scene.inContact()
        scene.jump(.seconds(seconds))
        for _ in 0..<3 {
            scene.pass(.seconds(3))
            scene.answer(.heartbeat, scene.heard(parked: .seconds(3)))
        }
        let astray = scene.told.compactMap { if case .clockAstray(let by) = $0 { by } else { nil } }
        #expect(astray.count == 1)
        #expect(astray.allSatisfy { abs($0 / .seconds(1) - Double(seconds)) < 0.5 })
        scene.jump(.zero)
        scene.pass(.milliseconds(250))
        scene.answer(.heartbeat, scene.heard())
        #expect(scene.times { $0 == .clockRight } == 1)
    }

    @Test func `four seconds are not worth a word`() {
        var scene = Scene.inContact()
        scene.jump(.seconds(4))
        scene.answer(.heartbeat, scene.heard())
        #expect(scene.times { if case .clockAstray = $0 { true } else { false } } == 0)
    }

    @Test(arguments: [3_600, -3_600])
    func `a clock that jumps moves nothing that is due`(seconds: Int) {
        var (still, jumping) = (Scene.inContact(), Scene.inContact())
        jumping.jump(.seconds(seconds))
        for _ in 0..<5 {
            still.pass(.milliseconds(2_900))
            jumping.pass(.milliseconds(2_900))
            still.answer(.heartbeat, still.heard(parked: .milliseconds(2_900)))
            jumping.answer(.heartbeat, jumping.heard(parked: .milliseconds(2_900)))
        }
        #expect(still.asked.map(\.at) == jumping.asked.map(\.at))
        #expect(still.wakeAt == jumping.wakeAt)
    }

    @Test func `the park and the way fall out of the offset`() throws {
        var clock = ServerClock()
        clock.take(
            askedAt: .seconds(100), receivedAt: Samples.time + .milliseconds(100_050),
            sentAt: Samples.time + .milliseconds(103_050), answeredAt: .milliseconds(103_100))
        #expect(clock.offset(at: .seconds(200), wall: Samples.time + .seconds(190)) == .seconds(10))
    }

    @Test func `an answer that was long under way does not spoil a better one`() {
        var clock = ServerClock()
        clock.take(askedAt: .zero, receivedAt: Samples.time, sentAt: Samples.time, answeredAt: .zero)
        let before = clock
        clock.take(
            askedAt: .seconds(10), receivedAt: Samples.time + .seconds(10), sentAt: Samples.time + .seconds(10),
            answeredAt: .seconds(14))
        #expect(clock == before)
    }

    @Test(arguments: [20, 3_620])
    func `a clock that was set while the question was parked counts as the answer has it`(sentAt: Int) {
        var clock = ServerClock()
        clock.take(
            askedAt: .seconds(20), receivedAt: Samples.time + .seconds(1_000), sentAt: Samples.time + .seconds(sentAt),
            answeredAt: .seconds(23))
        #expect(clock.offset(at: .seconds(23), wall: Samples.time) == .seconds(sentAt))
    }
}
