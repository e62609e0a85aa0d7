import JSON

/// What an instance's metadata service says of it.
extension World {
    private static let role = "sandbox"
    private static let credentialsLife = Duration.seconds(21_600)

    /// What is not below `meta-data/`.
    func document(_ path: String, of instance: Instance, at now: Moment) -> String? {
        switch path {
        case "user-data": instance.userData.isEmpty ? nil : decode(base64: instance.userData)
        case "dynamic/instance-identity/document": identityDocument(of: instance)
        default: nil
        }
    }

    func values(of instance: Instance, at now: Moment) -> [String: String] {
        var values = [
            "ami-id": instance.image, "ami-launch-index": "0", "hostname": name(of: instance),
            "instance-action": "none", "instance-id": instance.id,
            "instance-life-cycle": instance.isSpot ? "spot" : "on-demand", "instance-type": instance.type,
            "local-hostname": name(of: instance), "local-ipv4": instance.address,
            "placement/availability-zone": instance.zone, "placement/region": rules.region,
            "reservation-id": reservation(of: instance), "security-groups": "sandbox",
            "services/domain": "amazonaws.com",
            "services/partition": "aws",
            // Empty, not absent, while nothing is scheduled.
            "events/maintenance/scheduled": maintenance(of: instance), "events/maintenance/history": "[]",
        ]
        values["public-ipv4"] = addresses.first { $0.instance == instance.id }?.publicAddress
        for tag in tags[instance.id] ?? [] { values["tags/instance/\(tag.key)"] = tag.value }
        addRole(of: instance, to: &values)
        addFate(of: instance, to: &values)
        return values
    }

    private func addFate(of instance: Instance, to values: inout [String: String]) {
        values["autoscaling/target-lifecycle-state"] = instance.lifecycle
        if let time = instance.rebalance {
            values["events/recommendations/rebalance"] = object { $0.field("noticeTime", time) }
        }
        guard let notice = instance.notice else { return }
        values["spot/instance-action"] = object { fields in
            fields.field("action", notice.action.rawValue)
            fields.field("time", notice.at)
        }
        if notice.action == .terminate { values["spot/termination-time"] = notice.at.description }
    }

    private func addRole(of instance: Instance, to values: inout [String: String]) {
        guard let credentials = instance.credentials else { return }
        values["iam/security-credentials/\(Self.role)"] = object { fields in
            fields.field("Code", "Success")
            fields.field("LastUpdated", credentials.expiry - Self.credentialsLife)
            fields.field("Type", "AWS-HMAC")
            fields.field("AccessKeyId", credentials.accessKey)
            fields.field("SecretAccessKey", credentials.secretKey)
            fields.field("Token", credentials.token)
            fields.field("Expiration", credentials.expiry)
        }
        values["iam/info"] = object { fields in
            fields.field("Code", "Success")
            fields.field("InstanceProfileArn", instance.profile ?? Self.profile)
        }
    }

    static let profile = "arn:aws:iam::\(Rules.account):instance-profile/sandbox"

    /// New ones are there some minutes before the old ones end, as in EC2.
    mutating func renewCredentials(of index: Int, at now: Moment) {
        if let credentials = instances[index].credentials, credentials.expiry - now.wall > .seconds(300) { return }
        instances[index].credentials = RoleCredentials(
            accessKey: "ASIA5A4DB0\(String(chance.next() >> 12, radix: 16, uppercase: true))",
            secretKey: chance.secret(), token: chance.secret(), expiry: now.wall.inSeconds + Self.credentialsLife)
    }

    private func maintenance(of instance: Instance) -> String {
        var writer = JSONWriter()
        writer.array { list in
            for event in instance.maintenance {
                list.object { fields in
                    fields.field("NotBefore", event.notBefore.inWords)
                    fields.field("Code", event.code)
                    fields.field("Description", "The sandbox pretends that something is scheduled")
                    fields.field("EventId", event.id)
                    fields.field("NotAfter", event.notAfter.inWords)
                    fields.field("State", "active")
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func identityDocument(of instance: Instance) -> String {
        object { fields in
            fields.field("accountId", Rules.account)
            fields.field("architecture", "x86_64")
            fields.field("availabilityZone", instance.zone)
            fields.field("imageId", instance.image)
            fields.field("instanceId", instance.id)
            fields.field("instanceType", instance.type)
            fields.field("pendingTime", instance.launchedAt)
            fields.field("privateIp", instance.address)
            fields.field("region", rules.region)
            fields.field("version", "2017-09-30")
        }
    }

    func name(of instance: Instance) -> String {
        "ip-\(instance.address.split(separator: ".").joined(separator: "-")).sandbox.internal"
    }

    func reservation(of instance: Instance) -> String { "r-\(instance.id.dropFirst(2))" }
}

private func object(_ body: (inout JSONObjectWriter) -> Void) -> String {
    var writer = JSONWriter()
    writer.object(body)
    return String(decoding: writer.bytes, as: UTF8.self)
}

/// What is no base64, or no text, is given back as it came.
func decode(base64 text: String) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var (held, bits, bytes): (UInt32, UInt32, [UInt8]) = (0, 0, [])
    for digit in text.utf8 where digit != UInt8(ascii: "=") && digit != UInt8(ascii: "\n") {
        guard let value = alphabet.firstIndex(of: digit) else { return text }
        held = held << 6 | UInt32(value)
        bits += 6
        guard bits >= 8 else { continue }
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: held >> bits))
    }
    return String(validating: bytes, as: UTF8.self) ?? text
}
