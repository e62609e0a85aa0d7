import BenchmarkSupport
import Glibc
import Platform
import TestSupport
import Wire

/// One run, in the order that costs the least time.
final class Bench {
    let plan: Plan
    let folder: String
    let agent: String
    let coordinator: String
    let surroundings = SystemSurroundings()
    private var machines = 0

    init(_ plan: Plan) throws {
        self.plan = plan
        let products = try productFolder()
        for name in ["spot-agent", "spot-coordinator"] where !fileExists("\(products)/\(name)") {
            throw BenchmarkError("\(products)/\(name) is missing: swift build -c release --product \(name)")
        }
        // Beside the programs, because a disk that is memory would make every commit free.
        folder = "\(products)/agent-benchmark-\(getpid())"
        try makeFolder(folder)
        coordinator = "\(products)/spot-coordinator"
        agent = "\(folder)/spot-agent"
        let strip = try ChildProcess(
            findProgram("strip", package: "binutils"), ["-o", agent, "\(products)/spot-agent"]
        ).waitForEnd()
        guard strip.end == .exited(0) else { throw BenchmarkError("strip the agent: \(strip.errors)") }
        try forgetCached(agent)
    }

    /// As after the machine's start: of a file that was just written, newer kernels map far more than is touched.
    private func forgetCached(_ path: String) throws {
        let file = try FileDescriptor(opening: path, O_RDONLY)
        guard fsync(file.number) == 0, posix_fadvise(file.number, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
            throw BenchmarkError("have the kernel forget \(path): \(describe(errno: errno))")
        }
    }

    func run() throws {
        defer { removeTree(folder) }
        let begin = surroundings.monotonic()
        let load = try readText("/proc/loadavg").split(separator: " ").first ?? "?"
        showTitle("the machine: \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, load \(load) before the run")
        let names = try Names(in: folder)
        let service = try Service(coordinator, in: "\(folder)/coordinator")
        defer { try? service.process.stop() }
        let notices = plan.measurements.contains(.notice) ? try Notices(self, service) : nil
        try notices?.measureWithNames()
        try names.forget()
        let forgotten = surroundings.monotonic()
        if plan.measurements.contains(.ready) { try measureReady(service) }
        if plan.measurements.contains(.idle) { try measureIdle(service) }
        if plan.measurements.contains(.flat) { try measureFlat(service) }
        try notices?.measureWithoutNames(since: forgotten)
        try notices?.stop()
        if plan.measurements.contains(.failover) { try HandOvers(self, service).measure() }
        showTitle("\(seconds(surroundings.monotonic() - begin)) in all")
    }

    func makeMachine(
        _ service: Service, host: String = "127.0.0.1", slot: String? = nil,
        more: (InstanceID) -> [String: String] = { _ in [:] }
    ) throws -> Machine {
        machines += 1
        return try Machine(
            number: machines, in: folder, server: service.url(host: host), token: service.token, slot: slot,
            more: more(InstanceID(numbered: machines)))
    }

    func rest(_ time: Duration) { usleep(UInt32(max(0, time / .microseconds(1)))) }

    private func measureReady(_ service: Service) throws {
        showTitle("from its start to READY, \(plan.starts) times")
        let machine = try makeMachine(service)
        var times: [Duration] = []
        for _ in 0..<plan.starts {
            times.append(try machine.start(agent))
            try machine.stop()
        }
        let spread = Spread(times)
        show("ready", spread.text, .atMost(spread.at(0.5) / .milliseconds(1), 50, "ms"))
    }
}
