import AgentCore
import JSON
import Wire

/// How one request is put to its service.
struct CloudPlan: Sendable {
    /// What a request that may have arrived already does when it arrives once more.
    enum Repeating: Sendable {
        /// Nothing else: it only reads, or what it does can be done only once.
        case harmless
        /// Something that nobody asked for.
        case harmful
    }

    let service: CloudService
    /// Nil: this machine's.
    var region: Region?
    let action: String
    /// For faults: what is done, to what.
    let doing: String
    var form = QueryForm()
    var repeating = Repeating.harmless
    var isDryRun = false

    init(_ action: String, _ doing: String, of service: CloudService = .ec2) {
        self.action = action
        self.doing = doing
        self.service = service
    }

    /// `nextToken` leads to the next page.
    func body(nextToken: String?) -> [UInt8] {
        var whole = QueryForm()
        whole.add("Action", action)
        whole.add("Version", service.version)
        for (name, value) in form.parameters { whole.add(name, value) }
        whole.add("NextToken", nextToken)
        return whole.bytes
    }
}

extension CloudRequest {
    /// Entries of one page. The largest, instances, have about 5 KB each; a page is read in one turn of the loop, which has
    /// a metadata service to look at in between.
    private static let pageSize = "100"

    /// `now` is the wall clock's.
    func plan(now: Timestamp) -> CloudPlan {
        switch self {
        case .describeInstances(let ids): describing(ids)
        case .findInstances(let tag): finding("DescribeInstances", "instances", tag)
        case .userData(let instance): readingUserData(of: instance)
        case .subnets(let network, let zone): listingSubnets(of: network, in: zone)
        case .run(let launch): launching(launch)
        case .terminate(let instance): terminating(instance)
        case .createImage(let instance, let name, let tags): imaging(instance, name, tags)
        case .image(let id): acting("DescribeImages", "look at image \(id)", "ImageId.1", id.text)
        case .findImages(let tag): finding("DescribeImages", "images", tag)
        case .findSnapshots(let tag): finding("DescribeSnapshots", "snapshots", tag)
        case .tag(let ids, let tags): tagging(ids, tags)
        case .deregisterImage(let id): acting("DeregisterImage", "deregister image \(id)", "ImageId", id.text)
        case .deleteSnapshot(let id): acting("DeleteSnapshot", "delete snapshot \(id)", "SnapshotId", id.text)
        case .spotPrices(let type): pricing(type, at: now)
        case .onDemandPrice(let type, let region):
            CloudPlan("GetProducts", "look up the on-demand price of \(type) in \(region)", of: .priceList)
        case .may(let request): trying(request.plan(now: now))
        case .address(let id): acting("DescribeAddresses", "look at address \(id)", "AllocationId.1", id.text)
        case .moveAddress(let id, let instance): moving(id, to: instance)
        case .volumes(let ids): describing(volumes: ids)
        case .attachVolume(let volume, let instance): attaching(volume, to: instance)
        case .detachVolume(let id, let instance): detaching(id, from: instance)
        case .targetGroup(let group): looking(at: group)
        case .targetHealth(let group, let instance): looking(at: instance, in: group)
        case .registerTarget(let group, let instance): registering(instance, with: group)
        case .deregisterTarget(let group, let instance): deregistering(instance, from: group)
        }
    }

    func acting(_ action: String, _ doing: String, _ name: String, _ value: String) -> CloudPlan {
        var plan = CloudPlan(action, doing)
        plan.form.add(name, value)
        return plan
    }

    private func describing(_ ids: [InstanceID]) -> CloudPlan {
        precondition(!ids.isEmpty, "a description without instances would be one of the whole account")
        let others = ids.count > 1 ? " and \(ids.count - 1) more" : ""
        var plan = CloudPlan("DescribeInstances", "describe \(ids[0])\(others)")
        // No page size: EC2 refuses it beside ids.
        plan.form.add(list: "InstanceId", ids.map(\.text))
        return plan
    }

    private func finding(_ action: String, _ what: String, _ tag: Tag) -> CloudPlan {
        var plan = CloudPlan(action, "find the \(what) tagged \(tag.key)=\(tag.value)")
        // Others' public images and snapshots can carry our tag.
        if action != "DescribeInstances" { plan.form.add("Owner.1", "self") }
        plan.form.add(filter: "tag:\(tag.key)", tag.value)
        plan.form.add("MaxResults", Self.pageSize)
        return plan
    }

    private func readingUserData(of instance: InstanceID) -> CloudPlan {
        var plan = CloudPlan("DescribeInstanceAttribute", "read the user data of \(instance)")
        plan.form.add("InstanceId", instance.text)
        plan.form.add("Attribute", "userData")
        return plan
    }

