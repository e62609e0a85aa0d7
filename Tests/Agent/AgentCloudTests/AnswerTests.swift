import AgentCore
import JSON
import Testing
import Wire

@testable import AgentHost

/// What EC2's documents say, in our words.
@Suite struct AnswerTests {
    static func read(_ request: CloudRequest, _ documents: String...) throws -> CloudAnswer {
        let pages = try documents.map { document in
            try CloudPage(Array(document.utf8), from: request.plan(now: .earliest).service)
        }
        return try request.read(pages)
    }

    static let instance = """
        <item><instanceId>i-0123456789abcdef0</instanceId><imageId>ami-0a1b</imageId>
          <instanceState><code>48</code><name>terminated</name></instanceState>
          <keyName>ops</keyName><instanceType>m5.large</instanceType>
          <placement><availabilityZone>eu-west-1b</availabilityZone><tenancy>default</tenancy></placement>
          <stateReason><code>Server.SpotInstanceTermination</code><message>It was.</message></stateReason>
          <subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
          <groupSet><item><groupId>sg-01</groupId><groupName>a</groupName></item>
            <item><groupId>sg-02</groupId><groupName>b</groupName></item></groupSet>
          <iamInstanceProfile><arn>arn:aws:iam::1:instance-profile/web</arn><id>A</id></iamInstanceProfile>
          <instanceLifecycle>spot</instanceLifecycle>
          <tagSet><item><key>Name</key><value>web &amp; more</value></item><item><key>empty</key><value/></item></tagSet>
        </item>
        """
    static let sparse = """
        <item><instanceId>i-01234567</instanceId><instanceState><code>0</code><name>pending</name></instanceState></item>
        """

    @Test func `an instance is read with all that a launch of its like needs`() throws {
        let answer = try Self.read(
            .describeInstances(["i-01234567"]),
            """
            <DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>
            <reservationSet><item><reservationId>r-1</reservationId><instancesSet>\(Self.instance)</instancesSet></item>
            <item><instancesSet>\(Self.sparse)</instancesSet></item></reservationSet></DescribeInstancesResponse>
            """)
        var first = CloudInstance(id: "i-0123456789abcdef0", state: .terminated)
        first.stateReason = "Server.SpotInstanceTermination"
        first.instanceType = "m5.large"
        first.zone = "eu-west-1b"
        first.image = "ami-0a1b"
        first.mode = .spot
        first.network = "vpc-1"
        first.subnet = "subnet-1"
        first.securityGroups = ["sg-01", "sg-02"]
        first.profile = "arn:aws:iam::1:instance-profile/web"
        first.keyName = "ops"
        first.tags = [.init("Name", "web & more"), .init("empty", "")]
        #expect(answer == .instances([first, CloudInstance(id: "i-01234567", state: .pending)]))
    }

    @Test func `the pages of an answer are one answer`() throws {
        let page = { (item: String) in
            "<DescribeInstancesResponse><reservationSet><item><instancesSet>\(item)</instancesSet></item></reservationSet>"
                + "</DescribeInstancesResponse>"
        }
        let answer = try Self.read(.findInstances(tag: .init("a", "b")), page(Self.instance), page(Self.sparse))
        guard case .instances(let instances) = answer else { throw UnreadableAnswer("\(answer)") }
        #expect(instances.map(\.id.text) == ["i-0123456789abcdef0", "i-01234567"])
    }

    static let image = """
        <item><imageId>ami-1</imageId><imageState>available</imageState><creationDate>2026-01-02T03:04:05.000Z</creationDate>
        <blockDeviceMapping><item><deviceName>/dev/sda1</deviceName><ebs><snapshotId>snap-1</snapshotId></ebs></item>
        <item><deviceName>/dev/sdb</deviceName><virtualName>ephemeral0</virtualName></item></blockDeviceMapping></item>
        <item><imageId>ami-2</imageId><imageState>pending</imageState></item>
        <item><imageId>ami-3</imageId><imageState>failed</imageState><stateReason><code>a</code><message>No disk</message>
        </stateReason></item>
        """

