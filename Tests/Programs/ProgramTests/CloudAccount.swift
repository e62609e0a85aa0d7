import JSON
import Platform
import TestSupport
import Wire
import XML

/// An account in moto with a network in every zone, and the door through which agents ask it, which is kept by the test.
final class CloudAccount {
    let moto: MotoServer
    let door: Interposer
    let group: String
    let profile: String
    static let userData = "IyEvYmluL3No+w=="
    static let image = "ami-12c6146b"

    struct Machine {
        var id: InstanceID
        var state: String
        var zone: String
        var subnet: String
        var image: String
        var isSpot: Bool
        var groups: [String]
        var profile: String?
        var key: String?
        var tags: [String: String]
        var isAlive: Bool { state == "running" || state == "pending" }

        fileprivate init(_ item: XMLElement) throws {
            id = try InstanceID(item["instanceId"]?.text ?? "")
            state = item.first("instanceState", "name")?.text ?? ""
            zone = item.first("placement", "availabilityZone")?.text ?? ""
            subnet = item["subnetId"]?.text ?? ""
            image = item["imageId"]?.text ?? ""
            isSpot = item["instanceLifecycle"]?.text == "spot"
            groups = item["groupSet"]?.children.compactMap { $0["groupId"]?.text } ?? []
            profile = item.first("iamInstanceProfile", "arn")?.text
            key = item["keyName"]?.text
            tags = [:]
            for tag in item["tagSet"]?.children ?? [] { tags[tag["key"]?.text ?? ""] = tag["value"]?.text }
        }
    }

    init(environment: [String: String] = [:]) throws {
        moto = try MotoServer(environment: environment)
        // Whoever asks again after a crash finds what was asked before it done: what EC2's tokens are for, moto does not have.
        door = try Interposer(to: moto.port, isOneAtATime: true)
        let made = try Self.parse(
            moto.ask("ec2", "CreateSecurityGroup", [("GroupName", "web"), ("GroupDescription", "web")]))
        group = made["groupId"]?.text ?? ""
        try moto.ask("ec2", "CreateKeyPair", [("KeyName", "ops")])
        let answer = try moto.ask("iam", "CreateInstanceProfile", [("InstanceProfileName", "web")])
        profile = answer.firstMatch(of: /<Arn>(.*?)<\/Arn>/).map { String($0.output.1) } ?? ""
    }

    deinit { door.stop() }

    /// For the agents.
    var environment: [String: String] {
        ["AWS_ENDPOINT_URL": "http://127.0.0.1:\(door.port)", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"]
    }

    private static func parse(_ text: String) throws -> XMLElement { try XMLElement.parse(Array(text.utf8)) }

    func subnet(in zone: String) throws -> String {
        let answer = try Self.parse(
            moto.ask(
                "ec2", "DescribeSubnets", [("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", zone)]))
        return answer["subnetSet"]?.children.first?["subnetId"]?.text ?? ""
    }

    /// A machine like those that an operator starts.
    func run(in zone: String = "us-east-1b", isSpot: Bool = true) throws -> InstanceID {
        var form = [
            ("ImageId", Self.image), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "1"),
            ("SubnetId", try subnet(in: zone)), ("SecurityGroupId.1", group), ("KeyName", "ops"),
            ("IamInstanceProfile.Arn", profile), ("UserData", Self.userData),
            ("TagSpecification.1.ResourceType", "instance"), ("TagSpecification.1.Tag.1.Key", "team"),
            ("TagSpecification.1.Tag.1.Value", "wéb & co"),
        ]
        if isSpot { form.append(("InstanceMarketOptions.MarketType", "spot")) }
        let answer = try Self.parse(moto.ask("ec2", "RunInstances", form))
        return try InstanceID(answer["instancesSet"]?.children.first?["instanceId"]?.text ?? "")
    }

    private func describe(_ form: [(String, String)]) throws -> [Machine] {
        let answer = try Self.parse(moto.ask("ec2", "DescribeInstances", form))
        let reservations = answer["reservationSet"]?.children ?? []
        return try reservations.flatMap { $0["instancesSet"]?.children ?? [] }.map(Machine.init)
    }

    func machine(_ id: InstanceID) throws -> Machine {
        guard let found = try describe([("InstanceId.1", id.text)]).first else {
            throw TestSupportError("moto has no \(id)")
        }
        return found
    }

    /// All that a command made.
    func machines(of command: CommandID) throws -> [Machine] {
        try describe([("Filter.1.Name", "tag:spot:command"), ("Filter.1.Value.1", command.text)])
    }

    func userData(of id: InstanceID) throws -> String {
        let form = [("InstanceId", id.text), ("Attribute", "userData")]
        return try Self.parse(moto.ask("ec2", "DescribeInstanceAttribute", form)).first("userData", "value")?.text ?? ""
    }

    func images() throws -> [XMLElement] {
        try Self.parse(moto.ask("ec2", "DescribeImages", [("Owner.1", "self")]))["imagesSet"]?.children ?? []
    }

    func snapshots() throws -> [String] {
        let answer = try Self.parse(moto.ask("ec2", "DescribeSnapshots", [("Owner.1", "self")]))
        return (answer["snapshotSet"]?.children ?? []).compactMap { $0["snapshotId"]?.text }
    }

    /// The parameters of every launch that was asked for.
    var launches: [[String: String]] {
        // Those that only ask whether it would be allowed make nothing.
        door.seen.map(\.text).filter { $0.contains("Action=RunInstances") && !$0.contains("DryRun=true") }.map { text in
            var form: [String: String] = [:]
            for pair in text.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                form[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
            }
            return form
        }
    }
}

extension Fleet {
    /// The agent on a machine that moto has.
    func machine(_ slot: String, on id: InstanceID, of account: CloudAccount, more: [String: String] = [:]) throws
        -> FleetMachine
    {
        let known = try account.machine(id)
        return try machine(
            slot, id,
            values: [
                "placement/availability-zone": known.zone, "ami-id": known.image,
                "instance-life-cycle": known.isSpot ? "spot" : "on-demand",
            ], more: account.environment.merging(more) { $1 })
    }
}
