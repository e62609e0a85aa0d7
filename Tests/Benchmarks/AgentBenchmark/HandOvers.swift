import BenchmarkSupport
import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Wire

/// How long it takes from a notice that can be seen on the primary to the proof that another machine serves, with a real notice,
/// real programs and an EC2 that grants every right.
///
/// The workload is a file for each machine that serves: a promote hook makes it, a drain hook removes it, and the proof is that
/// it is there. So what is measured is what we add to what a workload needs. It moves along a chain of machines, each of which
/// joins as a replica, takes over, and is announced in its turn.
final class HandOvers {
    private let bench: Bench
    private let service: Service
    private let iam: PretendIAM
    private let teller: PlainClient
    private let served: String
    private let hooks: String

    private static let patience = Duration.seconds(30)
    private static let stopped = Duration.seconds(10)

    init(_ bench: Bench, _ service: Service) throws {
        self.bench = bench
        self.service = service
        // With one PID 1 would have to have units; the kernel's and our own share of the time are the same.
        if fileExists("/run/systemd/system") { try hideServiceManager() }
        iam = try PretendIAM()
        teller = try PlainClient(port: service.process.port)
        (served, hooks) = ("\(bench.folder)/served", "\(bench.folder)/hooks")
        for folder in [served, hooks, "\(hooks)/promote.d", "\(hooks)/drain.d"] { try makeFolder(folder) }
    }

    deinit { iam.stop() }

    func measure() throws {
        showTitle("notice visible to proven, \(bench.plan.handOvers) hand-overs, hooks without systemd")
        try hook("promote", ": >\(served)/$SPOT_INSTANCE")
        try hook("drain", "rm -f \(served)/$SPOT_INSTANCE")
        try measure(.overlap, within: 2.5)
        // Whoever finds another one that serves does not begin.
        try hook("promote", "for f in \(served)/i-*; do [ ! -e \"$f\" ] || exit 1; done; : >\(served)/$SPOT_INSTANCE")
        try measure(.exclusive, within: 4.5)
    }

    private func hook(_ stage: String, _ line: String) throws {
        let path = "\(hooks)/\(stage).d/10-file"
        try writeFile(path, Array("#!/bin/sh\n\(line)\n".utf8))
        guard unsafe chmod(path, 0o755) == 0 else { throw BenchmarkError("chmod \(path): \(describe(errno: errno))") }
    }

    /// One hand-over, by the coordinator's times, and by who looks all the time.
    private struct Move {
        let proven: Duration
        let seen: Duration
        let afterSignal: Duration
        let incident: IncidentID
    }

    private func measure(_ handOver: HandOver, within seconds: Double) throws {
        var primary = try join(handOver)
        let slot = try slot(handOver)
        var moves: [Move] = []
        for _ in 0..<bench.plan.handOvers {
            let replica = try join(handOver)
            try waitForReadiness(of: slot)
            // At any moment between two looks at the metadata service.
            bench.rest(.milliseconds(Int.random(in: 0..<1_000)))
            moves.append(try announce(primary, of: slot))
            try waitForStop(of: primary)
            try primary.stop()
            primary = replica
        }
        try primary.stop()
        try unlinkAll()
        show(handOver.rawValue, text(moves.map(\.proven)), .atMost(median(moves.map(\.proven)), seconds, "s p50"))
        show("  seen by who asks all the time", text(moves.map(\.seen)))
        show("  from the coordinator's first signal", text(moves.map(\.afterSignal)))
        try tellSlowest(of: moves)
    }

    /// Where its time went. What comes before the first signal is the wait for a look at the metadata service.
    private func tellSlowest(of moves: [Move]) throws {
        guard let slowest = moves.max(by: { $0.afterSignal < $1.afterSignal }) else { return }
        let incident = try ask(.incident, [slowest.incident], [], Incident.self)
        showTitle("the slowest of these:\n\(incident.story { $0 })")
    }

    private func text(_ times: [Duration]) -> String {
        let spread = Spread(times)
        return
            "p50 \(milliseconds(spread.at(0.5)))  p90 \(milliseconds(spread.at(0.9)))  max \(milliseconds(spread.at(1)))"
    }

    private func median(_ times: [Duration]) -> Double { Spread(times).at(0.5) / .seconds(1) }

    // MARK: The machines

    private func join(_ handOver: HandOver) throws -> Machine {
        let machine = try bench.makeMachine(service, slot: handOver.rawValue) { instance in
            [
                "HAND_OVER": handOver.rawValue, "HOOKS_DIR": hooks, "AWS_ENDPOINT_URL": iam.url,
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s",
                "VERIFY_COMMAND": "/usr/bin/test -e \(served)/\(instance)",
            ]
        }
        try machine.start(bench.agent)
        try machine.waitForContact()
        return machine
    }

    private func waitForStop(of machine: Machine) throws {
        try eventually("the stop of \(machine.instance)", within: Self.stopped) {
            !fileExists("\(served)/\(machine.instance)")
        }
    }

    private func unlinkAll() throws { for name in try namesIn(served) { unsafe unlink("\(served)/\(name)") } }

    private func announce(_ machine: Machine, of slot: SlotID) throws -> Move {
        let (wall, begin) = (bench.surroundings.wall(), bench.surroundings.monotonic())
        machine.metadata.set(
            "spot/instance-action", #"{"action": "terminate", "time": "\#(wall + .seconds(120))"}"#)
        while true {
            let incident = try ask(.incidents, [], [(.agent, slot.text), (.limit, "1")], IncidentList.self).incidents
                .first { $0.instance == machine.instance }
            let seen = bench.surroundings.monotonic() - begin
            if let incident, let verifiedAt = incident.verifiedAt {
                return Move(
                    proven: verifiedAt - wall, seen: seen, afterSignal: verifiedAt - incident.detectedAt,
                    incident: incident.id)
            }
            guard seen < Self.patience, incident.map({ $0.state == .open }) ?? true else {
                let state = incident.map { "its incident is \($0.state)" } ?? "there is no incident"
                throw BenchmarkError("nobody was proven to serve in place of \(machine.instance): \(state)")
            }
            bench.rest(.milliseconds(3))
        }
    }

    // MARK: The coordinator

    private func ask<Reply: WireObject>(
        _ route: Route, _ values: [any PathValue], _ query: [(QueryParameter, String)], _ type: Reply.Type
    ) throws -> Reply {
        let reply = try teller.ask(
            "GET", route.target(values, query: query), token: CoordinatorProcess.operatorToken)
        guard reply.status == 200 else {
            throw BenchmarkError("the coordinator answered \(reply.status) \(reply.text)")
        }
        return try reply.decode(type)
    }

    private func slot(_ handOver: HandOver) throws -> SlotID {
        let known = try ask(.agents, [], [], AgentList.self).agents
        guard let slot = known.first(where: { $0.logicalAgent.text == handOver.rawValue }) else {
            throw BenchmarkError("the coordinator has no agent \(handOver.rawValue)")
        }
        return slot.id
    }

    private func waitForReadiness(of slot: SlotID) throws {
        var reasons: [String] = []
        do {
            try eventually("a replica that is ready", within: Self.patience) {
                bench.rest(.milliseconds(20))
                reasons = try ask(.readiness, [slot], [], SlotReadiness.self).reasons
                return reasons.isEmpty
            }
        } catch { throw BenchmarkError("\(error): \(reasons.joined(separator: "; "))") }
    }
}
