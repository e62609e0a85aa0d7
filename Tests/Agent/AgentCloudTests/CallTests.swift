import AgentCore
import HTTPServer
import JSON
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// One call, from attempt to attempt, against a server that misbehaves.
@Suite struct CallTests {
    private static func page(_ id: String, next: String?) -> FakeService.Said {
        let token = next.map { "<nextToken>\($0)</nextToken>" } ?? ""
        return .xml(
            """
            <DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>\(id)</instanceId>\
            <instanceState><name>running</name></instanceState></item></instancesSet></item></reservationSet>\(token)\
            </DescribeInstancesResponse>
            """)
    }
    private static let find = CloudRequest.findInstances(tag: .init("spot:command", "c/1"))

    @Test func `pages are read to the last`() throws {
        let service = try FakeService(
            Self.page("i-00000001", next: "a+b="), Self.page("i-00000002", next: "c"),
            Self.page("i-00000003", next: nil))
        let answer = try Desk(at: service).ask(Self.find).get()
        guard case .instances(let instances) = answer else { throw TestSupportError("\(answer)") }
        #expect(instances.map(\.id.text) == ["i-00000001", "i-00000002", "i-00000003"])
        #expect(service.asked.map { $0.body.hasSuffix("&MaxResults=100") } == [true, false, false])
        #expect(service.asked[1].body.hasSuffix("&NextToken=a%2Bb%3D"))
        #expect(service.asked[2].body.hasSuffix("&NextToken=c"))
    }

    @Test(arguments: [(true, 2), (false, 1)])
    func `after an address has moved nothing is asked over a connection from before`(moves: Bool, accepted: Int) throws
    {
        let service = try FakeService(.xml("<AnyResponse><return>true</return></AnyResponse>"))
        let desk = try Desk(at: service)
        #expect(try desk.ask(.deleteSnapshot("snap-1")) == .success(.done))
        let change: CloudRequest =
            moves ? .moveAddress("eipalloc-1", to: "i-01234567") : .detachVolume("vol-1", from: "i-01234567")
        #expect(try desk.ask(change) == .success(.done))
        #expect(service.accepted == 1)
        #expect(try desk.ask(.deleteSnapshot("snap-1")) == .success(.done))
        #expect(service.accepted == accepted)
    }

    @Test func `an answer whose pages never end is none`() throws {
        let service = try FakeService(Self.page("i-00000001", next: "more"))
        let fault = try Desk(at: service).fault(Self.find)
        #expect(fault.kind == .invalid)
        #expect(service.asked.count == CloudCall.pagesMax)
    }

    @Test func `an answer whose pages are too much together is none`() throws {
        let filler = String(repeating: "<a>\(String(repeating: "x", count: 900_000))</a>", count: 7)
        let service = try FakeService(
            .xml(
                "<DescribeInstancesResponse>\(filler)<reservationSet/><nextToken>a</nextToken></DescribeInstancesResponse>"
            ))
        let fault = try Desk(at: service).fault(Self.find)
        #expect(fault.kind == .invalid && fault.description.contains("16777216 bytes"), "\(fault)")
        #expect(service.asked.count == 3)
    }

    @Test func `a page that fails is asked for again, and none is read twice`() throws {
        let service = try FakeService(
            Self.page("i-00000001", next: "a"), .refused("Unavailable", status: 503), Self.page("i-00000002", next: nil)
        )
        let answer = try Desk(at: service).ask(Self.find).get()
        guard case .instances(let instances) = answer else { throw TestSupportError("\(answer)") }
        #expect(instances.map(\.id.text) == ["i-00000001", "i-00000002"])
    }

    @Test func `after a page of rubbish it begins with the first again`() throws {
        let service = try FakeService(
            Self.page("i-00000001", next: "a"), .xml("<html>"), Self.page("i-00000001", next: "b"),
            Self.page("i-00000002", next: nil))
        let answer = try Desk(at: service).ask(Self.find).get()
        guard case .instances(let instances) = answer else { throw TestSupportError("\(answer)") }
        #expect(instances.map(\.id.text) == ["i-00000001", "i-00000002"])
    }

