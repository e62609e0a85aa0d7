import BenchmarkSupport
import Glibc
import Platform
import TestSupport

/// One run: the coordinator, its fleet, and what is measured of them, in the order that costs the least time.
final class Bench {
    let plan: Plan
    let folder: String
    let swarm: Swarm
    let program: String

    init(_ plan: Plan) throws {
        self.plan = plan
        for (name, package) in [("nginx", "nginx-light"), ("wrk", "wrk"), ("openssl", "openssl")] {
            _ = try findProgram(name, package: package)
        }
        let products = try productFolder()
        program = "\(products)/spot-coordinator"
        guard fileExists(program) else {
            throw BenchmarkError("\(program) is missing: swift build -c release --product spot-coordinator")
        }
        // Beside the programs, because a disk that is memory would make every commit free.
        folder = "\(products)/coordinator-benchmark-\(getpid())"
        try makeFolder(folder)
        swarm = try Swarm()
    }

    func run() throws {
        defer { removeTree(folder) }
        let begin = swarm.moment
        try showMachine()
        if !plan.measurements.isDisjoint(with: [.heartbeat, .tls, .parked, .push, .storm, .restart]) {
            try measureFleet()
        }
        if plan.measurements.contains(.stream) { try measureStream() }
        if plan.measurements.contains(.scale) { try measureScale() }
        showTitle("\(seconds(swarm.moment - begin)) in all")
    }

    private func measureFleet() throws {
        let coordinator = try CoordinatorProcess(program, folder: "\(folder)/fleet")
        try coordinator.start()
        defer { try? coordinator.stop() }
        let empty = try coordinator.resident()
        let fleet = Fleet(swarm, port: coordinator.port, operatorToken: CoordinatorProcess.operatorToken)
        let tokens = try fleet.makeClients(forSlots: plan.agents)
        let took = try fleet.enrol(plan.agents, pairs: plan.pairs, tokens: tokens)
        showTitle("\(plan.agents) agents, enrolled in \(seconds(took)) over 64 connections")
        if plan.measurements.contains(.heartbeat) { try measureHeartbeats(coordinator, fleet) }
        if plan.measurements.contains(.tls) { try measureTLS(coordinator, fleet) }
        guard !plan.measurements.isDisjoint(with: [.parked, .push, .storm, .restart]) else { return }
        fleet.dropIdle()
        try coordinator.stop()
        try coordinator.start()
        try measureParked(coordinator, fleet, empty: empty)
        if plan.measurements.contains(.push) { try measurePush(coordinator, fleet) }
        if plan.measurements.contains(.storm) { try measureStorm(coordinator, fleet) }
        if plan.measurements.contains(.restart) { try measureRestart(coordinator, fleet) }
        fleet.rest()
        if fleet.faultCount > 0 {
            show("\(fleet.faultCount) answers were not as they should be", fleet.faults.joined(separator: "; "))
        }
    }

    /// What a commit cannot be faster than.
    private func showMachine() throws {
        let path = "\(folder)/disk"
        let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT, permissions: 0o600)
        let page = [UInt8](repeating: 1, count: 4_096)
        var times: [Duration] = []
        for _ in 0..<200 {
            let begin = swarm.moment
            guard unsafe write(file.number, page, page.count) == page.count, fdatasync(file.number) == 0 else {
                throw BenchmarkError("write to \(path): \(describe(errno: errno))")
            }
            times.append(swarm.moment - begin)
        }
        let load = try readText("/proc/loadavg").split(separator: " ").first ?? "?"
        showTitle("the machine: \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) processors, load \(load) before the run")
        show("4 KB written and synced", Spread(times).text)
    }
}
