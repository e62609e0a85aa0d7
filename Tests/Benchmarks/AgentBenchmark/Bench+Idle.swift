import BenchmarkSupport
import Glibc
import JSON
import Platform
import PretendMetadata
import TestSupport
import Wire

// What the agent costs while nothing happens. All are watched in the same time.
extension Bench {
    /// One that is watched.
    private struct Watched {
        let id: Int32
        var threads = 0
        var begin = Duration.zero
        /// Share of one processor, in percent.
        var share = 0.0

        init(_ id: Int32) { self.id = id }
    }

    func measureIdle(_ plain: Service) throws {
        showTitle("idle, one second between polls, for \(seconds(plan.idleTime))")
        let certificate = try Certificate(in: folder)
        try trust(certificate, in: folder)
        let secure = try Service(coordinator, in: "\(folder)/secure", certificate)
        defer { try? secure.process.stop() }
        let machines = try [plain, secure].map { try makeMachine($0) }
        let floors = try [plain, secure].map { try FloorProcess($0, number: $0 === plain ? 9_001 : 9_002) }
        for machine in machines { try machine.start(agent) }
        for machine in machines { try machine.waitForContact() }
        let original = try Original(plain)
        rest(plan.settlingTime)
        var watched = (machines.map(\.id) + floors.map(\.id) + [original?.id].compactMap { $0 }).map(Watched.init)
        try withExtendedLifetime(floors) { try watch(&watched, machines) }
        try showAgent("plain HTTP", machines[0], watched[0], floor: watched[2], resident: 19, anonymous: 3.5)
        try showAgent(
            "HTTPS, system's authorities", machines[1], watched[1], floor: watched[3], resident: 22, anonymous: 4.5)
        if let original { try showOriginal(original, watched[4]) }
        for machine in machines { try machine.stop() }
    }

    private func watch(_ watched: inout [Watched], _ machines: [Machine]) throws {
        let begin = surroundings.monotonic()
        for index in watched.indices { watched[index].begin = try processorTimeOfAll(watched[index].id) }
        while surroundings.monotonic() - begin < plan.idleTime {
            rest(.milliseconds(100))
            for machine in machines { machine.drain() }
            for index in watched.indices {
                watched[index].threads = max(watched[index].threads, try Holding(of: watched[index].id).threads)
            }
        }
        let time = surroundings.monotonic() - begin
        for index in watched.indices {
            watched[index].share = (try processorTimeOfAll(watched[index].id) - watched[index].begin) / time * 100
        }
    }

    private func showAgent(
        _ what: String, _ machine: Machine, _ agent: Watched, floor: Watched, resident: Double, anonymous: Double
    ) throws {
        let holding = try Holding(of: machine.id)
        let mebi = 1_048_576.0
        show("\(what): resident", megabytes(holding.resident), .atMost(Double(holding.resident) / mebi, resident, "MB"))
        show(
            "  anonymous", megabytes(holding.anonymous), .atMost(Double(holding.anonymous) / mebi, anonymous, "MB"))
        // A lookup's thread comes and goes, and none of these needs one.
        show("  threads, the most seen", "\(agent.threads)", .atMost(Double(agent.threads), 2, ""))
        show(
            "  processor", "\(rounded(agent.share, 3)) %, libcurl alone \(rounded(floor.share, 3)) %",
            .atMost(agent.share - floor.share, 0.1, "% more"))
        let connections = machine.metadata.connections
        show("  connections to the metadata service", "\(connections)", .atMost(Double(connections), 1, ""))
    }

    private func showOriginal(_ original: Original, _ watched: Watched) throws {
        let holding = try Holding(of: original.id)
        show(
            "a Python process of the original's shape",
            "\(megabytes(holding.resident)), \(megabytes(holding.anonymous)) anonymous")
        show("  threads, the most seen", "\(watched.threads)")
        show("  processor, one poll in five seconds", "\(rounded(watched.share, 3)) %")
    }
}

/// libcurl alone, asking what the agent asks.
private final class FloorProcess {
    private let process: ChildProcess
    private let metadata: PretendMetadata
    var id: Int32 { process.id }

    init(_ service: Service, number: Int) throws {
        metadata = try PretendMetadata()
        let instance = try InstanceID(numbered: number)
        process = try ChildProcess(
            ownPath(), ["floor", metadata.endpoint, service.url(), service.token.secret, instance.text])
        try process.waitForText("asking")
    }

    deinit { metadata.stop() }
}

/// A Python process that does what the original agents did, as they did it.
private final class Original {
    private let process: ChildProcess
    private let metadata: PretendMetadata
    var id: Int32 { process.id }

    /// Nil where Python's packages are not installed.
    init?(_ service: Service) throws {
        let python = ".build/moto/bin/python"
        let script = "Tests/Benchmarks/AgentBenchmark/original.py"
        guard fileExists(python), fileExists(script) else {
            show("a Python process of the original's shape", "left out: run Packaging/setup --test")
            return nil
        }
        metadata = try PretendMetadata()
        process = try ChildProcess(
            python, [script, metadata.endpoint, service.url(), service.token.secret],
            environment: ["PATH": "/usr/bin:/bin"])
        try process.waitForText("running", within: .seconds(30))
    }

    deinit { metadata.stop() }
}
