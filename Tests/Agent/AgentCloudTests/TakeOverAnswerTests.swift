import AgentCore
import Testing
import Wire

@testable import AgentHost

/// What EC2 and ELB say of what follows a workload, in our words.
@Suite struct TakeOverAnswerTests {
    static func address(_ item: String) -> String {
        "<DescribeAddressesResponse><addressesSet><item>\(item)</item></addressesSet></DescribeAddressesResponse>"
    }
    static func volume(_ attachments: String) -> String {
        """
        <DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId><availabilityZone>eu-west-1b</availabilityZone>\
        \(attachments)</item></volumeSet></DescribeVolumesResponse>
        """
    }
    static func attachment(_ instance: String, _ state: String) -> String {
        "<item><instanceId>\(instance)</instanceId><device>/dev/sdf</device><status>\(state)</status></item>"
    }
    static func health(_ content: String) -> String {
        """
        <DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member>\
        <Target><Id>i-01234567</Id><Port>80</Port></Target><TargetHealth>\(content)</TargetHealth></member>\
        </TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>
        """
    }
    static func group(_ content: String) -> String {
        """
        <DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member>\(content)</member></TargetGroups>\
        </DescribeTargetGroupsResult></DescribeTargetGroupsResponse>
        """
    }
    static let look = CloudRequest.targetHealth(Samples.group, "i-01234567")

    static let answers: [(CloudRequest, document: String, CloudAnswer)] = [
        (
            .address("eipalloc-1"),
            address("<publicIp>198.51.100.7</publicIp><instanceId>i-01234567</instanceId>"),
            .address(.init(publicAddress: "198.51.100.7", instance: "i-01234567"))
        ),
        (
            .address("eipalloc-1"), address("<publicIp>198.51.100.7</publicIp><instanceId/>"),
            .address(.init(publicAddress: "198.51.100.7", instance: nil))
        ),
        (
            .moveAddress("eipalloc-1", to: "i-01234567"),
            """
            <AssociateAddressResponse><return>true</return><associationId>eipassoc-1</associationId>\
            </AssociateAddressResponse>
            """, .done
        ),
        (
            .volumes(["vol-1"]), volume("<attachmentSet/>"),
            .volumes([.init(id: "vol-1", zone: "eu-west-1b", attachments: [:])])
        ),
        (
            .volumes(["vol-1"]),
            volume(
                "<attachmentSet>\(attachment("i-01234567", "busy"))\(attachment("i-89abcdef", "attaching"))</attachmentSet>"
            ),
            .volumes([
                .init(id: "vol-1", zone: "eu-west-1b", attachments: ["i-01234567": .busy, "i-89abcdef": .attaching])
            ])
        ),
        (
            .attachVolume(RequestTests.volume, to: "i-01234567"),
            "<AttachVolumeResponse><volumeId>vol-1</volumeId><status>attaching</status></AttachVolumeResponse>", .done
        ),
        (
            .detachVolume("vol-1", from: "i-01234567"),
            "<DetachVolumeResponse><volumeId>vol-1</volumeId><status>detaching</status></DetachVolumeResponse>", .done
        ),
        (
            .targetGroup(Samples.group),
            group(
                "<TargetType>instance</TargetType><HealthCheckIntervalSeconds>10</HealthCheckIntervalSeconds>"
                    + "<HealthyThresholdCount>3</HealthyThresholdCount>"),
            .targetGroup(.init(interval: .seconds(10), healthyAfter: 3))
        ),
        (
            .targetGroup(Samples.group), group("<TargetType>lambda</TargetType>"),
            .targetGroup(.init(interval: .zero, healthyAfter: 0, otherTargets: "lambda"))
        ),
        (look, health("<State>healthy</State>"), .targetHealth(.healthy)),
        (look, health("<State>initial</State><Reason>Elb.RegistrationInProgress</Reason>"), .targetHealth(.initial)),
        (look, health("<State>unhealthy.draining</State>"), .targetHealth(.unhealthy)),
        (look, health("<State>unused</State><Reason>Target.NotInUse</Reason>"), .targetHealth(.unused)),
        (look, health("<State>unused</State><Reason>Target.NotRegistered</Reason>"), .targetHealth(.absent)),
        (
            .registerTarget(Samples.group, "i-01234567"),
            "<RegisterTargetsResponse><RegisterTargetsResult/></RegisterTargetsResponse>", .done
        ),
    ]

    @Test(arguments: answers)
    func `each answer is read`(request: CloudRequest, document: String, expected: CloudAnswer) throws {
        #expect(try AnswerTests.read(request, document) == expected)
    }

    @Test(arguments: [
        (CloudRequest.address("eipalloc-1"), "<DescribeAddressesResponse><addressesSet/></DescribeAddressesResponse>"),
        (.volumes(["vol-1"]), volume("<attachmentSet>\(attachment("i-01234567", "stuck"))</attachmentSet>")),
        (.volumes(["vol-1"]), "<DescribeVolumesResponse/>"),
        (look, health("<State>odd</State>")),
        (look, "<DescribeTargetHealthResponse><DescribeTargetHealthResult/></DescribeTargetHealthResponse>"),
        (.targetGroup(Samples.group), group("<HealthCheckIntervalSeconds>10</HealthCheckIntervalSeconds>")),
        (.registerTarget(Samples.group, "i-01234567"), "<html/>"),
    ])
    func `an answer that makes no sense is none`(request: CloudRequest, document: String) {
        #expect(throws: UnreadableAnswer.self) { try AnswerTests.read(request, document) }
    }
}
