import CoordinatorAPI
import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Who follows the event log, and who only asks how we are.
struct LogTests {
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
            var cursor = try events("", site).next
            let client = try site.makeClient()
            for _ in 0..<4 { _ = try site.register(client) }
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
            #expect(site.vitals.note(.notReading, "the disk is gone"))
            #expect(site.vitals.note(.damaged, "a page is gone"))
            #expect(!site.vitals.note(.damaged, "two pages are gone"))
            let answer = try site.ask(Ask(.health))
            #expect(answer.status == 503)
            #expect(try decodeJSON(Health.self, from: answer.body).fault == "two pages are gone; the disk is gone")
            let metrics = try site.ask(Ask(.metrics)).text
            #expect(metrics.contains("spot_trouble{kind=\"damaged\"} 1\n"))
            #expect(metrics.contains("spot_trouble{kind=\"not_storing\"} 0\n"))
            #expect(site.vitals.note(.notReading, nil))
            #expect(try site.ask(Ask(.health)).status == 503, "one of two troubles is left")
            #expect(site.vitals.note(.damaged, nil))
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
