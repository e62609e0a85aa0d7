package import Wire

/// One question to AWS that tells whether we have a right.
package struct Trial: Sendable, Equatable {
    package let right: Right
    package let request: CloudRequest

    package init(right: Right, request: CloudRequest) {
        self.right = right
        self.request = request
    }

    /// In place of a thing of ours where there is none: well formed, and nobody's.
    private static let noImage: ResourceID = "ami-00000000000000000"
    private static let noSnapshot: ResourceID = "snap-00000000000000000"
    private static let noNetwork: ResourceID = "vpc-00000000000000000"

    /// What can be tried once the machine is described, but for a launch. Nothing is changed by any of it: what would
    /// change something is asked with DryRun, and what only reads is read where more hangs on the answer.
    package static func ordinary(_ facts: InstanceFacts, like model: CloudInstance?) -> [Trial] {
        let own = facts.instance
        var trials = [
            Trial(right: .terminateInstances, request: .may(.terminate(own))),
            Trial(right: .describeInstanceAttribute, request: .may(.userData(of: own))),
            Trial(
                right: .describeSubnets, request: .may(.subnets(network: model?.network ?? noNetwork, zone: nil))),
            Trial(right: .createImage, request: .may(.createImage(of: own, name: "spot-permission-check", tags: []))),
            Trial(right: .describeImages, request: .findImages(tag: .managed)),
            Trial(right: .describeSnapshots, request: .findSnapshots(tag: .managed)),
        ]
        if let type = model?.instanceType ?? facts.instanceType {
            trials.append(Trial(right: .describeSpotPriceHistory, request: .may(.spotPrices(type))))
            trials.append(Trial(right: .getProducts, request: .onDemandPrice(type, facts.region)))
        }
        return trials
    }

    /// Of what follows the workload, as the settings name it: each volume and group, because a policy may name some only.
    package static func takingOver(_ takeOver: TakeOver, to own: InstanceID) -> [Trial] {
        var trials: [Trial] = []
        if let address = takeOver.address {
            trials.append(Trial(right: .describeAddresses, request: .address(address)))
            trials.append(Trial(right: .associateAddress, request: .may(.moveAddress(address, to: own))))
        }
        for volume in takeOver.volumes {
            trials.append(Trial(right: .describeVolumes, request: .volumes([volume.id])))
            trials.append(Trial(right: .attachVolume, request: .may(.attachVolume(volume, to: own))))
            trials.append(Trial(right: .detachVolume, request: .may(.detachVolume(volume.id, from: own))))
        }
        for group in takeOver.targetGroups {
            trials.append(Trial(right: .describeTargetHealth, request: .targetHealth(group, own)))
        }
        return trials
    }

    /// What only a person wants to know of it.
    package static func describing(_ takeOver: TakeOver) -> [Trial] {
        takeOver.targetGroups.map { Trial(right: .describeTargetGroups, request: .targetGroup($0)) }
    }

    /// On something of ours, when there is any.
    package static func deregistering(_ image: ResourceID?) -> Trial {
        Trial(right: .deregisterImage, request: .may(.deregisterImage(image ?? noImage)))
    }
    package static func deleting(_ snapshot: ResourceID?) -> Trial {
        Trial(right: .deleteSnapshot, request: .may(.deleteSnapshot(snapshot ?? noSnapshot)))
    }
}

/// A launch needs up to three rights, and its refusal does not say which is missing: so it is tried with less.
package struct LaunchTrial: Sendable {
    package enum Part: Sendable, CaseIterable {
        /// As it would be done.
        case whole
        /// Without a profile.
        case tagged
        /// And without tags.
        case bare
    }

    package let launch: Launch
    private var findings: [Part: RightFinding] = [:]

    package init(_ launch: Launch) { self.launch = launch }

    package func request(_ part: Part) -> CloudRequest {
        var launch = launch
        if part != .whole { launch.profile = nil }
        if part == .bare { launch.tags = [] }
        return .may(.run(launch))
    }

    package mutating func note(_ answer: Result<CloudAnswer, CloudFault>, of part: Part) {
        findings[part] = RightFinding(answer)
    }

    /// What is to be tried next, all at once.
    package var open: [Part] {
        switch findings[.whole] {
        case nil: [.whole]
        case .denied: [.tagged, .bare].filter { findings[$0] == nil }
        default: []
        }
    }

    /// What is not told is left out. A policy can allow launches with our tag only, so a bare one proves nothing by its
    /// denial when the tagged one is allowed.
    package var rights: [Right: RightFinding] {
        guard let whole = findings[.whole] else { return [:] }
        var rights: [Right: RightFinding] = [.runInstances: whole]
        guard case .denied = whole else {
            if whole == .held {
                rights[.createTags] = .held
                if launch.profile != nil { rights[.passRole] = .held }
            }
            return rights
        }
        if findings[.tagged] == .held {
            (rights[.runInstances], rights[.createTags]) = (.held, .held)
            if launch.profile != nil { rights[.passRole] = whole }
        } else if findings[.bare] == .held, let tagged = findings[.tagged] {
            (rights[.runInstances], rights[.createTags]) = (.held, tagged)
        }
        return rights
    }
}
