import JSON
import Testing
import Wire

@testable import AgentCore

/// What `spot-agent check` makes of what it found.
struct CheckTests {
    static let address = "https://coordinator.example.com"

    /// All is well.
    static func findings(_ change: (inout Findings) -> Void = { _ in }) -> Findings {
        var findings = Findings()
        findings.server = address
        findings.hasToken = true
        findings.service = .success(ServiceDescription(uptimeSeconds: 5))
        findings.client = .success(ValidatedClient(client: "c-1", name: "acme"))
        findings.coordinatorClock = ClockReading(ahead: .milliseconds(3), margin: .milliseconds(1))
        findings.cloudClock = ClockReading(ahead: .milliseconds(300), margin: .milliseconds(600))
        findings.metadata = [
            .instanceID: .value("i-0123456789abcdef0"), .zone: .value("us-east-1b"), .instanceType: .value("m5.large"),
            .image: .value("ami-1"), .lifeCycle: .value("spot"), .privateAddress: .value("10.0.0.7"),
            .publicAddress: .absent,
        ]
        for right in Right.allCases { findings.rights[right] = .held }
        findings.folder = .there(folder())
        findings.daemon = .fresh(status())
        change(&findings)
        return findings
    }

    static func folder(_ change: (inout FolderFinding.Facts) -> Void = { _ in }) -> FolderFinding.Facts {
        var facts = FolderFinding.Facts(
            path: "/var/lib/spot-agent", permissions: 0o700, fault: nil, freeBytes: 1 << 30, hasFreeFiles: true)
        change(&facts)
        return facts
    }

    static func status(
        _ state: LocalStatus.Contact.State = .inContact, _ change: (inout LocalStatus) -> Void = { _ in }
    ) -> LocalStatus {
        var status = LocalStatus(
            updatedAt: Samples.time, startedAt: Samples.time, contact: .init(state: state, since: Samples.time))
        status.slot = "a-1"
        status.role = .primary
        change(&status)
        return status
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let subject: String
        let verdict: CheckLine.Verdict
        let words: String
        let change: @Sendable (inout Findings) -> Void

        init(
            _ subject: String, _ verdict: CheckLine.Verdict, _ words: String,
            _ change: @escaping @Sendable (inout Findings) -> Void
        ) {
            (self.subject, self.verdict, self.words, self.change) = (subject, verdict, words, change)
        }

        var testDescription: String { "\(subject) \(verdict): \(words)" }
    }

    @Test func `all well is all ok, with no remedy`() {
        let page = CheckPage(Self.findings().lines)
        #expect(page.verdict == .ok)
        #expect(page.lines.allSatisfy { $0.verdict == .ok && $0.remedy == nil }, "\(page.text)")
        #expect(page.lines.count == 7 + Right.ordinary.count)
    }

    @Test(arguments: server + metadata + rights + machine + takeOver)
    func `one fault makes one line what it is`(fault: Case) throws {
        let lines = Self.findings(fault.change).lines
        let line = try #require(lines.first { $0.subject == fault.subject })
        #expect(line.verdict == fault.verdict)
        let words = "\(line.finding) \(line.remedy ?? "")"
        #expect(words.contains(fault.words), "\(words)")
        #expect(line.verdict != .failed || line.remedy != nil, "what failed has a remedy")
    }

