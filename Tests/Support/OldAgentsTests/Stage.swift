import OldAgents

/// One player with a server that a test writes.
struct Stage {
    var fleet = OldFleet()
    let instance: String
    var now = Duration.zero
    /// Everything that was asked, with its time.
    private(set) var asked: [(at: Duration, instance: String, call: OldCall)] = []
    /// What is answered; a path that is not here gets `{"success": true}`.
    var answers: [String: OldReply] = [
        "register": OldReply(["agent_id": "a-1", "config": ["enabled": true]]),
        "config": OldReply(["enabled": true]),
    ]

    init(_ build: OldBuild, spot: Bool = true, _ change: (inout OldEnvironment) -> Void = { _ in }) {
        var environment = OldEnvironment(token: "token-1", logicalID: "web")
        change(&environment)
        instance = fleet.found(build, environment, spot: spot, at: .zero)
    }

    var player: OldAgent<OldCloud>? { fleet.players[instance] }

    /// Lets seconds pass, one at a time.
    mutating func pass(_ seconds: Int) {
        for _ in 0..<seconds {
            turn()
            now += .seconds(1)
        }
    }

    /// All that happens in one moment.
    private mutating func turn() {
        while true {
            let calls = fleet.advance(to: now)
            if calls.isEmpty { return }
            for (instance, call) in calls {
                asked.append((now, instance, call))
                fleet.answer(instance, call.id, reply(to: call))
            }
        }
    }

    private func reply(to call: OldCall) -> OldReply {
        let key = answers.keys.filter { call.path.contains($0) }.max { $0.count < $1.count }
        return key.flatMap { answers[$0] } ?? OldReply(["success": true])
    }

    /// How often a path was asked that ends so, since a moment.
    func count(_ path: String, since: Duration = .zero) -> Int {
        asked.count { $0.call.path.hasSuffix(path) && $0.at >= since }
    }

    func bodies(_ path: String) -> [OldValue] {
        asked.filter { $0.call.path.hasSuffix(path) }.compactMap(\.call.body)
    }

    /// The machines that it had launched.
    var launched: [String] { fleet.cloud.machines.keys.filter { $0 != instance }.sorted() }
}
