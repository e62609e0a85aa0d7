import CoordinatorAPI
import HTTPServer
import JSON
import Platform
import TestSupport
import Wire

/// What a caller can show, in the order of the table's columns.
enum Credential: Int, CaseIterable {
    case nothing, notBearer, unknownToken
    case client, otherClient, replacedClientToken, deletedClientToken
    case agent, agentOfOtherSlot, agentOfOtherClient, replacedAgentToken, deletedAgentToken
    case admin, adminInQuery
    case cookie, expiredCookie, forgedCookie, cookieOfOtherToken
    case trustedNetwork, trustedNetworkBehindProxy, trustedNetworkByOtherName
}

/// Two tenants with what each route can be asked about.
struct Stage {
    let site: Site
    let client: Tenant
    let otherClient: Tenant
    let sibling: Enrolled
    let stranger: Enrolled
    let lost: (replacedClient: String, deletedClient: String, replacedAgent: String, deletedAgent: String)

    init(_ site: Site) throws {
        self.site = site
        client = try site.makeClient()
        otherClient = try site.makeClient()
        sibling = try site.register(client)
        stranger = try site.register(otherClient)

        let renewed = try site.makeClient()
        let _: ClientToken = try site.order(.regenerateToken, [renewed.id.text])
        let deleted = try site.makeClient()
        let _: Nothing = try site.order(.deleteClient, [deleted.id.text])
        let replaced = try site.register(client)
        _ = try site.register(client, as: replaced.name, replaced.instance)
        let ended = try site.register(client)
        let _: Nothing = try site.order(.deleteSlot, [ended.slot])
        lost = (renewed.token, deleted.token, replaced.token, ended.token)
    }

    func ask(_ route: Route, _ scene: Scene, showing credential: Credential) throws -> Answer {
        var ask = Ask(route, scene.values, query: scene.query, body: scene.body)
        try show(credential, scene, &ask)
        defer { site.door.change(to: Site.rules()) }
        return try site.ask(ask)
    }

    private func show(_ credential: Credential, _ scene: Scene, _ ask: inout Ask) throws {
        switch credential {
        case .nothing: break
        case .notBearer: ask.headers.append(("Authorization", "Basic YWRtaW46YWRtaW4="))
        case .unknownToken: ask.bear("agent-of-nobody")
        case .client: ask.bear(client.token)
        case .otherClient: ask.bear(otherClient.token)
        case .replacedClientToken: ask.bear(lost.replacedClient)
        case .deletedClientToken: ask.bear(lost.deletedClient)
        case .agent: ask.bear(scene.host.token)
        case .agentOfOtherSlot: ask.bear(sibling.token)
        case .agentOfOtherClient: ask.bear(stranger.token)
        case .replacedAgentToken: ask.bear(lost.replacedAgent)
        case .deletedAgentToken: ask.bear(lost.deletedAgent)
        case .admin: ask.bear(Site.adminToken)
        case .adminInQuery:
            ask.target += "\(scene.query.isEmpty ? "?" : "&")token=\(Site.adminToken)&access_token=\(Site.adminToken)"
        case .cookie: ask.headers.append(("Cookie", "theme=dark; \(try site.openSession())"))
        case .expiredCookie:
            ask.headers.append(("Cookie", try site.openSession()))
            site.surroundings.advance(by: .seconds(13 * 3600))
        case .forgedCookie:
            let end = site.surroundings.wall().nanosecondsSinceEpoch / 1_000_000_000 + 3600
            ask.headers.append(("Cookie", "spot_session=\(end).1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
        case .cookieOfOtherToken:
            ask.headers.append(("Cookie", try site.openSession()))
            site.door.change(to: Site.rules(token: "admin-new"))
        case .trustedNetwork, .trustedNetworkBehindProxy, .trustedNetworkByOtherName:
            site.door.change(to: Site.rules(networks: ["10.0.0.0/8", "127.0.0.0/8"]))
            if credential == .trustedNetworkBehindProxy { ask.headers.append(("X-Forwarded-For", "10.1.2.3")) }
            if credential == .trustedNetworkByOtherName { ask.headers.append(("Host", "rebound.example.org")) }
        }
    }
}

/// A slot of the client with all that a route needs to do its work once.
struct Scene {
    let host: Enrolled
    var values: [String] = []
    var query = ""
    var body: (any JSONWritable)?

    init(_ site: Site, _ client: Tenant, _ route: Route) throws {
        host = try site.register(client)
        let now = site.surroundings.wall()
        values = route.row.template.parameterCount > 0 ? [host.slot] : []
        switch route {
        case .register:
            body = Registration(
                logicalAgent: host.name, instance: try site.nextInstance(), region: "us-east-1", hostname: "host")
        case .heartbeat: body = host.heartbeat
        case .commandResult:
            let queued: QueuedCommand = try site.order(.switchSlot, values, ForceSwitch(target: .onDemand))
            values.append(queued.command.text)
            body = CommandResult(
                .failed, message: "no capacity", instance: host.instance, attempt: 1, epoch: host.epoch,
                finishedAt: now)
        case .pricingReport:
            let priced = PricedInstance(
                instance: host.instance, instanceType: "m5.large", region: "us-east-1", zone: "us-east-1a", mode: .spot)
            body = PricingReport(stamp: host.stamp(), instance: priced, pools: [], collectedAt: now)
        case .switchReport:
            body = SwitchReport(
                stamp: host.stamp(), oldInstance: SwitchedInstance(instance: host.instance),
                newInstance: SwitchedInstance(instance: try site.nextInstance()),
                timing: SwitchTiming(initiatedAt: now), trigger: .manual)
        case .terminationReport:
            body = TerminationReport(stamp: host.stamp(), target: host.instance, success: false)
        case .cleanupReport:
            body = CleanupReport(
                stamp: host.stamp(), timestamp: now, snapshots: CleanupReport.Pass(), images: CleanupReport.Pass())
        case .terminationImminent:
            body = Notice(instance: host.instance, signal: .shutdown, detectedAt: now)
        case .rebalanceRecommendation:
            body = Notice(instance: host.instance, signal: .rebalance, detectedAt: now)
        case .createReplica:
            var creation = ReplicaCreation(type: .manual)
            creation.instance = try site.nextInstance()
            body = creation
        case .launchReplica, .replicaStatus, .promoteReplica, .deleteReplica, .promoteInstance:
            let replica = try site.register(client, as: host.name)
            values.append(route == .promoteInstance ? replica.instance.text : try site.replica(of: replica))
            if route == .launchReplica { body = ReplicaLaunch(instance: replica.instance, status: .syncing) }
            if route == .replicaStatus { body = ReplicaProgress(status: .syncing) }
        case .incidents: query = "?agent_id=\(host.slot)"
        case .incident: values = [try site.interrupt(host).incident.text]
        case .markRead: values = [try site.notifications(client)[0].id.text]
        case .clientEventStream: values = [client.id.text]
        case .createClient: body = ClientCreation(name: "client \(site.nextSerial())")
        case .deleteClient, .regenerateToken: values = [try site.makeClient().id.text]
        case .showToken: values = [client.id.text]
        case .changeSettings:
            var change = SlotSettingsChange()
            change[.drainBudgetSeconds] = .whole(7)
            body = change
        case .forceSwitch:
            values = [host.instance.text]
            body = ForceSwitch(target: .onDemand)
        case .switchSlot: body = ForceSwitch(target: .onDemand)
        default: break
        }
    }
}
