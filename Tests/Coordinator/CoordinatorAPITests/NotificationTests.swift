import JSON
import Platform
import TestSupport
import Testing
import Wire

/// What a person should know of, as the original's page asks for it.
struct NotificationTests {
    private func asked(_ site: Site, _ query: String = "", token: String = Site.adminToken) throws -> [Notification] {
        try site.ask(Ask(.notifications, query: query, token: token)).readList()
    }

    private func unread(_ site: Site, token: String = Site.adminToken) throws -> Int {
        try asked(site, "?limit=50", token: token).count { !$0.isRead }
    }

    @Test func `they are a bare array, newest first, ten where no number is said`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            for _ in 0..<12 { _ = try site.register(client) }
            let answer = try site.ask(Ask(.notifications, token: Site.adminToken))
            #expect(answer.text.hasPrefix("[{\"id\":\"e2-"))
            let entry = try JSONDocument(answer.body).root.array().map { try $0.object() }.first
            #expect(try entry?["severity"]?.string() == "info")
            #expect(try entry?["isRead"]?.boolean() == false)
            #expect(try entry?["time"]?.string().hasPrefix("2026-01-01T00:00:00") == true)
            #expect(try asked(site).count == 10)
            let all = try asked(site, "?limit=50")
            #expect(all.count == 13)
            #expect(all == all.sorted { $0.at > $1.at || $0.id > $1.id })
        }
    }

    @Test func `one is marked, then all, with the bodies that the original's page sends`() throws {
        try withCoordinator { site in
            for _ in 0..<3 { _ = try site.register(try site.makeClient()) }
            let first = try asked(site)[0]
            let marked = try site.ask(Ask(.markRead, [first.id.text], token: Site.adminToken))
            #expect(marked.text == #"{"success":true}"#)
            #expect(try asked(site).map(\.isRead) == [true, false, false, false, false, false])
            var all = Ask(.markAllRead, token: Site.adminToken)
            all.body = Array(#"{"client_id":null}"#.utf8)
            #expect(try site.ask(all).text == #"{"success":true}"#)
            #expect(try unread(site) == 0)
            _ = try site.makeClient()
            #expect(try unread(site) == 1)
            #expect(try site.ask(Ask(.markAllRead, token: Site.adminToken)).status == 200)
            #expect(try unread(site) == 0)
        }
    }

    @Test func `a client sees and marks its own, and takes nothing from operators or others`() throws {
        try withCoordinator { site in
            let (client, other) = (try site.makeClient(), try site.makeClient())
            for tenant in [client, other] { _ = try site.register(tenant) }
            let own = try asked(site, token: client.token)
            #expect(own.count == 2)
            #expect(try asked(site, "?client_id=\(client.id)", token: client.token) == own)
            let foreign = try #require(try asked(site, token: other.token).first)
            for ask in [
                Ask(.notifications, query: "?client_id=\(other.id)", token: client.token),
                Ask(.markAllRead, token: client.token, body: ReadMark(client: other.id)),
            ] {
                try expectRefusal(try site.ask(ask), 403, "FORBIDDEN")
            }
            for id in [foreign.id.text, "e2-1-1"] {
                try expectRefusal(try site.ask(Ask(.markRead, [id], token: client.token)), 403, "FORBIDDEN")
            }
            #expect(try site.ask(Ask(.markAllRead, token: client.token)).status == 200)
            #expect(try unread(site, token: client.token) == 0)
            #expect(try unread(site, token: other.token) == 2)
            #expect(try unread(site) == 4)
            let _: MarkedRead = try site.order(.markAllRead, [], ReadMark(client: other.id))
            #expect(try asked(site, "?client_id=\(other.id)").map(\.isRead) == [true, true])
            #expect(try unread(site) == 2)
        }
    }

    @Test func `what stands in no log is not found, and a strange number or client is refused`() throws {
        try withCoordinator { site in
            for id in ["e2-1-1", "1", "e2-zz"] {
                try expectRefusal(try site.ask(Ask(.markRead, [id], token: Site.adminToken)), 404, "NOT_FOUND")
            }
            for query in ["?limit=0", "?limit=x", "?client_id=a%20b"] {
                try expectRefusal(
                    try site.ask(Ask(.notifications, query: query, token: Site.adminToken)), 400, "VALIDATION_ERROR")
            }
        }
    }
}
