import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Tenants are apart: whatever one of them names that is another's, it learns and changes as much as if it named nothing.
struct TenantTests {
    /// Names of things of one tenant, and of nothing at all, in the same places.
    private struct Names {
        let slot: String
        let replica: String
        let command: String
        let instance: InstanceID

        static let ofNothing = Names(
            slot: "01890000-0000-7000-8000-000000000000", replica: "01890000-0000-7000-8000-000000000001",
            command: "01890000-0000-7000-8000-000000000002", instance: "i-0fffffffffffffffe")
    }

    /// A slot with a primary, a replica, a command and an incident.
    private func furnish(_ site: Site, _ client: Tenant) throws -> (host: Enrolled, names: Names) {
        let host = try site.register(client)
        let replica = try site.register(client, as: host.name)
        let queued: QueuedCommand = try site.order(.switchSlot, [host.slot], ForceSwitch(target: .onDemand))
        let names = Names(
            slot: host.slot, replica: try site.replica(of: replica), command: queued.command.text,
            instance: host.instance)
        return (host, names)
    }

    /// All that a tenant has, as an administrator sees it.
    private func everything(_ site: Site, of slot: String) throws -> [String] {
        try [
            Ask(.agent, [slot], token: Site.adminToken),
            Ask(.commands, query: "?agent_id=\(slot)", token: Site.adminToken),
            Ask(.incidents, query: "?agent_id=\(slot)", token: Site.adminToken),
            Ask(.events, query: "?agent_id=\(slot)", token: Site.adminToken),
            Ask(.emergencyStatus, [slot], token: Site.adminToken),
            // The log as a whole goes on.
        ].map { try site.ask($0).text.replacing(/"next":"e2-[0-9a-z-]*"/, with: "") }
    }

    private func body(_ route: Route, _ site: Site, _ sender: Enrolled, _ names: Names) throws -> (any JSONWritable)? {
        let now = site.surroundings.wall()
        switch route {
        case .heartbeat: return Heartbeat(status: .online, instance: names.instance)
        case .commandResult:
            return CommandResult(
                .done, message: "", instance: sender.instance, attempt: 1, epoch: 9, finishedAt: now)
        case .pricingReport:
            let priced = PricedInstance(
                instance: names.instance, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1a", mode: .spot
            )
            return PricingReport(stamp: sender.stamp(), instance: priced, pools: [], collectedAt: now)
        case .switchReport:
            var report = SwitchReport(
                stamp: sender.stamp(), oldInstance: SwitchedInstance(instance: names.instance),
                newInstance: SwitchedInstance(instance: names.instance), timing: SwitchTiming(initiatedAt: now),
                trigger: .manual)
            report.command = try CommandID(names.command)
            return report
        case .terminationReport:
            var report = TerminationReport(stamp: sender.stamp(), target: names.instance, success: true)
            report.replica = try ReplicaID(names.replica)
            report.command = try CommandID(names.command)
            return report
        case .cleanupReport:
            var report = CleanupReport(
                stamp: sender.stamp(), timestamp: now, snapshots: CleanupReport.Pass(), images: CleanupReport.Pass())
            report.command = try CommandID(names.command)
            return report
        case .terminationImminent: return Notice(instance: names.instance, signal: .shutdown, detectedAt: now)
        case .rebalanceRecommendation: return Notice(instance: names.instance, signal: .rebalance, detectedAt: now)
        case .createReplica:
            var creation = ReplicaCreation(type: .manual)
            creation.instance = names.instance
            creation.parent = names.instance
            return creation
        case .launchReplica: return ReplicaLaunch(instance: names.instance, status: .ready)
        case .replicaStatus: return ReplicaProgress(status: .terminated)
        case .changeSettings:
            var change = SlotSettingsChange()
            change[.enabled] = .flag(false)
            return change
        case .forceSwitch, .switchSlot: return ForceSwitch(target: .onDemand)
        default: return nil
        }
    }

