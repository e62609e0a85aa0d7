import CoordinatorAPI
import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What hosts report: of commands, prices, switches, and of their own end.
struct ReportTests {
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

    @Test(arguments: [
        (Route.terminationImminent, Notice.Signal.rebalance, "rebalance-recommendation"),
        (.rebalanceRecommendation, .shutdown, "termination-imminent"),
    ])
    func `a notice on the other one's path is sent there, and opens nothing`(
        route: Route, signal: Notice.Signal, right: String
    ) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let notice = Notice(instance: host.instance, signal: signal, detectedAt: site.surroundings.wall())
            try expectRefusal(try site.ask(host.ask(route, [], notice)), 400, "VALIDATION_ERROR", said: right)
            let list: IncidentList = try site.order(.incidents)
            #expect(list.incidents.isEmpty)
        }
    }

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
}