    static let server: [Case] = [
        Case("configuration", .failed, "PORT is wrong") { $0.problems = ["PORT is wrong"] },
        Case("configuration", .warning, "retired") { $0.notices = ["retired"] },
        Case("configuration", .warning, "SERVER_CA_FILE is /home/me/ca.pem: spot-agent.service sees nothing") {
            $0.paths = ["SERVER_CA_FILE": "/home/me/ca.pem", "HOOKS_DIR": "/etc/spot-optimizer/hooks"]
        },
        Case("server", .failed, "SPOT_OPTIMIZER_SERVER_URL") { $0.server = nil },
        Case("server", .failed, "no answer came in time") { $0.service = nil },
        Case("server", .failed, "security groups") { $0.service = .failure(.unreachable("connect: refused")) },
        Case("server", .failed, "SERVER_CA_FILE") { $0.service = .failure(.unreachable("untrusted; SERVER_CA_FILE")) },
        Case("server", .failed, "a proxy") { $0.service = .failure(.rubbish("answered a page")) },
        Case("server", .failed, "no spot-coordinator but nginx") { findings in
            var other = ServiceDescription(uptimeSeconds: 1)
            other.name = "nginx"
            findings.service = .success(other)
        },
        Case("server", .failed, "upgrade the coordinator first") { $0.service = speaking(protocolVersion - 1) },
        Case("server", .ok, "protocol \(protocolVersion + 1)") { $0.service = speaking(protocolVersion + 1) },
        Case("server", .failed, "upgrade this agent") { $0.service = speaking(protocolVersion + 2) },
        Case("server", .warning, "without TLS") { $0.server = "http://10.0.0.1:5000" },
        Case("server", .ok, "http://localhost:5000 is") { $0.server = "http://localhost:5000" },
        Case("server", .ok, "http://127.0.0.1:5000 is") { $0.server = "http://127.0.0.1:5000" },
        Case("token", .failed, "run this as root") { $0.hasToken = false },
        Case("token", .warning, "not tried") { $0.service = .failure(.rubbish("a page")) },
        Case("token", .failed, "no answer came in time") { $0.client = nil },
        Case("token", .failed, "spot-coordinator client token") { $0.client = .failure(refused(401, .invalidToken)) },
        Case("token", .failed, "switched off") { $0.client = .failure(refused(403, .inactiveClient)) },
        Case("token", .failed, "spot-coordinator client token") { $0.client = .failure(refused(403, .forbidden)) },
        Case("token", .failed, "try again") { $0.client = .failure(refused(429)) },
        Case("clock", .warning, "nobody told") { ($0.coordinatorClock, $0.cloudClock) = (nil, nil) },
        Case("clock", .ok, "999 ms behind the coordinator's") { $0.coordinatorClock = clock(.milliseconds(-999)) },
        Case("clock", .ok, "1500 ms ahead of AWS'") {
            $0.cloudClock = clock(.milliseconds(1500), margin: .milliseconds(600))
        },
        Case("clock", .warning, "set the coordinator's clock") { $0.coordinatorClock = clock(.milliseconds(1100)) },
        Case("clock", .warning, "set this machine's clock") { findings in
            (findings.coordinatorClock, findings.cloudClock) = (clock(.seconds(-20)), clock(.seconds(-20)))
        },
        Case("clock", .failed, "310 s ahead of AWS'") { $0.cloudClock = clock(.seconds(310)) },
        Case("clock", .failed, "refuses signatures") {
            ($0.coordinatorClock, $0.cloudClock) = (clock(.seconds(-310)), nil)
        },
        // A coordinator's clock signs nothing.
        Case("clock", .warning, "AWS agrees with this machine") { $0.coordinatorClock = clock(.seconds(-310)) },
    ]

    static let metadata: [Case] = [
        Case("metadata", .failed, "no answer came in time") { $0.metadata = [:] },
        Case("metadata", .failed, "http-put-response-hop-limit") { $0.metadata = [.instanceID: .failed("hung")] },
        Case("metadata", .failed, "run this on an EC2 instance") { $0.metadata = [.instanceID: .absent] },
        Case("metadata", .failed, "instance-id") { $0.metadata[.instanceID] = .value("nobody") },
        Case("metadata", .failed, "set AWS_REGION") { $0.metadata[.zone] = .failed("hung") },
        Case("metadata", .warning, "does not tell the zone") { findings in
            findings.metadata[.zone] = .failed("hung")
            findings.region = "us-east-1"
        },
        Case("metadata", .warning, "type, image") { findings in
            findings.metadata[.instanceType] = nil
            findings.metadata[.image] = nil
        },
        Case("metadata", .ok, "i-0123456789abcdef0 in us-east-1b (m5.large, spot)") { _ in },
        Case("rights", .warning, "not tried") { $0.metadata = [:] },
    ]