    static let images: CloudAnswer = {
        var first = CloudAnswer.Image(
            id: "ami-1", state: .available, createdAt: Timestamp(rfc3339: "2026-01-02T03:04:05Z"))
        first.snapshots = ["snap-1"]
        return .images([
            first, .init(id: "ami-2", state: .pending, createdAt: nil),
            .init(id: "ami-3", state: .failed("No disk"), createdAt: nil),
        ])
    }()

    static let prices = """
        <item><availabilityZone>eu-west-1b</availabilityZone><spotPrice>0.041600</spotPrice>
          <timestamp>2026-11-20T10:00:00.000Z</timestamp></item>
        <item><availabilityZone>eu-west-1b</availabilityZone><spotPrice>0.05</spotPrice>
          <timestamp>2026-11-20T11:00:00.000Z</timestamp></item>
        <item><availabilityZone>eu-west-1a</availabilityZone><spotPrice>0.03</spotPrice>
          <timestamp>2026-11-20T11:00:00.000Z</timestamp></item>
        <item><availabilityZone>eu-west-1a</availabilityZone><spotPrice>0.02</spotPrice>
          <timestamp>2026-11-20T10:00:00.000Z</timestamp></item>
        <item><availabilityZone>eu-west-1c</availabilityZone><spotPrice>0.000</spotPrice>
          <timestamp>2026-11-20T11:00:00.000Z</timestamp></item>
        <item><availabilityZone>eu-west-1c</availabilityZone><spotPrice>cheap</spotPrice></item>
        """

    static let answers: [(CloudRequest, document: String, CloudAnswer)] = [
        (
            .describeInstances(["i-01234567"]),
            "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>", .instances([])
        ),
        (
            .userData(of: "i-01234567"),
            """
            <DescribeInstanceAttributeResponse><instanceId>i-01234567</instanceId><userData><value>IyEv</value></userData>\
            </DescribeInstanceAttributeResponse>
            """, .userData("IyEv")
        ),
        (
            .userData(of: "i-01234567"),
            "<DescribeInstanceAttributeResponse><userData/></DescribeInstanceAttributeResponse>", .userData("")
        ),
        (
            .subnets(network: "vpc-1", zone: nil),
            """
            <DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId>\
            <availabilityZone>eu-west-1b</availabilityZone><availableIpAddressCount>251</availableIpAddressCount></item>\
            </subnetSet></DescribeSubnetsResponse>
            """, .subnets([.init(id: "subnet-1", zone: "eu-west-1b", freeAddresses: 251)])
        ),
        (
            .run(RequestTests.plain),
            "<RunInstancesResponse><instancesSet>\(sparse)</instancesSet></RunInstancesResponse>",
            .launched(CloudInstance(id: "i-01234567", state: .pending))
        ),
        (
            .terminate("i-01234567"),
            """
            <TerminateInstancesResponse><instancesSet><item><instanceId>i-01234567</instanceId><currentState>\
            <name>shutting-down</name></currentState></item></instancesSet></TerminateInstancesResponse>
            """, .terminating(.shuttingDown)
        ),
        (
            .createImage(of: "i-01234567", name: "a", tags: []),
            "<CreateImageResponse><imageId>ami-1</imageId></CreateImageResponse>", .imageCreated("ami-1")
        ),
        (
            .findImages(tag: .init("a", "b")),
            "<DescribeImagesResponse><imagesSet>\(image)</imagesSet></DescribeImagesResponse>", images
        ),
        (
            .findSnapshots(tag: .init("a", "b")),
            """
            <DescribeSnapshotsResponse><snapshotSet><item><snapshotId>snap-1</snapshotId><status>completed</status>\
            <startTime>2026-01-02T03:04:05.000Z</startTime></item><item><snapshotId>snap-2</snapshotId>\
            <status>pending</status></item></snapshotSet></DescribeSnapshotsResponse>
            """,
            .snapshots([
                .init(id: "snap-1", isCompleted: true, startedAt: Timestamp(rfc3339: "2026-01-02T03:04:05Z")),
                .init(id: "snap-2", isCompleted: false, startedAt: nil),
            ])
        ),
        (
            .deregisterImage("ami-1"), "<DeregisterImageResponse><return>true</return></DeregisterImageResponse>", .done
        ),
        (.deleteSnapshot("snap-1"), "<DeleteSnapshotResponse><return>true</return></DeleteSnapshotResponse>", .done),
        (
            .spotPrices("m5.large"),
            """
            <DescribeSpotPriceHistoryResponse><spotPriceHistorySet>\(prices)</spotPriceHistorySet><nextToken/>\
            </DescribeSpotPriceHistoryResponse>
            """,
            .spotPrices([
                PoolPrice(pool: "m5.large.eu-west-1a", price: JSONNumber(3).scaled),
                PoolPrice(pool: "m5.large.eu-west-1b", price: JSONNumber(5).scaled),
            ])
        ),
    ]

