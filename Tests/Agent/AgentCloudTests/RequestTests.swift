import AgentCore
import JSON
import Testing
import Wire

@testable import AgentHost

@Suite struct RequestTests {
    static let now = Timestamp(rfc3339: "2026-11-20T20:00:00.25Z") ?? .earliest

    static let spot: Launch = {
        var launch = Launch(
            token: "spot-cmd-1", image: "ami-0a1b", instanceType: "m5.large", mode: .spot, zone: "eu-west-1b")
        launch.subnet = "subnet-0a1b"
        launch.securityGroups = ["sg-01", "sg-02"]
        launch.profile = "arn:aws:iam::123456789012:instance-profile/web"
        launch.keyName = "ops & co"
        launch.userData = "IyEvYmluL3No+/=="
        launch.tags = [CloudRequest.Tag("Name", "wéb"), CloudRequest.Tag("spot:command", "cmd/1")]
        return launch
    }()
    static let plain = Launch(
        token: "t", image: "ami-0a1b", instanceType: "m5.large", mode: .ondemand, zone: "eu-west-1b")

    static let spotForm = """
        MinCount=1&MaxCount=1&ClientToken=spot-cmd-1&ImageId=ami-0a1b&InstanceType=m5.large&SubnetId=subnet-0a1b\
        &SecurityGroupId.1=sg-01&SecurityGroupId.2=sg-02\
        &IamInstanceProfile.Arn=arn%3Aaws%3Aiam%3A%3A123456789012%3Ainstance-profile%2Fweb&KeyName=ops+%26+co\
        &UserData=IyEvYmluL3No%2B%2F%3D%3D&MetadataOptions.HttpTokens=required\
        &InstanceMarketOptions.MarketType=spot&InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time\
        &InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate\
        &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name\
        &TagSpecification.1.Tag.1.Value=w%C3%A9b&TagSpecification.1.Tag.2.Key=spot%3Acommand\
        &TagSpecification.1.Tag.2.Value=cmd%2F1&TagSpecification.2.ResourceType=volume\
        &TagSpecification.2.Tag.1.Key=Name&TagSpecification.2.Tag.1.Value=w%C3%A9b\
        &TagSpecification.2.Tag.2.Key=spot%3Acommand&TagSpecification.2.Tag.2.Value=cmd%2F1
        """
    static let plainForm = """
        MinCount=1&MaxCount=1&ClientToken=t&ImageId=ami-0a1b&InstanceType=m5.large\
        &Placement.AvailabilityZone=eu-west-1b&MetadataOptions.HttpTokens=required
        """

    static let volume = DataVolume(id: "vol-1", device: "/dev/sdf")

