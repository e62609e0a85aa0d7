import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// The launch that switches and replicas share, seen through a replica's command.
struct LaunchTests {
    static func replica(_ pool: PoolID? = nil, avoiding zones: [AvailabilityZone] = [], mode: Mode = .spot) -> Order {
        .createReplica(Order.CreateReplica(replica: "r1", mode: mode, pool: pool, avoidedZones: zones))
    }

    @Test func `a new machine is what this one is, somewhere else`() throws {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        let launch = try #require(scene.launches.first)
        #expect(launch.image == "ami-1")
        #expect(launch.instanceType == "m5.large")
        #expect(launch.securityGroups == ["sg-11", "sg-22"])
        #expect(launch.profile == "arn:aws:iam::1:instance-profile/web")
        #expect(launch.keyName == "key")
        #expect(launch.userData == "IyEvYmluL3No")
        #expect(launch.mode == .spot)
        #expect(launch.zone == "us-east-1b")
        #expect(launch.subnet == "subnet-b2")
        #expect(launch.token == "spot-c1-1")
    }

    @Test func `its tags say whose it is, and are its model's for the rest`() throws {
        var scene = ErrandScene()
        scene.standing.options.logicalAgent = "web-1"
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        let tags = try #require(scene.launches.first).tags.map { "\($0.key)=\($0.value)" }.sorted()
        #expect(
            tags == [
                "LogicalAgentId=web-1", "ManagedBy=SpotOptimizer", "Name=web", "spot:agent=slot-1", "spot:command=c1",
                "spot:launch=spot-c1-1", "team=red",
            ])
    }

    @Test func `a token of a command with a long name is short enough for EC2, and still its own`() throws {
        var tokens: [String] = []
        for last in ["a", "b"] {
            var scene = ErrandScene()
            let id = CommandID(text: String(repeating: "x", count: 63) + last)
            scene.deliver(scene.command(Self.replica(), id: id))
            scene.pass(.seconds(60))
            tokens += scene.launches.map(\.token)
        }
        #expect(Set(tokens).count == 2)
        #expect(tokens.allSatisfy { $0.utf8.count <= 64 })
    }

    @Test(
        arguments: [
            // In the order in which zones are tried until one has room.
            (replica(), ["us-east-1b", "us-east-1c", "us-east-1a"]),
            (replica(avoiding: ["us-east-1b"]), ["us-east-1c", "us-east-1a", "us-east-1b"]),
            (replica(avoiding: ["us-east-1a"]), ["us-east-1b", "us-east-1c", "us-east-1a"]),
            (replica("m5.large.us-east-1a"), ["us-east-1a"]),
            (.switch(Order.Switch(mode: .spot)), ["us-east-1a", "us-east-1b", "us-east-1c"]),
            (.switch(Order.Switch(mode: .ondemand, pool: "m5.large.us-east-1c")), ["us-east-1c"]),
        ] as [(Order, [String])])
    func `zones are tried from the best to the worst`(order: Order, zones: [String]) {
        var scene = ErrandScene()
        scene.cloud.fullZones = ["us-east-1a", "us-east-1b", "us-east-1c"]
        scene.deliver(scene.command(order))
        scene.pass(.seconds(60))
        let tried = scene.cloud.requests.compactMap { if case .run(let launch) = $0 { launch.zone.text } else { nil } }
        #expect(tried == zones)
        #expect(scene.result?.outcome == .failed)
        #expect(scene.result?.message.contains(zones.joined(separator: ", ")) == true)
        #expect(scene.launches == [])
    }

    @Test(arguments: [(Mode.spot, "c5.large"), (.ondemand, "m5.large")] as [(Mode, InstanceType)])
    func `a pool names the type on the spot market, and only the zone on demand`(mode: Mode, type: InstanceType) {
        var scene = ErrandScene()
        scene.deliver(scene.command(.switch(Order.Switch(mode: mode, pool: "c5.large.us-east-1c"))))
        scene.pass(.seconds(60))
        #expect(scene.launches.map(\.instanceType) == [type])
        #expect(scene.launches.map(\.zone) == ["us-east-1c"])
    }

    @Test func `in its own zone a machine gets its model's subnet`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(.switch(Order.Switch(mode: .spot))))
        scene.pass(.seconds(60))
        #expect(scene.launches.map(\.subnet) == ["subnet-a1"])
    }

    @Test func `each zone is another launch with a token of its own`() {
        var scene = ErrandScene()
        scene.cloud.fullZones = ["us-east-1b"]
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        #expect(scene.launches.map(\.token) == ["spot-c1-2"])
        #expect(scene.launchedID == scene.cloud.machines.last?.instance.id)
    }

    @Test func `with data volumes the machine comes where they are, and nowhere else`() {
        var scene = ErrandScene()
        scene.standing.options.takeOver.volumes = [DataVolume(id: "vol-1", device: "/dev/sdf")]
        scene.cloud.add(volume: "vol-1", in: "us-east-1c")
        scene.cloud.fullZones = ["us-east-1c"]
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        #expect(scene.result?.message.contains("no room for spot in us-east-1c") == true)
        scene.cloud.fullZones = []
        scene.deliver(scene.command(Self.replica(), id: "c2"))
        scene.pass(.seconds(60))
        #expect(scene.launches.map(\.zone) == ["us-east-1c"])
    }

    @Test func `a pool that its data volumes cannot come to is refused`() {
        var scene = ErrandScene()
        scene.standing.options.takeOver.volumes = [DataVolume(id: "vol-1", device: "/dev/sdf")]
        scene.cloud.add(volume: "vol-1", in: "us-east-1c")
        scene.deliver(scene.command(Self.replica("m5.large.us-east-1b")))
        scene.pass(.seconds(60))
        #expect(
            scene.result?.message
                == "the data volume vol-1 is in us-east-1c: no machine of m5.large.us-east-1b can have it")
        #expect(scene.launches.isEmpty)
    }

    @Test func `a pool without a subnet is said to have none`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.replica("m5.large.us-east-1f")))
        scene.pass(.seconds(60))
        #expect(scene.result?.message == "vpc-1 has no subnet in us-east-1f, where m5.large.us-east-1f is")
    }

    @Test(arguments: [
        (CloudFault(.limit, "the account may have 8"), "raise the account's limit"),
        (CloudFault(.notAllowed, "no"), "iam:PassRole"), (CloudFault(.invalid, "bad subnet"), "bad subnet"),
        (CloudFault(.notFound, "no such image"), "from ami-1"),
    ])
    func `what another zone does not help ends the command with the remedy`(fault: CloudFault, remedy: String) {
        var scene = ErrandScene()
        scene.cloud.fail(fault) { $0.isRun }
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.result?.message.contains(remedy) == true)
        #expect(scene.cloud.requests.count(where: \.isRun) == 1)
    }

    @Test(arguments: [true, false], [Duration.zero, .seconds(20)])
    func `an answer that was lost does not start a second machine`(honoursTokens: Bool, showsAfter: Duration) {
        guard honoursTokens || showsAfter == .zero else { return }
        var scene = ErrandScene()
        scene.cloud.honoursTokens = honoursTokens
        scene.cloud.showsAfter = showsAfter
        scene.cloud.fail(CloudFault(.unreachable, "reset"), isDoneAllTheSame: true) { $0.isRun }
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(90))
        #expect(scene.launches.count == 1)
        #expect(scene.result?.outcome == .done)
    }

    @Test func `an EC2 that is away for longer ends the command, and what may be left is said`() {
        var scene = ErrandScene()
        scene.cloud.fail(CloudFault(.unreachable, "away"), times: 1000) { $0.isRun }
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(130))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.result?.message.contains("spot:command=c1") == true)
    }

    @Test func `a token that was used with other parameters leads to the machine that it was used for`() {
        var scene = ErrandScene()
        scene.cloud.showsAfter = .seconds(30)
        var other = Launch(
            token: "spot-c1-1", image: "ami-1", instanceType: "m5.large", mode: .spot, zone: "us-east-1c")
        other.tags = [CloudRequest.Tag("spot:command", "c1")]
        _ = scene.cloud.answer(.run(other), at: scene.now)
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(90))
        #expect(scene.result?.outcome == .done)
        #expect(scene.launches == [other])
    }

    @Test func `a machine that is not shown at once is waited for`() {
        var scene = ErrandScene()
        scene.cloud.showsAfter = .seconds(45)
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        #expect(scene.result?.outcome == .done)
    }

    @Test func `a machine that does not run in five minutes is ended`() {
        var scene = ErrandScene()
        scene.cloud.runsAfter = .seconds(1000)
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(320))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.cloud.machines.last?.endedAt != nil)
        #expect(scene.result?.message.contains("pending instead of running") == true)
    }

    @Test func `a machine that cannot be seen any more is left alone, for it may serve`() {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(10))
        scene.cloud.fail(CloudFault(.unreachable, "away"), times: 10_000) { _ in true }
        scene.pass(.seconds(500))
        #expect(scene.result?.outcome == .failed)
        #expect(scene.result?.message.contains("left as it is") == true)
        #expect(scene.changes.count == 1)
    }

    @Test func `a machine that EC2 ends at once is told with EC2's reason`() {
        var scene = ErrandScene()
        scene.cloud.killsWith = "Client.VolumeLimitExceeded"
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        #expect(scene.result?.message.contains("Client.VolumeLimitExceeded") == true)
        #expect(scene.launches.count == 1)
    }

    @Test func `a machine that EC2 has no room for after all is launched in the next zone`() {
        var scene = ErrandScene()
        scene.cloud.killsWith = "Server.InsufficientInstanceCapacity"
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        #expect(scene.launches.map(\.zone) == ["us-east-1b", "us-east-1c", "us-east-1a"])
        #expect(scene.result?.outcome == .failed)
    }

    @Test func `the replica's machine is reported, and its command is done`() throws {
        var scene = ErrandScene()
        scene.deliver(scene.command(Self.replica()))
        scene.pass(.seconds(60))
        let id = try #require(scene.launchedID)
        #expect(scene.state(of: id) == .running)
        #expect(
            scene.reports.map(\.content).contains(
                .replicaLaunched(ReplicaLaunch(instance: id, status: .syncing), for: "r1")))
    }
}

extension CloudRequest {
    var isRun: Bool { if case .run = self { true } else { false } }
    var isTerminate: Bool { if case .terminate = self { true } else { false } }
    var isCreateImage: Bool { if case .createImage = self { true } else { false } }
    var isDescribe: Bool { if case .describeInstances = self { true } else { false } }
}