    @Test func `a server that never answers is given up at the deadline`() throws {
        let service = try FakeService(.nothing)
        let desk = try Desk(at: service)
        var fault: CloudFault?
        let time = try elapsed { fault = try desk.fault(.deleteSnapshot("snap-1"), deadline: .milliseconds(300)) }
        #expect(fault?.kind == .unreachable)
        #expect(time >= .milliseconds(290) && time < .seconds(2))
        service.stop()
    }

    @Test func `a request that hangs is sent again while there is time`() throws {
        let service = try FakeService(.nothing, .deleted)
        let desk = try Desk(at: service)
        desk.cloud.attemptLimit = .milliseconds(200)
        #expect(try desk.ask(.deleteSnapshot("snap-1")) == .success(.done))
        #expect(service.asked.count == 2)
        service.stop()
    }

    static let image = CloudRequest.createImage(of: "i-01234567", name: "a", tags: [])

    /// A look for it comes first: by whoever asks.
    @Test(arguments: [
        image, .run(Launch(token: "t", image: "ami-1", instanceType: "m5.large", mode: .spot, zone: "us-east-1b")),
    ])
    func `what may have been made is not asked for again`(request: CloudRequest) throws {
        for said in [FakeService.Said.refused("InternalError", status: 500), .xml("<html>")] {
            let service = try FakeService(said, .imageMade("ami-1"))
            #expect(throws: CloudFault.self) { try Desk(at: service).ask(request).get() }
            #expect(service.asked.count == 1)
        }
    }

    @Test func `an image whose request hangs is waited for to the deadline`() throws {
        let service = try FakeService(.nothing)
        let desk = try Desk(at: service)
        desk.cloud.attemptLimit = .milliseconds(50)
        var fault: CloudFault?
        let time = try elapsed { fault = try desk.fault(Self.image, deadline: .milliseconds(400)) }
        #expect(fault?.kind == .unreachable)
        #expect(time >= .milliseconds(390))
        #expect(service.asked.count == 1)
        service.stop()
    }

    @Test func `an image that was throttled away is asked for again`() throws {
        let service = try FakeService(.refused("RequestLimitExceeded", status: 503), .imageMade("ami-1"))
        #expect(try Desk(at: service).ask(Self.image) == .success(.imageCreated("ami-1")))
    }

    @Test func `where nobody listens it is tried again, and then said`() throws {
        let port = try unusedLoopbackPort()
        let desk = try Desk(Desk.keys.merging(["AWS_ENDPOINT_URL": "http://127.0.0.1:\(port)"]) { $1 })
        let fault = try desk.fault(.deleteSnapshot("snap-1"))
        #expect(fault.kind == .unreachable)
        #expect(fault.description.hasPrefix("delete snapshot snap-1: POST http://127.0.0.1:\(port)/: "), "\(fault)")
    }

    @Test func `authorities that cannot be read are said to be so, at once`() throws {
        let service = try FakeService(.deleted)
        let values = [
            "AWS_ENDPOINT_URL": "https://127.0.0.1:\(service.port)", "AWS_CA_BUNDLE": "/nonexistent/authorities.pem",
        ]
        let fault = try Desk(Desk.keys.merging(values) { $1 }).fault(.deleteSnapshot("snap-1"))
        #expect(fault.kind == .unreachable)
        #expect(fault.description.hasSuffix("; see AWS_CA_BUNDLE, or install the package ca-certificates"), "\(fault)")
    }

    @Test func `an answer beyond the bound is none, and is not asked for again`() throws {
        let service = try FakeService(.xml("<a>\(String(repeating: "x", count: CloudPage.bytesMax))</a>"))
        let fault = try Desk(at: service).fault(Self.find)
        #expect(fault.kind == .unreachable)
        #expect(service.asked.count == 1)
    }

