import AgentCore
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import AgentHost

@Suite struct RefusalTests {
    static let kinds: [(code: String, status: Int, CloudFault.Kind)] = [
        ("InvalidInstanceID.NotFound", 400, .notFound),
        ("InvalidAMIID.NotFound", 400, .notFound),
        ("InvalidAMIID.Unavailable", 400, .notFound),
        ("InvalidSnapshot.NotFound", 400, .notFound),
        ("InvalidSubnetID.NotFound", 400, .notFound),
        ("InvalidGroup.NotFound", 400, .notFound),
        // EC2 says it with a server's status; it is no reason to ask again.
        ("InsufficientInstanceCapacity", 500, .noCapacity),
        ("InsufficientHostCapacity", 500, .noCapacity),
        ("InsufficientFreeAddressesInSubnet", 400, .noCapacity),
        ("SpotMaxPriceTooLow", 400, .noCapacity),
        ("Unsupported", 400, .noCapacity),
        ("MaxSpotInstanceCountExceeded", 400, .limit),
        ("InstanceLimitExceeded", 400, .limit),
        ("VcpuLimitExceeded", 400, .limit),
        ("SnapshotLimitExceeded", 400, .limit),
        ("AMIQuotaExceeded", 400, .limit),
        ("UnauthorizedOperation", 403, .notAllowed),
        ("AccessDenied", 403, .notAllowed),
        ("OptInRequired", 401, .notAllowed),
        ("SomethingNew", 403, .notAllowed),
        ("AuthFailure", 401, .notAllowed),
        ("ExpiredToken", 400, .notAllowed),
        ("RequestExpired", 400, .notAllowed),
        ("InvalidClientTokenId", 403, .notAllowed),
        ("SignatureDoesNotMatch", 403, .notAllowed),
        ("IdempotentParameterMismatch", 400, .tokenMismatch),
        ("IdempotentInstanceTerminated", 400, .tokenMismatch),
        ("InvalidSnapshot.InUse", 400, .invalid),
        ("InvalidAMIName.Duplicate", 400, .invalid),
        ("InvalidParameterValue", 400, .invalid),
        ("OperationNotPermitted", 400, .invalid),
        ("IncorrectInstanceState", 400, .invalid),
        ("InvalidAllocationID.NotFound", 400, .notFound),
        ("InvalidVolume.NotFound", 400, .notFound),
        ("InvalidAttachment.NotFound", 400, .notFound),
        ("InvalidVolume.ZoneMismatch", 400, .invalid),
        ("AttachmentLimitExceeded", 400, .limit),
        ("IncorrectState", 400, .conflict),
        ("VolumeInUse", 400, .conflict),
        ("Resource.AlreadyAssociated", 400, .conflict),
        // Nobody asked for a trial.
        ("DryRunOperation", 412, .invalid),
    ]

    @Test(arguments: kinds)
    func `each code of EC2 is one kind of fault, and is not asked again`(
        code: String, status: Int, kind: CloudFault.Kind
    ) throws {
        let service = try FakeService(.refused(code, status: status))
        let fault = try Desk(at: service).fault(.run(RequestTests.plain))
        #expect(fault.kind == kind)
        #expect(fault.code == code)
        let beginning = "launch m5.large (ondemand) in eu-west-1b: EC2 refused it (\(code)): So it is"
        #expect(fault.description.hasPrefix(beginning), "\(fault)")
        #expect(service.asked.count == 1)
    }

    @Test(arguments: [
        ("RequestLimitExceeded", 503), ("Throttling", 400), ("ThrottlingException", 400), ("RequestThrottled", 400),
        ("InternalError", 500), ("Unavailable", 503), ("ServiceUnavailable", 503), ("SomethingNew", 502),
    ])
    func `throttling and trouble of EC2's own are waited out`(code: String, status: Int) throws {
        let service = try FakeService(.refused(code, status: status), .refused(code, status: status), .deleted)
        #expect(try Desk(at: service).ask(.deleteSnapshot("snap-1")) == .success(.done))
        #expect(service.asked.count == 3)
    }

