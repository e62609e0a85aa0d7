import BenchmarkSupport
import Glibc
import Platform

/// Measures the coordinator as its agents meet it: a process of its own, beside nginx on the same machine in the same run.
///
///     swift build -c release --product spot-coordinator
///     swift run -c release CoordinatorBenchmark [--quick] [--only NAME] [--agents N]
///
/// Needs wrk, nginx and openssl (Debian: wrk, nginx-light, openssl). Ends what it started, and nothing else.
@main struct CoordinatorBenchmark {
    static func main() {
        do {
            let plan = try Plan(CommandLine.arguments.dropFirst())
            let limit = raiseDescriptorLimit()
            guard limit > plan.agents + 2_000 else {
                throw BenchmarkError("\(limit) open files are too few for \(plan.agents) agents: ulimit -n")
            }
            try Bench(plan).run()
        } catch {
            print("benchmark: \(error)")
            exit(1)
        }
    }
}

enum Measurement: String, CaseIterable { case heartbeat, tls, parked, push, storm, restart, stream, scale }

/// What is measured and how long.
struct Plan {
    private(set) var measurements = Set(Measurement.allCases)
    private(set) var isQuick = false
    /// One process holds at most 20,000 descriptors where the hard limit is usual, and both ends are ours.
    private(set) var agents = 9_000

    init(_ arguments: some Sequence<String>) throws {
        var iterator = arguments.makeIterator()
        var chosen: Set<Measurement> = []
        while let argument = iterator.next() {
            switch argument {
            case "--quick": isQuick = true
            case "--only":
                guard let name = iterator.next(), let only = Measurement(rawValue: name) else {
                    let names = Measurement.allCases.map(\.rawValue).joined(separator: ", ")
                    throw BenchmarkError("--only takes one of \(names)")
                }
                chosen.insert(only)
            case "--agents":
                guard let number = iterator.next().flatMap({ Int($0) }), (2_000...15_000).contains(number) else {
                    throw BenchmarkError("--agents takes a number from 2000 to 15000")
                }
                agents = number
            default:
                throw BenchmarkError("unknown: \(argument); there are --quick, --only NAME and --agents N")
            }
        }
        if !chosen.isEmpty { measurements = chosen }
    }

    var rounds: Int { isQuick ? 2 : 5 }
    /// Of one burst of requests.
    var burst: Duration { isQuick ? .seconds(1) : .seconds(2) }
    var cyclingTime: Duration { isQuick ? .seconds(4) : .seconds(10) }
    var pushes: Int { isQuick ? 300 : 1_000 }
    /// Slots whose primary and replica are both enrolled.
    let pairs = 500
    var known: Int { isQuick ? 10_000 : 100_000 }
}