    static let rights: [Case] = [
        Case("rights", .failed, "no role") {
            $0.rights = [.describeInstances: .unknown(CloudFault(.unreachable, "the instance has no role"))]
        },
        Case("rights", .failed, "bad key") {
            $0.rights = [.describeInstances: .unknown(CloudFault(.notAllowed, code: "AuthFailure", "bad key"))]
        },
        Case("ec2:RunInstances", .failed, "allow ec2:RunInstances in the policy") { $0.deny(.runInstances) },
        Case("ec2:DescribeInstances", .failed, "for every command") { $0.deny(.describeInstances) },
        Case("ec2:DeleteSnapshot", .failed, "for the clean-up") { $0.deny(.deleteSnapshot) },
        Case("pricing:GetProducts", .failed, "to report prices") { $0.deny(.getProducts) },
        Case("ec2:CreateImage", .warning, "IAM denies it") { $0.deny(.createImage) },
        Case("ec2:CreateImage", .failed, "IAM denies it") { findings in
            findings.deny(.createImage)
            findings.makesImages = true
        },
        Case("ec2:DeregisterImage", .warning, "nothing of ours") {
            $0.rights[.deregisterImage] = .unknown(CloudFault(.notFound, "no such image"))
        },
        Case("ec2:RunInstances", .warning, "not known: limit") {
            $0.rights[.runInstances] = .unknown(CloudFault(.limit, "limit"))
        },
        Case("ec2:DescribeSubnets", .warning, "no answer came in time") { $0.rights[.describeSubnets] = nil },
    ]

    static let takeOver: [Case] = [
        Case("ec2:AssociateAddress", .failed, "to take the address over") { findings in
            findings.takeOver.address = "eipalloc-1"
            findings.deny(.associateAddress)
        },
        Case("ec2:DescribeAddresses", .failed, "ELASTIC_IP_ALLOCATION_ID must name what is there") { findings in
            findings.takeOver.address = "eipalloc-1"
            findings.rights[.describeAddresses] = .unknown(CloudFault(.notFound, "no such address"))
        },
        Case("elasticloadbalancing:RegisterTargets", .warning, "it cannot be tried") { findings in
            findings.takeOver.targetGroups = [HandOverScene.group]
            findings.rights[.registerTargets] = nil
        },
        Case("vol-1", .ok, "in us-east-1b, as this machine; attached at i-00000000000000001") {
            $0.have("vol-1", in: "us-east-1b", at: "i-00000000000000001")
        },
        Case("vol-1", .ok, "attached here") { $0.have("vol-1", in: "us-east-1b", at: "i-0123456789abcdef0") },
        Case("vol-1", .ok, "at no machine") { $0.have("vol-1", in: "us-east-1b", at: nil) },
        Case("vol-1", .failed, "vol-1 is in us-east-1c and this machine in us-east-1b") {
            $0.have("vol-1", in: "us-east-1c", at: nil)
        },
        Case("target group web", .ok, "healthy after 3 × 5 s = 15 s; a hand-over has 15 s") {
            $0.check(.init(interval: .seconds(5), healthyAfter: 3))
        },
        Case("target group web", .warning, "healthy after 5 × 30 s = 150 s; a hand-over has 15 s") {
            $0.check(.init(interval: .seconds(30), healthyAfter: 5))
        },
        Case("target group web", .ok, "a hand-over has 120 s") { findings in
            findings.check(.init(interval: .seconds(30), healthyAfter: 4))
            findings.failoverDeadline = .seconds(120)
        },
        Case("target group web", .failed, "type ip") {
            $0.check(.init(interval: .zero, healthyAfter: 0, otherTargets: "ip"))
        },
        Case("unit web.service", .ok, "running") { $0.have(["web"], before: ["web.service"]) },
        Case("unit order", .ok, "before them") { $0.have(["web"], before: ["web.service"]) },
        Case("unit web.service", .failed, "PROMOTE_UNITS") { $0.have(["web"], before: [], loaded: false) },
        Case("unit order", .warning, "may stop web.service db.service") { $0.have(["db", "web"], before: []) },
        Case("unit order", .warning, "may stop web.service before") { $0.have(["db", "web"], before: ["db.service"]) },
        Case("unit order", .ok, "when it runs") { findings in
            findings.have(["web"], before: [])
            findings.daemon = nil
        },
        Case("units", .warning, "no answer came in time") { findings in
            findings.have(["web"], before: [])
            findings.units = nil
        },
        Case("units", .warning, "not looked at: no bus") { findings in
            findings.have(["web"], before: [])
            findings.units = .unasked("no bus")
        },
        Case("hooks", .ok, "none in /hooks") { $0.hooks = hooks() },
        Case("hooks", .ok, "1 for fence, 2 for promote") { $0.hooks = hooks([.promote: 2, .fence: 1]) },
        Case("hooks", .failed, "chmod go-w /hooks/promote.d/a") {
            $0.hooks = hooks(refusals: ["refused: others may write: chmod go-w /hooks/promote.d/a"])
        },
        Case("hooks", .warning, "/hooks/promote.d/a.bak is left out") {
            $0.hooks = hooks([.promote: 1], leftOut: ["/hooks/promote.d/a.bak"])
        },
    ]

