import BenchmarkSupport
import Platform
import TestSupport

// What one heartbeat costs that does not park, beside the same bytes answered by nginx.
extension Bench {
    func measureHeartbeats(_ coordinator: CoordinatorProcess, _ fleet: Fleet) throws {
        showTitle("heartbeat without a wait, CPU beside nginx's `return 200` before and after, \(plan.rounds) rounds")
        let (requests, length) = try prepare(fleet, fleet.hosts, in: folder)
        let nginx = try Nginx(in: folder, answering: length)
        defer { try? nginx.stop() }
        for connections in [64, 1_000] {
            let rounds = try compare(coordinator, nginx, requests, connections: connections)
            show(
                "\(connections) connections", rounds.costs,
                .atMost(rounds.ratios.median, 1.6, "times"))
            show("  ratio to nginx, least and median", rounds.ratioText)
        }
    }

    func measureTLS(_ coordinator: CoordinatorProcess, _ fleet: Fleet) throws {
        showTitle("the same over TLS, beside nginx's")
        let (requests, length) = try prepare(fleet, fleet.hosts, in: folder)
        let certificate = try Certificate(in: folder)
        fleet.dropIdle()
        try coordinator.stop()
        try coordinator.start(certificate)
        let nginx = try Nginx(in: folder, answering: length, certificate)
        defer { try? nginx.stop() }
        for connections in plan.isQuick ? [64] : [64, 1_000] {
            let what = "\(connections) connections, with their handshakes"
            do {
                let rounds = try compare(coordinator, nginx, requests, connections: connections, tls: true)
                show(what, rounds.costs)
                show("  ratio to nginx, least and median", rounds.ratioText)
            } catch let error as BenchmarkError {
                // On a machine that others use a thousand handshakes can take longer than a burst; the rest is measured.
                show(what, "not measured: \(error)")
            }
        }
        fleet.dropIdle()
        try coordinator.stop()
        try coordinator.start()
    }

    /// Two heartbeats of each host with different clocks, and how long the answer's body is.
    func prepare(_ fleet: Fleet, _ hosts: [Host], in folder: String) throws -> (Requests, length: Int) {
        let requests = [Duration.seconds(3_600), .seconds(3_603)].flatMap { uptime in
            hosts.map { $0.heartbeatRequest(wait: nil, at: fleet.wall, uptime: uptime) }
        }
        var length: Int?
        let connection = try Connection(swarm, to: fleet.port) {}
        try connection.send(requests[0]) { answer in
            guard answer.status == 200 else { throw BenchmarkError("heartbeat: \(answer.status) \(answer.text)") }
            length = answer.body.count
        }
        try swarm.run(for: .seconds(10)) { length != nil }
        connection.close()
        guard let length else { throw BenchmarkError("a heartbeat was not answered within 10 s") }
        return (try Requests(requests, in: folder), length)
    }

    private struct Rounds {
        var ours: [Double] = []
        var theirs: [Double] = []
        var ratios: [Double] = []
        var perSecond: [Double] = []

        var costs: String {
            "\(rounded(ours.median, 2)) us (nginx \(rounded(theirs.median, 2)) us), \(rounded(perSecond.median, 0))/s"
        }
        var ratioText: String { "\(rounded(ratios.min() ?? .nan, 2)), \(rounded(ratios.median, 2))" }
    }

    private func compare(
        _ coordinator: CoordinatorProcess, _ nginx: Nginx, _ requests: Requests, connections: Int, tls: Bool = false
    ) throws -> Rounds {
        var rounds = Rounds()
        // The first heartbeats after a start or an enrolment are decided, later ones are answered from memory.
        // A thousand handshakes alone can take more than a second.
        let burst = tls && connections > 64 ? plan.burst * 2 : plan.burst
        _ = try requests.send(to: coordinator.port, tls: tls, connections: connections, for: max(burst, .seconds(3)))
        let theirs = {
            try cost(of: nginx.used) {
                try requests.send(to: nginx.port, tls: tls, connections: connections, for: burst)
            }.microseconds
        }
        var before = try theirs()
        for _ in 0..<plan.rounds {
            let ours = try cost(of: { try processorTime(of: [coordinator.id]) }) {
                try requests.send(to: coordinator.port, tls: tls, connections: connections, for: burst)
            }
            let after = try theirs()
            rounds.ours.append(ours.microseconds)
            rounds.theirs.append((before + after) / 2)
            rounds.ratios.append(ours.microseconds * 2 / (before + after))
            rounds.perSecond.append(Double(ours.count) / (burst / .seconds(1)))
            before = after
        }
        return rounds
    }
}

/// What a process used for each of the requests that `body` had answered.
func cost(of used: () throws -> Duration, _ body: () throws -> Int) throws -> (microseconds: Double, count: Int) {
    let before = try used()
    let count = try body()
    return ((try used() - before) / .microseconds(1) / Double(count), count)
}