    @Test func `what stays throttled is busy`() throws {
        let service = try FakeService(.refused("RequestLimitExceeded", status: 503))
        let fault = try Desk(at: service).fault(.deleteSnapshot("snap-1"))
        #expect(fault.kind == .busy && fault.code == "RequestLimitExceeded")
        #expect(service.asked.count == CloudCall.attemptsMax)
    }

    @Test func `a call gives up as soon as its next attempt would be too late`() throws {
        let service = try FakeService(.refused("RequestLimitExceeded", status: 503))
        // The longest pauses: 0.25, 0.5, 1 s …
        let desk = try Desk(at: service, surroundings: FixedSurroundings(chance: .max))
        var fault: CloudFault?
        let time = try elapsed { fault = try desk.fault(.deleteSnapshot("snap-1"), deadline: .milliseconds(600)) }
        #expect(fault?.kind == .busy)
        #expect(service.asked.count == 2)
        #expect(time >= .milliseconds(240) && time < .milliseconds(600))
    }

    @Test func `a trial that would succeed is allowed`() throws {
        let service = try FakeService(.refused("DryRunOperation", status: 412))
        let desk = try Desk(at: service)
        #expect(try desk.ask(.may(.terminate("i-01234567"))) == .success(.allowed))
        #expect(service.asked[0].body.hasSuffix("&DryRun=true"))
    }

