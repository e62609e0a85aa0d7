import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import SQLite
import TestSupport
import Testing
import Wire

/// What time brings, to whom, and whose absence counts.
@Suite struct TimeTests {
    private let first: InstanceID = "i-00000000000000001"
    private let second: InstanceID = "i-00000000000000002"
    private let third: InstanceID = "i-00000000000000003"

    // MARK: Slots that are due

    @Test func `a slot whose record is damaged holds up no other, and is told of once`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            defer { site.heart.stop() }
            let client = try site.makeClient()
            var slots: [SlotID] = []
            // More than are looked at in one go, and one behind them.
            for number in 0..<66 {
                let name = try LogicalAgentID("agent-\(number)")
                slots.append(try site.register(first, of: client, as: name, token: UInt8(10 + number)).reply.slot)
                _ = try ask { site.heart.askSwitch(of: slots[number], to: .onDemand, answer: $0) }
                site.surroundings.advance(by: .milliseconds(10))
            }
            let last = try #require(slots.last)
            try Database(path: "\(folder)/coordinator.sqlite").write { transaction in
                for slot in slots.dropLast() {
                    _ = try transaction.execute("UPDATE command SET asks = '{' WHERE slot_id = ?", slot.text)
                }
            }
            site.surroundings.advance(by: .seconds(3601))
            site.heart.passTime()
            #expect(try site.waitForEvent(.commandExpired).slot == last)
            site.surroundings.advance(by: .seconds(61))
            site.heart.passTime()
            _ = try ask { site.heart.client(client, answer: $0) }
            let told = site.events.filter { $0.kind == .agentUnreadable }.compactMap(\.slot)
            #expect(told.count == 65 && Set(told) == Set(slots.dropLast()))
        }
    }

    // MARK: The coordinator's own absence

    /// A primary, and replicas that are ready, the older one first.
    private func slot(_ site: Site, replicas: [InstanceID]) throws -> (primary: Line, replicas: [Line]) {
        let client = try site.makeClient()
        let primary = try site.register(first, of: client, token: 10).line
        try site.beat(primary)
        let lines = try replicas.enumerated().map { index, replica in
            let line = try site.register(replica, of: client, token: UInt8(11 + index)) { $0.zone = "us-east-1b" }.line
            try site.beat(line, lacking: [])
            site.surroundings.advance(by: .seconds(1))
            return line
        }
        return (primary, lines)
    }

    private func announce(_ primary: Line, at site: Site) throws -> NoticeReply {
        let now = site.surroundings.wall()
        let notice = Notice(
            instance: primary.instance, signal: .interruption(.terminate, at: now + .seconds(120)), detectedAt: now)
        return try ask { site.heart.take(notice, on: primary, answer: $0) }
    }

    /// What another coordinator on the same file, at the same time, knows of a host.
    private func line(_ number: UInt8, at site: Site) throws -> Line {
        try #require(site.heart.line(forToken: try Credential(number).words))
    }

    @Test func `who was offline before a restart is not replaced by a stranger that registers first`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let client = try slot(site, replicas: []).primary.client
            for (seconds, kind) in [(10, EventKind.hostSilent), (130, .hostOffline)] {
                site.surroundings.advance(by: .seconds(seconds))
                site.heart.examineLiveness()
                try site.waitForEvent(kind)
            }
            site.heart.stop()

            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            #expect(try again.register(third, of: client, token: 12).reply.role == .replica)
            let known = try line(10, at: again)
            try again.beat(known)
            #expect(known.role == .primary)
        }
    }

    @Test func `after a pause of the coordinator nobody counts as heard who was not heard since`() throws {
        try withSite { site in
            site.heart.beat()
            let (primary, replicas) = try slot(site, replicas: [second, third])
            site.heart.beat()
            site.surroundings.advance(by: .seconds(20))
            // What comes first is decided before time is kept again.
            #expect(try announce(primary, at: site).successor == nil)
            let commands = try site.beat(replicas[1], lacking: [])
            #expect(commands.map(\.order.type) == ["promote"])
        }
    }

    @Test func `what was concluded from silence before a pause is taken back`() throws {
        try withSite { site in
            site.heart.beat()
            let client = try slot(site, replicas: []).primary.client
            for _ in 0..<135 {
                site.surroundings.advance(by: .seconds(1))
                site.heart.beat()
                site.heart.examineLiveness()
            }
            try site.waitForEvent(.hostOffline)
            site.surroundings.advance(by: .seconds(20))
            #expect(try site.register(third, of: client, token: 12).reply.role == .replica)
        }
    }

    @Test func `a successor that was silent before a restart has its time anew`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let (primary, _) = try slot(site, replicas: [second])
            #expect(try announce(primary, at: site).successor == second)
            site.surroundings.advance(by: .seconds(12))
            try site.beat(primary)
            site.heart.examineLiveness()
            #expect(try site.waitForEvent(.hostSilent).instance == second)
            site.heart.stop()

            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            site.surroundings.advance(by: .seconds(30))
            again.heart.passTime()
            let commands = try again.beat(try line(11, at: again), lacking: [])
            #expect(commands.map(\.order.type).contains("promote"))
            #expect(!again.events.contains { $0.kind == .promotionFailed })
        }
    }

    @Test
    func `an order of a hand-over that nobody fetched yet does not run out with the clock that was set meanwhile`()
        throws
    {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let (primary, _) = try slot(site, replicas: [second])
            #expect(try announce(primary, at: site).successor == second)
            site.heart.stop()

            site.surroundings.setWall(site.surroundings.wall() + .seconds(600))
            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            again.heart.passTime()
            let commands = try again.beat(try line(11, at: again), lacking: [])
            #expect(commands.map(\.order.type).contains("promote"))
            #expect(!again.events.contains { [.commandExpired, .promotionFailed].contains($0.kind) })
        }
    }

    @Test func `an incident just after a restart is pursued as soon as a replica is heard`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            _ = try slot(site, replicas: [second])
            site.heart.stop()
            let again = try Site(folder: folder, surroundings: site.surroundings)
            let reply = try announce(try line(10, at: again), at: again)
            #expect(reply.successor == nil)
            // No machine is launched beside one that will be heard in a moment.
            #expect(reply.commands == [])
            again.heart.stop()

            // Also where the incident is older than the start.
            let last = try Site(folder: folder, surroundings: site.surroundings)
            defer { last.heart.stop() }
            let commands = try last.beat(try line(11, at: last), lacking: [])
            #expect(commands.map(\.order.type).contains("promote"))
        }
    }

    @Test(arguments: [[10, 11], [11, 10]])
    func `who was replaced and may still serve is told to stop after a restart, whoever is heard first`(
        tokens: [UInt8]
    ) throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let client = try slot(site, replicas: []).primary.client
            for (seconds, kind) in [(10, EventKind.hostSilent), (130, .hostOffline)] {
                site.surroundings.advance(by: .seconds(seconds))
                site.heart.examineLiveness()
                try site.waitForEvent(kind)
            }
            #expect(try site.register(second, of: client, token: 11).reply.role == .primary)
            site.heart.stop()

            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            for token in tokens { try again.beat(try line(token, at: again)) }
            let commands = try again.beat(try line(10, at: again))
            #expect(commands.map(\.order.type).contains("demote"))
        }
    }

    @Test func `without an incident a restart decides nothing about those who say what they said`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            _ = try slot(site, replicas: [second])
            site.heart.stop()
            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            try again.beat(try line(10, at: again))
            try again.beat(try line(11, at: again), lacking: [])
            #expect(again.heart.counts.heartbeatsDecided.now == 0)
        }
    }

    // MARK: Absences that are not stored

    @Test func `a silence that could not be stored is found again`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            defer { site.heart.stop() }
            let (line, _) = try slot(site, replicas: [])
            let database = try Database(path: "\(folder)/coordinator.sqlite")
            for (seconds, kind) in [(10, EventKind.hostSilent), (130, .hostOffline)] {
                try database.write { transaction in
                    _ = try transaction.execute(
                        "CREATE TRIGGER broken BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'broken'); END")
                }
                site.surroundings.advance(by: .seconds(seconds))
                site.heart.examineLiveness()
                _ = try ask { site.heart.client(line.client, answer: $0) }
                try database.write { transaction in _ = try transaction.execute("DROP TRIGGER broken") }
                #expect(!site.events.contains { $0.kind == kind })
                site.heart.examineLiveness()
                try site.waitForEvent(kind)
            }
        }
    }

    @Test func `who has just been found offline is not back because of another commit`() throws {
        try withSite { site in
            let (line, _) = try slot(site, replicas: [])
            site.surroundings.advance(by: .seconds(10))
            site.heart.examineLiveness()
            try site.waitForEvent(.hostSilent)
            site.surroundings.advance(by: .seconds(130))
            let isQueued = Latch("what shares a batch")
            // Holds the writer until the rest is queued, which so is one batch.
            try site.holdWriter(until: isQueued)
            var change = SlotSettingsChange()
            change[.terminateWaitSeconds] = .whole(77)
            site.heart.change(change, of: line.slot) { _ in }
            try site.doInTurn(21) { [heart = site.heart] in heart.examineLiveness() }
            isQueued.open()
            try site.waitForEvent(.hostOffline)
        }
    }

    // MARK: The machine's clock

    @Test(arguments: [7200, -7200])
    func `a machine's clock that is set is followed slowly, and ends no wait`(_ jump: Int) throws {
        try withSite { site in
            let (line, _) = try slot(site, replicas: [])
            _ = try ask { site.heart.askSwitch(of: line.slot, to: .onDemand, answer: $0) }
            let before = site.heart.wall
            #expect(before == site.surroundings.wall())
            site.surroundings.setWall(before + .seconds(jump))
            #expect(site.heart.wall == before)
            for _ in 0..<3 {
                site.surroundings.advance(by: .seconds(10))
                site.heart.passTime()
            }
            #expect(site.heart.wall - before == .seconds(jump > 0 ? 33 : 27))
            #expect(site.clockReports == [.seconds(jump > 0 ? 7199 : -7199)])
            _ = try ask { site.heart.client(line.client, answer: $0) }
            #expect(!site.events.contains { $0.kind == .commandExpired })
            // Caught up in ten times as long.
            site.surroundings.advance(by: .seconds(72_000))
            site.heart.passTime()
            #expect(site.heart.wall == site.surroundings.wall())
            #expect(site.clockReports.last == .some(nil))
        }
    }

    // MARK: Limits

    @Test func `a host that enrols in a circle is slowed down, and no other`() throws {
        try withSite { site in
            let client = try site.makeClient()
            for _ in 0..<5 { try site.register(first, of: client, token: 10) }
            #expect(throws: TestSupportError.self) { try site.register(first, of: client, token: 10) }
            try site.register(first, of: client, as: "db", token: 11)
            try site.register(second, of: client, token: 12)
            site.surroundings.advance(by: .seconds(1))
            try site.register(first, of: client, token: 10)
        }
    }

    @Test func `a client's hosts enrol in a burst, and then at a pace, and another client's beside them`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let credential = try Credential(10)
            let refused = Locked(0)
            func enrol(_ numbers: Range<Int>) throws {
                for number in numbers {
                    let name = try LogicalAgentID("agent-\(number)")
                    let registration = Registration(
                        logicalAgent: name, instance: first, region: "us-east-1", hostname: "h")
                    site.heart.register(registration, of: client, token: credential.token, hash: credential.hash) {
                        if case .refused = $0 { refused.withLock { $0 += 1 } }
                    }
                }
            }
            try enrol(0..<20_100)
            #expect(refused.withLock { $0 } == 100)
            site.surroundings.advance(by: .milliseconds(20))
            try enrol(20_100..<20_210)
            #expect(refused.withLock { $0 } == 110)
            try eventually("they are stored", within: .seconds(60)) { site.heart.queueDepth == 0 }
            let other = try site.makeClient("other", 2)
            try site.register(second, of: other, token: 12)
        }
    }

    @Test func `a notice finds room where nothing ordinary does`() throws {
        try withSite { site in
            let (line, _) = try slot(site, replicas: [second])
            let isFull = Latch("a full queue")
            try site.holdWriter(until: isFull)
            let refused = Awaited<String>("the first that does not fit")
            for _ in 0..<30_000 where !refused.isSet {
                site.heart.client(line.client) { if case .unavailable(let reason) = $0 { refused.set(reason) } }
            }
            #expect(refused.isSet)
            let now = site.surroundings.wall()
            let notice = Notice(instance: first, signal: .shutdown, detectedAt: now)
            let answer = Awaited<Outcome<NoticeReply>>("the answer to the notice")
            site.heart.take(notice, on: line) { answer.set($0) }
            isFull.open()
            guard case .done(let reply) = try answer.get() else { throw TestSupportError("the notice was refused") }
            #expect(reply.successor == second)
        }
    }

    @Test func `of many notices that of the machine that goes first is decided first`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let lines = try (0..<4).map { number in
                let name = try LogicalAgentID("web \(number)")
                return try site.register(first, of: client, as: name, token: UInt8(10 + number)).line
            }
            let isHeld = Latch("everybody has announced")
            try site.holdWriter(until: isHeld)
            let order = Locked<[Int]>([])
            let last = Awaited<Bool>("the last answer")
            site.heart.client(client) { _ in
                order.withLock { $0.append(0) }
                last.set(true)
            }
            let now = site.surroundings.wall()
            for (line, seconds) in zip(lines, [90, 20, 120, 60]) {
                let notice = Notice(
                    instance: first, signal: .interruption(.terminate, at: now + .seconds(seconds)), detectedAt: now)
                site.heart.take(notice, on: line) { _ in order.withLock { $0.append(seconds) } }
            }
            isHeld.open()
            _ = try last.get()
            #expect(order.withLock { $0 } == [20, 60, 90, 120, 0])
        }
    }

    @Test func `a machine that was launched has its time to speak anew when the coordinator is back`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let (primary, _) = try slot(site, replicas: [])
            var creation = ReplicaCreation(type: .manual)
            creation.instance = second
            _ = try ask { site.heart.createReplica(creation, of: primary.slot, answer: $0) }
            site.heart.stop()

            site.surroundings.advance(by: .seconds(3600))
            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            again.heart.passTime()
            try again.beat(try line(10, at: again))
            #expect(try again.register(second, of: primary.client, token: 11).reply.role == .replica)
            #expect(!again.events.contains { $0.kind == .replicaFailed })
        }
    }

    @Test func `an order that could not be answered while the coordinator was away is answered when it is back`() throws
    {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let (primary, replicas) = try slot(site, replicas: [second])
            #expect(try announce(primary, at: site).successor == second)
            let command = try #require(try site.beat(replicas[0], lacking: []).first)
            site.heart.stop()

            site.surroundings.advance(by: .seconds(400))
            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            again.heart.passTime()
            let host = try line(11, at: again)
            var result = CommandResult(
                .done, message: "done", instance: second, attempt: 1, epoch: command.epoch,
                finishedAt: again.surroundings.wall())
            result.facts = .activated(at: result.finishedAt, verifiedAt: result.finishedAt)
            let reply = try ask { [result] in again.heart.take(result, of: command.id, on: host, answer: $0) }
            #expect(reply.outcome == .accepted && host.role == .primary)
            #expect(!again.events.contains { [.commandExpired, .promotionFailed].contains($0.kind) })
        }
    }
}
