package import Wire

/// What the metadata service can be asked, the most urgent first. Its paths are the shell's business.
package enum MetadataItem: Sendable, Hashable, CaseIterable {
    // What becomes of us
    /// `spot/instance-action`
    case instanceAction
    /// `autoscaling/target-lifecycle-state`
    case lifecycleState
    /// `events/recommendations/rebalance`
    case rebalance
    // Who we are
    case instanceID, zone, instanceType, image, privateAddress, publicAddress
    /// `instance-life-cycle`: spot or on demand.
    case lifeCycle
    /// `events/maintenance/scheduled`
    case maintenance
}

extension MetadataItem {
    /// Who we are: all but what may become of us, the most needed first.
    package static let identity = allCases.filter { !announcements.contains($0) }
}

package enum MetadataReading: Sendable, Equatable {
    case value(String)
    /// 404: the service is well, and there is no such thing.
    case absent
    /// It did not answer in time, refused, or answered what cannot be. The sentence says which.
    case failed(String)
}

/// What a machine is, as its metadata tells it.
package struct InstanceFacts: Sendable, Equatable {
    package var instance: InstanceID
    package var instanceType: InstanceType?
    package var zone: AvailabilityZone?
    package var region: Region
    package var image: ResourceID?
    package var mode: Mode?
    package var privateAddress: String?
    package var publicAddress: String?

    package init(instance: InstanceID, region: Region) {
        self.instance = instance
        self.region = region
    }
}
