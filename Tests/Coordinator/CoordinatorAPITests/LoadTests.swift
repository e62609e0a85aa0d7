import CoordinatorAPI
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import HTTPServer

/// Too much of something: whoever sends it waits, and nobody else does.
struct LoadTests {
    // MARK: Too much

    @Test func `a host that asks in a circle is slowed down, and no other`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let (busy, calm) = (try site.register(client), try site.register(client))
            let connection = try Connection(to: site)
            var answers = 0
            while try connection.ask(busy.ask(.configuration)).status == 200 { answers += 1 }
            #expect(answers == 500)
            let slowed = try connection.ask(busy.ask(.configuration))
            try expectRefusal(slowed, 429, "TOO_MANY_REQUESTS")
            #expect(slowed["retry-after"] == "1")
            #expect(try site.ask(calm.ask(.configuration)).status == 200)
            site.surroundings.advance(by: .seconds(1))
            #expect(try connection.ask(busy.ask(.configuration)).status == 200)
        }
    }

    @Test func `a host that asks in a circle still announces its end`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let connection = try Connection(to: site)
            while try connection.ask(host.ask(.configuration)).status == 200 {}
            #expect(try site.interrupt(host).action == .replicaCreated)
            let notice = Notice(instance: host.instance, signal: .rebalance, detectedAt: site.surroundings.wall())
            var answers = 0
            while try connection.ask(host.ask(.rebalanceRecommendation, [], notice)).status == 200 { answers += 1 }
            #expect(answers == 99)
        }
    }

    @Test func `wrong tokens again and again cost time, and good ones beside them none`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            site.secret("guess")
            for _ in 0..<5 { #expect(try site.ask(Ask(.agents, token: "guess")).status == 401) }
            let guess = try Connection(to: site)
            try guess.send(Ask(.agents, token: "guess-6"))
            // Good ones pass while the guess waits.
            #expect(try site.ask(host.ask(.configuration)).status == 200)
            #expect(try site.ask(Ask(.agents, token: Site.adminToken)).status == 200)
            try site.advance(by: .milliseconds(1_100))
            #expect(try guess.answer().verdict == "401 INVALID_TOKEN")
            // Nobody waits for the line to be stored.
            try eventually("the guesses are told of") { try !guessesTold(site).isEmpty }
            let told = try guessesTold(site)
            #expect(told.count == 1)
            #expect(told.first?.message.hasPrefix("127.0.0.1 sends wrong tokens") == true)
            #expect(told.first?.client == nil)
            // A minute later it is forgotten.
            try site.advance(by: .seconds(60))
            #expect(try site.ask(Ask(.agents, token: "guess")).status == 401)
        }
    }

    private func guessesTold(_ site: Site) throws -> [LogLine] {
        let log = try site.ask(Ask(.events, token: Site.adminToken)).read(LogLines.self)
        return log.events.filter { $0.kind == "auth_failed" }
    }

    @Test func `only so many guesses wait, and further ones are sent away`() throws {
        try withCoordinator { site in
            for _ in 0..<5 { _ = try site.ask(Ask(.agents, token: "guess")) }
            var waiting: [Connection] = []
            for _ in 0..<256 {
                let guess = try Connection(to: site)
                try guess.send(Ask(.agents, token: "guess"))
                waiting.append(guess)
            }
            try eventually("all of them wait") { site.parked == 256 }
            let answer = try site.ask(Ask(.agents, token: "guess"))
            try expectRefusal(answer, 429, "TOO_MANY_REQUESTS")
            #expect(answer["retry-after"] == "1")
            #expect(try site.ask(Ask(.agents, token: Site.adminToken)).status == 200)
            try site.advance(by: .milliseconds(1_100))
            for guess in waiting { _ = try guess.answer() }
        }
    }

    /// Until nothing more fits, while the writer is held.
    private func fillQueue(_ site: Site, with client: Tenant) throws {
        // This one reaches the disk and no further; behind it the queue fills.
        site.heart.createClient(
            ClientCreation(name: "held"), token: try Token("t"), hash: [UInt8](repeating: 7, count: 32),
            seal: { _ in [] }, answer: { _ in })
        let refusal = Awaited<String>("the first that does not fit")
        for _ in 0..<30_000 where !refusal.isSet {
            site.heart.client(client.id) { outcome in
                if case .unavailable(let reason) = outcome { refusal.set(reason) }
            }
        }
        #expect(try refusal.get() == "too much is waiting to be stored")
    }

    /// It registers then, and ends when that is refused as well; answered as if all were well, it would do again what it had begun.
    @Test func `an old program is not told that its new start was taken when that could not be stored`() throws {
        let held = Latch("the writer's turn")
        let isHeld = Locked(false)
        try withCoordinator(committed: { if isHeld.withLock({ $0 }) { try? held.wait(within: .seconds(60)) } }) {
            site in
            defer { held.open() }
            let host = try site.old(.v501)
            try host.beat()
            isHeld.withLock { $0 = true }
            try fillQueue(site, with: host.client)
            #expect(try host.beat().status == 200)
            let anew = try host.post(
                "heartbeat", #"{"status": "online", "inventory_snapshot": {}, "reconnect": true}"#)
            #expect(anew.status == 503)
        }
    }

    @Test func `when too much waits to be stored, a report is refused and a heartbeat is not`() throws {
        let held = Latch("the writer's turn")
        let isHeld = Locked(false)
        try withCoordinator(committed: { if isHeld.withLock({ $0 }) { try? held.wait(within: .seconds(60)) } }) {
            site in
            defer { held.open() }
            let host = try site.register(try site.makeClient())
            #expect(try site.ask(host.ask(.heartbeat, [], host.heartbeat)).status == 200)
            isHeld.withLock { $0 = true }
            try fillQueue(site, with: host.client)

            let report = TerminationReport(stamp: host.stamp(), target: host.instance, success: false)
            let answer = try site.ask(host.ask(.terminationReport, [], report))
            try expectRefusal(answer, 503, "UNAVAILABLE", said: "nothing was changed")
            #expect(answer["retry-after"] == "1")
            #expect(!answer.text.contains("waiting to be stored"))
            let ordered = try site.ask(Ask(.deleteSlot, [host.slot], token: Site.adminToken))
            try expectRefusal(ordered, 503, "UNAVAILABLE", said: "waiting to be stored")

            var news = host.heartbeat
            news.lacking = ["disk"]
            #expect(try site.ask(host.ask(.heartbeat, query: "?wait=3", news)).status == 200)
        }
    }

    @Test func `a disk that hangs keeps nobody waiting for ever`() throws {
        let held = Latch("the writer's turn")
        let shallHold = Locked(false)
        let isHeld = Locked(false)
        let committed = { @Sendable in
            guard shallHold.withLock({ $0 }) else { return }
            isHeld.withLock { $0 = true }
            try? held.wait(within: .seconds(60))
        }
        try withCoordinator(committed: committed) { site in
            defer { held.open() }
            let host = try site.register(try site.makeClient())
            shallHold.withLock { $0 = true }
            // Its line in the log, or that of the registration, which are told behind the answers, is what holds the writer.
            site.heart.createClient(
                ClientCreation(name: "held"), token: try Token("t"), hash: [UInt8](repeating: 7, count: 32),
                seal: { _ in [] }, answer: { _ in })
            try eventually("the writer is held") { isHeld.withLock { $0 } }
            let (report, beat) = (try Connection(to: site), try Connection(to: site))
            try report.send(
                host.ask(
                    .terminationReport, [],
                    TerminationReport(stamp: host.stamp(), target: host.instance, success: false)))
            // A heartbeat before it would be decided first.
            try eventually("the report is parked") { site.parked == 1 }
            var news = host.heartbeat
            news.lacking = ["disk"]
            try beat.send(host.ask(.heartbeat, [], news))
            try eventually("two requests are parked") { site.parked == 2 }
            try site.advance(by: .milliseconds(10_100))
            // Who counts as parked may have been on the way to where the time is kept.
            try eventually("nobody is parked") {
                try site.advance(by: .milliseconds(10))
                return site.parked == 0
            }
            try expectRefusal(try report.answer(), 503, "UNAVAILABLE", said: "asking again is safe")
            #expect(try beat.answer().status == 200)
        }
    }

    @Test func `one connection too many is told so in the same shape`() throws {
        try withCoordinator({ $0.limits.connections = 1 }) { site in
            let first = try Connection(to: site)
            #expect(try first.ask(Ask(.ping)).status == 200)
            let second = try Connection(to: site)
            let answer = try second.answer()
            try expectRefusal(answer, 503, "UNAVAILABLE")
            #expect(answer["retry-after"] == "1")
        }
    }

    @Test func `a request that nobody answered is our own fault`() throws {
        try withCoordinator { site in
            let refusal = site.api.refusal(Refusal(status: 500, reason: "the request was not answered", request: nil))
            try expectRefusal(
                Answer(
                    status: refusal.status, headers: refusal.headers.map { ($0.name.lowercased(), $0.value) },
                    body: refusal.body), 500, "SERVER_ERROR")
        }
    }
}