    static let forms: [(CloudRequest, action: String, form: String)] = [
        (
            .describeInstances(["i-0123456789abcdef0", "i-01234567"]), "DescribeInstances",
            "InstanceId.1=i-0123456789abcdef0&InstanceId.2=i-01234567"
        ),
        (
            .findInstances(tag: .init("spot:command", "a*b?c\\d")), "DescribeInstances",
            "Filter.1.Name=tag%3Aspot%3Acommand&Filter.1.Value.1=a%5C%2Ab%5C%3Fc%5C%5Cd&MaxResults=100"
        ),
        (.userData(of: "i-01234567"), "DescribeInstanceAttribute", "InstanceId=i-01234567&Attribute=userData"),
        (
            .subnets(network: "vpc-1", zone: "eu-west-1b"), "DescribeSubnets",
            """
            Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.2.Name=availability-zone&Filter.2.Value.1=eu-west-1b\
            &Filter.3.Name=state&Filter.3.Value.1=available&MaxResults=100
            """
        ),
        (
            .subnets(network: "vpc-1", zone: nil), "DescribeSubnets",
            """
            Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1&Filter.2.Name=state&Filter.2.Value.1=available&MaxResults=100
            """
        ),
        (.run(spot), "RunInstances", spotForm),
        (.run(plain), "RunInstances", plainForm),
        (.terminate("i-01234567"), "TerminateInstances", "InstanceId.1=i-01234567"),
        (
            .createImage(of: "i-01234567", name: "Spot-1", tags: [.init("ManagedBy", "SpotOptimizer")]), "CreateImage",
            """
            InstanceId=i-01234567&Name=Spot-1&NoReboot=true&TagSpecification.1.ResourceType=image\
            &TagSpecification.1.Tag.1.Key=ManagedBy&TagSpecification.1.Tag.1.Value=SpotOptimizer
            """
        ),
        (.image("ami-0a1b"), "DescribeImages", "ImageId.1=ami-0a1b"),
        (
            .findImages(tag: .init("k", "v")), "DescribeImages",
            "Owner.1=self&Filter.1.Name=tag%3Ak&Filter.1.Value.1=v&MaxResults=100"
        ),
        (
            .findSnapshots(tag: .init("k", "v")), "DescribeSnapshots",
            "Owner.1=self&Filter.1.Name=tag%3Ak&Filter.1.Value.1=v&MaxResults=100"
        ),
        (
            .tag(["snap-1", "snap-2"], [.init("a", "b")]), "CreateTags",
            "ResourceId.1=snap-1&ResourceId.2=snap-2&Tag.1.Key=a&Tag.1.Value=b"
        ),
        (.deregisterImage("ami-0a1b"), "DeregisterImage", "ImageId=ami-0a1b"),
        (.deleteSnapshot("snap-1"), "DeleteSnapshot", "SnapshotId=snap-1"),
        (
            .spotPrices("m5.large"), "DescribeSpotPriceHistory",
            """
            InstanceType.1=m5.large&ProductDescription.1=Linux%2FUNIX\
            &ProductDescription.2=Linux%2FUNIX+%28Amazon+VPC%29&StartTime=2026-11-20T20%3A00%3A00Z\
            &EndTime=2026-11-20T20%3A00%3A00Z&MaxResults=100
            """
        ),
        (.address("eipalloc-1"), "DescribeAddresses", "AllocationId.1=eipalloc-1"),
        (
            .moveAddress("eipalloc-1", to: "i-01234567"), "AssociateAddress",
            "AllocationId=eipalloc-1&InstanceId=i-01234567&AllowReassociation=true"
        ),
        (.volumes(["vol-1", "vol-2"]), "DescribeVolumes", "VolumeId.1=vol-1&VolumeId.2=vol-2"),
        (
            .attachVolume(volume, to: "i-01234567"), "AttachVolume",
            "VolumeId=vol-1&InstanceId=i-01234567&Device=%2Fdev%2Fsdf"
        ),
        (.detachVolume("vol-1", from: "i-01234567"), "DetachVolume", "VolumeId=vol-1&InstanceId=i-01234567"),
        (
            .may(.moveAddress("eipalloc-1", to: "i-01234567")), "AssociateAddress",
            "AllocationId=eipalloc-1&InstanceId=i-01234567&AllowReassociation=true&DryRun=true"
        ),
        (
            .may(.attachVolume(volume, to: "i-01234567")), "AttachVolume",
            "VolumeId=vol-1&InstanceId=i-01234567&Device=%2Fdev%2Fsdf&DryRun=true"
        ),
        (
            .may(.detachVolume("vol-1", from: "i-01234567")), "DetachVolume",
            "VolumeId=vol-1&InstanceId=i-01234567&DryRun=true"
        ),
        (
            .may(.run(plain)), "RunInstances",
            plainForm.replacing("ClientToken=t&", with: "") + "&DryRun=true"
        ),
        (.may(.terminate("i-01234567")), "TerminateInstances", "InstanceId.1=i-01234567&DryRun=true"),
        (
            .may(.createImage(of: "i-01234567", name: "trial", tags: [])), "CreateImage",
            "InstanceId=i-01234567&Name=trial&NoReboot=true&DryRun=true"
        ),
    ]

    @Test(arguments: forms)
    func `each request is one form of the query API`(request: CloudRequest, action: String, form: String) {
        let body = request.plan(now: Self.now).body(nextToken: nil)
        #expect(String(decoding: body, as: UTF8.self) == "Action=\(action)&Version=2016-11-15&\(form)")
    }

