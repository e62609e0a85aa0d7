import CoordinatorAPI
import HTTPServer
import JSON
import Platform
import TestSupport
import Wire

/// A tenant of a test.
struct Tenant {
    let id: ClientID
    let token: String
}

/// A host that has registered.
struct Enrolled {
    let client: Tenant
    let name: LogicalAgentID
    let slot: String
    let instance: InstanceID
    let token: String
    let role: Role
    let epoch: Epoch
    let configVersion: ConfigVersion

    func ask(_ route: Route, _ others: [String] = [], query: String = "", _ body: (any JSONWritable)? = nil) -> Ask {
        Ask(route, [slot] + others, query: query, token: token, body: body)
    }

    var heartbeat: Heartbeat {
        var heartbeat = Heartbeat(status: .online, instance: instance)
        heartbeat.agentVersion = productVersion
        heartbeat.region = "us-east-1"
        heartbeat.configVersion = configVersion
        return heartbeat
    }

    func stamp(_ report: ReportID = "r-1", epoch: Epoch? = nil) -> ReportStamp {
        ReportStamp(report: report, instance: instance, epoch: epoch ?? self.epoch)
    }
}

extension Site {
    func makeClient() throws -> Tenant {
        let created: CreatedClient = try order(.createClient, [], ClientCreation(name: "client \(nextSerial())"))
        secret(created.token.secret)
        return Tenant(id: created.id, token: created.token.secret)
    }

    /// An instance that nobody has named before.
    func nextInstance() throws -> InstanceID {
        let digits = String(nextSerial(), radix: 16)
        return try InstanceID("i-" + String(repeating: "0", count: 17 - digits.count) + digits)
    }

    func register(
        _ client: Tenant, as name: LogicalAgentID? = nil, _ instance: InstanceID? = nil
    ) throws -> Enrolled {
        let name = try name ?? LogicalAgentID("agent \(nextSerial())")
        let instance = try instance ?? nextInstance()
        let registration = Registration(logicalAgent: name, instance: instance, region: "us-east-1", hostname: "host")
        let reply = try ask(Ask(.register, token: client.token, body: registration)).read(RegistrationReply.self)
        secret(reply.token.secret)
        return Enrolled(
            client: client, name: name, slot: reply.slot.text, instance: instance, token: reply.token.secret,
            role: reply.role, epoch: reply.epoch, configVersion: reply.configuration.version)
    }

    /// What the client is shown.
    func notifications(_ client: Tenant) throws -> [Notification] {
        try ask(Ask(.notifications, token: client.token)).readList()
    }

    /// The cookie of a browser that has shown the administrator's token.
    func openSession() throws -> String {
        let answer = try ask(Ask(.openSession, token: Site.adminToken))
        let cookie = answer["set-cookie"]?.split(separator: ";").first
        guard let cookie else { throw TestSupportError("no cookie was given: \(answer.verdict)") }
        secret(String(cookie.split(separator: "=", maxSplits: 1)[1]))
        return String(cookie)
    }

    /// The replica that a host of a slot is.
    func replica(of host: Enrolled) throws -> String {
        let list: ReplicaList = try order(.replicas, [host.slot])
        guard let replica = list.replicas.first(where: { $0.instance == host.instance }) else {
            throw TestSupportError("\(host.instance) is no replica")
        }
        return replica.id.text
    }

    /// Announces the host's end in two minutes.
    func interrupt(_ host: Enrolled) throws -> NoticeReply {
        let now = surroundings.wall()
        let notice = Notice(
            instance: host.instance, signal: .interruption(.terminate, at: now + .seconds(120)), detectedAt: now)
        return try ask(host.ask(.terminationImminent, [], notice)).read()
    }
}
