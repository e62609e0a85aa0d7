import AgentCore

enum Samples {
    static let group = makeGroup(
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef")
    static let escapedGroup =
        "arn%3Aaws%3Aelasticloadbalancing%3Aeu-central-1%3A123456789012%3Atargetgroup%2Fweb%2F0123456789abcdef"

    static func makeGroup(_ arn: String) -> TargetGroup {
        guard let group = TargetGroup(arn) else { preconditionFailure("\(arn) is no target group's") }
        return group
    }
}
