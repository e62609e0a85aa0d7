import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

private let first: InstanceID = "i-aaaaaaaa"
private let second: InstanceID = "i-bbbbbbbb"

/// The count that every scrape asks for is made from memory, and the answer about one slot from the record: they agree.
struct ReadinessTests {
    /// Whether the agent survives, by each way of asking.
    private func survives(_ site: Site, _ slot: SlotID) throws -> Bool {
        site.heart.settle(within: .seconds(10))
        let one = try ask { site.heart.readiness(of: slot, answer: $0) }
        let all = try ask { site.heart.readiness(AgentQuery(), answer: $0) }
        let listed = try ask { site.heart.agents(AgentQuery(), answer: $0) }
        #expect(all.agents.map(\.survives) == [one.survives], "\(one.reasons)")
        #expect(listed.agents.map(\.survives) == [one.survives], "\(one.reasons)")
        #expect(site.heart.survivingAgents == (one.survives ? 1 : 0), "\(one.reasons)")
        return one.survives
    }

    @Test func `a silent replica is none until it is heard again`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (primary, reply) = try site.register(first, of: client, token: 10)
            try site.beat(primary)
            #expect(try !survives(site, reply.slot))
            let (replica, _) = try site.register(second, of: client, token: 11)
            #expect(try !survives(site, reply.slot))
            try site.beat(replica, lacking: [])
            #expect(try survives(site, reply.slot))
            try site.beat(replica, lacking: ["units"])
            #expect(try !survives(site, reply.slot))
            try site.beat(replica, lacking: [])
            site.surroundings.advance(by: .seconds(10))
            try site.beat(primary)
            site.heart.examineLiveness()
            try site.waitForEvent(.hostSilent)
            #expect(try !survives(site, reply.slot))
            try site.beat(replica, lacking: [])
            #expect(try survives(site, reply.slot))
        }
    }

    @Test func `a replica that is heard while the notice is on its way to the disk takes over at once`() throws {
        try withTemporaryFolder { folder in
            let before = try Site(folder: folder)
            let client = try before.makeClient()
            try before.beat(try before.register(first, of: client, token: 10).line)
            let slot = try before.register(second, of: client, token: 11).line.slot
            try before.beat(try before.line(10), as: .primary)
            try before.beat(try before.line(11), lacking: [])
            before.heart.stop()

            // After a start nobody is known to be there, and a heartbeat that says what it said before is not decided.
            let site = try Site(folder: folder)
            defer { site.heart.stop() }
            let (primary, replica) = (try site.line(10), try site.line(11))
            let beat = site.heartbeat(replica, lacking: [])
            let isQueued = Latch("the notice and what is heard behind it")
            try site.holdWriter(until: isQueued)
            let notice = Notice(
                instance: first, signal: .interruption(.terminate, at: site.surroundings.wall() + .seconds(120)),
                detectedAt: site.surroundings.wall())
            site.heart.take(notice, on: primary) { _ in }
            let heard = Awaited<Bool>("the heartbeat of the replica")
            try site.doInTurn(21) { [heart = site.heart] in
                heard.set(heart.hear(beat, on: replica, wait: .zero) == .quiet)
            }
            isQueued.open()
            #expect(try heard.get())
            #expect(try site.waitForEvent(.promotionDecided).slot == slot)
        }
    }

    @Test func `a replica that is back is none before its word has been decided`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (primary, _) = try site.register(first, of: client, token: 10)
            let (replica, _) = try site.register(second, of: client, token: 11)
            try site.beat(primary)
            try site.beat(replica, lacking: [])
            var farewell = site.heartbeat(replica)
            farewell.status = .offline
            #expect(site.heart.hear(farewell, on: replica, wait: .zero) == .news)
            _ = try ask { site.heart.decide(farewell, on: replica, answer: $0) }

            let isHeld = Latch("the writer is held")
            let goesOn = Latch("the writer goes on")
            site.heart.decide(site.heartbeat(primary, lacking: []), on: primary) { _ in
                isHeld.open()
                try? goesOn.wait()
            }
            try isHeld.wait()
            let notice = Notice(
                instance: first, signal: .interruption(.terminate, at: site.surroundings.wall() + .seconds(120)),
                detectedAt: site.surroundings.wall())
            let answer = Awaited<Outcome<NoticeReply>>("the answer to the notice")
            site.heart.take(notice, on: primary) { answer.set($0) }
            let back = site.heartbeat(replica, lacking: ["its units"])
            #expect(site.heart.hear(back, on: replica, wait: .zero) == .news)
            site.heart.decide(back, on: replica) { _ in }
            goesOn.open()
            guard case .done(let reply) = try answer.get() else { throw TestSupportError("the notice was not taken") }
            #expect(reply.action != .replicaPromoted)
        }
    }

    @Test func `after a restart nobody survives before both are heard`() throws {
        try withTemporaryFolder { folder in
            let before = try Site(folder: folder)
            let client = try before.makeClient()
            let (primary, reply) = try before.register(first, of: client, token: 10)
            let (replica, _) = try before.register(second, of: client, token: 11)
            try before.beat(primary)
            try before.beat(replica, lacking: [])
            before.heart.stop()
            let after = try Site(folder: folder, surroundings: before.surroundings)
            defer { after.heart.stop() }
            #expect(try !survives(after, reply.slot))
            for (number, lacking) in [(UInt8(10), nil), (11, [])] as [(UInt8, [String]?)] {
                let line = try #require(after.heart.line(forToken: try Credential(number).words))
                #expect(try !survives(after, reply.slot))
                try after.beat(line, lacking: lacking)
            }
            #expect(try survives(after, reply.slot))
        }
    }

    @Test func `a primary whose workload does not run is none, and after a restart its word counts again`() throws {
        try withTemporaryFolder { folder in
            let before = try Site(folder: folder)
            let client = try before.makeClient()
            let (primary, reply) = try before.register(first, of: client, token: 10)
            let (replica, _) = try before.register(second, of: client, token: 11)
            try before.beat(primary)
            try before.beat(replica, lacking: [])
            try before.beat(primary, as: .primary, lacking: ["web.service"])
            #expect(try !survives(before, reply.slot))
            try before.beat(primary, as: .primary)
            #expect(try survives(before, reply.slot))
            try before.beat(primary, as: .primary, lacking: ["web.service"])
            before.heart.stop()
            before.surroundings.advance(by: .seconds(60))
            let after = try Site(folder: folder, surroundings: before.surroundings)
            defer { after.heart.stop() }
            let heard = try #require(after.heart.line(forToken: try Credential(10).words))
            #expect(try !survives(after, reply.slot))
            try after.beat(heard, as: .primary, lacking: ["web.service"])
            try after.waitForEvent(.workloadDown)
            #expect(try !survives(after, reply.slot))
        }
    }

    @Test(arguments: [14, 15])
    func `a deadline that is too short for the drain is known at the start, too`(deadline: Int) throws {
        try withTemporaryFolder { folder in
            let before = try Site(folder: folder)
            let client = try before.makeClient()
            let (primary, reply) = try before.register(first, of: client, token: 10)
            let (replica, _) = try before.register(second, of: client, token: 11)
            var change = SlotSettingsChange()
            change[.handOver] = .handOver(.exclusive)
            change[.drainBudgetSeconds] = .whole(10)
            change[.failoverDeadlineSeconds] = .whole(deadline)
            _ = try ask { [change] in before.heart.change(change, of: reply.slot, answer: $0) }
            try before.beat(primary)
            try before.beat(replica, lacking: [])
            #expect(try survives(before, reply.slot) == (deadline == 15))
            before.heart.stop()
            let after = try Site(folder: folder, surroundings: before.surroundings)
            defer { after.heart.stop() }
            for (number, lacking) in [(UInt8(10), nil), (11, [])] as [(UInt8, [String]?)] {
                let line = try #require(after.heart.line(forToken: try Credential(number).words))
                try after.beat(line, lacking: lacking)
            }
            #expect(try survives(after, reply.slot) == (deadline == 15))
        }
    }

    @Test func `an interruption under way is told until it is over`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (primary, reply) = try site.register(first, of: client, token: 10)
            let (replica, _) = try site.register(second, of: client, token: 11)
            try site.beat(primary)
            try site.beat(replica, lacking: [])
            let now = site.surroundings.wall()
            let notice = Notice(
                instance: first, signal: .interruption(.terminate, at: now + .seconds(120)), detectedAt: now)
            _ = try ask { site.heart.take(notice, on: primary, answer: $0) }
            #expect(try !survives(site, reply.slot))
            let orders = try site.beat(replica, lacking: [])
            let order = try #require(orders.first)
            var result = CommandResult(
                .done, message: "", instance: second, attempt: 1, epoch: order.epoch, finishedAt: now)
            result.facts = .activated(at: now, verifiedAt: now)
            _ = try ask { [result] in site.heart.take(result, of: order.id, on: replica, answer: $0) }
            #expect(try !survives(site, reply.slot))
            let third: InstanceID = "i-cccccccc"
            let (another, _) = try site.register(third, of: client, token: 12)
            try site.beat(another, lacking: [])
            #expect(try survives(site, reply.slot))
        }
    }

    @Test func `of an agent that is not there nobody can tell`() throws {
        try withSite { site in
            let answer: Outcome<SlotReadiness> = try outcome { site.heart.readiness(of: "nobody", answer: $0) }
            guard case .refused(let reply) = answer else { throw TestSupportError("\(answer)") }
            #expect(reply.code == .notFound)
        }
    }
}
