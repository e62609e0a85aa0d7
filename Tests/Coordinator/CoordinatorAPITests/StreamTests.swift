import CoordinatorAPI
import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Who follows the log as it grows.
struct StreamTests {
    /// Writes so many lines of one agent into the log.
    private func write(_ count: Int, _ site: Site, _ host: Enrolled) throws {
        for _ in 0..<count {
            var change = SlotSettingsChange()
            // Another one than before, or it would be none.
            change[.drainBudgetSeconds] = .whole(20 + site.nextSerial() % 90)
            let _: Configuration = try site.order(.changeSettings, [host.slot], change)
        }
    }

    private func stats(_ site: Site) throws -> StreamStats { try site.order(.streamStats) }

    private func ids(_ heard: [Heard]) -> [String] { heard.compactMap(\.id) }

    // MARK: Lines

    @Test func `a line comes as it is written, with its place, its name and what it tells`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let stream = try EventStream(site)
            #expect(stream.answer["content-type"] == "text/event-stream")
            #expect(stream.answer["cache-control"] == "no-cache")
            #expect(stream.answer["x-accel-buffering"] == "no")
            #expect(try stream.next()?.name == "CONNECTED")
            try write(1, site, host)
            let heard = try stream.lines(1)[0]
            let line = try site.ask(Ask(.events, token: Site.adminToken)).read(LogLines.self).events.last
            #expect(heard.id == line?.cursor.text)
            #expect(heard.name == "SETTINGS_CHANGED")
            #expect(try heard.text("event_type") == "settings_changed")
            #expect(try heard.text("message") == line?.message)
            #expect(try heard.text("agent_id") == host.slot)
            #expect(try heard.text("client_id") == host.client.id.text)
        }
    }

    @Test func `who reconnects is told what came meanwhile, all of it and nothing twice`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            var seen: [String] = []
            do {
                let stream = try EventStream(site)
                seen.append(try #require(try stream.next()?.id))
                try write(3, site, host)
                seen += ids(try stream.lines(2))
            }
            try write(3, site, host)
            let again = try EventStream(site, after: seen.last)
            #expect(try again.next()?.id == seen.last)
            seen += ids(try again.lines(4))
            try write(1, site, host)
            seen += ids(try again.lines(1))
            let log = try site.ask(Ask(.events, token: Site.adminToken)).read(LogLines.self).events
            #expect(seen.dropFirst() == log.suffix(7).map(\.cursor.text)[...])
        }
    }

    @Test(arguments: [false, true])
    func `who goes back further than memory is read the rest from the store`(isFiltered: Bool) throws {
        // Memory holds 16 lines at most, a page 100.
        try withCoordinator(tailLines: 8) { site in
            let client = try site.makeClient()
            let (host, other) = (try site.register(client), try site.register(client))
            let start = try site.ask(Ask(.events, token: Site.adminToken)).read(LogLines.self).next
            for _ in 0..<120 {
                try write(1, site, host)
                try write(1, site, other)
            }
            let filter = isFiltered ? "&agent_id=\(host.slot)" : ""
            let stream = try EventStream(site, "/api/events/stream?after=\(start)\(filter)")
            #expect(try stream.next()?.name == "CONNECTED")
            let old = try stream.lines(isFiltered ? 120 : 240)
            try write(1, site, host)
            let heard = try ids(old) + ids(stream.lines(1))
            let log = try site.ask(
                Ask(.events, query: "?after=\(start)&limit=500\(filter)", token: Site.adminToken)
            ).read(LogLines.self).events
            #expect(heard == log.map(\.cursor.text))
        }
    }

    @Test func `lines that many write at once come once each and in order`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let hosts = try (0..<4).map { _ in try site.register(client) }
            let streams = try (0..<8).map { _ in try EventStream(site) }
            let writers = try hosts.map { host in
                try DedicatedThread(name: "writer") { try? self.write(40, site, host) }
            }
            // Some come while the others are told.
            let start = try #require(try streams[0].next()?.id)
            let late = try (0..<8).map { _ in try EventStream(site, after: start) }
            for writer in writers { writer.join() }
            let log = try site.ask(
                Ask(.events, query: "?after=\(start)&limit=500", token: Site.adminToken)
            ).read(LogLines.self).events.map(\.cursor.text)
            #expect(log.count == 160)
            for stream in streams.dropFirst() + late { #expect(try stream.next()?.name == "CONNECTED") }
            for stream in streams + late { #expect(try ids(stream.lines(160)) == log) }
        }
    }

    @Test func `a place in another log is told as missing, and the stream goes on from now`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let stream = try EventStream(site, after: "e2-1-1")
            #expect(try stream.next()?.text("missing")?.contains("restored") == true)
            try write(1, site, host)
            #expect(try stream.lines(1)[0].name == "SETTINGS_CHANGED")
        }
    }

    // MARK: Whose lines

    @Test func `a client's token shows its own lines and no other's, however it is asked`() throws {
        try withCoordinator { site in
            let (client, other) = (try site.makeClient(), try site.makeClient())
            let (host, stranger) = (try site.register(client), try site.register(other))
            for path in [
                "/api/events/stream", "/api/events/stream?client_id=\(client.id)", "/api/events/stream/\(client.id)",
            ] {
                let stream = try EventStream(site, path, token: client.token)
                #expect(try stream.next()?.text("client_id") == client.id.text)
                try write(1, site, stranger)
                try write(1, site, host)
                #expect(try stream.lines(1)[0].text("agent_id") == host.slot)
            }
            for path in [
                "/api/events/stream?client_id=\(other.id)", "/api/events/stream/\(other.id)",
            ] {
                try expectRefusal(try site.ask(Ask("GET", path, token: client.token)), 403, "FORBIDDEN")
            }
            let foreign = try EventStream(site, "/api/events/stream?agent_id=\(stranger.slot)", token: client.token)
            #expect(try foreign.next()?.name == "CONNECTED")
            try write(1, site, stranger)
            site.heart.events.beat()
            #expect(try foreign.next()?.name == "HEARTBEAT")
        }
    }

    @Test func `an administrator hears all, or one client`() throws {
        try withCoordinator { site in
            let (host, other) = (try site.register(try site.makeClient()), try site.register(try site.makeClient()))
            let one = try EventStream(site, "/api/events/stream/\(other.client.id)")
            let all = try EventStream(site)
            for stream in [one, all] { #expect(try stream.next()?.name == "CONNECTED") }
            try write(1, site, host)
            try write(1, site, other)
            #expect(try one.lines(1)[0].text("agent_id") == other.slot)
            #expect(try all.lines(2).map { try $0.text("agent_id") } == [host.slot, other.slot])
        }
    }

    @Test func `a token in the address opens the stream and nothing else, and is told nowhere`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let own = try EventStream(site, "/api/events/stream?token=\(client.token)", token: nil)
            #expect(try own.next()?.text("client_id") == client.id.text)
            for path in ["/api/events/stats", "/api/admin/agents", "/api/client/validate"] {
                for token in [nil, Site.adminToken, client.token] {
                    let answer = try site.ask(Ask("GET", "\(path)?token=\(client.token)", token: token))
                    try expectRefusal(answer, 401, "UNAUTHORIZED", said: "address")
                }
            }
            for query in ["token=wrong", "token=", "token=a&token=b"] {
                #expect(try site.ask(Ask("GET", "/api/events/stream?\(query)")).status == 401)
            }
            let twice = Ask("GET", "/api/events/stream?token=\(client.token)", token: client.token)
            try expectRefusal(try site.ask(twice), 401, "INVALID_AUTH_FORMAT")
            // What the access log of a proxy has, ours has not.
            try expectRefusal(try site.ask(Ask("GET", "/nowhere?token=\(client.token)")), 404, "NOT_FOUND")
            try expectRefusal(
                try site.ask(Ask("PUT", "/api/events/stream?token=\(client.token)")), 405, "METHOD_NOT_ALLOWED")
        }
    }

    @Test func `a browser's session opens the stream, also for a page of a named origin`() throws {
        try withCoordinator { site in
            site.door.change(to: Site.rules(origins: ["https://ops.example.com"]))
            let connection = try Connection(to: site)
            let ask = Ask("GET", "/api/events/stream").with("Cookie", try site.openSession())
                .with("Origin", "https://ops.example.com")
            let answer = try connection.ask(ask)
            #expect(answer.status == 200)
            #expect(answer["access-control-allow-origin"] == "https://ops.example.com")
        }
    }

    @Test(arguments: [
        "?agent_id=a%20b", "?client_id=a%20b", "?after=a1-x", "?after=x",
    ])
    func `a question that has no meaning is refused`(query: String) throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask("GET", "/api/events/stream\(query)", token: Site.adminToken))
            try expectRefusal(answer, 400, "VALIDATION_ERROR")
        }
    }

    @Test func `HEAD is answered with the header alone`() throws {
        try withCoordinator { site in
            let answer = try site.ask(Ask("HEAD", "/api/events/stream", token: Site.adminToken))
            #expect(answer.status == 200)
            #expect(answer["content-type"] == "text/event-stream")
            #expect(try stats(site).listeners == 0)
        }
    }

    // MARK: How it ends

    @Test func `a beat shows that we are here and how far the log is, and finds out who is gone`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let host = try site.register(client)
            do {
                let stream = try EventStream(site, token: client.token)
                let start = try #require(try stream.next())
                site.heart.events.beat()
                #expect(try stream.next()?.name == "HEARTBEAT")
                // What others' lines moved on need not be looked through at a reconnect.
                try write(1, site, try site.register(try site.makeClient()))
                site.heart.settle(within: .seconds(10))
                site.heart.events.beat()
                let beat = try #require(try stream.next())
                #expect(beat.name == "HEARTBEAT")
                #expect(beat.id != start.id)
                let gone = try stats(site)
                #expect(gone == StreamStats(listeners: 1, clients: [client.id]))
            }
            try write(1, site, host)
            try eventually("it is noticed") {
                site.heart.events.beat()
                return try stats(site) == StreamStats(listeners: 0, clients: [])
            }
        }
    }

    @Test func `a beat for which there is no room stops no stream`() throws {
        try withCoordinator({ $0.limits.streamBytes = 4_096 }) { site in
            let host = try site.register(try site.makeClient())
            let stream = try EventStream(site)
            // Faster than anybody reads.
            for _ in 0..<200_000 { site.heart.events.beat() }
            try write(1, site, host)
            var names: Set<String?> = []
            while let heard = try stream.next(), heard.name != "SETTINGS_CHANGED" { names.insert(heard.name) }
            #expect(names == ["CONNECTED", "HEARTBEAT"])
        }
    }

    @Test func `who may listen no longer is told so, and its stream ends`() throws {
        try withCoordinator { site in
            let (client, other) = (try site.makeClient(), try site.makeClient())
            let streams = try [
                EventStream(site, token: client.token),
                EventStream(site, "/api/events/stream?token=\(client.token)", token: nil),
            ]
            let stays = try EventStream(site, token: other.token)
            for stream in streams + [stays] { #expect(try stream.next()?.name == "CONNECTED") }
            let _: ClientToken = try site.order(.regenerateToken, [client.id.text])
            for stream in streams { #expect(try stream.lines(1)[0].name == "TOKEN_REGENERATED") }
            site.heart.events.beat()
            for stream in streams {
                #expect(try stream.next()?.text("reason")?.contains("good no longer") == true)
                #expect(try stream.next() == nil)
            }
            #expect(try stays.next()?.name == "HEARTBEAT")
        }
    }

    @Test func `a listener that reads too slowly is told so at the end, and misses nothing when it comes again`() throws
    {
        try withCoordinator({ $0.limits.streamBytes = 4_096 }, tailLines: 500) { site in
            let host = try site.register(try site.makeClient())
            let slow = try EventStream(site, keeping: 65_536)
            let start = try #require(try slow.next()?.id)
            // The kernel keeps four megabytes of it, which are some 11,000 lines.
            let count = 18_000
            for _ in 0..<2 {
                let done = Latch("all lines are written")
                let left = Locked(count / 2)
                for number in 0..<count / 2 {
                    site.heart.toggle(number % 2 == 1, try SlotID(host.slot)) { _ in
                        let isLast = left.withLock { left in
                            left -= 1
                            return left == 0
                        }
                        if isLast { done.open() }
                    }
                }
                try done.wait(within: .seconds(60))
            }
            var (heard, end): ([String], Heard?) = ([], nil)
            while let event = try slow.next() {
                if event.name == "CLOSING" { end = event } else { heard += [event.id].compactMap(\.self) }
            }
            #expect(try end?.text("reason")?.contains("too slowly") == true)
            #expect(heard.count < count)
            let again = try EventStream(site, after: heard.last ?? start)
            #expect(try again.next()?.name == "CONNECTED")
            heard += ids(try again.lines(count - heard.count))
            #expect(Set(heard).count == count)
        }
    }

    @Test func `at the stop every listener is told, after the last line`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let streams = try (0..<3).map { _ in try EventStream(site) }
            for stream in streams { #expect(try stream.next()?.name == "CONNECTED") }
            try write(1, site, host)
            site.heart.settle(within: .seconds(10))
            site.api.endStreams(because: "the coordinator stops")
            for stream in streams {
                #expect(try stream.next()?.name == "SETTINGS_CHANGED")
                #expect(try stream.next()?.text("reason") == "the coordinator stops")
                #expect(try stream.next() == nil)
            }
        }
    }

    // MARK: How many

    @Test func `two hundred listeners are told one line each, and the next of one client is told to come again`() throws
    {
        try withCoordinator({ $0.limits.streams = Limits.streamsMax }) { site in
            let client = try site.makeClient()
            let host = try site.register(client)
            let streams = try (0..<Limits.streamsOfClientMax).map { _ in try EventStream(site, token: client.token) }
            for stream in streams { #expect(try stream.next()?.name == "CONNECTED") }
            let answer = try site.ask(Ask("GET", "/api/events/stream", token: client.token))
            try expectRefusal(answer, 503, "UNAVAILABLE", said: "256")
            #expect(answer["retry-after"] == "1")
            try write(1, site, host)
            for stream in streams { #expect(try stream.lines(1)[0].name == "SETTINGS_CHANGED") }
            #expect(try EventStream(site).next()?.name == "CONNECTED", "an operator finds room")
        }
    }
}
