import JSON
import PretendCloud
import Testing
import Wire

@testable import AgentCore

/// What a machine may do in EC2, found out unasked, and what a replica lacks.
struct RightsTests {
    func makeScene(_ role: Role = .replica) -> ErrandScene {
        var scene = ErrandScene()
        scene.standing.role = role
        scene.look()
        return scene
    }

    func denial(_ doing: String = "launch") -> CloudFault {
        CloudFault(.notAllowed, code: "UnauthorizedOperation", "\(doing): refused")
    }

    @Test(arguments: [Role.replica, .promoting, .primary])
    func `the rights are verified soon after the start, and every hour again`(role: Role) {
        var scene = makeScene(role)
        #expect(scene.errands.duties.rights == .unverified)
        scene.pass(.seconds(10))
        #expect(scene.errands.duties.rights == .verified)
        #expect(scene.cloud.requests.count == 3)
        #expect(scene.changes.isEmpty)
        #expect(scene.told.isEmpty)
        scene.pass(.seconds(3600 * 10))
        #expect((27...40).contains(scene.cloud.requests.count))
    }

    @Test func `a zombie, and one that was deleted, ask for nothing`() {
        var scene = makeScene(.zombie)
        scene.standing.isDeleted = true
        scene.pass(.seconds(7200))
        scene.standing.role = .primary
        scene.pass(.seconds(7200))
        #expect(scene.cloud.requests.isEmpty)
    }

    @Test func `a launch is tried as this machine was launched`() {
        var scene = makeScene()
        scene.pass(.seconds(10))
        let tried = scene.cloud.requests.compactMap { if case .may(.run(let launch)) = $0 { launch } else { nil } }
        #expect(tried.first?.subnet == "subnet-a1")
        #expect(tried.first?.profile == "arn:aws:iam::1:instance-profile/web")
        #expect(tried.first?.tags == [.managed])
    }

    @Test func `a denial is named, told once, and looked at again in minutes until it is gone`() {
        var scene = makeScene()
        scene.cloud.fail(denial(), times: 3) { if case .may(.run) = $0 { true } else { false } }
        scene.pass(.seconds(10))
        let reason = "IAM denies ec2:RunInstances (UnauthorizedOperation)"
        #expect(scene.errands.duties.rights == .denied(reason))
        scene.pass(.seconds(400))
        #expect(scene.told == [.rightsDenied(reason: reason)])
        scene.pass(.seconds(1000))
        #expect(scene.errands.duties.rights == .verified)
        #expect(scene.told == [.rightsDenied(reason: reason), .rightsGranted])
    }