    static let balancerForms: [(CloudRequest, action: String, form: String)] = [
        (.targetGroup(Samples.group), "DescribeTargetGroups", "TargetGroupArns.member.1=\(Samples.escapedGroup)"),
        (
            .targetHealth(Samples.group, "i-01234567"), "DescribeTargetHealth",
            "TargetGroupArn=\(Samples.escapedGroup)&Targets.member.1.Id=i-01234567"
        ),
        (
            .registerTarget(Samples.group, "i-01234567"), "RegisterTargets",
            "TargetGroupArn=\(Samples.escapedGroup)&Targets.member.1.Id=i-01234567"
        ),
        (
            .deregisterTarget(Samples.group, "i-01234567"), "DeregisterTargets",
            "TargetGroupArn=\(Samples.escapedGroup)&Targets.member.1.Id=i-01234567"
        ),
    ]

    @Test(arguments: balancerForms)
    func `load balancers are asked in their own version of the query API, where the group is`(
        request: CloudRequest, action: String, form: String
    ) {
        let plan = request.plan(now: Self.now)
        #expect(
            String(decoding: plan.body(nextToken: nil), as: UTF8.self) == "Action=\(action)&Version=2015-12-01&\(form)")
        #expect(plan.service == .elb && plan.region == "eu-central-1" && plan.repeating == .harmless)
    }

    @Test func `only what makes a new thing is not repeated`() {
        let harmful = Self.forms.filter { $0.0.plan(now: Self.now).repeating == .harmful }
        #expect(Set(harmful.map(\.action)) == ["CreateImage", "RunInstances"])
        #expect(harmful.allSatisfy { !$0.form.contains("DryRun") })
    }

    @Test func `the price list is asked for the one price that a plain Linux machine has`() throws {
        let body = PriceList.body("m5.large", "eu-west-1", nextToken: "more")
        let asked = try JSONDocument(body).root.object()
        var filters: [String: String] = [:]
        for filter in try asked.required("Filters").array() {
            let filter = try filter.object()
            #expect(try filter.required("Type").string() == "TERM_MATCH")
            filters[try filter.required("Field").string()] = try filter.required("Value").string()
        }
        #expect(
            filters == [
                "instanceType": "m5.large", "regionCode": "eu-west-1", "operatingSystem": "Linux",
                "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used",
            ])
        #expect(try asked.required("ServiceCode").string() == "AmazonEC2")
        #expect(try asked.required("NextToken").string() == "more")
    }
}

@Suite struct EndpointTests {
    @Test(arguments: [
        (CloudService.ec2, "eu-west-1" as Region, "https://ec2.eu-west-1.amazonaws.com/", "eu-west-1"),
        (.ec2, "cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        (.priceList, "eu-west-1", "https://api.pricing.us-east-1.amazonaws.com/", "us-east-1"),
        (.priceList, "cn-north-1", "https://api.pricing.cn-northwest-1.amazonaws.com.cn/", "cn-northwest-1"),
        (.elb, "eu-west-1", "https://elasticloadbalancing.eu-west-1.amazonaws.com/", "eu-west-1"),
        (.elb, "cn-north-1", "https://elasticloadbalancing.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
    ])
    func `each service is asked where its region has it`(
        service: CloudService, region: Region, url: String, signed: String
    ) {
        let endpoint = service.endpoint(in: region, CloudSettings([:]))
        #expect(endpoint.url == url && endpoint.region.text == signed)
    }

    @Test func `load balancers have an endpoint's setting of their own, by AWS' name for it`() {
        let settings = CloudSettings([
            "AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": "http://b:2/",
        ])
        #expect(CloudService.elb.endpoint(in: "eu-west-1", settings).url == "http://b:2/")
        let common = CloudSettings(["AWS_ENDPOINT_URL": "http://a:1"])
        #expect(CloudService.elb.endpoint(in: "eu-west-1", common).url == "http://a:1/")
    }

    @Test(arguments: [
        (["AWS_ENDPOINT_URL": "http://a:1/"], "http://a:1/", "http://a:1/"),
        (["AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_EC2": "http://b/x"], "http://b/x/", "http://a:1/"),
        (
            ["AWS_ENDPOINT_URL_EC2": "", "AWS_ENDPOINT_URL_PRICING": "http://c"],
            "https://ec2.eu-west-1.amazonaws.com/", "http://c/"
        ),
    ])
    func `the endpoints that are set replace the standard ones`(
        values: [String: String], ec2: String, priceList: String
    ) {
        let settings = CloudSettings(values)
        #expect(CloudService.ec2.endpoint(in: "eu-west-1", settings).url == ec2)
        #expect(CloudService.priceList.endpoint(in: "eu-west-1", settings).url == priceList)
    }
}
