import BenchmarkSupport
import Platform
import TestSupport
import Wire

// A thousand who listen to the live stream.
extension Bench {
    private static let listeners = 1_000

    func measureStream() throws {
        showTitle("\(Self.listeners) listeners to the live stream")
        let coordinator = try CoordinatorProcess(program, folder: "\(folder)/stream")
        try coordinator.start()
        defer { try? coordinator.stop() }
        let fleet = Fleet(swarm, port: coordinator.port, operatorToken: CoordinatorProcess.operatorToken)
        try fleet.enrol(1, tokens: fleet.makeClients(forSlots: 1))
        let before = try coordinator.resident()
        let streams = try (0..<Self.listeners).map { number in
            try Listening(swarm, to: coordinator.port, number: number, token: CoordinatorProcess.operatorToken)
        }
        defer { for stream in streams { stream.close() } }
        let begin = swarm.moment
        let areOpen = try swarm.run(for: .seconds(20)) { streams.allSatisfy { $0.heard["CONNECTED"] != nil } }
        guard areOpen else { throw BenchmarkError("not all listeners were let in within 20 s") }
        show("until all are connected", seconds(swarm.moment - begin))
        // Two heartbeats, so that each was written to.
        try swarm.run(for: .seconds(32)) { streams.allSatisfy { $0.heartbeats >= 2 } }
        let each = Double(try coordinator.resident() - before) / Double(Self.listeners) / 1_024
        show("resident for each that idles", "\(rounded(each, 1)) KB", .atMost(each, 16, "KB"))
        try measureLines(coordinator, fleet, streams)
    }

    /// Lines one after the other, each of which all listeners are to have.
    private func measureLines(_ coordinator: CoordinatorProcess, _ fleet: Fleet, _ streams: [Listening]) throws {
        let count = plan.isQuick ? 20 : 100
        var (all, answers): ([Duration], [Duration]) = ([], [])
        let used = try processorTime(of: [coordinator.id])
        for number in 0..<count {
            for stream in streams { stream.heard["AGENT_TOGGLED"] = nil }
            let begin = swarm.moment
            var answered = false
            let path = Route.toggleEnabled.path(fleet.hosts[0].slot)
            try fleet.ask(.toggleEnabled, path, EnabledChange(enabled: number % 2 == 1)) { [swarm] _ in
                answered = true
                answers.append(swarm.now - begin)
            }
            let isTold = try swarm.run(for: .seconds(5)) {
                answered && streams.allSatisfy { $0.heard["AGENT_TOGGLED"] != nil }
            }
            guard isTold else { throw BenchmarkError("not all listeners were told a line within 5 s") }
            all.append((streams.compactMap { $0.heard["AGENT_TOGGLED"] }.max() ?? begin) - begin)
        }
        let spread = Spread(all)
        show(
            "from the request to the last listener's socket", spread.text,
            .atMost(spread.at(0.99) / .milliseconds(1), 100, "ms"))
        show("  to the operator's answer", Spread(answers).text)
        let cost = (try processorTime(of: [coordinator.id]) - used) / .microseconds(1)
        show("CPU for a line to one listener", "\(rounded(cost / Double(count * streams.count), 1)) us")
    }
}
