import CoordinatorAPI
import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Who is enrolled, with which token, and how it is to behave.
struct EnrolmentTests {
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
            for known in [etag, "W/\(etag)", "*", "\"0\", \(etag)", "\(etag) "] {
                let unchanged = try ask(known)
                #expect(unchanged.status == 304)
                #expect(unchanged["etag"] == etag)
                #expect(unchanged.body.isEmpty)
            }
            let both = host.ask(.configuration).with("If-None-Match", "\"0\"").with("If-None-Match", etag)
            #expect(try site.ask(both).status == 304)
            for other in ["\"999\"", "\"0\"", "", "nonsense", "*x"] { #expect(try ask(other).status == 200) }
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            let changed = try ask(etag)
            #expect(changed.status == 200)
            #expect(changed["etag"] != etag)
        }
    }
}