    @Test(arguments: [
        "", "hello", "<html><body>Sign in</body></html>", "<DescribeInstancesResponse>", "<!DOCTYPE a><a/>",
    ])
    func `rubbish with a good status is no answer`(body: String) throws {
        let service = try FakeService(.xml(body))
        let fault = try Desk(at: service).fault(Self.find)
        #expect(fault.kind == .unreachable)
        #expect(fault.description.contains("EC2 answered what makes no sense"), "\(fault)")
        #expect(service.asked.count == CloudCall.attemptsMax)
    }

    @Test func `before the region is known nobody is asked`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service)
        desk.cloud.region = nil
        #expect(try desk.fault(.deleteSnapshot("snap-1")).kind == .unreachable)
        #expect(service.asked.isEmpty)
    }

    @Test func `a call whose time is over before it begins asks nobody`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service)
        #expect(try desk.fault(.deleteSnapshot("snap-1"), deadline: .zero).kind == .unreachable)
        #expect(service.asked.isEmpty)
    }

    @Test func `calls beyond the bound are busy, and the others are answered`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service)
        var answers: [Result<CloudAnswer, CloudFault>] = []
        for _ in 0..<(Cloud.callsMax + 3) {
            desk.cloud.call(.deleteSnapshot("snap-1"), deadline: .seconds(10)) { answers.append($0) }
        }
        #expect(desk.loop.run { answers.count == Cloud.callsMax + 3 })
        #expect(answers.filter { $0 == .success(.done) }.count == Cloud.callsMax)
        #expect(service.asked.count == Cloud.callsMax)
    }

    @Test func `a call may begin another when it ends`() throws {
        let service = try FakeService(.deleted)
        let desk = try Desk(at: service)
        var second: Result<CloudAnswer, CloudFault>?
        desk.cloud.call(.deleteSnapshot("snap-1"), deadline: .seconds(10)) { _ in
            desk.cloud.call(.deleteSnapshot("snap-2"), deadline: .seconds(10)) { second = $0 }
        }
        #expect(desk.loop.run { second != nil })
        #expect(second == .success(.done))
    }

    @Test func `a cloud that is let go of answers nobody`() throws {
        let service = try FakeService(.nothing)
        var desk: Desk? = try Desk(at: service)
        let loop = try #require(desk?.loop)
        var answered = false
        desk?.cloud.call(.deleteSnapshot("snap-1"), deadline: .milliseconds(100)) { _ in answered = true }
        #expect(loop.run { !service.asked.isEmpty })
        desk = nil
        _ = loop.run(within: .milliseconds(300)) { false }
        #expect(!answered)
        service.stop()
    }

    @Test func `requests to EC2 are signed for its region, with the session's token`() throws {
        let service = try FakeService(.deleted)
        let values = Desk.keys.merging(["AWS_SESSION_TOKEN": "a-token", "AWS_ENDPOINT_URL": service.url]) { $1 }
        _ = try Desk(values).ask(.deleteSnapshot("snap-1")).get()
        let asked = service.asked[0]
        #expect(asked.authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"))
        #expect(asked.authorization.contains("/eu-west-1/ec2/aws4_request"))
        #expect(asked.token == "a-token")
        #expect(asked.contentType == "application/x-www-form-urlencoded; charset=utf-8")
    }

    @Test func `requests to the price list are signed for the region of the price list`() throws {
        let service = try FakeService(.xml(#"{"PriceList": [], "NextToken": "a"}"#), .xml(#"{"PriceList": []}"#))
        let desk = try Desk(at: service)
        #expect(try desk.ask(.onDemandPrice("m5.large", "eu-west-1")) == .success(.onDemandPrice(nil)))
        #expect(service.asked.count == 2)
        let asked = service.asked[1]
        #expect(asked.authorization.contains("/us-east-1/pricing/aws4_request"))
        #expect(asked.target == "AWSPriceListService.GetProducts")
        #expect(asked.contentType == "application/x-amz-json-1.1")
        #expect(asked.body.contains(#""NextToken":"a""#))
    }
}
