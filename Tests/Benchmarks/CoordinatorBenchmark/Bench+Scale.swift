import BenchmarkSupport
import Glibc
import Platform

// Whether it costs more to know many.
extension Bench {
    func measureScale() throws {
        let (few, many) = (1_000, plan.known)
        showTitle("\(many) known agents beside \(few), of which \(few) are active in both")
        // Slow enough that nobody counts as silent meanwhile: that is work of another kind.
        let settings = ["HEARTBEAT_SECONDS": "300", "AGENT_HEARTBEAT_TIMEOUT": "86400"]
        let small = try CoordinatorProcess(program, folder: "\(folder)/few", settings: settings)
        let large = try CoordinatorProcess(program, folder: "\(folder)/many", settings: settings)
        defer {
            try? small.stop()
            try? large.stop()
        }
        let smallRequests = try fill(small, few)
        let largeRequests = try fill(large, many)
        for coordinator in [small, large] { try coordinator.stop() }
        // A start waits for its first commit, and that would wait for what the enrolments have left to be written.
        sync()
        let (fewStart, manyStart) = (try small.start(), try large.start())
        show("from start to first answer, \(few)", milliseconds(fewStart))
        show("from start to first answer, \(many)", milliseconds(manyStart), .atMost(manyStart / .seconds(1), 1, "s"))
        try large.stop(SIGKILL)
        let unclean = try large.start()
        show("  after SIGKILL", milliseconds(unclean), .atMost(unclean / .seconds(1), 1, "s"))
        show("resident, \(few) and \(many)", "\(megabytes(try small.resident())), \(megabytes(try large.resident()))")
        try compareCosts(small, smallRequests, large, largeRequests)
    }

    private func fill(_ coordinator: CoordinatorProcess, _ count: Int) throws -> Requests {
        try coordinator.start()
        let fleet = Fleet(swarm, port: coordinator.port, operatorToken: CoordinatorProcess.operatorToken)
        let took = try fleet.enrol(count, connections: 1_000, tokens: fleet.makeClients(forSlots: count))
        show(
            "enrolled over HTTP, 1000 connections",
            "\(count) in \(seconds(took)), \(rounded(Double(count) / (took / .seconds(1)), 0))/s")
        // Spread over all that are known.
        let active = stride(from: 0, to: count, by: count / 1_000).map { fleet.hosts[$0] }
        let requests = try prepare(fleet, active, in: coordinator.folder).0
        fleet.dropIdle()
        return requests
    }

    private func compareCosts(
        _ small: CoordinatorProcess, _ smallRequests: Requests, _ large: CoordinatorProcess, _ largeRequests: Requests
    ) throws {
        func measure(_ coordinator: CoordinatorProcess, _ requests: Requests) throws -> Double {
            try cost(of: { try processorTime(of: [coordinator.id]) }) {
                try requests.send(to: coordinator.port, connections: 64, for: plan.burst)
            }.microseconds
        }
        _ = try (measure(small, smallRequests), measure(large, largeRequests))
        var (fewCosts, manyCosts): ([Double], [Double]) = ([], [])
        for _ in 0..<max(2, plan.rounds) {
            fewCosts.append(try measure(small, smallRequests))
            manyCosts.append(try measure(large, largeRequests))
        }
        let growth = zip(manyCosts, fewCosts).map { $0 / $1 }.median
        show(
            "CPU for a heartbeat, 1000 and \(plan.known) known",
            "\(rounded(fewCosts.median, 2)) us, \(rounded(manyCosts.median, 2)) us",
            // What one run differs from the next by.
            .atMost(growth, 1.1, "times"))
    }

}
