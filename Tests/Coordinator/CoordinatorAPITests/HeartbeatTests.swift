import CoordinatorAPI
import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import TestSupport
import Testing
import Wire

/// The call that waits: who parks, who wakes it, and with what.
struct HeartbeatTests {
    /// A heartbeat that waits, once the first has been decided and there is no news in it.
    private func park(_ host: Enrolled, wait: Int, _ site: Site) throws -> Connection {
        _ = try site.ask(host.ask(.heartbeat, [], host.heartbeat))
        try eventually("what was decided is over") { site.parked == 0 }
        let connection = try Connection(to: site)
        try connection.send(host.ask(.heartbeat, [], query: "?wait=\(wait)", host.heartbeat))
        try eventually("the heartbeat is parked") { site.parked == 1 }
        return connection
    }

    @Test func `a heartbeat without a wait is answered at once`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            for _ in 0..<3 {
                let reply = try site.ask(host.ask(.heartbeat, [], host.heartbeat)).read(HeartbeatReply.self)
                #expect(reply.slot.text == host.slot)
                #expect(reply.role == .primary)
                #expect(reply.commands == [])
            }
        }
    }

    @Test func `a command wakes the heartbeat that waits for it, and is in the answer`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let parked = try park(host, wait: 25, site)
            let queued: QueuedCommand = try site.order(.switchSlot, [host.slot], ForceSwitch(target: .onDemand))
            let reply = try parked.answer().read(HeartbeatReply.self)
            #expect(reply.commands.map(\.id) == [queued.command])
            #expect(reply.commands.first?.attempt == 1)
            #expect(reply.commands.first?.instance == host.instance)
        }
    }

    @Test func `news of another slot wakes nobody`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let (host, other) = (try site.register(client), try site.register(client))
            let parked = try park(host, wait: 25, site)
            let _: QueuedCommand = try site.order(.switchSlot, [other.slot], ForceSwitch(target: .onDemand))
            try site.advance(by: .seconds(25) + .milliseconds(100))
            #expect(try parked.answer().read(HeartbeatReply.self).commands == [])
        }
    }

    @Test func `a change of the settings wakes it, too`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let parked = try park(host, wait: 25, site)
            let _: EnabledChange = try site.order(.toggleEnabled, [host.slot], EnabledChange(enabled: false))
            let reply = try parked.answer().read(HeartbeatReply.self)
            #expect(reply.configVersion > host.configVersion)
            // Until it has fetched them it is not held up again.
            let again = try site.ask(host.ask(.heartbeat, query: "?wait=25", host.heartbeat))
            #expect(try again.read(HeartbeatReply.self).configVersion == reply.configVersion)
        }
    }

    @Test(arguments: [(3, 3), (25, 25), (26, 25), (9_999_999, 25)])
    func `without news it is answered in the last quarter of its time, which is no more than 25 seconds`(
        wait: Int, seconds: Int
    ) throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let received = site.surroundings.wall()
            let parked = try park(host, wait: wait, site)
            try site.advance(by: .seconds(seconds) * 3 / 4 - .milliseconds(100))
            try site.advance(by: .seconds(seconds) / 4 + .milliseconds(200))
            let reply = try parked.answer().read(HeartbeatReply.self)
            #expect(reply.receivedAt == received)
            // Had it been answered before its time, the answer would say an earlier one.
            #expect(reply.serverTime == received + .seconds(seconds) + .milliseconds(100))
            #expect(reply.commands == [])
        }
    }

    @Test func `hosts that park in one moment are not answered in one moment`() throws {
        try withCoordinator { site in
            let client = try site.makeClient()
            let hosts = try (0..<20).map { _ in try site.register(client) }
            for host in hosts { _ = try site.ask(host.ask(.heartbeat, [], host.heartbeat)) }
            try eventually("what was decided is over") { site.parked == 0 }
            let connections = try hosts.map { host in
                let connection = try Connection(to: site)
                try connection.send(host.ask(.heartbeat, query: "?wait=20", host.heartbeat))
                return connection
            }
            try eventually("all are parked") { site.parked == 20 }
            try site.advance(by: .milliseconds(17_500))
            try eventually("about half of them are answered") { (4...16).contains(site.parked) }
            try site.advance(by: .milliseconds(2_600))
            for connection in connections { #expect(try connection.answer().status == 200) }
        }
    }

    @Test func `a deleted agent's host is told so, once it has nothing left to do`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let parked = try park(host, wait: 3, site)
            let _: Nothing = try site.order(.deleteSlot, [host.slot])
            try site.advance(by: .milliseconds(3_100))
            #expect(try parked.answer().read(HeartbeatReply.self).commands == [])
            for ask in [host.ask(.heartbeat, [], host.heartbeat), host.ask(.configuration)] {
                #expect(try site.ask(ask).verdict == "404 NOT_FOUND")
            }
        }
    }

    @Test func `a heartbeat of another machine than the token's is refused`() throws {
        try withCoordinator { site in
            let host = try site.register(try site.makeClient())
            let heartbeat = Heartbeat(status: .online, instance: "i-0fffffffffffffffe")
            let answer = try site.ask(host.ask(.heartbeat, [], heartbeat))
            #expect(answer.verdict == "403 FORBIDDEN")
        }
    }
}
