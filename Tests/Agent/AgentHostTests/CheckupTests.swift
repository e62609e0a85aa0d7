import AgentCore
import AgentHost
import JSON
import Platform
import PretendMetadata
import TestSupport
import Testing
import Wire

/// What the check-up finds on a loop of its own, where a test can set the clock.
@Suite(.serialized) struct CheckupTests {
    private struct WrongClock: Surroundings {
        let real = SystemSurroundings()
        let ahead: Duration

        func monotonic() -> Duration { real.monotonic() }
        func boot() -> Duration { real.boot() }
        func wall() -> Timestamp { real.wall() + ahead }
        func random() -> UInt64 { real.random() }
    }

    /// As found without a coordinator, on a machine whose clock is wrong by that.
    private func findings(
        ahead: Duration, _ takeOver: TakeOver = TakeOver(), state: String = "/nonexistent",
        _ prepare: (PretendMetadata, PretendIAM) -> Void = { _, _ in }
    ) throws -> Findings {
        let metadata = try PretendMetadata()
        defer { metadata.stop() }
        let iam = try PretendIAM()
        defer { iam.stop() }
        prepare(metadata, iam)
        let loop = PollLoop()
        let surroundings = WrongClock(ahead: ahead)
        let client = try MetadataClient(loop: loop, endpoint: metadata.endpoint)
        let settings = CloudSettings([
            "AWS_ENDPOINT_URL": iam.url, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-secret-half",
        ])
        let cloud = try Cloud(loop: loop, settings: settings, surroundings: surroundings) {
            client.read(path: $0, within: $1, $2)
        }
        let tools = Checkup.Tools(uplink: nil, metadata: client, cloud: cloud, disk: try DiskThread(capacity: 1))
        var known = Findings()
        known.takeOver = takeOver
        let checkup = try Checkup(known, on: loop, tools: tools, surroundings: surroundings)
        var found: Findings?
        checkup.begin(in: Checkup.Places(state: state, runtime: "/nonexistent", isStateNamed: true)) {
            #expect(found == nil, "it ends once")
            found = $0
        }
        #expect(loop.run(within: .seconds(20)) { found != nil })
        return try #require(found)
    }

    private func clock(_ findings: Findings) throws -> CheckLine {
        try #require(findings.lines.first { $0.subject == "clock" })
    }

    private static let clocks: [(Duration, CheckLine.Verdict)] = [
        (.zero, .ok), (.seconds(5), .warning), (.seconds(-5), .warning), (.seconds(400), .failed),
        (.seconds(-400), .failed),
    ]

    @Test(arguments: clocks)
    func `AWS' clock is read from its answers`(ahead: Duration, verdict: CheckLine.Verdict) throws {
        #expect(try clock(findings(ahead: ahead)).verdict == verdict)
    }

    @Test func `also from refusals`() throws {
        let found = try findings(ahead: .seconds(400)) { $1.deny(["DescribeInstances"]) }
        #expect(found.rights[.describeInstances] == .denied("UnauthorizedOperation"))
        #expect(found.rights[.runInstances] == .held)
        #expect(try clock(found).verdict == .failed)
    }

    @Test func `who this machine is and all its rights are found in one go`() throws {
        let found = try findings(ahead: .zero)
        #expect(found.facts?.instance == "i-0123456789abcdef0")
        #expect(found.rights.count == Right.ordinary.count)
        #expect(found.rights.values.allSatisfy { $0 == .held })
    }

    @Test
    func `what follows the workload is looked at, beside what its slot has for a hand-over, and stays where it is`()
        throws
    {
        try withTemporaryFolder { folder in
            let group = try #require(
                TargetGroup("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"))
            var takeOver = TakeOver()
            takeOver.address = "eipalloc-1"
            takeOver.volumes = [DataVolume(id: "vol-1", device: "/dev/sdf")]
            takeOver.targetGroups = [group]
            var settings = SlotSettings()
            settings.failoverDeadlineSeconds = 77
            let entry = Entry.configured(Configuration(version: 4, settings: settings))
            try replaceFile("\(folder)/state.log", with: RecordFile.text(of: [[encodeJSON(entry)]]))
            let found = try findings(ahead: .zero, takeOver, state: folder) { _, iam in
                iam.deny(["AssociateAddress"])
            }
            #expect(found.failoverDeadline == .seconds(77))
            #expect(found.volumes["vol-1"]?.zone == "us-east-1c")
            #expect(found.healthChecks[group]?.interval == .seconds(30))
            #expect(found.rights[.associateAddress] == .denied("UnauthorizedOperation"))
            let tried: [Right] = [
                .describeAddresses, .describeVolumes, .attachVolume, .detachVolume, .describeTargetGroups,
                .describeTargetHealth,
            ]
            for right in tried { #expect(found.rights[right] == .held, "\(right)") }
        }
    }
}
