import JSON
import XML

/// EC2's calls about instances.
extension World {
    mutating func runInstances(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let token = form["ClientToken"]
        if let token, let known = try launches.instance(of: token, form.fingerprint) {
            guard let instance = instances.first(where: { $0.id == known }), instance.state != .terminated else {
                throw Refusal("IdempotentInstanceTerminated", "The instance of this client token is terminated")
            }
            return launched(instance)
        }
        let place = try place(form)
        let image = try form.need("ImageId")
        guard let found = images.first(where: { $0.id == image }) else {
            throw .notFound("InvalidAMIID", "image", image)
        }
        guard found.due == nil else { throw Refusal("InvalidAMIID.Unavailable", "The image \(image) is pending") }
        guard form["MinCount"] ?? "1" == "1", form["MaxCount"] ?? "1" == "1" else {
            throw Refusal(
                "InvalidParameterValue", "The sandbox launches one instance at a time: MinCount and MaxCount 1")
        }
        let type = form["InstanceType"] ?? "m5.large"
        guard price(of: type) != nil else { throw .invalid("instanceType", type) }
        guard (form["UserData"] ?? "").utf8.count <= Self.userDataMax else {
            throw Refusal("InvalidParameterValue", "User data is limited to 16384 bytes")
        }
        let ownTags = try form.newTags(of: "instance")
        let instance = try launch(
            { instance in
                (instance.type, instance.zone, instance.image) = (type, place, image)
                instance.isSpot = form["InstanceMarketOptions.MarketType"] == "spot"
                instance.userData = form["UserData"] ?? ""
                instance.profile = form["IamInstanceProfile.Arn"]
                instance.keyName = form["KeyName"]
                let groups = form.list("SecurityGroupId")
                instance.groups = groups.isEmpty ? [Self.securityGroup] : groups
            }, token: token, at: now)
        tags[instance.id] = ownTags
        if let token { launches.remember(token, form.fingerprint, instance.id) }
        return launched(instance)
    }

    /// EC2's 16 KB, in base64.
    private static let userDataMax = 21_848

    /// A subnet says the zone; without both it is the first.
    private func place(_ form: Form) throws(Refusal) -> String {
        if let subnet = form["SubnetId"] {
            guard let zone = rules.zones.first(where: { Self.subnet(in: $0) == subnet }) else {
                throw .notFound("InvalidSubnetID", "subnet", subnet)
            }
            return zone
        }
        let zone = form["Placement.AvailabilityZone"] ?? rules.zones.first ?? ""
        guard rules.zones.contains(zone) else { throw .invalid("availabilityZone", zone) }
        return zone
    }

    private func launched(_ instance: Instance) -> [UInt8] {
        response("RunInstancesResponse") { writer in
            writer.element("reservationId", reservation(of: instance))
            writer.element("ownerId", Rules.account)
            writer.element("groupSet", "")
            writer.element("instancesSet") { write(instance, to: &$0) }
        }
    }

    func describeInstances(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let ids = form.list("InstanceId")
        var found = try ids.isEmpty ? instances.filter { $0.foundFrom <= now.time } : instances(ids, at: now)
        found = try form.filtered(found, tags: { tags[$0.id] ?? [] }) { instance, name in
            switch name {
            case "instance-id": [instance.id]
            case "instance-state-name": [instance.state.rawValue]
            case "instance-lifecycle": instance.isSpot ? ["spot"] : []
            case "instance-type": [instance.type]
            case "availability-zone": [instance.zone]
            case "private-ip-address": [instance.address]
            case "client-token": [instance.token ?? ""]
            default: nil
            }
        }
        let (page, next) = try form.page(found)
        return response("DescribeInstancesResponse") { writer in
            writer.element("reservationSet") { set in
                for instance in page {
                    set.element("item") { item in
                        item.element("reservationId", reservation(of: instance))
                        item.element("ownerId", Rules.account)
                        item.element("instancesSet") { write(instance, to: &$0) }
                    }
                }
            }
            if let next { writer.element("nextToken", next) }
        }
    }

