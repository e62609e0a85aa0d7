import AgentCore
import AgentHost
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// The shell for as long as it takes to see what each poll leaves behind. The benchmark of the agent does it 100,000 times.
struct PollingTests {
    @Test(.enabled(if: !isUnderSanitizer, "left out: the sanitizer keeps what was freed"))
    func `thousands of polls go over one connection and leave nothing behind`() throws {
        try withTemporaryFolder { folder in
            let service = try PretendMetadata()
            defer { service.stop() }
            let loop = PollLoop()
            let surroundings = SystemSurroundings()
            let metadata = try MetadataClient(loop: loop, endpoint: service.endpoint)
            var options = AgentOptions(hostname: "host", proposed: SlotSettingsChange())
            options.noticePeriod = .microseconds(100)
            let shell = try AgentShell(
                options, remembering: Memory(), in: folder, on: loop, disk: DiskThread(capacity: 8),
                tools: AgentShell.Tools(
                    // Nobody is there, which is found out at once.
                    uplink: Uplink(
                        loop: loop, server: "http://127.0.0.1:\(unusedLoopbackPort())", caFile: nil,
                        clientToken: Token("token")),
                    metadata: metadata,
                    cloud: Cloud(loop: loop, settings: CloudSettings([:]), surroundings: surroundings) {
                        metadata.read(path: $0, within: $1, $2)
                    }),
                surroundings: surroundings, tell: { _ in }, stop: {})
            func poll(upTo count: Int) throws -> Int {
                let isThere = loop.run(within: .seconds(60)) {
                    service.counts.reads["spot/instance-action"] ?? 0 >= count
                }
                try #require(isThere)
                return try residentMemory()
            }
            shell.take(.started)
            let before = try poll(upTo: 2_000)
            let growth = try poll(upTo: 6_000) - before
            // Some pages come in late. A hundred bytes kept of each poll are twice as much.
            #expect(growth < 200 << 10, "\(growth) bytes")
            #expect(service.connections == 1)
        }
    }
}
