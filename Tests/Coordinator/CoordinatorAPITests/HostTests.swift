import CoordinatorAPI
import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// A host's life, as its agent meets it.
struct HostTests {
    // MARK: Registering

    @Test func `registering again is the same place, with a new token in place of the old one`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let first = try site.register(client)
            let again = try site.register(client, as: first.name, first.instance)
            #expect(again.slot == first.slot)
            #expect((again.role, again.epoch) == (first.role, first.epoch))
            #expect(again.configVersion == first.configVersion)
            #expect(again.token != first.token)
            #expect(try site.ask(again.ask(.configuration)).status == 200)
            #expect(try site.ask(first.ask(.configuration)).verdict == "401 INVALID_TOKEN")
            let hosts: AgentDetail = try site.order(.agent, [first.slot])
            #expect(hosts.hosts.count == 1)
        }
    }

    @Test func `a second host of a slot is its replica`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let primary = try site.register(client)
            let replica = try site.register(client, as: primary.name)
            #expect((primary.role, replica.role) == (.primary, .replica))
            #expect(replica.slot == primary.slot)
        }
    }

    @Test func `a client's end is the end of its token and of its hosts' tokens`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let (host, other) = (try site.register(client), try site.register(try site.makeClient()))
            let _: Nothing = try site.order(.deleteClient, [client.id.text])
            #expect(try site.ask(host.ask(.heartbeat, [], host.heartbeat)).verdict == "401 INVALID_TOKEN")
            #expect(try site.ask(Ask(.validateClient, token: client.token)).verdict == "401 INVALID_TOKEN")
            #expect(try site.ask(other.ask(.heartbeat, [], other.heartbeat)).status == 200)
        }
    }

    @Test func `a token that is replaced enrols nobody, and the new one does`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let host = try site.register(client)
            let renewed: ClientToken = try site.order(.regenerateToken, [client.id.text])
            let shown: ClientToken = try site.order(.showToken, [client.id.text])
            site.secret(renewed.token.secret)
            #expect(shown.token.secret == renewed.token.secret)
            #expect(try site.ask(Ask(.validateClient, token: client.token)).verdict == "401 INVALID_TOKEN")
            let valid = try site.ask(Ask(.validateClient, token: renewed.token.secret)).read(ValidatedClient.self)
            #expect(valid.client == client.id)
            // Enrolled hosts have tokens of their own.
            #expect(try site.ask(host.ask(.configuration)).status == 200)
        }
    }

    @Test func `answers that show a client's token are not to be kept`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            for route in [Route.showToken, .regenerateToken] {
                let answer = try site.ask(Ask(route, [client.id.text], token: Site.adminToken))
                #expect(answer["cache-control"] == "no-store")
                site.secret(try answer.read(ClientToken.self).token.secret)
            }
        }
    }

    // MARK: Configuration

    @Test func `the configuration's version rises with each change, and only then`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            func change(_ seconds: Int) throws -> Configuration {
                var change = SlotSettingsChange()
                change[.drainBudgetSeconds] = .whole(seconds)
                return try site.order(.changeSettings, [host.slot], change)
            }
            func current() throws -> Configuration { try site.ask(host.ask(.configuration)).read() }
            let first = try current()
            #expect(try current() == first)
            let second = try change(9)
            #expect(second.version > first.version)
            #expect(second.settings.drainBudgetSeconds == 9)
            #expect(try change(9) == second)
            #expect(try current() == second)
            _ = try site.ask(host.ask(.heartbeat, [], host.heartbeat))
            #expect(try current() == second)
            #expect(try change(5).version > second.version)
        }
    }

    @Test func `who has the newest configuration is told so and gets no other`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let answer = try site.ask(host.ask(.configuration))
            let etag = try #require(answer["etag"])
            #expect(etag == "\"\(try answer.read(Configuration.self).version)\"")
            func ask(_ known: String) throws -> Answer {
                try site.ask(host.ask(.configuration).with("If-None-Match", known))
            }
            for known in [etag, "W/\(etag)"] {
                let unchanged = try ask(known)
                #expect(unchanged.status == 304)
                #expect(unchanged["etag"] == etag)
                #expect(unchanged.body.isEmpty)
            }
            for other in ["\"999\"", "\"0\"", "", "nonsense", "*x"] { #expect(try ask(other).status == 200) }
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            let changed = try ask(etag)
            #expect(changed.status == 200)
            #expect(changed["etag"] != etag)
        }
    }

    // MARK: The parked heartbeat

    /// A heartbeat that waits, once the first has been decided and there is no news in it.
    private func park(_ host: Enrolled, wait: Int, _ site: Site) throws -> Connection {
        _ = try site.ask(host.ask(.heartbeat, [], host.heartbeat))
        try eventually("what was decided is over") { site.parked == 0 }
        let connection = try Connection(to: site)
        try connection.send(host.ask(.heartbeat, [], query: "?wait=\(wait)", host.heartbeat))
        try eventually("the heartbeat is parked") { site.parked == 1 }
        return connection
    }

    @Test func `a heartbeat without a wait is answered at once`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            for _ in 0..<3 {
                let reply = try site.ask(host.ask(.heartbeat, [], host.heartbeat)).read(HeartbeatReply.self)
                #expect(reply.slot.text == host.slot)
                #expect(reply.role == .primary)
                #expect(reply.commands == [])
            }
        }
    }

    @Test func `a command wakes the heartbeat that waits for it, and is in the answer`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let parked = try park(host, wait: 25, site)
            let queued: QueuedCommand = try site.order(.switchSlot, [host.slot], ForceSwitch(target: .onDemand))
            let reply = try parked.answer().read(HeartbeatReply.self)
            #expect(reply.commands.map(\.id) == [queued.command])
            #expect(reply.commands.first?.attempt == 1)
            #expect(reply.commands.first?.instance == host.instance)
        }
    }

    @Test func `news of another slot wakes nobody`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let (host, other) = (try site.register(client), try site.register(client))
            let parked = try park(host, wait: 25, site)
            let _: QueuedCommand = try site.order(.switchSlot, [other.slot], ForceSwitch(target: .onDemand))
            try site.advance(by: .seconds(25) + .milliseconds(100))
            #expect(try parked.answer().read(HeartbeatReply.self).commands == [])
        }
    }

    @Test func `a change of the settings wakes it, too`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let parked = try park(host, wait: 25, site)
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            let reply = try parked.answer().read(HeartbeatReply.self)
            #expect(reply.configVersion > host.configVersion)
            // Until it has fetched them it is not held up again.
            let again = try site.ask(host.ask(.heartbeat, query: "?wait=25", host.heartbeat))
            #expect(try again.read(HeartbeatReply.self).configVersion == reply.configVersion)
        }
    }

    @Test(arguments: [(3, 3), (25, 25), (26, 25), (9_999_999, 25)])
    func `without news it is answered when its time is up, which is no more than 25 seconds`(
        wait: Int, seconds: Int
    ) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let received = site.surroundings.wall()
            let parked = try park(host, wait: wait, site)
            try site.advance(by: .seconds(seconds) - .milliseconds(500))
            try site.advance(by: .milliseconds(600))
            let reply = try parked.answer().read(HeartbeatReply.self)
            #expect(reply.receivedAt == received)
            // Had it been answered before its time, the answer would say an earlier one.
            #expect(reply.serverTime == received + .seconds(seconds) + .milliseconds(100))
            #expect(reply.commands == [])
        }
    }

    @Test func `a deleted agent's host is told so, once it has nothing left to do`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let parked = try park(host, wait: 3, site)
            let _: Nothing = try site.order(.deleteSlot, [host.slot])
            try site.advance(by: .milliseconds(3_100))
            #expect(try parked.answer().read(HeartbeatReply.self).commands == [])
            for ask in [host.ask(.heartbeat, [], host.heartbeat), host.ask(.configuration)] {
                #expect(try site.ask(ask).verdict == "404 NOT_FOUND")
            }
        }
    }

    @Test func `a heartbeat of another machine than the token's is refused`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let heartbeat = Heartbeat(status: .online, instance: "i-0fffffffffffffffe")
            let answer = try site.ask(host.ask(.heartbeat, [], heartbeat))
            #expect(answer.verdict == "403 FORBIDDEN")
        }
    }

    // MARK: Commands

    @Test func `a command is handed out until its result comes, and its result is taken once`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let queued: QueuedCommand = try site.order(.switchSlot, [host.slot], ForceSwitch(target: .onDemand))
            let reply = try site.ask(host.ask(.heartbeat, [], host.heartbeat)).read(HeartbeatReply.self)
            let command = try #require(reply.commands.first)
            #expect(command.id == queued.command)
            let result = CommandResult(
                .failed, message: "no capacity", instance: host.instance, attempt: command.attempt,
                epoch: command.epoch, finishedAt: site.surroundings.wall())
            func send(_ id: String) throws -> Answer { try site.ask(host.ask(.commandResult, [id], result)) }
            #expect(try send(command.id.text).read(ReportReply.self).outcome == .accepted)
            #expect(try send(command.id.text).read(ReportReply.self).outcome == .duplicate)
            #expect(try send("no-such-command").verdict == "404 NOT_FOUND")
            let after = try site.ask(host.ask(.heartbeat, [], host.heartbeat)).read(HeartbeatReply.self)
            #expect(after.commands == [])
        }
    }

    // MARK: Reports

    private static let reports: [Route] = [.pricingReport, .switchReport, .terminationReport, .cleanupReport]

    private func report(_ route: Route, _ stamp: ReportStamp, _ site: Site) throws -> any JSONWritable {
        let now = site.surroundings.wall()
        switch route {
        case .pricingReport:
            let priced = PricedInstance(
                instance: stamp.instance, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1a", mode: .spot
            )
            return PricingReport(stamp: stamp, instance: priced, pools: [], collectedAt: now)
        case .switchReport:
            return SwitchReport(
                stamp: stamp, oldInstance: SwitchedInstance(instance: stamp.instance),
                newInstance: SwitchedInstance(instance: try site.nextInstance()),
                timing: SwitchTiming(initiatedAt: now), trigger: .manual)
        case .terminationReport: return TerminationReport(stamp: stamp, target: stamp.instance, success: false)
        default:
            return CleanupReport(
                stamp: stamp, timestamp: now, snapshots: CleanupReport.Pass(), images: CleanupReport.Pass())
        }
    }

    @Test(arguments: reports)
    func `a report that comes twice is taken once`(route: Route) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let body = try report(route, host.stamp(), site)
            let outcomes = try (0..<2).map { _ in
                try site.ask(host.ask(route, [], body)).read(ReportReply.self).outcome
            }
            #expect(outcomes == [.accepted, .duplicate])
        }
    }

    @Test(arguments: reports)
    func `a report of an older epoch changes nothing`(route: Route) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let switched = try report(.switchReport, host.stamp("r-0"), site)
            #expect(try site.ask(host.ask(.switchReport, [], switched)).read(ReportReply.self).outcome == .accepted)
            let before: AgentDetail = try site.order(.agent, [host.slot])
            #expect(before.agent.epoch > host.epoch)
            let body = try report(route, host.stamp(), site)
            #expect(try site.ask(host.ask(route, [], body)).read(ReportReply.self).outcome == .stale)
            #expect(try site.order(.agent, [host.slot], nil, AgentDetail.self) == before)
        }
    }

    @Test(arguments: reports + [.terminationImminent, .commandResult])
    func `a report speaks for the machine that sends it`(route: Route) throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let host = try site.register(client)
            let other = try site.register(client, as: host.name)
            let now = site.surroundings.wall()
            let body: any JSONWritable =
                switch route {
                case .terminationImminent: Notice(instance: other.instance, signal: .shutdown, detectedAt: now)
                case .commandResult:
                    CommandResult(
                        .done, message: "", instance: other.instance, attempt: 1, epoch: 1, finishedAt: now)
                default: try report(route, other.stamp(), site)
                }
            #expect(try site.ask(host.ask(route, ["c-1"], body)).verdict == "403 FORBIDDEN")
        }
    }

    // MARK: Interruptions

    @Test func `a notice opens an incident, promotes who is ready, and tells the story afterwards`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let primary = try site.register(client)
            let replica = try site.register(client, as: primary.name)
            var ready = replica.heartbeat
            ready.lacking = []
            _ = try site.ask(replica.ask(.heartbeat, [], ready))

            try eventually("what was decided is over") { site.parked == 0 }
            let waiting = try Connection(to: site)
            try waiting.send(replica.ask(.heartbeat, query: "?wait=25", ready))
            try eventually("the replica waits") { site.parked == 1 }
            let reply = try site.interrupt(primary)
            #expect(reply.action == .replicaPromoted)
            #expect(reply.successor == replica.instance)
            let orders = try waiting.answer().read(HeartbeatReply.self).commands
            #expect(orders.map(\.order.type) == ["promote"])
            #expect(orders.first?.incident == reply.incident)
            // The same signal again is the same incident.
            #expect(try site.interrupt(primary).incident == reply.incident)

            let order = try #require(orders.first)
            var result = CommandResult(
                .done, message: "serves", instance: replica.instance, attempt: order.attempt, epoch: order.epoch,
                finishedAt: site.surroundings.wall())
            result.facts = .activated(at: site.surroundings.wall(), verifiedAt: site.surroundings.wall())
            let taken = try site.ask(replica.ask(.commandResult, [order.id.text], result)).read(ReportReply.self)
            #expect(taken.outcome == .accepted)

            let incident: Incident = try site.order(.incident, [reply.incident.text])
            #expect(incident.state == .met)
            #expect(incident.successor == replica.instance)
            #expect(incident.timeline.count >= 3)
            let detail: AgentDetail = try site.order(.agent, [primary.slot])
            #expect(detail.agent.instance == replica.instance)
            let list = try site.ask(Ask(.incidents, query: "?agent_id=\(primary.slot)", token: Site.adminToken))
                .read(IncidentList.self)
            #expect(list.incidents.map(\.id) == [reply.incident])
        }
    }

    // MARK: The log

    private func events(_ query: String, _ site: Site) throws -> LogLines {
        try site.ask(Ask(.events, query: query, token: Site.adminToken)).read()
    }

    @Test func `who waits for the log is told its next line when it is written`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let host = try site.register(client)
            let end = try events("", site).next
            try eventually("what was read is over") { site.parked == 0 }
            let waiting = try Connection(to: site)
            try waiting.send(Ask(.events, query: "?after=\(end)&wait=25", token: Site.adminToken))
            try eventually("it waits") { site.parked == 1 }
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            let lines = try waiting.answer().read(LogLines.self)
            #expect(lines.events.map(\.kind) == ["agent_toggled"])
            #expect(lines.events.first?.slot?.text == host.slot)
            #expect(try events("?after=\(lines.next)", site).events == [])
        }
    }

    @Test func `who waits for one agent's lines sleeps through all others', and is let go in time`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let (host, other) = (try site.register(client), try site.register(client))
            let end = try events("", site).next
            try eventually("what was read is over") { site.parked == 0 }
            let waiting = try Connection(to: site)
            let query = "?after=\(end)&agent_id=\(host.slot)&wait=20"
            try waiting.send(Ask(.events, query: query, token: Site.adminToken))
            try eventually("it waits") { site.parked == 1 }
            for enabled in [false, true] {
                let _: EnabledChange = try site.order(.toggleEnabled, [other.slot], EnabledChange(enabled: enabled))
            }
            try site.advance(by: .seconds(20) + .milliseconds(100))
            let lines = try waiting.answer().read(LogLines.self)
            #expect(lines.events == [])
            #expect(lines.next >= end)
        }
    }

    @Test func `pages of the log, one after the other, are the log`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            for _ in 0..<4 { _ = try site.register(client) }
            var cursor: EventCursor = "e1-0"
            var seen: [LogLine] = []
            while true {
                let page = try events("?after=\(cursor)&limit=2", site)
                if page.events.isEmpty { break }
                #expect(page.events.count <= 2)
                seen += page.events
                cursor = page.next
            }
            #expect(seen == (try events("", site).events))
            #expect(seen.count >= 5)
        }
    }

    // MARK: For anyone

    @Test func `whether the coordinator is well is told in words and in the status`() throws {
        try withCoordinator { site in
            for route in [Route.health, .apiHealth] {
                #expect(try site.ask(Ask(route)).read(Health.self).status == .healthy)
            }
            #expect(site.vitals.note("the disk is gone"))
            let answer = try site.ask(Ask(.health))
            #expect(answer.status == 503)
            #expect(try decodeJSON(Health.self, from: answer.body).fault == "the disk is gone")
            #expect(site.vitals.note(nil))
            #expect(try site.ask(Ask(.health)).status == 200)
        }
    }

    @Test func `however many ask for the metrics, the store is counted once a second`() throws {
        try withCoordinator { site in
            func count() throws -> Bool {
                try site.ask(Ask(.metrics)).text.contains("spot_hosts{kind=\"primary\"} 2\n")
            }
            let client = try site.makeClient()
            _ = try site.register(client)
            #expect(try !count())
            _ = try site.register(client)
            #expect(try !count())
            site.surroundings.advance(by: .seconds(1))
            #expect(try count())
        }
    }

    @Test func `the plain questions are answered plainly`() throws {
        try withCoordinator { site in
            #expect(try site.ask(Ask(.ping)).text == "pong")
            #expect(try site.ask(Ask(.time)).read(ServerTime.self).serverTime == site.surroundings.wall())
            #expect(try site.ask(Ask(.service)).read(ServiceDescription.self).name == "spot-coordinator")
            _ = try site.register(try site.makeClient())
            let metrics = try site.ask(Ask(.metrics))
            #expect(metrics["content-type"]?.hasPrefix("text/plain") == true)
            #expect(metrics.text.contains("spot_hosts_enrolled{kind=\"fresh\"} 1\n"))
        }
    }
}