    private func values(_ route: Route, _ slot: String, _ names: Names) -> [String] {
        var values: [String] = []
        for case .parameter(let name) in route.row.template.segments {
            switch name {
            case "agent_id": values.append(slot)
            case "replica_id": values.append(names.replica)
            case "command_id": values.append(names.command)
            case "instance_id": values.append(names.instance.text)
            default: values.append(names.slot)
            }
        }
        return values
    }

    /// What differs from one answer to the next by itself, and what was named, taken out.
    private func neutral(_ answer: Answer, _ names: Names) -> String {
        var text = answer.text
        for name in [names.slot, names.replica, names.command, names.instance.text] {
            text.replace(name, with: "NAME")
        }
        text.replace(/"request_id":"[^"]*"|client \d+/, with: "")
        return "\(answer.status) \(text)"
    }

    private static let owned = Route.allCases.filter { $0.row.template.parameterCount > 0 }

    @Test(arguments: owned)
    func `in a path that is another tenant's, its own token says no more than about nothing`(route: Route) throws {
        try withCoordinator { site in
            let mine = try furnish(site, try site.makeClient())
            let theirs = try furnish(site, try site.makeClient())
            _ = try site.interrupt(theirs.host)
            let before = try everything(site, of: theirs.host.slot)
            for token in [mine.host.token, mine.host.client.token] {
                let answers = try [theirs.names, Names.ofNothing].map { names in
                    let ask = Ask(
                        route, values(route, names.slot, names), token: token,
                        body: try body(route, site, mine.host, names))
                    return neutral(try site.ask(ask), names)
                }
                #expect(answers[0] == answers[1])
                #expect(answers[0].hasPrefix("403"))
            }
            #expect(try everything(site, of: theirs.host.slot) == before)
        }
    }

    private static let ofOwnSlot = owned.filter { [.agent, .agentOrAdmin].contains($0.row.caller) }

    @Test(arguments: ofOwnSlot)
    func `in its own slot, another tenant's names mean as much as those of nothing`(route: Route) throws {
        try withCoordinator { site in
            let theirs = try furnish(site, try site.makeClient())
            _ = try site.interrupt(theirs.host)
            let before = try everything(site, of: theirs.host.slot)
            let answers = try [theirs.names, Names.ofNothing].map { names in
                let host = try site.register(try site.makeClient(), as: "mine", "i-0aaaaaaaaaaaaaaaa")
                let ask = Ask(
                    route, values(route, host.slot, names), token: host.token,
                    body: try body(route, site, host, names))
                var text = neutral(try site.ask(ask), names)
                // Names that the answer made up.
                text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/, with: "ID")
                return text
            }
            #expect(answers[0] == answers[1])
            #expect(try everything(site, of: theirs.host.slot) == before)
        }
    }

    @Test func `two tenants may give the same names, and each meets its own`() throws {
        try withCoordinator { site in
            let first = try site.register(try site.makeClient(), as: "web", "i-0123456789abcdef0")
            let second = try site.register(try site.makeClient(), as: "web", "i-0123456789abcdef0")
            #expect(first.slot != second.slot)
            #expect(second.role == .primary)
            _ = try site.interrupt(first)
            let status = try site.ask(second.ask(.emergencyStatus)).read(EmergencyStatus.self)
            #expect(status.noticeStatus == .none)
        }
    }

    @Test func `a tenant's list has nothing of another in it`() throws {
        try withCoordinator { site in
            let mine = try furnish(site, try site.makeClient())
            let theirs = try furnish(site, try site.makeClient())
            for route in [Route.agent, .replicas, .instancesToTerminate, .configuration, .emergencyStatus] {
                let text = try site.ask(mine.host.ask(route)).text
                for name in [theirs.names.slot, theirs.names.replica, theirs.names.command, theirs.names.instance.text]
                {
                    #expect(!text.contains(name), "\(route)")
                }
            }
        }
    }
}
