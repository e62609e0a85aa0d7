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
    case describeAddresses = "ec2:DescribeAddresses"
    case associateAddress = "ec2:AssociateAddress"
    case describeVolumes = "ec2:DescribeVolumes"
    case attachVolume = "ec2:AttachVolume"
    case detachVolume = "ec2:DetachVolume"
    case describeTargetGroups = "elasticloadbalancing:DescribeTargetGroups"
    case describeTargetHealth = "elasticloadbalancing:DescribeTargetHealth"
    case registerTargets = "elasticloadbalancing:RegisterTargets"
    case deregisterTargets = "elasticloadbalancing:DeregisterTargets"

    /// Without these no machine can be put in another's place.
    static let vital: [Right] = [.describeInstances, .runInstances, .terminateInstances]

    /// What every agent needs, whatever its settings.
    package static let ordinary = allCases.filter {
        !ofAddress.contains($0) && !ofVolumes.contains($0) && !ofTargets.contains($0)
    }
    private static let ofAddress: [Right] = [.describeAddresses, .associateAddress]
    private static let ofVolumes: [Right] = [.describeVolumes, .attachVolume, .detachVolume]
    private static let ofTargets: [Right] = [
        .describeTargetGroups, .describeTargetHealth, .registerTargets, .deregisterTargets,
    ]

    /// With what the settings have follow the workload.
    package static func needed(for takeOver: TakeOver) -> [Right] {
        ordinary + (takeOver.address == nil ? [] : ofAddress) + (takeOver.volumes.isEmpty ? [] : ofVolumes)
            + (takeOver.targetGroups.isEmpty ? [] : ofTargets)
    }

    /// ELB has no DryRun, so nobody can find out without doing it.
    package var cannotBeTried: Bool { self == .registerTargets || self == .deregisterTargets }
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
        // EC2 looks at states after it has looked at rights.
        case .failure(let fault) where fault.kind == .conflict: self = .held
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

/// Asks EC2 whether this machine has the rights without which it cannot take another's place, and whether what would follow
/// the workload could come to it. Refused: IAM denies some, or something cannot. Failed: it could not be found out.
struct RightsErrand: Errand {
    /// For each question. Nobody waits for them.
    static let patience = Duration.seconds(60)

    private enum Question: Sendable {
        /// What is asked hangs on how the machine is described.
        case vital(Right)
        case trial(Trial)

        var right: Right {
            switch self {
            case .vital(let right): right
            case .trial(let trial): trial.right
            }
        }
    }

    private var open = Right.vital.map(Question.vital)
    private var model: CloudInstance?
    private var denied: [String] = []
    private var lacks: [String] = []
    private var unknown: [String] = []

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        let takeOver = standing.options.takeOver
        switch event {
        case .answered(let answer): note(answer, of: open.removeFirst().right, standing)
        default: open += Trial.takingOver(takeOver, to: standing.facts.instance).map(Question.trial)
        }
        while let question = open.first {
            if let request = request(for: question, standing.facts) { return .call(request, within: Self.patience) }
            unknown.append("\(question.right.rawValue): this machine's image, type or zone is not known")
            open.removeFirst()
        }
        let refusals = (denied.isEmpty ? [] : ["IAM denies \(denied.joined(separator: ", "))"]) + lacks
        if !refusals.isEmpty { return .end(.refused(refusals.joined(separator: "; "))) }
        guard unknown.isEmpty else { return .failed(unknown.joined(separator: "; ")) }
        let untried =
            takeOver.targetGroups.isEmpty ? "" : "; whether it may register targets cannot be tried, ELB has no DryRun"
        return .done("the rights are there\(untried)")
    }

    private func request(for question: Question, _ facts: InstanceFacts) -> CloudRequest? {
        switch question {
        case .vital(.runInstances): Launch(like: model, facts).map { .may(.run($0)) }
        case .vital(.terminateInstances): .may(.terminate(facts.instance))
        case .vital: .describeInstances([facts.instance])
        case .trial(let trial): trial.request
        }
    }

    private mutating func note(_ answer: Result<CloudAnswer, CloudFault>, of right: Right, _ standing: Standing) {
        switch answer {
        case .success(.instances(let found)): model = found.first { $0.id == standing.facts.instance }
        case .success(.volumes(let volumes)):
            lacks += volumes.compactMap { $0.distance(from: standing.facts.zone) }
        // It was set by a person, and is not there.
        case .failure(let fault) where fault.kind == .notFound && right.isReadByName: lacks.append("\(fault)")
        default: break
        }
        switch RightFinding(answer) {
        case .held: break
        case .denied(let code):
            let word = "\(right.rawValue) (\(code))"
            // Each volume is tried.
            if !denied.contains(word) { denied.append(word) }
        case .unknown(let fault): unknown.append("\(fault)")
        }
    }
}

extension Right {
    /// What is read by it stands in the settings.
    fileprivate var isReadByName: Bool {
        [.describeAddresses, .describeVolumes, .describeTargetHealth].contains(self)
    }
}

extension CloudAnswer.Volume {
    /// Why it cannot come to a machine in that zone; nil: it can, or nobody knows.
    func distance(from own: AvailabilityZone?) -> String? {
        guard let zone, let own, zone != own else { return nil }
        return "\(id) is in \(zone) and this machine in \(own): a volume attaches to machines in its own zone only"
    }
}