    @Test func `a trial that IAM forbids says what is missing, without the encoded part`() throws {
        let message =
            "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/web is not authorized "
            + "to perform: ec2:TerminateInstances. Encoded authorization failure message: QUJD"
        let service = try FakeService(.refused("UnauthorizedOperation", message, status: 403))
        let fault = try Desk(at: service).fault(.may(.terminate("i-01234567")))
        #expect(fault.kind == .notAllowed)
        #expect(
            fault.description == """
                ask whether we may terminate i-01234567: EC2 refused it (UnauthorizedOperation): You are not authorized to \
                perform this operation. User: arn:aws:sts::1:assumed-role/web is not authorized to perform: \
                ec2:TerminateInstances; give the instance's role the right to do it
                """)
    }

    static let balancerKinds: [(code: String, status: Int, CloudFault.Kind)] = [
        ("TargetGroupNotFound", 400, .notFound), ("InvalidTarget", 400, .invalid), ("TooManyTargets", 400, .limit),
        ("TooManyRegistrationsForTargetId", 400, .limit), ("AccessDenied", 403, .notAllowed),
        ("SignatureDoesNotMatch", 403, .notAllowed), ("ValidationError", 400, .invalid),
    ]

    @Test(arguments: balancerKinds)
    func `each code of ELB, in its own form, is one kind of fault`(
        code: String, status: Int, kind: CloudFault.Kind
    ) throws {
        let service = try FakeService(.refusedByBalancer(code, status: status))
        let fault = try Desk(at: service).fault(.registerTarget(Samples.group, "i-01234567"))
        #expect(fault.kind == kind && fault.code == code)
        let beginning = "register i-01234567 with target group web: ELB refused it (\(code)): So it is"
        #expect(fault.description.hasPrefix(beginning), "\(fault)")
        #expect(service.asked.count == 1)
    }

    @Test func `ELB's throttling is waited out`() throws {
        let service = try FakeService(
            .refusedByBalancer("Throttling"),
            .xml("<RegisterTargetsResponse><RegisterTargetsResult/></RegisterTargetsResponse>"))
        #expect(try Desk(at: service).ask(.registerTarget(Samples.group, "i-01234567")) == .success(.done))
        #expect(service.asked.count == 2)
        #expect(service.asked[0].authorization.contains("/eu-central-1/elasticloadbalancing/aws4_request"))
    }

    @Test(arguments: [
        (CloudRequest.detachVolume("vol-1", from: "i-01234567"), "InvalidAttachment.NotFound", CloudAnswer.done),
        (.may(.detachVolume("vol-1", from: "i-01234567")), "InvalidAttachment.NotFound", .allowed),
        (.deregisterTarget(Samples.group, "i-01234567"), "InvalidTarget", .done),
    ])
    func `a refusal that says that it is so already is an answer`(
        request: CloudRequest, code: String, answer: CloudAnswer
    ) throws {
        let service = try FakeService(.refused(code))
        #expect(try Desk(at: service).ask(request) == .success(answer))
    }

    @Test(arguments: [
        (Duration.seconds(-3630), "this machine's clock is 60 min behind that of EC2"),
        (.seconds(1830), "this machine's clock is 30 min ahead of that of EC2"),
        (.seconds(60), "renew the credentials that are set"),
    ])
    func `a refused signature is put down to the clock only when that is astray`(by: Duration, sentence: String) throws
    {
        let service = try FakeService(.refused("RequestExpired"))
        let clock = FixedSurroundings(wallClock: SystemSurroundings().wall() + by)
        let fault = try Desk(at: service, surroundings: clock).fault(.deleteSnapshot("snap-1"))
        #expect(fault.kind == .notAllowed)
        #expect(fault.description.contains(sentence), "\(fault)")
    }

    @Test func `what belongs to another account is no matter of our credentials`() throws {
        let service = try FakeService(.refused("AuthFailure", "The address '198.51.100.7' does not belong to you."))
        let desk = try Desk(at: service, withRole: true)
        desk.role.has((key: "ASIAFIRST", good: .seconds(3_600)), (key: "ASIASECOND", good: .seconds(3_600)))
        let fault = try desk.fault(.moveAddress("eipalloc-1", to: "i-01234567"))
        #expect(fault.kind == .invalid && fault.description.contains("of this account"), "\(fault)")
        #expect(service.asked.count == 1)
    }

    @Test(arguments: ["the-secret-half", "a-session-token"])
    func `a refusal that repeats a secret is told without its words`(secret: String) throws {
        let service = try FakeService(.refused("AuthFailure", "x-amz-security-token:\(secret) does not match"))
        let values = Desk.keys.merging(["AWS_SESSION_TOKEN": "a-session-token", "AWS_ENDPOINT_URL": service.url]) { $1 }
        let fault = try Desk(values).fault(.deleteSnapshot("snap-1"))
        #expect(fault.code == "AuthFailure")
        #expect(!fault.description.contains(secret) && !fault.description.contains("match"), "\(fault)")
    }

    @Test(arguments: [
        (#"{"__type": "com.amazon#AccessDeniedException", "Message": "No."}"#, 400, CloudFault.Kind.notAllowed),
        (#"{"__type": "UnrecognizedClientException", "message": "No."}"#, 400, .notAllowed),
        (#"{"__type": "ThrottlingException"}"#, 400, .busy),
        (#"{"__type": "InvalidParameterException", "message": "No."}"#, 400, .invalid),
        ("<html>", 503, .busy),
        // Somebody in between.
        ("<html>", 404, .unreachable),
        ("<html>", 407, .unreachable),
        ("<html>", 302, .unreachable),
    ])
    func `the price list's refusals are read, too`(body: String, status: Int, kind: CloudFault.Kind) throws {
        let service = try FakeService(.xml(body, status: status))
        let fault = try Desk(at: service).fault(.onDemandPrice("m5.large", "eu-west-1"))
        #expect(fault.kind == kind)
        #expect(fault.description.hasPrefix("look up the on-demand price of m5.large in eu-west-1: the price list "))
    }

    @Test(arguments: [
        ("Fri, 20 Nov 2026 20:09:09 GMT", "2026-11-20T20:09:09Z"),
        ("Sun, 01 Feb 2026 00:00:00 GMT", "2026-02-01T00:00:00Z"),
        ("Fri, 20 Nov 2026 20:09:09 CET", nil), ("20 Nov 2026", nil), ("Fri, 31 Feb 2026 20:09:09 GMT", nil), ("", nil),
    ])
    func `an HTTP date is read in the form that servers send`(text: String, expected: String?) {
        #expect(Timestamp(httpDate: text) == expected.flatMap { Timestamp(rfc3339: $0) })
    }
}
