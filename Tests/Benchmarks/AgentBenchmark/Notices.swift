import BenchmarkSupport
import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Wire

/// How long it takes from a notice that can be seen on the machine to an incident that the coordinator has stored.
///
/// The machines are many and wait for nothing else, so that a hundred notices take seconds; each sees its own at a moment
/// of chance. Stored means that an operator who asks is told of it: the list is read from the database.
final class Notices {
    private let bench: Bench
    private let service: Service
    private let machines: [Machine]
    private var count = 0

    /// As long as anybody believes an address: libcurl a minute.
    private static let memoryOfNames = Duration.seconds(65)
    /// Notices come at any moment of it; as long as the longest time between two polls.
    private static let spread = 2.0
    private static let patience = Duration.seconds(30)

    init(_ bench: Bench, _ service: Service) throws {
        self.bench = bench
        self.service = service
        machines = try (0..<bench.plan.machines).map { _ in
            try bench.makeMachine(service, host: Names.coordinator)
        }
        for machine in machines { try machine.start(bench.agent) }
        for machine in machines { try machine.waitForContact() }
    }

    func measureWithNames() throws {
        showTitle("notice visible to durable, \(machines.count) machines, \(bench.plan.rounds) notices on each")
        try measure("the metadata service is well", hangs: false, within: 1.5)
        try measure("it hangs on every second request", hangs: true, within: 4)
    }

    func measureWithoutNames(since forgotten: Duration) throws {
        bench.rest(Self.memoryOfNames - (bench.surroundings.monotonic() - forgotten))
        showTitle("the same, \(seconds(Self.memoryOfNames)) after the name server died")
        try measure("the metadata service is well", hangs: false, within: 1.5)
        try measure("it hangs on every second request", hangs: true, within: 4)
    }

    func stop() throws { for machine in machines { try machine.stop() } }

    private func measure(_ what: String, hangs: Bool, within seconds: Double) throws {
        for machine in machines { machine.metadata.fail(hangs ? .hang(every: 2) : nil) }
        // Until nobody is at what he did before.
        bench.rest(.seconds(2))
        // Anew: the coordinator closes a connection on which nobody asks anything for a minute or so.
        let teller = try PlainClient(port: service.process.port)
        var times: [Duration] = []
        for _ in 0..<bench.plan.rounds { times += try round(teller) }
        let spread = Spread(times)
        show(what, spread.text, .atMost(spread.at(0.99) / .seconds(1), seconds, "s p99"))
    }

    private struct Notice {
        let machine: Machine
        let due: Duration
        let time: Timestamp
        var visible: Duration?
    }

    private func round(_ teller: PlainClient) throws -> [Duration] {
        let begin = bench.surroundings.monotonic()
        var notices = machines.map { machine in
            count += 1
            return Notice(
                machine: machine, due: begin + .seconds(Double.random(in: 0..<Self.spread)),
                // Far away, so that nothing follows from it; another for each, so that none is taken for another.
                time: Timestamp(nanosecondsSinceEpoch: (4_000_000_000 + Int64(count)) * 1_000_000_000))
        }
        var times: [Duration] = []
        while !notices.isEmpty {
            let now = bench.surroundings.monotonic()
            for index in notices.indices where notices[index].visible == nil && notices[index].due <= now {
                notices[index].visible = bench.surroundings.monotonic()
                notices[index].machine.metadata.set(
                    "spot/instance-action", #"{"action": "terminate", "time": "\#(notices[index].time)"}"#)
            }
            let stored = try storedTimes(teller)
            let seen = bench.surroundings.monotonic()
            notices.removeAll { notice in
                guard let visible = notice.visible, stored.contains(notice.time) else { return false }
                times.append(seen - visible)
                return true
            }
            guard now - begin < Self.patience else {
                throw BenchmarkError("\(notices.count) notices are not stored after \(Self.patience)")
            }
            for machine in machines { machine.drain() }
            bench.rest(.milliseconds(3))
        }
        return times
    }

    private func storedTimes(_ teller: PlainClient) throws -> Set<Timestamp> {
        let reply = try teller.ask(
            "GET", Route.incidents.target([], query: [(.limit, "\(machines.count)")]),
            token: CoordinatorProcess.operatorToken)
        guard reply.status == 200 else {
            throw BenchmarkError("the coordinator answered \(reply.status) \(reply.text)")
        }
        return Set(try reply.decode(IncidentList.self).incidents.compactMap(\.interruptionTime))
    }
}
