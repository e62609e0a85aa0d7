import Wire

/// A right that the agent needs in AWS, under IAM's name for it.
package enum Right: String, Sendable, CaseIterable {
    case describeInstances = "ec2:DescribeInstances"
    case runInstances = "ec2:RunInstances"
    case createTags = "ec2:CreateTags"
    case passRole = "iam:PassRole"
    case terminateInstances = "ec2:TerminateInstances"
    case describeInstanceAttribute = "ec2:DescribeInstanceAttribute"
    case describeSubnets = "ec2:DescribeSubnets"
    case createImage = "ec2:CreateImage"
    case describeImages = "ec2:DescribeImages"
    case describeSnapshots = "ec2:DescribeSnapshots"
    case deregisterImage = "ec2:DeregisterImage"
    case deleteSnapshot = "ec2:DeleteSnapshot"
    case describeSpotPriceHistory = "ec2:DescribeSpotPriceHistory"
    case getProducts = "pricing:GetProducts"

    /// Without these no machine can be put in another's place.
    static let vital: [Right] = [.describeInstances, .runInstances, .terminateInstances]
}

/// What a trial of a right came to.
package enum RightFinding: Sendable, Equatable {
    case held
    /// IAM says no, in this word of its own.
    case denied(String)
    /// Nobody said yes or no. The sentence says what was said instead.
    case unknown(CloudFault)

    package init(_ answer: Result<CloudAnswer, CloudFault>) {
        switch answer {
        case .success: self = .held
        case .failure(let fault):
            // Without a word of IAM's it is the credentials that are no good, or the clock.
            let isDenial = fault.code.map(Self.denials.contains) ?? false
            self = isDenial ? .denied(fault.code ?? "") : .unknown(fault)
        }
    }

    private static let denials: Set<String> = ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"]
}

extension Launch {
    /// Like this machine, to be tried only; nil when too little is known of it.
    package init?(like model: CloudInstance?, _ facts: InstanceFacts, tags: [CloudRequest.Tag] = [.managed]) {
        guard let image = model?.image ?? facts.image, let type = model?.instanceType ?? facts.instanceType,
            let zone = model?.zone ?? facts.zone
        else { return nil }
        self.init(token: "trial", image: image, instanceType: type, mode: facts.mode ?? .ondemand, zone: zone)
        subnet = model?.subnet
        securityGroups = model?.securityGroups ?? []
        profile = model?.profile
        keyName = model?.keyName
        self.tags = tags
    }
}

/// Asks EC2 whether this machine has the rights without which it cannot take another's place. Refused: IAM denies some.
/// Failed: it could not be found out.
struct RightsErrand: Errand {
    /// For each of the three. Nobody waits for them.
    static let patience = Duration.seconds(60)

    private var open: [Right] = Right.vital
    private var model: CloudInstance?
    private var denied: [String] = []
    private var unknown: [String] = []

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if case .answered(let answer) = event { note(answer, of: open.removeFirst(), standing) }
        while let right = open.first {
            if let request = request(for: right, standing.facts) { return .call(request, within: Self.patience) }
            unknown.append("\(right.rawValue): this machine's image, type or zone is not known")
            open.removeFirst()
        }
        if !denied.isEmpty { return .end(.refused("IAM denies \(denied.joined(separator: ", "))")) }
        return unknown.isEmpty ? .done("the rights are there") : .failed(unknown.joined(separator: "; "))
    }

    private func request(for right: Right, _ facts: InstanceFacts) -> CloudRequest? {
        switch right {
        case .runInstances: Launch(like: model, facts).map { .may(.run($0)) }
        case .terminateInstances: .may(.terminate(facts.instance))
        default: .describeInstances([facts.instance])
        }
    }

    private mutating func note(_ answer: Result<CloudAnswer, CloudFault>, of right: Right, _ standing: Standing) {
        if case .success(.instances(let found)) = answer {
            model = found.first { $0.id == standing.facts.instance }
        }
        switch RightFinding(answer) {
        case .held: break
        case .denied(let code): denied.append("\(right.rawValue) (\(code))")
        case .unknown(let fault): unknown.append("\(fault)")
        }
    }
}