    static func hooks(
        _ counts: [HookStage: Int] = [:], refusals: [String] = [], leftOut: [String] = []
    ) -> HooksFinding {
        HooksFinding(place: "/hooks", counts: counts, refusals: refusals, leftOut: leftOut)
    }

    @Test func `what the settings do not name has no line`() {
        let subjects = Set(Self.findings().lines.map(\.subject))
        let others = subjects.filter { subject in
            ["vol-", "target group", "unit", "hooks", "elasticloadbalancing", "ec2:Attach", "ec2:Associate"].contains {
                subject.hasPrefix($0)
            }
        }
        #expect(others.isEmpty)
    }

    @Test func `of several trials of one right the worst counts, in whichever order they end`() {
        let unknown = RightFinding.unknown(CloudFault(.limit, "limit"))
        for order in [[RightFinding.held, unknown, Self.no], [Self.no, unknown, .held], [unknown, Self.no, .held]] {
            var findings = Findings()
            for finding in order { findings.note(finding, of: .attachVolume) }
            #expect(findings.rights[.attachVolume] == Self.no)
        }
    }

    static let machine: [Case] = [
        Case("state folder", .failed, "did not answer") { $0.folder = nil },
        Case("state folder", .failed, "mkdir -m 700 /x") { $0.folder = .absent(path: "/x", isNamed: true) },
        Case("state folder", .warning, "systemd makes it") { $0.folder = .absent(path: "/x", isNamed: false) },
        Case("state folder", .failed, "must name a folder") { $0.folder = .unusable("/x: not a directory") },
        Case("state folder", .failed, "read-only") { $0.folder = .there(folder { $0.fault = "read-only" }) },
        Case("state folder", .failed, "3 MiB free") { $0.folder = .there(folder { $0.freeBytes = 3 << 20 }) },
        Case("state folder", .failed, "another file") { $0.folder = .there(folder { $0.hasFreeFiles = false }) },
        Case("state folder", .warning, "mode 0755") { $0.folder = .there(folder { $0.permissions = 0o755 }) },
        Case("state folder", .warning, "60 MiB free") { $0.folder = .there(folder { $0.freeBytes = 60 << 20 }) },
        Case("daemon", .warning, "did not answer") { $0.daemon = nil },
        Case("daemon", .warning, "systemctl enable") { $0.daemon = .silent(reason: "no status") },
        Case("daemon", .warning, "any more") { $0.daemon = .stale(status()) },
        Case("daemon", .ok, "primary of agent a-1") { _ in },
        Case("daemon", .warning, "out of contact: refused") {
            $0.daemon = .fresh(status(.outOfContact) { $0.contact.reason = "refused" })
        },
        Case("daemon", .warning, "enrolling") { $0.daemon = .fresh(status(.enrolling)) },
        Case("daemon", .failed, "systemctl reload") { $0.daemon = .fresh(status(.deleted)) },
        Case("daemon", .failed, "blind") { $0.daemon = .fresh(status { $0.metadata.blindSince = Samples.time }) },
        Case("daemon", .failed, "no room") { $0.daemon = .fresh(status { $0.diskFault = "no room" }) },
    ]

    static func speaking(_ version: Int) -> Result<ServiceDescription, AskFailure> {
        var service = ServiceDescription(uptimeSeconds: 1)
        service.protocol = version
        return .success(service)
    }

    static func clock(_ ahead: Duration, margin: Duration = .zero) -> ClockReading {
        ClockReading(ahead: ahead, margin: margin)
    }

