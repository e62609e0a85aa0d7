import BenchmarkSupport
import Glibc
import Platform

/// Measures the agent as it ships: what it costs while nothing happens, beside libcurl alone and beside a Python process of
/// the original agents' shape, how soon a notice is durable at the coordinator, and how soon another machine is proven to serve.
///
///     Packaging/benchmark agent [--quick] [--only NAME]
///     Packaging/benchmark failover [--quick]
///
/// It goes into namespaces of its own, so that it can be the name server and the authority that its programs trust. Ends what
/// it started, and nothing else.
@main struct AgentBenchmark {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            switch arguments.first {
            case "floor": try Floor(Array(arguments.dropFirst())).run()
            case "polls": try Polls.run(Array(arguments.dropFirst()))
            default:
                let plan = try Plan(arguments)
                try enterNamespaces(arguments)
                try Bench(plan).run()
            }
        } catch {
            print("benchmark: \(error)")
            exit(1)
        }
    }
}

enum Measurement: String, CaseIterable { case ready, idle, flat, notice, failover }

/// What is measured and how long.
struct Plan {
    /// Hand-overs take as long as all the rest, so they are asked for by name.
    private(set) var measurements = Set(Measurement.allCases).subtracting([.failover])
    private(set) var isQuick = false

    init(_ arguments: [String]) throws {
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
            default: throw BenchmarkError("unknown: \(argument); there are --quick and --only NAME")
            }
        }
        if !chosen.isEmpty { measurements = chosen }
    }

    var starts: Int { isQuick ? 20 : 100 }
    /// How long the processors are watched, and for how long before that the programs settle.
    var idleTime: Duration { isQuick ? .seconds(20) : .seconds(60) }
    var settlingTime: Duration { isQuick ? .seconds(5) : .seconds(15) }
    var polls: Int { isQuick ? 20_000 : 100_000 }
    /// Machines that are told a notice in each round.
    var machines: Int { isQuick ? 40 : 100 }
    /// A slot has room for 16 open incidents, and there are four series of rounds.
    let rounds = 3
    /// Hand-overs of each kind.
    var handOvers: Int { isQuick ? 5 : 20 }
}
