import Platform
import TestSupport
import Wire

/// Several players at once, in rounds: each round ends when the coordinator goes away.
final class Load {
    /// Some of everything, and fewer than the machine needs for the coordinator itself.
    private static let playersCount = 4
    let players: [LoadPlayer]
    private let acknowledged: Monitor<Int>
    private var threads: [DedicatedThread] = []

    init(on coordinator: RunningCoordinator, seed: UInt64) throws {
        let token = try coordinator.makeClient("load").token, adminToken = try coordinator.adminToken
        let acknowledged = Monitor(0)
        self.acknowledged = acknowledged
        players = (1...Self.playersCount).map {
            LoadPlayer($0, clientToken: token, adminToken: adminToken, seed: seed, acknowledged: acknowledged)
        }
    }

    func begin(port: UInt16) throws {
        threads = try players.map { player in try DedicatedThread(name: "player") { player.play(port: port) } }
    }

    /// Waits until so many more requests were acknowledged.
    func waitForProgress(_ count: Int) throws {
        let goal = acknowledged.change { $0 } + count
        let deadline = SystemSurroundings().monotonic() + .seconds(20)
        guard acknowledged.wait(until: deadline, for: { $0 >= goal ? true : nil }) != nil else {
            throw TestSupportError("the load came to a halt: \(players.flatMap(\.violations))")
        }
    }

    /// After the coordinator went away.
    func end() {
        for thread in threads { thread.join() }
        threads = []
    }

    var acknowledgedCount: Int { acknowledged.change { $0 } }

    /// What was asked, and how it was answered.
    var summary: String {
        let counts = players.reduce(into: [String: Int]()) { $0.merge($1.counts, uniquingKeysWith: +) }
        return counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }
}
