import AgentCore
import AgentHost
import BenchmarkSupport
import Glibc
import Platform
import PretendMetadata
import Systemd
import TestSupport
import Wire

/// The agent's own shell in a process of its own, with a period that no setting offers: 100,000 polls are a day of the
/// program as it ships.
enum Polls {
    private static let period = Duration.microseconds(100)

    /// Metadata service, coordinator, client's token, folder.
    static func run(_ arguments: [String]) throws {
        guard arguments.count == 4 else { throw BenchmarkError("polls: it takes four arguments") }
        let surroundings = SystemSurroundings()
        let loop = try Loop()
        let disk = try DiskThread(capacity: 8)
        var options = AgentOptions(hostname: "polls", proposed: SlotSettingsChange())
        options.noticePeriod = period
        let metadata = try MetadataClient(loop: loop, endpoint: arguments[0])
        let uplink = try Uplink(loop: loop, server: arguments[1], caFile: nil, clientToken: Token(arguments[2]))
        let cloud = try Cloud(loop: loop, settings: CloudSettings([:]), surroundings: surroundings) {
            metadata.read(path: $0, within: $1, $2)
        }
        let shell = try AgentShell(
            options, remembering: Memory(), in: arguments[3], on: loop, disk: disk,
            tools: AgentShell.Tools(uplink: uplink, metadata: metadata, cloud: cloud), surroundings: surroundings,
            tell: { _ in }, stop: { loop.stop(0) })
        shell.take(.started)
        _ = try loop.run()
    }
}

extension Bench {
    func measureFlat(_ service: Service) throws {
        showTitle("\(plan.polls) polls, by the agent's shell with a shorter period")
        let metadata = try PretendMetadata()
        defer { metadata.stop() }
        let state = "\(folder)/polls"
        try makeFolder(state)
        let process = try ChildProcess(
            ownPath(), ["polls", metadata.endpoint, service.url(), service.token.secret, state])
        func after(_ count: Int) throws -> Holding {
            let deadline = surroundings.monotonic() + .seconds(600)
            while metadata.counts.reads["spot/instance-action"] ?? 0 < count {
                guard surroundings.monotonic() < deadline else { throw BenchmarkError("the polls do not go on") }
                rest(.milliseconds(10))
            }
            return try Holding(of: process.id)
        }
        let warm = 2_000
        let before = try after(warm)
        let then = try after(warm + plan.polls)
        show("after \(warm)", before.text)
        let growth = Double(then.anonymous - before.anonymous) / 1_024
        show("after \(plan.polls) more", then.text, .atMost(growth, 64, "KB more"))
        show("  connections to the metadata service", "\(metadata.connections)")
    }
}
