import HTTPServer
import JSON
import TestSupport
import Testing
import Wire

/// Whether agents would survive, as it is asked.
struct ReadinessTests {
    @Test func `those in danger are listed page by page, and counted`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let hosts = try (0..<3).map { _ in try site.register(client) }
            let safe = try site.register(client, as: hosts[0].name)
            var ready = safe.heartbeat
            ready.lacking = []
            _ = try site.ask(safe.ask(.heartbeat, [], ready))
            var found: [SlotReadiness] = []
            var next: EventCursor?
            repeat {
                let after = next.map { "&after=\($0)" } ?? ""
                let page: SlotReadinessList = try site.ask(
                    Ask(.fleetReadiness, query: "?limit=2\(after)", token: Site.adminToken)
                ).read()
                #expect(page.agents.count <= 2)
                found += page.agents
                next = page.next
            } while next != nil
            #expect(Set(found.map(\.slot.text)) == Set(hosts.map(\.slot)))
            #expect(found.filter(\.survives).map(\.slot.text) == [hosts[0].slot])
            #expect(try site.ask(Ask(.metrics)).text.contains("\nspot_agents_exposed 2\n"))
            let own = try site.ask(hosts[0].ask(.readiness)).read(SlotReadiness.self)
            #expect(own.replicas.map(\.instance) == [safe.instance])
            #expect(try site.ask(safe.ask(.readiness)).read(SlotReadiness.self) == own)
            try expectRefusal(
                try site.ask(Ask(.fleetReadiness, query: "?status=odd", token: Site.adminToken)), 400,
                "VALIDATION_ERROR", said: "status")
        }
    }
}
