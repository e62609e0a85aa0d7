import AgentCore
import Wire
import XML

extension CloudRequest {
    /// Of ELB's answers: each has its content in an element of its own, and lists of members.
    func firstMember(_ pages: [CloudPage], _ name: String) throws(UnreadableAnswer) -> XMLElement {
        let answer = try only(pages)
        let result = answer.children.first { $0.name.hasSuffix("Result") }
        guard let member = result?.first(name, "member") else {
            throw UnreadableAnswer("\(answer.name) has no member of \(name)")
        }
        return member
    }
}

extension CloudAnswer.Address {
    init(_ item: XMLElement) {
        self.init(
            publicAddress: item["publicIp"].flatMap { $0.text.isEmpty ? nil : $0.text },
            // Also without a machine it may be at something: a network interface that is on none.
            instance: item.identifier("instanceId"))
    }
}

extension CloudAnswer.Volume {
    init(_ item: XMLElement) throws(UnreadableAnswer) {
        var attachments: [InstanceID: Attachment] = [:]
        for attachment in item["attachmentSet"]?.children(named: "item") ?? [] {
            let word = attachment["status"]?.text ?? ""
            guard let state = Attachment(rawValue: word) else {
                throw UnreadableAnswer("\(word.prefix(64)) is no state of an attachment")
            }
            attachments[try attachment.need("instanceId")] = state
        }
        self.init(id: try item.need("volumeId"), zone: item.identifier("availabilityZone"), attachments: attachments)
    }
}

extension CloudAnswer.HealthCheck {
    init(_ member: XMLElement) throws(UnreadableAnswer) {
        func seconds(_ name: String) throws(UnreadableAnswer) -> Int {
            guard let number = member[name].flatMap({ Int($0.text) }), number > 0 else {
                throw UnreadableAnswer("the target group has no \(name)")
            }
            return number
        }
        let type = member["TargetType"]?.text ?? "instance"
        // A group of functions need not have any check.
        guard type == "instance" else {
            self.init(interval: .zero, healthyAfter: 0, otherTargets: type)
            return
        }
        self.init(
            interval: .seconds(try seconds("HealthCheckIntervalSeconds")),
            healthyAfter: try seconds("HealthyThresholdCount"))
    }
}

extension CloudAnswer.TargetHealth {
    init(_ member: XMLElement) throws(UnreadableAnswer) {
        let (state, reason) = (member.first("TargetHealth", "State"), member.first("TargetHealth", "Reason"))
        // One word for two things: a member of a group that no balancer uses, and no member.
        if reason?.text == "Target.NotRegistered" {
            self = .absent
            return
        }
        let word = state?.text ?? ""
        // A member that does not answer its checks, and keeps the connections it has for a while.
        let known = word == "unhealthy.draining" ? "unhealthy" : word
        guard let health = Self(rawValue: known), health != .absent else {
            throw UnreadableAnswer("\(word.prefix(64)) is no state of a target")
        }
        self = health
    }
}
