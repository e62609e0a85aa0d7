import Wire

/// Who we are, piece by piece as the metadata service tells it.
struct Identity: Sendable {
    private var instance: InstanceID?
    private var instanceType: InstanceType?
    private var zone: AvailabilityZone?
    private var image: ResourceID?
    private var mode: Mode?
    private var privateAddress: String?
    private var publicAddress: String?
    private var answered: Set<MetadataItem> = []
    private var told: InstanceFacts?

    mutating func read(_ item: MetadataItem, _ text: String?) throws(MetadataFault) {
        switch item {
        case .instanceID: instance = try identifier(text, of: "instance-id")
        case .zone: zone = try identifier(text, of: "placement/availability-zone")
        case .instanceType:
            instanceType = try text.map { text throws(MetadataFault) in try identifier(text, of: "instance-type") }
        case .image: image = try text.map { text throws(MetadataFault) in try identifier(text, of: "ami-id") }
        case .privateAddress: privateAddress = try plain(text, "0123456789.", of: "local-ipv4")
        case .publicAddress: publicAddress = try plain(text, "0123456789.", of: "public-ipv4")
        // `on-demand`, `scheduled` and what else may come are paid for by the hour.
        case .lifeCycle:
            mode = try plain(text, "abcdefghijklmnopqrstuvwxyz-", of: "instance-life-cycle").map {
                $0 == "spot" ? .spot : .ondemand
            }
        case .instanceAction, .rebalance, .maintenance, .lifecycleState:
            preconditionFailure("\(item) tells nothing of who we are")
        }
        answered.insert(item)
    }

    /// The whole, once there is all that can be had, and again when it has changed. What is `hopeless` is not waited for, but
    /// without the instance's id and a region nobody is anybody.
    mutating func news(region: Region?, hopeless: Set<MetadataItem>) -> InstanceFacts? {
        guard let instance, let region = region ?? zone?.region,
            MetadataItem.identity.allSatisfy({ answered.contains($0) || hopeless.contains($0) })
        else { return nil }
        var facts = InstanceFacts(instance: instance, region: region)
        facts.instanceType = instanceType
        facts.zone = zone
        facts.image = image
        facts.mode = mode
        facts.privateAddress = privateAddress
        facts.publicAddress = publicAddress
        guard facts != told else { return nil }
        told = facts
        return facts
    }
}

/// A page of somebody else's is no answer.
private func plain(_ text: String?, _ letters: String, of path: String) throws(MetadataFault) -> String? {
    guard let text, text.isEmpty || !text.allSatisfy(letters.contains) else { return text }
    throw MetadataFault("\(path): \(text.prefix(64)) is not what stands there")
}

private func identifier<Kind: IdentifierKind>(
    _ text: String?, of path: String
) throws(MetadataFault) -> Identifier<Kind> {
    guard let text else { throw MetadataFault("\(path) is not there") }
    do throws(WireError) { return try Identifier(text) } catch { throw MetadataFault("\(path): \(error)") }
}

extension Identifier where Kind == AvailabilityZoneKind {
    /// Up to the first number, which is the region's: `us-east-1` of `us-east-1b`, `us-west-2` of `us-west-2-lax-1a`.
    var region: Region? {
        var parts: [Substring] = []
        for part in text.split(separator: "-") {
            let digits = part.prefix { $0.isASCII && $0.isNumber }
            guard digits.isEmpty else {
                parts.append(digits)
                return try? Region(parts.joined(separator: "-"))
            }
            parts.append(part)
        }
        return nil
    }
}
