package import JSON
package import Wire

/// What is asked of EC2, of the price list and of load balancers, in our words. The shell makes signed requests of it, reads
/// pages to their end, and waits out throttling for as long as the call's deadline leaves.
package indirect enum CloudRequest: Sendable, Equatable {
    /// Also those that ended a while ago, as long as EC2 remembers them.
    case describeInstances([InstanceID])
    /// All that carry this tag, in whatever state.
    case findInstances(tag: Tag)
    /// What `RunInstances` needs of a machine and `DescribeInstances` does not tell: base64, empty without any.
    case userData(of: InstanceID)
    case subnets(network: ResourceID, zone: AvailabilityZone?)
    case run(Launch)
    case terminate(InstanceID)
    /// Without a restart of the machine. The tags are the image's alone: mocks of EC2 know no others in this request.
    case createImage(of: InstanceID, name: String, tags: [Tag])
    case image(ResourceID)
    case findImages(tag: Tag)
    case findSnapshots(tag: Tag)
    case tag([ResourceID], [Tag])
    case deregisterImage(ResourceID)
    case deleteSnapshot(ResourceID)
    /// The latest of every zone, for Linux.
    case spotPrices(InstanceType)
    case onDemandPrice(InstanceType, Region)
    /// An elastic IP, by its allocation.
    case address(ResourceID)
    /// To this machine, from whichever has it.
    case moveAddress(ResourceID, to: InstanceID)
    case volumes([ResourceID])
    case attachVolume(DataVolume, to: InstanceID)
    /// Never with force: a machine that still writes would tear the file system.
    case detachVolume(ResourceID, from: InstanceID)
    case targetGroup(TargetGroup)
    /// How the balancer sees this machine in it.
    case targetHealth(TargetGroup, InstanceID)
    case registerTarget(TargetGroup, InstanceID)
    case deregisterTarget(TargetGroup, InstanceID)
    /// Whether EC2 would let us: asked with `DryRun`, which the price list and the balancers do not
    /// have.
    case may(CloudRequest)

    /// Whether anything is another after it than before.
    package var changesSomething: Bool {
        switch self {
        case .run, .terminate, .createImage, .tag, .deregisterImage, .deleteSnapshot, .moveAddress, .attachVolume,
            .detachVolume, .registerTarget, .deregisterTarget:
            true
        case .describeInstances, .findInstances, .userData, .subnets, .image, .findImages, .findSnapshots, .spotPrices,
            .onDemandPrice, .may, .address, .volumes, .targetGroup, .targetHealth:
            false
        }
    }

    package struct Tag: Sendable, Hashable {
        package let key: String
        package let value: String
        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }
}

/// One `RunInstances` for one machine. Frozen once it is recorded: EC2 takes the same token with other parameters for a
/// mistake, and another token for another machine.
package struct Launch: Sendable, Equatable {
    /// EC2's `ClientToken`: the same again starts nothing new.
    package var token: String
    package var image: ResourceID
    package var instanceType: InstanceType
    package var mode: Mode
    package var zone: AvailabilityZone
    package var subnet: ResourceID?
    package var securityGroups: [ResourceID] = []
    /// The ARN of the instance profile.
    package var profile: String?
    package var keyName: String?
    /// Base64, as EC2 gives it.
    package var userData: String?
    package var tags: [CloudRequest.Tag] = []

    package init(token: String, image: ResourceID, instanceType: InstanceType, mode: Mode, zone: AvailabilityZone) {
        self.token = token
        self.image = image
        self.instanceType = instanceType
        self.mode = mode
        self.zone = zone
    }
}