    @Test func `all that are denied are named, and the description is no condition of the others`() {
        var scene = makeScene()
        scene.cloud.fail(denial(), times: 3) { _ in true }
        scene.pass(.seconds(10))
        #expect(
            scene.errands.duties.rights
                == .denied(
                    """
                    IAM denies ec2:DescribeInstances (UnauthorizedOperation), \
                    ec2:RunInstances (UnauthorizedOperation), ec2:TerminateInstances (UnauthorizedOperation)
                    """))
    }

    @Test func `an EC2 that is away denies nothing: what was known stays known`() {
        var scene = makeScene()
        scene.pass(.seconds(10))
        scene.cloud.fail(CloudFault(.unreachable, "away"), times: 10_000) { _ in true }
        scene.pass(.seconds(7200))
        #expect(scene.errands.duties.rights == .verified)
        var other = makeScene()
        other.cloud.fail(CloudFault(.notAllowed, code: "AuthFailure", "bad key"), times: 10_000) { _ in true }
        other.pass(.seconds(7200))
        #expect(other.errands.duties.rights == .unverified)
        #expect(scene.told.isEmpty && other.told.isEmpty)
    }

    // MARK: What follows the workload

    func makeTakingOver(_ change: (inout ErrandScene) -> Void = { _ in }) -> ErrandScene {
        var scene = ErrandScene()
        scene.standing.role = .replica
        scene.standing.options.takeOver.address = HandOverScene.address
        scene.standing.options.takeOver.volumes = [HandOverScene.volume, DataVolume(id: "vol-2", device: "/dev/sdg")]
        scene.standing.options.takeOver.targetGroups = [HandOverScene.group]
        let other = HandOverScene.other
        scene.cloud.add(CloudInstance(id: other, state: .running))
        scene.cloud.add(address: HandOverScene.address, at: other)
        scene.cloud.add(volume: "vol-1", in: "us-east-1a", at: other)
        scene.cloud.add(volume: "vol-2", in: "us-east-1a", at: other)
        scene.cloud.add(HandOverScene.group, members: other)
        change(&scene)
        scene.look()
        scene.pass(.seconds(10))
        return scene
    }

    @Test func `what would follow the workload is tried by its name, and stays where it is`() {
        let scene = makeTakingOver()
        let (own, volume) = (ErrandScene.own, HandOverScene.volume)
        #expect(scene.errands.duties.rights == .verified)
        for request in [
            CloudRequest.address(HandOverScene.address), .may(.moveAddress(HandOverScene.address, to: own)),
            .volumes(["vol-1"]), .may(.attachVolume(volume, to: own)), .may(.detachVolume("vol-1", from: own)),
            .may(.detachVolume("vol-2", from: own)), .targetHealth(HandOverScene.group, own),
        ] {
            #expect(scene.cloud.requests.contains(request), "\(request)")
        }
        #expect(scene.changes.isEmpty)
        #expect(scene.cloud.addresses[HandOverScene.address]?.instance.newest == HandOverScene.other)
    }

    @Test func `that registering cannot be tried is said`() {
        var scene = HandOverScene()
        scene.standing.options.takeOver.targetGroups = [HandOverScene.group]
        scene.cloud.add(HandOverScene.group)
        let end = scene.run { RightsErrand() }.end
        #expect(
            end
                == .done(
                    "the rights are there; whether it may register targets cannot be tried, ELB has no DryRun"))
    }

    @Test func `each right that is missing for it is named once`() {
        let scene = makeTakingOver { scene in
            scene.cloud.fail(denial(), times: 5) { request in
                switch request {
                case .may(.moveAddress), .may(.attachVolume), .targetHealth: true
                default: false
                }
            }
        }
        #expect(
            scene.errands.duties.rights
                == .denied(
                    """
                    IAM denies ec2:AssociateAddress (UnauthorizedOperation), ec2:AttachVolume (UnauthorizedOperation), \
                    elasticloadbalancing:DescribeTargetHealth (UnauthorizedOperation)
                    """))
    }

    @Test func `a refusal for a state is none for a right`() {
        let scene = makeTakingOver { scene in
            let inUse = CloudFault(.conflict, code: "VolumeInUse", "attach: in use")
            scene.cloud.fail(inUse, times: 2) { if case .may(.attachVolume) = $0 { true } else { false } }
        }
        #expect(scene.errands.duties.rights == .verified)
    }

    @Test func `a volume that cannot come here, and an address that is not there, make a replica unfit`() {
        let scene = makeTakingOver { scene in
            scene.cloud.add(volume: "vol-1", in: "us-east-1b")
            scene.standing.options.takeOver.address = "eipalloc-2"
        }
        let reason = """
            EC2 does not know eipalloc-2; vol-1 is in us-east-1b and this machine in us-east-1a: a volume attaches to machines \
            in its own zone only
            """
        #expect(scene.errands.duties.rights == .denied(reason))
    }

    // MARK: Readiness

    private static func readiness(
        diskFault: String? = nil, _ rights: Rights = .verified, found: [String]? = [],
        _ change: (inout TakeOver) -> Void = { _ in }
    ) -> Readiness {
        var takeOver = TakeOver()
        takeOver.promoteUnits = ["web"]
        change(&takeOver)
        return Readiness(
            takeOver: takeOver, handOver: .overlap, diskFault: diskFault, rights: rights, found: found)
    }

    static let replicas: [(String?, Rights, [String]?, [String])] = [
        (nil, .verified, [], []),
        (nil, .unverified, [], ["its rights in EC2 are not verified yet"]),
        ("disk full", .verified, [], ["its state folder cannot be written: disk full"]),
        ("ro", .denied("IAM denies x"), ["no"], ["its state folder cannot be written: ro", "IAM denies x", "no"]),
        (nil, .verified, nil, ["nobody has looked yet whether it could take over"]),
    ]

    @Test(arguments: replicas)
    func `a replica lacks what is wrong, and what is not verified`(
        fault: String?, rights: Rights, found: [String]?, lacks: [String]
    ) {
        #expect(Self.readiness(diskFault: fault, rights, found: found).lacks == lacks)
    }

    @Test func `a replica on which nothing would be started is not ready`() {
        let lacks = Self.readiness { $0.promoteUnits = [] }.lacks
        #expect(lacks == ["nothing says what is started here: set PROMOTE_UNITS, or put hooks into promote.d"])
        #expect(
            Self.readiness {
                $0.promoteUnits = []; $0.hooks = [.promote]
            }.lacks.isEmpty)
    }

    @Test func `a volume that two would have at once makes nobody ready`() {
        let lacks = Self.readiness { $0.volumes = [DataVolume(id: "vol-1", device: "/dev/sdf")] }.lacks
        #expect(lacks == ["a data volume is at one machine at a time: set hand_over to exclusive"])
    }

    @Test func `no sentence is longer than a heartbeat may carry`() {
        let long = String(repeating: "ä", count: 300)
        let lacks = Self.readiness(diskFault: long, .denied(long)).lacks
        #expect(lacks.count == 2)
        #expect(lacks.allSatisfy { $0.utf8.count <= Limits.nameBytes })
        #expect(lacks[0].hasSuffix("…"))
    }

    @Test(arguments: [Role.primary, .promoting, .zombie])
    func `who is no replica says nothing of it`(role: Role) throws {
        let scene = Scene.inContact(role: role)
        #expect(try scene.heartbeat().heartbeat.lacking == nil)
    }

    @Test func `the heartbeat of a replica tells, as soon as it is known`() throws {
        var scene = Scene.inContact(role: .replica)
        scene.feed(.recordingFailed(reason: "no room"))
        scene.pass(.milliseconds(500))
        let lacks = try #require(scene.heartbeat().heartbeat.lacking)
        #expect(lacks.contains("its state folder cannot be written: no room"))
    }
}
