import XML

/// One network, with one subnet in each zone; and tags, which everything may have.
extension World {
    static let network = identifier("vpc", named: "network")
    static let securityGroup = identifier("sg", named: "all")
    static func subnet(in zone: String) -> String { identifier("subnet", named: zone) }

    func describeSubnets(_ form: Form) throws(Refusal) -> [UInt8] {
        let zones = try form.filtered(rules.zones, tags: { _ in [] }) { zone, name in
            switch name {
            case "vpc-id": [Self.network]
            case "availability-zone": [zone]
            case "subnet-id": [Self.subnet(in: zone)]
            case "state": ["available"]
            default: nil
            }
        }
        return response("DescribeSubnetsResponse") { writer in
            writer.element("subnetSet") { set in
                for zone in zones {
                    set.element("item") { item in
                        item.element("subnetId", Self.subnet(in: zone))
                        item.element("state", "available")
                        item.element("vpcId", Self.network)
                        item.element("cidrBlock", rules.network.description)
                        item.element("availableIpAddressCount", "\(Rules.instancesMax)")
                        item.element("availabilityZone", zone)
                    }
                }
            }
        }
    }

    mutating func createTags(_ form: Form) throws(Refusal) -> [UInt8] {
        let ids = form.list("ResourceId")
        guard !ids.isEmpty else { throw .missing("ResourceId") }
        for id in ids where !isThere(id) { throw Refusal("InvalidID", "The ID '\(id)' is not valid") }
        var tagged: [String: [Tag]] = [:]
        for id in ids {
            let new = form.tags("Tag")
            let old = (tags[id] ?? []).filter { tag in !new.contains { $0.key == tag.key } }
            tagged[id] = try Form.limited(old + new)
        }
        tags.merge(tagged) { $1 }
        return response("CreateTagsResponse") { $0.element("return", "true") }
    }

    private func isThere(_ id: String) -> Bool {
        index(of: id) != nil || images.contains { $0.id == id } || snapshots.contains { $0.id == id }
            || volumes.contains { $0.id == id } || addresses.contains { $0.id == id }
    }
}
