import AgentCore

/// Where the metadata service is, as AWS' own programs are told.
package enum MetadataEndpoint {
    package static let v4 = "http://169.254.169.254"
    package static let v6 = "http://[fd00:ec2::254]"

    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`, else what `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` (`IPv4`, `IPv6`) means.
    package static func chosen(endpoint: String?, isIPv6: Bool) -> String {
        guard var endpoint, !endpoint.isEmpty else { return isIPv6 ? v6 : v4 }
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        return endpoint
    }
}

extension MetadataItem {
    var path: String {
        switch self {
        case .instanceAction: "spot/instance-action"
        case .lifecycleState: "autoscaling/target-lifecycle-state"
        case .rebalance: "events/recommendations/rebalance"
        case .maintenance: "events/maintenance/scheduled"
        case .instanceID: "instance-id"
        case .zone: "placement/availability-zone"
        case .instanceType: "instance-type"
        case .image: "ami-id"
        case .privateAddress: "local-ipv4"
        case .publicAddress: "public-ipv4"
        case .lifeCycle: "instance-life-cycle"
        }
    }
}
