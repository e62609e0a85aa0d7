import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// Who speaks, when it has no token of its own.
struct TokenlessTests {
    private func join(
        _ site: Site, _ client: ClientID, _ instance: InstanceID, from address: String
    ) throws -> Enrolment {
        var registration = Registration(
            logicalAgent: "web", instance: instance, region: "us-east-1", hostname: "h")
        registration.instanceType = "m5.large"
        registration.zone = "us-east-1a"
        return try ask { site.heart.register(registration, of: client, from: address, answer: $0) }
    }

    @Test func `it is known by its name, else by where it speaks, else by being the only one`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let slot = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            func speaker(_ name: InstanceID?, _ address: String) -> InstanceID? {
                site.heart.speaker(in: slot, named: name, from: address)?.instance
            }
            #expect(speaker(nil, "10.0.0.1") == "i-aaaaaaaa")
            // Heard from elsewhere a moment ago: this is another one.
            #expect(speaker(nil, "10.0.0.9") == nil)
            site.surroundings.advance(by: .seconds(91))
            #expect(speaker(nil, "10.0.0.9") == "i-aaaaaaaa")
            _ = try join(site, client, "i-bbbbbbbb", from: "10.0.0.2")
            #expect(speaker(nil, "10.0.0.2") == "i-bbbbbbbb")
            #expect(speaker(nil, "10.0.0.9") == "i-aaaaaaaa")
            #expect(speaker(nil, "10.0.0.3") == nil)
            #expect(speaker("i-aaaaaaaa", "10.0.0.2") == "i-aaaaaaaa")
            #expect(speaker(nil, "10.0.0.2") == nil)
            #expect(speaker("i-cccccccc", "10.0.0.1") == nil)
        }
    }

    @Test func `of those behind one address the one that serves speaks for all, where that does no harm`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let slot = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            _ = try join(site, client, "i-bbbbbbbb", from: "10.0.0.1")
            #expect(site.heart.speaker(in: slot, named: nil, from: "10.0.0.1") == nil)
            #expect(site.heart.spokesman(in: slot, from: "10.0.0.1")?.instance == "i-aaaaaaaa")
            #expect(site.heart.spokesman(in: slot, from: "10.0.0.9") == nil)
        }
    }

    @Test func `it is known after a restart, with what it can do`() throws {
        try withTemporaryFolder { folder in
            let surroundings = ManualSurroundings()
            let first = try Site(folder: folder, surroundings: surroundings)
            let client = try first.makeClient()
            let slot = try join(first, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            let line = try #require(first.heart.speaker(in: slot, named: nil, from: "10.0.0.1"))
            _ = try ask { first.heart.errand(for: line, about: .switches, answer: $0) }
            first.heart.stop()
            let second = try Site(folder: folder, surroundings: surroundings)
            defer { second.heart.stop() }
            #expect(second.heart.hasTokenlessHost(slot, of: client))
            let again = try #require(second.heart.speaker(in: slot, named: nil, from: "10.0.0.1"))
            #expect(again.instance == "i-aaaaaaaa")
            _ = try ask { second.heart.askSwitch(of: slot, to: .onDemand, answer: $0) }
            #expect(try ask { second.heart.errand(for: again, about: .switches, answer: $0) }.commands.count == 1)
        }
    }

    @Test func `the coordinator's own absence does not count against what it is at work on`() throws {
        try withTemporaryFolder { folder in
            let surroundings = ManualSurroundings()
            let first = try Site(folder: folder, surroundings: surroundings)
            let client = try first.makeClient()
            let slot = try join(first, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            let line = try #require(first.heart.speaker(in: slot, named: nil, from: "10.0.0.1"))
            _ = try ask { first.heart.errand(for: line, about: .switches, answer: $0) }
            let order = try ask { first.heart.askSwitch(of: slot, to: .onDemand, answer: $0) }.command
            #expect(try ask { first.heart.errand(for: line, about: .switches, answer: $0) }.commands.count == 1)
            first.heart.stop()
            surroundings.advance(by: .seconds(3_000))
            let second = try Site(folder: folder, surroundings: surroundings)
            defer { second.heart.stop() }
            func isOpen() throws -> Bool {
                second.heart.passTime()
                second.heart.settle(within: .seconds(10))
                return try ask { second.heart.agent(slot, answer: $0) }.commands.contains { $0.id == order }
            }
            #expect(try isOpen())
            surroundings.advance(by: .seconds(31))
            #expect(try !isOpen())
        }
    }

    @Test func `nothing is handed to one that may have been answered before the store came to it`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let slot = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            let line = try #require(site.heart.speaker(in: slot, named: nil, from: "10.0.0.1"))
            _ = try ask { site.heart.errand(for: line, about: .switches, answer: $0) }
            _ = try ask { site.heart.askSwitch(of: slot, to: .onDemand, answer: $0) }
            let isSlow = Latch("the store")
            try site.holdWriter(until: isSlow)
            let late = Awaited<Outcome<Heart.Errand>>("what there is to do")
            site.heart.errand(for: line, about: .switches) { late.set($0) }
            site.surroundings.advance(by: .seconds(6))
            isSlow.open()
            guard case .done(let nothing) = try late.get() else { throw TestSupportError("no answer") }
            #expect(nothing.commands.isEmpty)
            #expect(try ask { site.heart.errand(for: line, about: .switches, answer: $0) }.commands.count == 1)
        }
    }

    @Test func `those who name nothing are told apart after a restart, too`() throws {
        try withTemporaryFolder { folder in
            let surroundings = ManualSurroundings()
            let first = try Site(folder: folder, surroundings: surroundings)
            let client = try first.makeClient()
            let slot = try join(first, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            _ = try join(first, client, "i-bbbbbbbb", from: "10.0.0.2")
            first.heart.stop()
            let second = try Site(folder: folder, surroundings: surroundings)
            defer { second.heart.stop() }
            func speaker(_ address: String) -> InstanceID? {
                second.heart.speaker(in: slot, named: nil, from: address)?.instance
            }
            #expect(speaker("10.0.0.2") == "i-bbbbbbbb")
            #expect(speaker("10.0.0.1") == "i-aaaaaaaa")
            #expect(speaker("10.0.0.3") == nil)
        }
    }

    @Test func `of several that are all missed, none is taken for the one that serves`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let slot = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            _ = try join(site, client, "i-bbbbbbbb", from: "10.0.0.2")
            for _ in 0..<20 {
                site.surroundings.advance(by: .seconds(30))
                site.heart.examineLiveness()
                site.heart.settle(within: .seconds(10))
            }
            #expect(site.heart.speaker(in: slot, named: nil, from: "10.0.0.9") == nil)
            #expect(site.heart.speaker(in: slot, named: nil, from: "10.0.0.2")?.instance == "i-bbbbbbbb")
        }
    }

    @Test func `a token of its own takes the client's word from it, and the other way round`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let slot = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            let (line, reply) = try site.register("i-aaaaaaaa", of: client, token: 7)
            #expect(reply.slot == slot)
            #expect(!site.heart.hasTokenlessHost(slot, of: client))
            #expect(!line.isTokenless)
            _ = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1")
            #expect(site.heart.hasTokenlessHost(slot, of: client))
            #expect(site.heart.line(forToken: try Credential(7).words) == nil)
        }
    }

    @Test func `it does not count among those who report prices for others`() throws {
        try withSite { site in
            let client = try site.makeClient()
            #expect(try !join(site, client, "i-aaaaaaaa", from: "10.0.0.1").configuration.reportsPrices)
            let (_, reply) = try site.register("i-bbbbbbbb", of: client, as: "other", token: 7)
            #expect(reply.configuration.reportsPrices)
        }
    }

    @Test func `a question that brings nothing new is answered from memory`() throws {
        try withSite { site in
            let client = try site.makeClient()
            let slot = try join(site, client, "i-aaaaaaaa", from: "10.0.0.1").slot
            let line = try #require(site.heart.speaker(in: slot, named: nil, from: "10.0.0.1"))
            _ = try ask { site.heart.errand(for: line, about: .everything, answer: $0) }
            let commits = site.heart.counts.commits.now
            for _ in 0..<10 { _ = try ask { site.heart.errand(for: line, about: .everything, answer: $0) } }
            #expect(site.heart.counts.commits.now == commits)
        }
    }
}
