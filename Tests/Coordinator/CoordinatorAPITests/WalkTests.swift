import CoordinatorAPI
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What a caller can show, in the order of the table's columns.
private enum Credential: Int, CaseIterable {
    case nothing, notBearer, unknownToken
    case client, otherClient, replacedClientToken, deletedClientToken
    case agent, agentOfOtherSlot, agentOfOtherClient, replacedAgentToken, deletedAgentToken
    case admin, adminInQuery
    case cookie, expiredCookie, forgedCookie, cookieOfOtherToken
    case trustedNetwork, trustedNetworkBehindProxy, trustedNetworkByOtherName
}

/// What an answer is reduced to.
private enum Verdict: Character, CaseIterable {
    /// Let in, and it did what it is for.
    case done = "+"
    /// 401: something is missing, is written wrongly, is known to nobody.
    case unauthorized = "u"
    case invalidFormat = "f"
    case invalidToken = "t"
    /// 403: good, but not for this.
    case forbidden = "-"

    var text: String {
        switch self {
        case .done: "2xx"
        case .unauthorized: "401 UNAUTHORIZED"
        case .invalidFormat: "401 INVALID_AUTH_FORMAT"
        case .invalidToken: "401 INVALID_TOKEN"
        case .forbidden: "403 FORBIDDEN"
        }
    }
}

private let anyone = "+++ ++++ +++++ ++ ++++ +++"
private let client = "uft ++tt ---t- -u -uuu -uu"
private let agent = "uft --tt +--t- -u -uuu -uu"
private let agentOrAdmin = "uft --tt +--t- +u +uuu +uu"
private let admin = "uft --tt ---t- +u +uuu +uu"
/// A session is for the token alone, not for another session or a place.
private let adminToken = "uft --tt ---t- +u uuuu uuu"

/// Who may call what. The columns are those of `Credential`, in groups: no good token, clients', agents', the
/// administrator's, cookies, networks.
private let table: [(route: Route, verdicts: String)] = [
    (.service, anyone), (.health, anyone), (.apiHealth, anyone), (.ping, anyone), (.time, anyone), (.metrics, anyone),

    (.validateClient, client), (.register, client),

    (.heartbeat, agent), (.configuration, agent), (.commandResult, agent), (.pricingReport, agent),
    (.switchReport, agent), (.terminationReport, agent), (.cleanupReport, agent), (.terminationImminent, agent),
    (.rebalanceRecommendation, agent), (.instancesToTerminate, agent), (.launchReplica, agent),
    (.replicaStatus, agent),

    (.emergencyStatus, agentOrAdmin), (.replicas, agentOrAdmin), (.createReplica, agentOrAdmin),
    (.agent, agentOrAdmin),

    (.promoteReplica, admin), (.deleteReplica, admin), (.incidents, admin), (.incident, admin), (.agents, admin),
    (.instances, admin), (.commands, admin), (.events, admin), (.closeSession, admin), (.clients, admin),
    (.createClient, admin), (.deleteClient, admin), (.regenerateToken, admin), (.showToken, admin),
    (.toggleEnabled, admin), (.changeSettings, admin), (.deleteSlot, admin), (.forceSwitch, admin),
    (.switchSlot, admin), (.promoteInstance, admin),

    (.openSession, adminToken),
]

struct WalkTests {
    @Test func `the table has one line for each route, and one column for each credential`() {
        #expect(table.map(\.route.rawValue).sorted() == Route.allCases.map(\.rawValue).sorted())
        for line in table { #expect(verdicts(line.verdicts).count == Credential.allCases.count, "\(line.route)") }
    }

    @Test(arguments: Route.allCases)
    func `a route lets in whom the table says, and nobody else`(route: Route) throws {
        let line = try #require(table.first { $0.route == route })
        try withCoordinator { site in
            let stage = try Stage(site)
            var scene: Scene?
            for (credential, expected) in zip(Credential.allCases, verdicts(line.verdicts)) {
                // Nobody is held up for the wrong credentials of the walk before.
                site.surroundings.advance(by: .seconds(61))
                let current = try scene ?? Scene(site, stage.client, route)
                let answer = try stage.ask(route, current, showing: credential)
                // Who was refused has changed nothing: the next finds it as it was.
                scene = answer.status < 300 ? nil : current
                let verdict = (200..<300).contains(answer.status) ? "2xx" : answer.verdict
                #expect(verdict == expected.text, "\(credential): \(answer.text)")
                #expect((answer["www-authenticate"] == "Bearer") == (answer.status == 401), "\(credential)")
            }
        }
    }

    private func verdicts(_ line: String) -> [Verdict] { line.compactMap { Verdict(rawValue: $0) } }
}

/// Two tenants with what each route can be asked about.
private struct Stage {
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
        var ask = Ask(route, scene.values, body: scene.body)
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
        case .adminInQuery: ask.target += "?token=\(Site.adminToken)&access_token=\(Site.adminToken)"
        case .cookie: ask.headers.append(("Cookie", "theme=dark; \(try site.openSession())"))
        case .expiredCookie:
            ask.headers.append(("Cookie", try site.openSession()))
            site.surroundings.advance(by: .seconds(13 * 3600))
        case .forgedCookie:
            let end = site.surroundings.wall().nanosecondsSinceEpoch / 1_000_000_000 + 3600
            ask.headers.append(("Cookie", "spot_session=\(end).AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
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
private struct Scene {
    let host: Enrolled
    var values: [String] = []
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
        case .incident: values = [try site.interrupt(host).incident.text]
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