    @Test(arguments: answers)
    func `each answer is read`(request: CloudRequest, document: String, expected: CloudAnswer) throws {
        #expect(try Self.read(request, document) == expected)
    }

    @Test(arguments: [
        (CloudRequest.describeInstances(["i-01234567"]), "<html><body>Sign in</body></html>"),
        (.describeInstances(["i-01234567"]), "<DescribeInstancesResponse/>"),
        (
            .run(RequestTests.plain), "<RunInstancesResponse><instancesSet/></RunInstancesResponse>"
        ),
        (
            .run(RequestTests.plain),
            """
            <RunInstancesResponse><instancesSet><item><instanceId>i-01234567</instanceId><instanceState><name>odd</name>\
            </instanceState></item></instancesSet></RunInstancesResponse>
            """
        ),
        (
            .createImage(of: "i-01234567", name: "a", tags: []),
            "<CreateImageResponse><imageId>../etc</imageId></CreateImageResponse>"
        ),
        (.deleteSnapshot("snap-1"), "<DeleteSnapshotResponse><return>false</return></DeleteSnapshotResponse>"),
        (.may(.run(RequestTests.plain)), "<RunInstancesResponse><instancesSet/></RunInstancesResponse>"),
        (.onDemandPrice("m5.large", "eu-west-1"), "{}"),
        (.onDemandPrice("m5.large", "eu-west-1"), #"{"PriceList": ["{"]}"#),
    ])
    func `an answer that makes no sense is none`(request: CloudRequest, document: String) {
        #expect(throws: UnreadableAnswer.self) { try Self.read(request, document) }
    }

    static func product(_ currency: String, _ prices: (unit: String, price: String)...) -> String {
        let dimensions = prices.enumerated().map { index, price in
            #""d\#(index)": {"unit": "\#(price.unit)", "pricePerUnit": {"\#(currency)": "\#(price.price)"}}"#
        }
        let product =
            #"{"product": {}, "terms": {"OnDemand": {"o": {"priceDimensions": {\#(dimensions.joined(separator: ","))}}}}}"#
        return String(decoding: encodeJSON(product), as: UTF8.self)
    }

    @Test(
        arguments: [
            ([], "eu-west-1", nil),
            ([product("USD", ("Hrs", "0.0960000000"))], "eu-west-1", "0.096"),
            ([product("USD", ("Hrs", "0.0000000000")), product("USD", ("Hrs", "0.12"))], "eu-west-1", "0.12"),
            ([product("USD", ("Hrs", "0.12"), ("Hrs", "0.096"))], "eu-west-1", "0.096"),
            ([product("USD", ("Quantity", "0.01"), ("Hrs", "0"))], "eu-west-1", nil),
            ([product("USD", ("Hrs", "0.01"))], "cn-north-1", nil),
            ([product("CNY", ("Hrs", "0.01"))], "cn-north-1", "0.01"),
            ([String(decoding: encodeJSON(#"{"terms": {}}"#), as: UTF8.self)], "eu-west-1", nil),
        ] as [([String], Region, String?)])
    func `the on-demand price is the lowest hourly one that is not nothing`(
        products: [String], region: Region, price: String?
    ) throws {
        let document = #"{"FormatVersion": "aws_v1", "PriceList": [\#(products.joined(separator: ","))]}"#
        let answer = try Self.read(.onDemandPrice("m5.large", region), document)
        #expect(answer == .onDemandPrice(price.flatMap { JSONNumber($0) }))
    }
}

extension JSONNumber {
    /// Hundredths.
    fileprivate var scaled: JSONNumber { JSONNumber("\(text)e-2") ?? self }
}
