import AgentCore
import Glibc
import JSON
import Platform
import TestSupport
import Testing
import Wire

@testable import AgentHost

/// An EC2 that somebody else wrote: moto (https://docs.getmoto.org), which `Packaging/setup --test` installs. It checks
/// signatures and rights against users that were made in its IAM.
final class Moto {
    private let server: ChildProcess
    private(set) var securityGroup: ResourceID = "sg-unknown"
    let port: UInt16
    /// How its user signs, and where to.
    private(set) var environment: [String: String] = [:]

    static let isWanted: Bool = TestTier.current != .quick
    static let whyNot: Comment = "the quick tier leaves moto out"

    /// Runs `body` with a cloud that signs as `user`, who may do what `allowed` says.
    static func run(
        allowed: String = "*", secret: String? = nil, _ body: (Moto, Desk) throws -> Void
    ) throws {
        let moto = try Moto()
        let keys = try moto.makeUser(allowed: allowed)
        let values = [
            "AWS_ENDPOINT_URL": "http://127.0.0.1:\(moto.port)", "AWS_ACCESS_KEY_ID": keys.access,
            "AWS_SECRET_ACCESS_KEY": secret ?? keys.secret,
        ]
        moto.environment = values
        try body(moto, Desk(values, region: "us-east-1"))
    }

    private init() throws {
        let folder = #filePath.split(separator: "/").dropLast(5).joined(separator: "/")
        let program = "/\(folder)/.build/moto/bin/moto_server"
        guard unsafe access(program, X_OK) == 0 else {
            throw TestSupportError("moto is not there: run Packaging/setup --test")
        }
        let port = try unusedLoopbackPort()
        self.port = port
        // Each account begins with images, a network and a subnet in each zone. The first requests need no rights.
        server = try ChildProcess(
            program, ["-H", "127.0.0.1", "-p", "\(port)"],
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"])
        try eventually("moto listening", within: .seconds(60)) { (try? connectToLoopback(port: port)) != nil }
    }

    private func makeUser(allowed: String) throws -> (access: String, secret: String) {
        let policy = """
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "\(allowed)", "Resource": "*"}]}
            """
        try ask("iam", "CreateUser", [("UserName", "agent")])
        try ask("iam", "PutUserPolicy", [("UserName", "agent"), ("PolicyName", "all"), ("PolicyDocument", policy)])
        let made = try ask("iam", "CreateAccessKey", [("UserName", "agent")])
        let access = try #require(made.firstMatch(of: /<AccessKeyId>(.*)<\/AccessKeyId>/)?.output.1)
        let secret = try #require(made.firstMatch(of: /<SecretAccessKey>(.*)<\/SecretAccessKey>/)?.output.1)
        let groups = try ask("ec2", "DescribeSecurityGroups")
        securityGroup = try ResourceID(String(#require(groups.firstMatch(of: /<groupId>(.*?)<\/groupId>/)?.output.1)))
        // From here on every request needs a right signature and rights.
        try post("/moto-api/reset-auth", body: 0)
        return (String(access), String(secret))
    }

    @discardableResult
    private func ask(_ service: String, _ action: String, _ parameters: [(String, String)] = []) throws -> String {
        var form = QueryForm()
        form.add("Action", action)
        form.add("Version", service == "iam" ? "2010-05-08" : "2016-11-15")
        for (name, value) in parameters { form.add(name, value) }
        // The header only says which service is meant.
        let scope = "Credential=x/20260101/us-east-1/\(service)/aws4_request, SignedHeaders=host, Signature=x"
        return try post(
            "/?\(String(decoding: form.bytes, as: UTF8.self))", headers: ["Authorization: AWS4-HMAC-SHA256 \(scope)"])
    }

    @discardableResult
    private func post(_ path: String, body: Int? = nil, headers: [String] = []) throws -> String {
        // It closes every connection after one answer.
        let reply = try PlainClient(port: port).ask("POST", path, body: body, headers: headers, within: .seconds(30))
        guard reply.status == 200 else { throw TestSupportError("moto answered \(reply.status): \(reply.text)") }
        return reply.text
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
