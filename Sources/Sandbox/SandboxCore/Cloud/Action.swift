/// The calls of EC2, of the balancers and of the price list that our programs make, and no others.
enum Action: String, CaseIterable, Sendable {
    case describeInstances = "DescribeInstances"
    case runInstances = "RunInstances"
    case terminateInstances = "TerminateInstances"
    case describeInstanceAttribute = "DescribeInstanceAttribute"
    case describeSubnets = "DescribeSubnets"
    case createTags = "CreateTags"
    case createImage = "CreateImage"
    case describeImages = "DescribeImages"
    case deregisterImage = "DeregisterImage"
    case describeSnapshots = "DescribeSnapshots"
    case deleteSnapshot = "DeleteSnapshot"
    case describeSpotPriceHistory = "DescribeSpotPriceHistory"
    case describeAddresses = "DescribeAddresses"
    case associateAddress = "AssociateAddress"
    case describeVolumes = "DescribeVolumes"
    case attachVolume = "AttachVolume"
    case detachVolume = "DetachVolume"

    case describeTargetGroups = "DescribeTargetGroups"
    case describeTargetHealth = "DescribeTargetHealth"
    case registerTargets = "RegisterTargets"
    case deregisterTargets = "DeregisterTargets"

    case getProducts = "GetProducts"

    var service: Service {
        switch self {
        case .describeTargetGroups, .describeTargetHealth, .registerTargets, .deregisterTargets: .elb
        case .getProducts: .priceList
        default: .ec2
        }
    }
}