package enum CloudAnswer: Sendable, Equatable {
    case instances([CloudInstance])
    case userData(String)
    case subnets([Subnet])
    case launched(CloudInstance)
    case terminating(InstanceState)
    case imageCreated(ResourceID)
    case images([Image])
    case snapshots([Snapshot])
    /// Deregistered, deleted.
    case done
    case spotPrices([PoolPrice])
    /// Nil: the price list has none.
    case onDemandPrice(JSONNumber?)
    case allowed
    case address(Address)
    case volumes([Volume])
    case targetGroup(HealthCheck)
    case targetHealth(TargetHealth)

    package struct Address: Sendable, Equatable {
        package var publicAddress: String?
        /// Nil while no machine has it.
        package var instance: InstanceID?
        package init(publicAddress: String?, instance: InstanceID?) {
            self.publicAddress = publicAddress
            self.instance = instance
        }
    }

    package struct Volume: Sendable, Equatable {
        package enum Attachment: String, Sendable { case attaching, attached, detaching, detached, busy }
        package var id: ResourceID
        package var zone: AvailabilityZone?
        /// One for each machine that has it; most volumes bear one at a time.
        package var attachments: [InstanceID: Attachment]
        package init(id: ResourceID, zone: AvailabilityZone?, attachments: [InstanceID: Attachment]) {
            self.id = id
            self.zone = zone
            self.attachments = attachments
        }
    }

    /// How a target group finds out whether a member serves.
    package struct HealthCheck: Sendable, Equatable {
        package var interval: Duration
        /// So many good answers make a member healthy.
        package var healthyAfter: Int
        /// Nil: it takes machines by their id. Else it takes addresses, functions or other balancers.
        package var otherTargets: String?
        package init(interval: Duration, healthyAfter: Int, otherTargets: String? = nil) {
            self.interval = interval
            self.healthyAfter = healthyAfter
            self.otherTargets = otherTargets
        }
    }

    package enum TargetHealth: String, Sendable {
        case initial, healthy, unhealthy, unused, draining, unavailable
        /// Not a member.
        case absent
    }

    package struct Subnet: Sendable, Equatable {
        package var id: ResourceID
        package var zone: AvailabilityZone
        package var freeAddresses: Int
        package init(id: ResourceID, zone: AvailabilityZone, freeAddresses: Int) {
            self.id = id
            self.zone = zone
            self.freeAddresses = freeAddresses
        }
    }

    package struct Image: Sendable, Equatable {
        package enum State: Sendable, Equatable { case pending, available, failed(String) }
        package var id: ResourceID
        package var state: State
        package var createdAt: Timestamp?
        package var snapshots: [ResourceID] = []
        package init(id: ResourceID, state: State, createdAt: Timestamp?) {
            self.id = id
            self.state = state
            self.createdAt = createdAt
        }
    }

    package struct Snapshot: Sendable, Equatable {
        package var id: ResourceID
        package var isCompleted: Bool
        package var startedAt: Timestamp?
        package init(id: ResourceID, isCompleted: Bool, startedAt: Timestamp?) {
            self.id = id
            self.isCompleted = isCompleted
            self.startedAt = startedAt
        }
    }
}

/// A machine as EC2 describes it.
package struct CloudInstance: Sendable, Equatable {
    package var id: InstanceID
    package var state: InstanceState
    /// EC2's own word for why it is in that state, such as `Server.SpotInstanceTermination`.
    package var stateReason: String?
    package var instanceType: InstanceType?
    package var zone: AvailabilityZone?
    package var image: ResourceID?
    package var mode: Mode = .ondemand
    package var network: ResourceID?
    package var subnet: ResourceID?
    package var securityGroups: [ResourceID] = []
    package var profile: String?
    package var keyName: String?
    package var tags: [CloudRequest.Tag] = []

    package init(id: InstanceID, state: InstanceState) {
        self.id = id
        self.state = state
    }
}

/// Why the cloud did not do what it was asked.
package struct CloudFault: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// There is no such thing; or, just after it was made, not yet everywhere.
        case notFound
        /// EC2 has no room in that zone, for that type or at that price: another pool may.
        case noCapacity
        /// An account's limit: another pool of the same kind will not help.
        case limit
        /// IAM says no.
        case notAllowed
        /// What it is about is in another state than it would have to be: a look tells which, and it may pass.
        case conflict
        /// The token was used with other parameters.
        case tokenMismatch
        /// The request itself is wrong; asking again does not help.
        case invalid
        /// Throttled, or EC2's own fault, until the deadline came.
        case busy
        /// Nobody answered, or without credentials nobody could be asked. It may or may not have been done.
        case unreachable
    }
    package let kind: Kind
    /// EC2's code where there is one, such as `InsufficientInstanceCapacity`.
    package let code: String?
    /// What was asked, of what, and why it failed.
    package let description: String

    package init(_ kind: Kind, code: String? = nil, _ description: String) {
        self.kind = kind
        self.code = code
        self.description = description
    }
}
