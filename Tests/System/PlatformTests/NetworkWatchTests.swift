import Glibc
import Platform
import TestSupport
import Testing

/// In a network of the test's own, whose links, addresses and routes are changed with ip(8).
@Suite(
    .serialized,
    .enabled(if: getuid() == 0 && fileExists("/sbin/ip"), "left out: needs root and the package iproute2"))
struct NetworkWatchTests {
    /// What a watch tells while things are done to the network.
    private final class Scene {
        /// Shorter than usual, and as far from each other.
        static let pauses = Duration.milliseconds(40)...Duration.milliseconds(800)
        let loop = PollLoop()
        private var watch: NetworkWatch?
        private(set) var told = 0
        private(set) var toldAt: [Duration] = []

        init() throws {
            watch = try NetworkWatch(on: loop, pauses: Self.pauses) { [unowned self] in
                told += 1
                toldAt.append(loop.now)
            } lost: {
                Issue.record("\($0)")
            }
        }

        func ip(_ arguments: String) throws {
            let outcome = try ChildProcess("/sbin/ip", arguments.split(separator: " ").map(String.init)).waitForEnd()
            #expect(outcome.status == 0, "ip \(arguments): \(outcome.errors)")
        }

        /// Until the watch has told `count` times in all.
        func wait(for count: Int) { #expect(loop.run { self.told >= count }, "told \(self.told) of \(count) times") }

        /// As long as a change needs to be told, and again as long.
        func turn(_ time: Duration) { _ = loop.run(within: time) { false } }
    }

    private func inOwnNetwork(_ body: @escaping @Sendable (Scene) throws -> Void) throws {
        try onOwnThread("network-watch", .network) { try body(Scene()) }
    }

    @Test func `a link, an address and a way out are told of when they come and when they go`() throws {
        try inOwnNetwork { scene in
            let steps = [
                "link set lo up", "link add one type veth peer name other", "link set other up", "link set one up",
                "address add 10.1.2.3/24 dev one", "route add default via 10.1.2.1", "route del default",
                "address del 10.1.2.3/24 dev one", "link set other down",
            ]
            for step in steps {
                let before = scene.told
                try scene.ip(step)
                // Two links that are not up carry nothing; the first of them does neither, alone.
                if step.hasPrefix("link add") || step == "link set other up" { continue }
                scene.wait(for: before + 1)
            }
        }
    }

    @Test func `what is said again, and what leads nowhere else, is not told`() throws {
        try inOwnNetwork { scene in
            try scene.ip("link set lo up")
            try scene.ip("link add bridge type bridge")
            try scene.ip("address add 10.1.2.3/24 dev lo valid_lft 3600 preferred_lft 3600")
            scene.wait(for: 1)
            scene.turn(Scene.pauses.lowerBound * 3)
            let before = scene.told
            // A lease is renewed; a route comes with a container; a container comes up on its bridge.
            try scene.ip("address change 10.1.2.3/24 dev lo valid_lft 7200 preferred_lft 7200")
            try scene.ip("route add 10.9.9.9/32 dev lo")
            let container = try ChildProcess("/usr/bin/unshare", ["-n", "/bin/sh", "-c", "echo begun; exec sleep 60"])
            try container.waitForText("begun")
            try scene.ip("link add container type veth peer name inside netns \(container.id)")
            try scene.ip("link set container master bridge")
            let inside = ["-t", "\(container.id)", "-n", "/sbin/ip", "link", "set", "inside", "up"]
            #expect(try ChildProcess("/usr/bin/nsenter", inside).waitForEnd().status == 0)
            try scene.ip("link set container up")
            scene.turn(Scene.pauses.lowerBound * 6)
            #expect(scene.told == before)
        }
    }

    @Test func `a storm is told of once, and one that overflows the socket too`() throws {
        try inOwnNetwork { scene in
            try scene.ip("link set lo up")
            scene.wait(for: 1)
            try withTemporaryFolder { folder in
                // Far more than a socket's 212,992 bytes hold, while nobody reads.
                let commands = (0..<4_000).map { "address add 10.2.\($0 / 250).\($0 % 250 + 1)/32 dev lo\n" }.joined()
                try replaceFile("\(folder)/storm", with: Array(commands.utf8))
                try scene.ip("-batch \(folder)/storm")
            }
            let before = scene.told
            scene.wait(for: before + 1)
            scene.turn(Scene.pauses.lowerBound * 4)
            #expect(scene.told == before + 1)
            try scene.ip("address add 10.3.0.1/32 dev lo")
            scene.wait(for: before + 2)
        }
    }

    @Test func `a network that does not come to rest is told of ever more seldom`() throws {
        try inOwnNetwork { scene in
            try scene.ip("link set lo up")
            scene.wait(for: 1)
            for number in 2...4 {
                try scene.ip("address add 10.4.0.\(number)/32 dev lo")
                scene.wait(for: number)
            }
            let gaps = zip(scene.toldAt.dropFirst(), scene.toldAt).map { $0 - $1 }
            for (gap, least) in zip(gaps, [2, 4, 8]) { #expect(gap >= Scene.pauses.lowerBound * least, "\(gaps)") }
        }
    }
}
