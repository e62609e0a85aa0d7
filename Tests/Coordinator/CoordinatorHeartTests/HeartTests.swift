import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

@Suite struct HeartTests {
    private let first: InstanceID = "i-00000000000000001"
    private let second: InstanceID = "i-00000000000000002"
    private let third: InstanceID = "i-00000000000000003"

    @Test func `a host is known by its token as soon as its registration is answered`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (line, reply) = try site.register(first, of: client, token: 10)
            #expect(reply.role == .primary && reply.epoch == 1)
            #expect(line.slot == reply.slot && line.instance == first)
        }
    }

    @Test func `registering again replaces the token and changes nothing else`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let before = try site.register(first, of: client, token: 10).reply
            let after = try site.register(first, of: client, token: 11).reply
            #expect(after.slot == before.slot && after.epoch == before.epoch && after.role == before.role)
            #expect(site.heart.line(forToken: try Credential(10).words) == nil)
        }
    }

    @Test func `a heartbeat that says nothing new does not reach the store`() throws {
        try withSite { site in
            let (line, _) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            let commits = site.heart.counts.commits.now
            for _ in 0..<100 { try site.beat(line) }
            #expect(site.heart.counts.commits.now == commits)
        }
    }

    @Test func `a heartbeat that knows a newer epoch than the record is decided`() throws {
        try withSite { site in
            let (line, _) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            var heartbeat = site.heartbeat(line)
            heartbeat.epoch = 5
            guard case .news = site.heart.hear(heartbeat, on: line, wait: .zero) else {
                throw TestSupportError("nothing was new")
            }
            _ = try ask { [heartbeat] in site.heart.decide(heartbeat, on: line, answer: $0) }
            #expect(try site.waitForEvent(.recordOutdated).instance == first)
        }
    }

    @Test func `an order wakes its parked host with the order in the answer`() throws {
        try withSite { site in
            let (line, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            let answer = try site.park(line)
            let queued = try ask { site.heart.askSwitch(of: reply.slot, to: .onDemand, answer: $0) }
            let woken = try answer.get()
            #expect(woken.commands.map(\.id) == [queued.command])
            #expect(woken.commands.first?.attempt == 1)
        }
    }

    @Test func `a host that parks while its order is on its way to the disk is woken`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (line, reply) = try site.register(first, of: client, token: 10)
            try site.beat(line)
            let (woken, call) = site.makeCall(of: line)
            let isQueued = Latch("the order and what parks behind it")
            // The first holds the writer until the rest is queued, so that the rest is one batch: the order looks for a parked
            // call and finds none, the second parks one, and then both are committed.
            let isParked = Awaited<Bool>("the call that parks")
            try site.holdWriter(until: isQueued)
            site.heart.askSwitch(of: reply.slot, to: .onDemand) { _ in }
            try site.doInTurn(21) { isParked.set(line.park(call, wasQuiet: true)) }
            isQueued.open()
            #expect(try isParked.get())
            #expect(try woken.get().commands.count == 1)
        }
    }

    /// That a client is gone is not always known: its answer is taken, and reaches nobody.
    @Test(arguments: [true, false])
    func `an order whose parked call has just ended goes to the call that came after it`(isTaken: Bool) throws {
        try withSite { site in
            let (line, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            let (woken, next) = site.makeCall(of: line)
            let ended = ParkedCall(receivedAt: site.surroundings.wall(), configVersion: line.configVersion) { _ in
                #expect(line.park(next, wasQuiet: false))
                return isTaken
            }
            #expect(line.park(ended, wasQuiet: true))
            let queued = try ask { site.heart.askSwitch(of: reply.slot, to: .onDemand, answer: $0) }
            #expect(try woken.get().commands.map(\.id) == [queued.command])
        }
    }

    @Test func `a heartbeat that was quiet does not park over orders that came since`() throws {
        try withSite { site in
            let (line, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            _ = try ask { site.heart.askSwitch(of: reply.slot, to: .onDemand, answer: $0) }
            #expect(try site.beat(line).count == 1)
            let (_, call) = site.makeCall(of: line)
            #expect(!line.park(call, wasQuiet: true))
            #expect(line.park(call, wasQuiet: false))
        }
    }

    @Test func `a change of settings wakes the parked host with the new version`() throws {
        try withSite { site in
            let (line, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            let answer = try site.park(line)
            var change = SlotSettingsChange()
            change[.terminateWaitSeconds] = .whole(77)
            let configuration = try ask { site.heart.change(change, of: reply.slot, answer: $0) }
            #expect(try answer.get().configVersion == configuration.version)
            #expect(configuration.version > reply.configuration.version)
        }
    }

    @Test func `a command that the host does not name is handed out again, one that it names is not`() throws {
        try withSite { site in
            let (line, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            let queued = try ask { site.heart.askSwitch(of: reply.slot, to: .onDemand, answer: $0) }
            #expect(try site.beat(line).map(\.attempt) == [1])
            #expect(try site.beat(line, running: [queued.command]).isEmpty)
            #expect(try site.beat(line).map(\.attempt) == [2])
        }
    }

    @Test func `a report under the same id is a duplicate, also after a restart`() throws {
        try withTemporaryFolder { folder in
            let stamp = ReportStamp(report: "report-1", instance: first, epoch: 1)
            let priced = PricedInstance(
                instance: first, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1a", mode: .spot)
            let report = PricingReport(
                stamp: stamp, instance: priced,
                pools: [PoolPrice(pool: "m5.large.us-east-1a", price: try #require(JSONNumber("0.0416")))],
                collectedAt: Timestamp(nanosecondsSinceEpoch: 0))
            let site = try Site(folder: folder)
            let (line, _) = try site.register(first, of: try site.makeClient(), token: 10)
            #expect(try ask { site.heart.take(report, on: line, answer: $0) }.outcome == .accepted)
            site.heart.stop()

            let again = try Site(folder: folder)
            defer { again.heart.stop() }
            let known = try #require(again.heart.line(forToken: try Credential(10).words))
            #expect(try ask { again.heart.take(report, on: known, answer: $0) }.outcome == .duplicate)
        }
    }

    @Test func `the same id from another machine, or for another kind of report, is another report`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (primary, _) = try site.register(first, of: client, token: 10)
            let (replica, _) = try site.register(second, of: client, token: 11)
            func end(by line: Line) throws -> ReportReply.Outcome {
                let stamp = ReportStamp(report: "r-1", instance: line.instance, epoch: 1)
                let report = TerminationReport(stamp: stamp, target: second, success: false)
                return try ask { site.heart.take(report, on: line, answer: $0) }.outcome
            }
            let cleanup = CleanupReport(
                stamp: ReportStamp(report: "r-1", instance: first, epoch: 1), timestamp: site.surroundings.wall(),
                snapshots: .init(), images: .init())
            #expect(try end(by: primary) == .accepted)
            #expect(try end(by: replica) == .accepted)
            #expect(try ask { site.heart.take(cleanup, on: primary, answer: $0) }.outcome == .accepted)
            #expect(try end(by: primary) == .duplicate)
        }
    }

    @Test func `a stale report leaves one line in the log`() throws {
        try withSite { site in
            let (line, _) = try site.register(first, of: try site.makeClient(), token: 10)
            let report = TerminationReport(
                stamp: ReportStamp(report: "r-1", instance: first, epoch: 0), target: second, success: true)
            for outcome in [ReportReply.Outcome.stale, .duplicate, .duplicate] {
                #expect(try ask { site.heart.take(report, on: line, answer: $0) }.outcome == outcome)
            }
            #expect(site.events.filter { $0.kind == .reportStale }.map(\.instance) == [first])
        }
    }

    @Test func `a notice promotes the ready replica, wakes it, and its proof closes the incident`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (primary, _) = try site.register(first, of: client, token: 10)
            let (replica, joined) = try site.register(second, of: client, token: 11) { $0.zone = "us-east-1b" }
            #expect(joined.role == .replica)
            try site.beat(primary)
            let waiting = try site.park(replica, lacking: [])
            let notice = Notice(
                instance: first, signal: .interruption(.terminate, at: site.surroundings.wall() + .seconds(120)),
                detectedAt: site.surroundings.wall(), epoch: 1)
            let reply = try ask { site.heart.take(notice, on: primary, answer: $0) }
            #expect(reply.action == .replicaPromoted && reply.successor == second && reply.epoch == 2)
            let promote = try #require(try waiting.get().commands.first)
            guard case .promote = promote.order else { throw TestSupportError("not a promotion: \(promote.order)") }

            var result = CommandResult(
                .done, message: "serves", instance: second, attempt: 1, epoch: 2,
                finishedAt: site.surroundings.wall())
            result.facts = .activated(at: site.surroundings.wall(), verifiedAt: site.surroundings.wall())
            #expect(try ask { site.heart.take(result, of: promote.id, on: replica, answer: $0) }.outcome == .accepted)
            let incident = try ask { site.heart.incident(reply.incident, answer: $0) }
            #expect(incident.state == .met && incident.successor == second)
            #expect(incident.timeline.count >= 4)
            #expect(try ask { site.heart.agent(primary.slot, answer: $0) }.agent.instance == second)
        }
    }

    @Test func `silence makes a host unknown and then offline, and its voice brings it back`() throws {
        try withSite { site in
            let (line, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            site.surroundings.advance(by: .seconds(10))
            site.heart.examineLiveness()
            try site.waitForEvent(.hostSilent)
            site.surroundings.advance(by: .seconds(120))
            site.heart.examineLiveness()
            try site.waitForEvent(.hostOffline)
            #expect(try ask { site.heart.agent(reply.slot, answer: $0) }.agent.status == .offline)
            try site.beat(line)
            try site.waitForEvent(.hostBack)
            #expect(try ask { site.heart.agent(reply.slot, answer: $0) }.agent.status == .online)
        }
    }

    @Test func `nobody falls silent while the coordinator itself was away`() throws {
        try withSite { site in
            let (line, _) = try site.register(first, of: try site.makeClient(), token: 10)
            try site.beat(line)
            site.surroundings.advance(by: .seconds(3600))
            site.heart.beginGrace()
            site.heart.examineLiveness()
            try site.beat(line)
            #expect(!site.events.contains { $0.kind == .hostSilent || $0.kind == .hostOffline })
        }
    }

    @Test func `a command that nobody takes up expires by itself`() throws {
        try withSite { site in
            let (_, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            let queued = try ask { site.heart.askSwitch(of: reply.slot, to: .onDemand, answer: $0) }
            site.surroundings.advance(by: .seconds(3601))
            site.heart.passTime()
            #expect(try site.waitForEvent(.commandExpired).command == queued.command)
        }
    }

    @Test func `a deleted client's tokens are no longer good, its hosts' neither`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (line, _) = try site.register(first, of: client, token: 10)
            let waiting = try site.park(line)
            _ = try ask { site.heart.deleteClient(client, answer: $0) }
            _ = try waiting.get()
            #expect(site.heart.line(forToken: try Credential(10).words) == nil)
            #expect(site.heart.tenant(forToken: try Credential(1).words) == nil)
        }
    }

    @Test func `what is refused changes nothing`() throws {
        try withSite { site in
            let (_, reply) = try site.register(first, of: try site.makeClient(), token: 10)
            var both = SlotSettingsChange()
            both[.autoSwitchEnabled] = .flag(true)
            both[.manualReplicaEnabled] = .flag(true)
            guard case .refused(let refusal) = try outcome({ site.heart.change(both, of: reply.slot, answer: $0) })
            else {
                throw TestSupportError("both modes were accepted")
            }
            #expect(refusal.code == .configuration)
            let now = try ask { site.heart.configuration(of: reply.slot, answer: $0) }
            #expect(now == reply.configuration)
        }
    }

    @Test func `what fails in a batch takes nobody with it, and nothing is told of it`() throws {
        struct NoSeal: Error {}
        try withSite { site in
            let isQueued = Latch("both that share a batch")
            let holder = try site.holdWriter(1, until: isQueued)
            let failing = try site.doInTurn(2) { throw NoSeal() }
            let other = try site.doInTurn(3) {}
            isQueued.open()
            guard case .done = try holder.get(), case .done = try other.get(), case .unavailable = try failing.get()
            else { throw TestSupportError("the one that failed did not fail alone") }
            let said = site.events.map(\.sentence)
            #expect(said.contains { $0.contains("client-3") } && !said.contains { $0.contains("client-2") })
            #expect(site.heart.tenant(forToken: try Credential(2).words) == nil)
        }
    }

    @Test func `what is queued is answered when things have settled, and nobody waits for ever`() throws {
        try withSite { site in
            let isHeld = Latch("the look at a writer that is busy")
            let answers = Monitor(0)
            for number in 1...UInt8(200) {
                let credential = try Credential(number)
                site.heart.createClient(
                    ClientCreation(name: "client-\(number)"), token: credential.token, hash: credential.hash,
                    seal: { _ in
                        if number == 1 { try isHeld.wait() }
                        return [1]
                    }, answer: { _ in answers.change { $0 += 1 } })
            }
            site.heart.settle(within: .zero)
            #expect(answers.change { $0 } == 0)
            isHeld.open()
            site.heart.settle(within: .seconds(10))
            #expect(answers.change { $0 } == 200)
        }
    }

    @Test func `only one of a client's slots of a kind reports prices`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let one = try site.register(first, of: client, as: "web", token: 10).reply
            let two = try site.register(second, of: client, as: "db", token: 11).reply
            #expect(one.configuration.reportsPrices && !two.configuration.reportsPrices)
        }
    }

    @Test func `when the price reporter is gone another takes over, and when it is back one of them stops`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let one = try site.register(first, of: client, as: "web", token: 10).line
            let two = try site.register(second, of: client, as: "db", token: 11).line
            func report(_ wanted: Set<SlotID>) throws -> Bool {
                site.heart.appointPriceReporters()
                let reporting = try [one.slot, two.slot].filter { slot in
                    try ask { site.heart.configuration(of: slot, answer: $0) }.reportsPrices
                }
                return Set(reporting) == wanted
            }
            let older = min(one.slot, two.slot)
            #expect(try report([one.slot]))
            for kind in [EventKind.hostSilent, .hostOffline] {
                site.surroundings.advance(by: .seconds(130))
                try site.beat(two)
                site.heart.examineLiveness()
                try site.waitForEvent(kind)
            }
            try eventually("the other one reports, too") { try report([one.slot, two.slot]) }
            try site.beat(one)
            try site.waitForEvent(.hostBack)
            try eventually("the newer one has stopped") { try report([older]) }
        }
    }

    @Test func `whoever only needs another token does not make a deleted agent anew`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let (line, _) = try site.register(first, of: client, token: 1)
            _ = try ask { site.heart.delete(line.slot, answer: $0) }
            #expect(throws: TestSupportError.self) {
                try site.register(first, of: client, token: 2) { $0.renews = line.slot }
            }
            #expect(try site.register(first, of: client, token: 3).line.slot != line.slot)
        }
    }

    @Test func `a machine that comes up after its agent was deleted is not the agent anew`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let client = try site.makeClient()
            let (line, reply) = try site.register(first, of: client, token: 10)
            var change = SlotSettingsChange()
            change[.manualReplicaEnabled] = .flag(true)
            _ = try ask { [change] in site.heart.change(change, of: reply.slot, answer: $0) }
            let launch = try #require(try site.beat(line).first)
            _ = try ask { site.heart.delete(reply.slot, answer: $0) }
            #expect(!line.isOver)
            var result = CommandResult(
                .done, message: "launched", instance: first, attempt: 1, epoch: 1,
                finishedAt: site.surroundings.wall())
            result.facts = .launched(.init(instance: second, instanceType: "m5.large", zone: "us-east-1b", mode: .spot))
            #expect(try ask { site.heart.take(result, of: launch.id, on: line, answer: $0) }.outcome == .accepted)
            #expect(throws: TestSupportError.self) { try site.register(second, of: client, token: 11) }
            site.heart.stop()

            let again = try Site(folder: folder)
            defer { again.heart.stop() }
            let known = try #require(again.heart.line(forToken: try Credential(10).words))
            #expect(!known.isOver)
            let end = try #require(try again.beat(known).first)
            guard case .terminateInstance(let order) = end.order else { throw TestSupportError("\(end.order)") }
            #expect(order.target == second)
            let report = TerminationReport(
                stamp: ReportStamp(report: "r", instance: first, epoch: 1), target: second, success: true)
            #expect(try ask { again.heart.take(report, on: known, answer: $0) }.outcome == .accepted)
            #expect(known.isOver)
            // It shuts down, its token is no longer good, and it asks for another one with its last words.
            #expect(throws: TestSupportError.self) { try again.register(second, of: client, token: 11) }
            // Nor does it join the agent that was made anew meanwhile.
            #expect(try again.register(third, of: client, token: 13).reply.role == .primary)
            #expect(throws: TestSupportError.self) { try again.register(second, of: client, token: 11) }
            again.surroundings.advance(by: .seconds(3_700))
            #expect(try again.register(second, of: client, token: 12).reply.role == .replica)
        }
    }
}