    /// Those of these ids, each of which must be there, and for as long as it takes to be found, is not.
    func instances(_ ids: [String], at now: Moment) throws(Refusal) -> [Instance] {
        var found: [Instance] = []
        for id in ids {
            guard id.hasPrefix("i-"), id.utf8.count > 2 else {
                throw Refusal("InvalidInstanceID.Malformed", "Invalid id: \"\(id)\"")
            }
            guard let instance = instances.first(where: { $0.id == id && $0.foundFrom <= now.time }) else {
                throw .notFound("InvalidInstanceID", "instance", id)
            }
            found.append(instance)
        }
        return found
    }

    mutating func terminateInstances(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let ids = form.list("InstanceId")
        guard !ids.isEmpty else { throw .missing("InstanceId") }
        let before = try instances(ids, at: now)
        for id in ids { if let index = index(of: id) { end(index, "Client.UserInitiatedShutdown", at: now) } }
        let after = try instances(ids, at: now)
        return response("TerminateInstancesResponse") { writer in
            writer.element("instancesSet") { set in
                for (old, new) in zip(before, after) {
                    set.element("item") { item in
                        item.element("instanceId", new.id)
                        item.element("currentState") { write(new.state, to: &$0) }
                        item.element("previousState") { write(old.state, to: &$0) }
                    }
                }
            }
        }
    }

    func describeInstanceAttribute(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let found = try instances([form.need("InstanceId")], at: now)
        guard form["Attribute"] == "userData" else { throw .invalid("attribute", form["Attribute"] ?? "") }
        return response("DescribeInstanceAttributeResponse") { writer in
            for instance in found {
                writer.element("instanceId", instance.id)
                writer.element("userData") { data in
                    if !instance.userData.isEmpty { data.element("value", instance.userData) }
                }
            }
        }
    }

    private func write(_ state: Instance.State, to writer: inout XMLWriter) {
        writer.element("code", "\(state.code)")
        writer.element("name", state.rawValue)
    }

    private func write(_ instance: Instance, to writer: inout XMLWriter) {
        writer.element("item") { item in
            item.element("instanceId", instance.id)
            item.element("imageId", instance.image)
            item.element("instanceState") { write(instance.state, to: &$0) }
            item.element("privateDnsName", name(of: instance))
            if let reason = instance.reason { item.element("stateReason") { $0.element("code", reason) } }
            if let key = instance.keyName { item.element("keyName", key) }
            item.element("instanceType", instance.type)
            item.element("launchTime", instance.launchedAt.description)
            item.element("placement") { $0.element("availabilityZone", instance.zone) }
            if instance.isSpot { item.element("instanceLifecycle", "spot") }
            if let token = instance.token { item.element("clientToken", token) }
            if let profile = instance.profile { item.element("iamInstanceProfile") { $0.element("arn", profile) } }
            if instance.state != .terminated { writeNetwork(of: instance, to: &item) }
            write(tags[instance.id] ?? [], to: &item)
        }
    }

    private func writeNetwork(of instance: Instance, to item: inout XMLWriter) {
        item.element("vpcId", Self.network)
        item.element("subnetId", Self.subnet(in: instance.zone))
        item.element("privateIpAddress", instance.address)
        if let address = addresses.first(where: { $0.instance == instance.id }) {
            item.element("ipAddress", address.publicAddress)
        }
        item.element("groupSet") { set in
            for group in instance.groups {
                set.element("item") { item in
                    item.element("groupId", group)
                    item.element("groupName", "sandbox")
                }
            }
        }
    }

    func write(_ tags: [Tag], to writer: inout XMLWriter) {
        writer.element("tagSet") { set in
            for tag in tags {
                set.element("item") { item in
                    item.element("key", tag.key)
                    item.element("value", tag.value)
                }
            }
        }
    }
}