    private func listingSubnets(of network: ResourceID, in zone: AvailabilityZone?) -> CloudPlan {
        let place = zone.map { " in \($0)" } ?? ""
        var plan = CloudPlan("DescribeSubnets", "list the subnets of \(network)\(place)")
        plan.form.add(filter: "vpc-id", network.text)
        if let zone { plan.form.add(filter: "availability-zone", zone.text) }
        plan.form.add(filter: "state", "available")
        plan.form.add("MaxResults", Self.pageSize)
        return plan
    }

    private func launching(_ launch: Launch) -> CloudPlan {
        var plan = CloudPlan(
            "RunInstances", "launch \(launch.instanceType) (\(launch.mode.rawValue)) in \(launch.zone)")
        plan.form.add("MinCount", "1")
        plan.form.add("MaxCount", "1")
        plan.form.add("ClientToken", launch.token)
        plan.form.add("ImageId", launch.image.text)
        plan.form.add("InstanceType", launch.instanceType.text)
        // The subnet says the zone.
        plan.form.add("SubnetId", launch.subnet?.text)
        if launch.subnet == nil { plan.form.add("Placement.AvailabilityZone", launch.zone.text) }
        plan.form.add(list: "SecurityGroupId", launch.securityGroups.map(\.text))
        plan.form.add("IamInstanceProfile.Arn", launch.profile)
        plan.form.add("KeyName", launch.keyName)
        plan.form.add("UserData", launch.userData.flatMap { $0.isEmpty ? nil : $0 })
        plan.form.add("MetadataOptions.HttpTokens", "required")
        if launch.mode == .spot {
            plan.form.add("InstanceMarketOptions.MarketType", "spot")
            plan.form.add("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time")
            plan.form.add("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate")
        }
        plan.form.add(tags: launch.tags, of: ["instance", "volume"])
        // The token keeps EC2 from making two, and not every EC2: whoever asks again looks for the machine first.
        plan.repeating = .harmful
        return plan
    }

    private func terminating(_ instance: InstanceID) -> CloudPlan {
        acting("TerminateInstances", "terminate \(instance)", "InstanceId.1", instance.text)
    }

    private func imaging(_ instance: InstanceID, _ name: String, _ tags: [Tag]) -> CloudPlan {
        var plan = acting("CreateImage", "make image \(name) of \(instance)", "InstanceId", instance.text)
        plan.form.add("Name", name)
        plan.form.add("NoReboot", "true")
        // Not its snapshots: they belong to the image, and whoever looks for old snapshots must not come upon them.
        plan.form.add(tags: tags, of: ["image"])
        // The name is taken after the first time, so a second one does no harm but hides what became of the first.
        plan.repeating = .harmful
        return plan
    }

    private func tagging(_ ids: [ResourceID], _ tags: [Tag]) -> CloudPlan {
        var plan = CloudPlan("CreateTags", "tag \(ids.map(\.text).joined(separator: ", "))")
        plan.form.add(list: "ResourceId", ids.map(\.text))
        for (index, tag) in tags.enumerated() {
            plan.form.add("Tag.\(index + 1).Key", tag.key)
            plan.form.add("Tag.\(index + 1).Value", tag.value)
        }
        return plan
    }

    private func pricing(_ type: InstanceType, at now: Timestamp) -> CloudPlan {
        var plan = CloudPlan("DescribeSpotPriceHistory", "look up the spot prices of \(type)")
        plan.form.add("InstanceType.1", type.text)
        // Which of the two names a zone has depends on the account's age.
        plan.form.add(list: "ProductDescription", ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"])
        // From now to now: the price of each zone as it is, without its history.
        let second = Timestamp(nanosecondsSinceEpoch: now.nanosecondsSinceEpoch / 1_000_000_000 * 1_000_000_000)
        plan.form.add("StartTime", second.description)
        plan.form.add("EndTime", second.description)
        plan.form.add("MaxResults", Self.pageSize)
        return plan
    }

    private func trying(_ plan: CloudPlan) -> CloudPlan {
        precondition(plan.service == .ec2 && !plan.isDryRun, "only EC2 can be asked whether we may")
        var trial = CloudPlan(plan.action, "ask whether we may \(plan.doing)")
        // A token belongs to a launch that happens.
        for (name, value) in plan.form.parameters where name != "ClientToken" { trial.form.add(name, value) }
        trial.form.add("DryRun", "true")
        trial.isDryRun = true
        return trial
    }
}
