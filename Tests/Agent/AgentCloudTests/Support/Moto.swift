import AgentCore
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// moto, as one account's user sees it: signatures and rights are checked against users that were made in its IAM.
final class Moto {
    private let server: MotoServer
    private(set) var securityGroup: ResourceID = "sg-unknown"
    /// What follows a workload: an elastic IP, a volume in us-east-1b, a target group.
    private(set) var address: ResourceID = "eipalloc-unknown"
    private(set) var volume: ResourceID = "vol-unknown"
    private(set) var group = Samples.group
    /// How its user signs, and where to.
    private(set) var environment: [String: String] = [:]

    static let isWanted: Bool = TestTier.current != .quick
    static let whyNot: Comment = "the quick tier leaves moto out"

    /// Runs `body` with a cloud that signs as `user`, who may do what `allowed` says.
    static func run(
        allowed: String = "*", secret: String? = nil, _ body: (Moto, Desk) throws -> Void
    ) throws {
        let moto = try Moto()
        try moto.makeHoldings()
        let keys = try moto.makeUser(allowed: allowed)
        let values = [
            "AWS_ENDPOINT_URL": "http://127.0.0.1:\(moto.server.port)", "AWS_ACCESS_KEY_ID": keys.access,
            "AWS_SECRET_ACCESS_KEY": secret ?? keys.secret,
        ]
        moto.environment = values
        try body(moto, Desk(values, region: "us-east-1"))
    }

    // The first requests need no rights.
    private init() throws { server = try MotoServer() }

    private func makeHoldings() throws {
        let allocated = try server.ask("ec2", "AllocateAddress", [("Domain", "vpc")])
        address = try ResourceID(value(of: "allocationId", in: allocated))
        let made = try server.ask("ec2", "CreateVolume", [("AvailabilityZone", "us-east-1b"), ("Size", "1")])
        volume = try ResourceID(value(of: "volumeId", in: made))
        let network = try value(of: "vpcId", in: server.ask("ec2", "DescribeVpcs"))
        let group = try server.ask(
            "elasticloadbalancing", "CreateTargetGroup",
            [
                ("Name", "web"), ("Protocol", "HTTP"), ("Port", "80"), ("VpcId", network),
                ("HealthCheckIntervalSeconds", "7"), ("HealthyThresholdCount", "3"),
            ])
        self.group = Samples.makeGroup(try value(of: "TargetGroupArn", in: group))
    }

    private func value(of name: String, in answer: String) throws -> String {
        let parts = answer.split(separator: "<\(name)>", maxSplits: 1)
        return String(try #require(parts.count == 2 ? parts[1] : nil).prefix { $0 != "<" })
    }

    private func makeUser(allowed: String) throws -> (access: String, secret: String) {
        let policy = """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "\(allowed)", "Resource": "*"}]}
            """
        try server.ask("iam", "CreateUser", [("UserName", "agent")])
        try server.ask(
            "iam", "PutUserPolicy", [("UserName", "agent"), ("PolicyName", "all"), ("PolicyDocument", policy)])
        let made = try server.ask("iam", "CreateAccessKey", [("UserName", "agent")])
        let access = try #require(made.firstMatch(of: /<AccessKeyId>(.*)<\/AccessKeyId>/)?.output.1)
        let secret = try #require(made.firstMatch(of: /<SecretAccessKey>(.*)<\/SecretAccessKey>/)?.output.1)
        let groups = try server.ask("ec2", "DescribeSecurityGroups")
        securityGroup = try ResourceID(String(#require(groups.firstMatch(of: /<groupId>(.*?)<\/groupId>/)?.output.1)))
        // From here on every request needs a right signature and rights.
        try server.post("/moto-api/reset-auth", body: 0)
        return (String(access), String(secret))
    }
}

extension Desk {
    /// Launches one, and describes it.
    func launch(_ change: (inout Launch) -> Void = { _ in }) throws -> CloudInstance {
        var launch = Launch(
            token: "spot-cmd-1", image: try image(), instanceType: "m5.large", mode: .spot, zone: "us-east-1b")
        change(&launch)
        guard case .launched(let instance) = try ask(.run(launch)).get() else {
            throw TestSupportError("that is no launch")
        }
        return try describe(instance.id)
    }

    func describe(_ id: InstanceID) throws -> CloudInstance {
        guard case .instances(let instances) = try ask(.describeInstances([id])).get() else {
            throw TestSupportError("that is no description")
        }
        return try #require(instances.first)
    }

    /// One of those that every account has.
    func image() throws -> ResourceID { "ami-12c6146b" }

    func subnets(of network: ResourceID, in zone: AvailabilityZone?) throws -> [CloudAnswer.Subnet] {
        guard case .subnets(let subnets) = try ask(.subnets(network: network, zone: zone)).get() else {
            throw TestSupportError("those are no subnets")
        }
        return subnets
    }
}
