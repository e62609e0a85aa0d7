import JSON
import Testing
import Wire

struct RouteTests {
    @Test func `the table holds these routes and no others`() {
        let table = Route.allCases.map { "\($0.row.method.rawValue) \($0.row.template) \($0.row.caller)" }
        #expect(
            table == [
                "GET / anyone",
                "GET /health anyone",
                "GET /api/health anyone",
                "GET /ping anyone",
                "GET /time anyone",
                "GET /metrics anyone",
                "GET /api/client/validate client",
                "POST /api/agents/register client",
                "POST /api/agents/{agent_id}/heartbeat agent",
                "GET /api/agents/{agent_id}/config agent",
                "POST /api/agents/{agent_id}/commands/{command_id}/executed agent",
                "POST /api/agents/{agent_id}/pricing-report agent",
                "POST /api/agents/{agent_id}/switch-report agent",
                "POST /api/agents/{agent_id}/termination-report agent",
                "POST /api/agents/{agent_id}/cleanup-report agent",
                "POST /api/agents/{agent_id}/termination-imminent agent",
                "POST /api/agents/{agent_id}/rebalance-recommendation agent",
                "GET /api/agents/{agent_id}/emergency-status agentOrAdmin",
                "GET /api/agents/{agent_id}/instances-to-terminate agent",
                "GET /api/agents/{agent_id}/replicas agentOrAdmin",
                "POST /api/agents/{agent_id}/replicas agentOrAdmin",
                "PUT /api/agents/{agent_id}/replicas/{replica_id} agent",
                "POST /api/agents/{agent_id}/replicas/{replica_id}/status agent",
                "POST /api/agents/{agent_id}/replicas/{replica_id}/promote admin",
                "DELETE /api/agents/{agent_id}/replicas/{replica_id} admin",
                "GET /api/incidents agentOrAdmin",
                "GET /api/incidents/{incident_id} agentOrAdmin",
                "GET /api/agents/{agent_id} agentOrAdmin",
                "GET /api/agents/{agent_id}/readiness agentOrAdmin",
                "GET /api/admin/agents admin",
                "GET /api/readiness admin",
                "GET /api/admin/instances admin",
                "GET /api/admin/commands admin",
                "GET /api/admin/events admin",
                "POST /api/admin/session admin",
                "DELETE /api/admin/session admin",
                "GET /api/admin/clients admin",
                "POST /api/admin/clients/create admin",
                "DELETE /api/admin/clients/{client_id} admin",
                "POST /api/admin/clients/{client_id}/regenerate-token admin",
                "GET /api/admin/clients/{client_id}/token admin",
                "POST /api/client/agents/{agent_id}/toggle-enabled admin",
                "POST /api/client/agents/{agent_id}/settings admin",
                "DELETE /api/client/agents/{agent_id} admin",
                "POST /api/client/instances/{instance_id}/force-switch admin",
                "POST /api/admin/agents/{agent_id}/switch admin",
                "POST /api/admin/agents/{agent_id}/instances/{instance_id}/promote admin",
                "GET /api/events/stream clientOrAdmin",
                "GET /api/events/stream/{client_id} clientOrAdmin",
                "GET /api/events/stats admin",
                "GET /api/notifications clientOrAdmin",
                "POST /api/notifications/mark-all-read clientOrAdmin",
                "POST /api/notifications/{notification_id}/mark-read clientOrAdmin",
            ])
    }

    @Test func `no path of one method fits two templates`() {
        for (index, left) in Route.allCases.enumerated() {
            for right in Route.allCases.dropFirst(index + 1) where left.row.method == right.row.method {
                #expect(!left.row.template.collides(with: right.row.template), "\(left) \(right)")
            }
        }
    }

    @Test func `a literal and a parameter in one place collide`() {
        let template = Route.incident.row.template
        #expect(template.collides(with: template))
        #expect(!template.collides(with: Route.incidents.row.template))
        #expect(Route.createClient.row.template.collides(with: Route.deleteClient.row.template))
    }

    @Test func `a path is filled in order`() {
        let slot: SlotID = "slot-1"
        let command: CommandID = "c-41"
        #expect(Route.service.path() == "/")
        #expect(Route.heartbeat.path(slot) == "/api/agents/slot-1/heartbeat")
        #expect(Route.commandResult.path(slot, command) == "/api/agents/slot-1/commands/c-41/executed")
    }

    @Test func `a query follows the path, percent-encoded and in order`() {
        let slot: SlotID = "slot-1"
        #expect(Route.agent.target([slot], query: []) == "/api/agents/slot-1")
        #expect(
            Route.events.target([], query: [(.after, "e1/+&=é"), (.wait, "25"), (.agent, "slot-1")])
                == "/api/admin/events?after=e1%2F%2B%26%3D%C3%A9&wait=25&agent_id=slot-1")
    }

    @Test func `a value in a path is percent-encoded`() {
        let name: LogicalAgentID = "a/b c?%é~"
        #expect(Route.configuration.path(name) == "/api/agents/a%2Fb%20c%3F%25%C3%A9~/config")
    }

    @Test func `exactly the routes that take a body have a limit for it`() {
        for route in Route.allCases { #expect((route.row.takes == nil) == (route.row.bodyBytes == 0), "\(route)") }
        for route in Route.allCases where [.get, .delete].contains(route.row.method) { #expect(route.row.takes == nil) }
    }

    @Test(arguments: Route.allCases.filter { $0.row.takes != nil })
    func `a body is read up to its route's limit and not past it`(route: Route) throws {
        let golden = try #require(goldens.first { Swift.type(of: $0.value) == route.row.takes })
        let text = try golden.text()
        let full = text + Array(repeating: UInt8(ascii: " "), count: route.row.bodyBytes - text.count)
        #expect(areEqual(try #require(try route.read(full)), golden.value))
        let error = #expect(throws: JSONError.self) { try route.read(full + [UInt8(ascii: " ")]) }
        #expect(error?.code == .tooLarge)
    }

    @Test func `a route without a body reads none`() throws {
        #expect(try Route.ping.read(Array("whatever".utf8)) == nil)
    }

    @Test func `a notice knows its path`() {
        let notice = { Notice(instance: host, signal: $0, detectedAt: moment()).route }
        #expect(notice(.interruption(.terminate, at: moment())) == .terminationImminent)
        #expect(notice(.lifecycle(target: "Terminated")) == .terminationImminent)
        #expect(notice(.shutdown) == .terminationImminent)
        #expect(notice(.rebalance) == .rebalanceRecommendation)
        #expect(
            notice(.maintenance(Maintenance(event: "e", code: "c", notBefore: moment()))) == .rebalanceRecommendation)
    }

    @Test(arguments: try names(in: corpusFolder))
    func `every body of the fuzz corpus is read or refused, by every route`(file: String) throws {
        let body = try contents(of: corpusFolder + "/" + file)
        for route in Route.allCases {
            guard let message = try? route.read(body) else { continue }
            #expect(areEqual(try #require(try route.read(written(message))), message))
        }
        let name = file.prefix { $0 != "." }
        #expect(Route.allCases.contains { "\($0)" == name }, "a corpus file is named after its route")
    }
}