    @Test func `the worst line is the verdict, and JSON has all of them`() throws {
        let page = CheckPage(Self.findings { $0.deny(.createImage) }.lines)
        #expect(page.verdict == .warning)
        let failed = CheckPage(Self.findings { $0.deny(.runInstances) }.lines)
        #expect(failed.verdict == .failed)
        let document = try JSONDocument(encodeJSON(failed)).root.object()
        #expect(try document.required("verdict").string() == "failed")
        let checks = try document.required("checks").array()
        #expect(checks.count == failed.lines.count)
    }

    @Test func `a page shows each remedy below its line`() {
        let text = CheckPage(Self.findings { $0.deny(.runInstances) }.lines).text
        #expect(text.contains("failed   ec2:RunInstances"))
        #expect(text.contains("\n" + String(repeating: " ", count: 9)))
        #expect(text.contains("→ allow ec2:RunInstances"))
    }

    @Test func `an answer's way there and back is no difference of the clocks`() {
        let reading = ClockReading(
            askedAt: Samples.time, theirs: Samples.time + .seconds(3), answeredAt: Samples.time + .seconds(4))
        #expect(reading == ClockReading(ahead: .seconds(-1), margin: .seconds(2)))
        #expect(reading.difference == .zero)
    }

    // MARK: A launch

    typealias Parts = [(LaunchTrial.Part, RightFinding)]
    static let no = RightFinding.denied("UnauthorizedOperation")

    static let launches: [(Parts, [Right: RightFinding])] = [
        ([(.whole, .held)], [.runInstances: .held, .createTags: .held, .passRole: .held]),
        ([(.whole, no), (.tagged, .held), (.bare, .held)], [.runInstances: .held, .createTags: .held, .passRole: no]),
        // The policy wants our tag.
        ([(.whole, no), (.tagged, .held), (.bare, no)], [.runInstances: .held, .createTags: .held, .passRole: no]),
        ([(.whole, no), (.tagged, no), (.bare, .held)], [.runInstances: .held, .createTags: no]),
        ([(.whole, no), (.tagged, no), (.bare, no)], [.runInstances: no]),
        ([(.whole, no)], [.runInstances: no]),
        ([], [:]),
    ]

    @Test(arguments: launches)
    func `a launch that is denied is tried with less`(parts: Parts, rights: [Right: RightFinding]) throws {
        var launch = Launch(token: "t", image: "ami-1", instanceType: "m5.large", mode: .spot, zone: "us-east-1b")
        launch.profile = "arn"
        launch.tags = [.managed]
        var trial = LaunchTrial(launch)
        for (part, finding) in parts {
            #expect(trial.open.contains(part))
            let fault = CloudFault(.notAllowed, code: "UnauthorizedOperation", "no")
            trial.note(finding == .held ? .success(.allowed) : .failure(fault), of: part)
        }
        #expect(trial.rights == rights)
        #expect(trial.request(.tagged) == .may(.run(launch.without { $0.profile = nil })))
        #expect(
            trial.request(.bare)
                == .may(
                    .run(
                        launch.without {
                            $0.profile = nil
                            $0.tags = []
                        })))
    }
}

extension Findings {
    fileprivate mutating func deny(_ right: Right) { rights[right] = .denied("UnauthorizedOperation") }

    fileprivate mutating func have(_ volume: ResourceID, in zone: AvailabilityZone, at machine: InstanceID?) {
        takeOver.volumes = [DataVolume(id: volume, device: "/dev/sdf")]
        volumes[volume] = CloudAnswer.Volume(
            id: volume, zone: zone, attachments: machine.map { [$0: .attached] } ?? [:])
    }

    fileprivate mutating func check(_ check: CloudAnswer.HealthCheck) {
        takeOver.targetGroups = [HandOverScene.group]
        healthChecks[HandOverScene.group] = check
    }

    fileprivate mutating func have(_ names: [String], before: [String], loaded: Bool = true) {
        takeOver.promoteUnits = names.compactMap(UnitName.init)
        let found = takeOver.promoteUnits.map { name in
            UnitFinding(name: name, isLoaded: loaded, isActive: true, isStopped: false, state: "running")
        }
        units = .asked(found, before: Set(before.compactMap(UnitName.init)))
    }
}

extension Launch {
    fileprivate func without(_ change: (inout Launch) -> Void) -> Launch {
        var launch = self
        change(&launch)
        return launch
    }
}
