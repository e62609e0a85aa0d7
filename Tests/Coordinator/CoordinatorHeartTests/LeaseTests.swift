import CoordinatorCore
import CoordinatorHeart
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// A lease that ran out is a fence, where the host held it.
@Suite struct LeaseTests {
    private let first: InstanceID = "i-00000000000000001"
    private let second: InstanceID = "i-00000000000000002"

    private func lease(_ seconds: Int) -> SlotSettingsChange {
        var change = SlotSettingsChange()
        change[.handOver] = .handOver(.exclusive)
        change[.leaseSeconds] = .whole(seconds)
        return change
    }

    /// A primary, and a replica that is ready.
    private func pair(_ site: Site, lease seconds: Int) throws -> (primary: Line, replica: Line) {
        let client = try site.makeClient()
        let primary = try site.register(first, of: client, token: 10) { $0.proposed = lease(seconds) }.line
        let replica = try site.register(second, of: client, token: 11).line
        try site.beat(primary)
        try site.beat(replica, lacking: [])
        return (primary, replica)
    }

    /// Time in which nobody but the replica is heard.
    private func pass(_ seconds: Int, hearing replica: Line, at site: Site) throws {
        for _ in 0..<seconds {
            site.surroundings.advance(by: .seconds(1))
            try site.beat(replica, lacking: [])
            site.heart.examineLiveness()
            site.heart.passTime()
        }
        // Asked behind whatever that has made.
        _ = try ask { site.heart.client(replica.client, answer: $0) }
    }

    private func hasMoved(_ site: Site) -> Bool { site.events.contains { $0.kind == .promotionDecided } }

    @Test func `a lease that its host is known to hold fences it when it has run out`() throws {
        try withSite { site in
            let (primary, replica) = try pair(site, lease: 30)
            try site.beat(primary, knowing: primary.configVersion)
            try pass(31, hearing: replica, at: site)
            #expect(!hasMoved(site))
            try pass(3, hearing: replica, at: site)
            #expect(hasMoved(site))
        }
    }

    @Test func `a lease that a host was never granted fences nobody, also after a restart`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let (primary, replica) = try pair(site, lease: 0)
            try site.beat(primary, knowing: primary.configVersion)
            try pass(10, hearing: replica, at: site)
            _ = try ask { site.heart.change(lease(20), of: primary.slot, answer: $0) }
            try pass(60, hearing: replica, at: site)
            #expect(!hasMoved(site))
            site.heart.stop()

            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            let known = try #require(again.heart.line(forToken: try Credential(11).words))
            try pass(60, hearing: known, at: again)
            #expect(!hasMoved(again))
        }
    }

    @Test(arguments: [0, 60])
    func `a lease that is new or shorter counts from when its host is heard to know it, answered or not`(before: Int)
        throws
    {
        try withSite { site in
            let (primary, replica) = try pair(site, lease: before)
            try site.beat(primary, knowing: primary.configVersion)
            let changed = try ask { site.heart.change(lease(20), of: primary.slot, answer: $0) }
            try pass(15, hearing: replica, at: site)
            try site.beat(primary, knowing: changed.version)
            try pass(21, hearing: replica, at: site)
            #expect(!hasMoved(site))
            try pass(3, hearing: replica, at: site)
            #expect(hasMoved(site))
        }
    }

    @Test func `a lease that was shortened still counts as long as it was granted`() throws {
        try withSite { site in
            let (primary, replica) = try pair(site, lease: 60)
            try site.beat(primary, knowing: primary.configVersion)
            _ = try ask { site.heart.change(lease(20), of: primary.slot, answer: $0) }
            try pass(61, hearing: replica, at: site)
            #expect(!hasMoved(site))
            try pass(3, hearing: replica, at: site)
            #expect(hasMoved(site))
        }
    }

    @Test func `a lease is remembered over a restart, and counts from there`() throws {
        try withTemporaryFolder { folder in
            let site = try Site(folder: folder)
            let (primary, _) = try pair(site, lease: 30)
            try site.beat(primary, knowing: primary.configVersion)
            site.heart.stop()

            let again = try Site(folder: folder, surroundings: site.surroundings)
            defer { again.heart.stop() }
            let known = try #require(again.heart.line(forToken: try Credential(11).words))
            try pass(31, hearing: known, at: again)
            #expect(!hasMoved(again))
            try pass(3, hearing: known, at: again)
            #expect(hasMoved(again))
        }
    }
}
