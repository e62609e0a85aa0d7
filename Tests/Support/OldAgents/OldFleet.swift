/// The machines of one pretended cloud, and on each whose image has one inside, a player.
package struct OldFleet: Sendable {
    package var cloud = OldCloud()
    /// By instance.
    package private(set) var players: [String: OldAgent<OldCloud>] = [:]
    /// Those whose process ended, and when systemd starts it again.
    private var restarts: [String: Duration] = [:]
    private var gone: Set<String> = []

    package init() {}

    /// A machine that runs already, from an image that has the agent inside.
    package mutating func found(
        _ build: OldBuild, _ environment: OldEnvironment, spot: Bool = true, zone: String = "us-east-1a",
        at now: Duration
    ) -> String {
        let image = cloud.addImage(build, environment)
        guard let id = cloud.launch(image: image, zone: zone, spot: spot, at: now - OldCloud.bootTime) else {
            preconditionFailure("a cloud that refuses founds nothing")
        }
        return id
    }

    /// Lets time pass and gives what all of them ask for.
    package mutating func advance(to now: Duration) -> [(instance: String, call: OldCall)] {
        endMachines(at: now)
        startMachines(at: now)
        for id in players.keys.sorted() {
            players[id]?.advance(to: now, &cloud)
            if players[id]?.life == .ended, restarts[id] == nil, !gone.contains(id) {
                restarts[id] = now + .seconds(10)
            }
        }
        return players.keys.sorted().flatMap { id in
            let calls = players[id]?.takeCalls() ?? []
            return calls.map { (id, $0) }
        }
    }

    /// What it does about an answer comes with the next `advance`.
    package mutating func answer(_ instance: String, _ call: Int, _ reply: OldReply) {
        players[instance]?.answer(call, reply, &cloud)
    }

    /// The process is told to end, says farewell, and is started again ten seconds later, as after every end.
    package mutating func stop(_ instance: String) { players[instance]?.stop() }

    private mutating func startMachines(at now: Duration) {
        for machine in cloud.running(at: now) {
            let isDue = restarts[machine.id].map { $0 <= now } ?? (players[machine.id] == nil)
            guard isDue, let image = cloud.images[machine.image], let build = image.build,
                let environment = image.environment
            else { continue }
            restarts[machine.id] = nil
            let stored = players[machine.id].map(\.storedID) ?? image.storedID
            players[machine.id] = OldAgent(build, on: machine.id, environment, storedID: stored, at: now, &cloud)
        }
    }

    /// The end of a machine stops the units on it: a farewell, and no more.
    private mutating func endMachines(at now: Duration) {
        for id in players.keys where !gone.contains(id) {
            guard let state = cloud.state(of: id, at: now), state == .shuttingDown || state == .terminated else {
                continue
            }
            gone.insert(id)
            restarts[id] = nil
            players[id]?.stop()
        }
    }
}
