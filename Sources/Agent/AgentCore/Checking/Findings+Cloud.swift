import Wire

// MARK: The metadata service

extension Findings {
    /// Who this machine is, as far as the metadata service told; nil without an instance's id or a region.
    package var facts: InstanceFacts? { try? identified() }

    private func identified() throws(MetadataFault) -> InstanceFacts? {
        var identity = Identity()
        var silent: Set<MetadataItem> = []
        for item in MetadataItem.identity {
            switch metadata[item] {
            case .value(let text): try identity.read(item, text)
            case .absent: try identity.read(item, nil)
            case .failed, nil: silent.insert(item)
            }
        }
        return identity.news(region: region, hopeless: silent)
    }

    private static let metadataRemedy =
        "aws ec2 modify-instance-metadata-options --http-endpoint enabled --http-put-response-hop-limit 2 switches it on, "
        + "in containers too; AWS_EC2_METADATA_SERVICE_ENDPOINT names another address"

    var metadataLine: CheckLine {
        let subject = "metadata"
        switch metadata[.instanceID] {
        case nil: return .failed(subject, Self.late, Self.metadataRemedy)
        case .failed(let sentence): return .failed(subject, sentence, Self.metadataRemedy)
        case .absent: return .failed(subject, "it knows no instance-id", "run this on an EC2 instance")
        case .value: break
        }
        do {
            guard let facts = try identified() else {
                return .failed(subject, "it tells no zone, and so no region", "set AWS_REGION")
            }
            let missing = [
                ("zone", facts.zone == nil), ("type", facts.instanceType == nil), ("image", facts.image == nil),
            ]
            .filter(\.1).map(\.0)
            let place = facts.zone?.text ?? facts.region.text
            let kind = [facts.instanceType?.text, facts.mode?.rawValue].compactMap(\.self).joined(separator: ", ")
            let finding = "\(facts.instance) in \(place)\(kind.isEmpty ? "" : " (\(kind))")"
            if missing.isEmpty { return .ok(subject, finding) }
            return .warning(
                subject, "\(finding), but it does not tell the \(missing.joined(separator: ", "))", "try again")
        } catch { return .failed(subject, "\(error)", Self.metadataRemedy) }
    }
}

// MARK: Rights

extension Findings {
    /// Nobody can be asked for anything: no credentials, or nobody answers. Else the next would be no wiser than the first.
    package var isCloudClosed: CloudFault? {
        guard case .unknown(let fault) = rights[.describeInstances] else { return nil }
        switch fault.kind {
        case .unreachable, .busy, .notAllowed: return fault
        default: return nil
        }
    }

    var rightLines: [CheckLine] {
        guard facts != nil else {
            return [.warning("rights", "not tried: it is not known which machine this is", nil)]
        }
        if let fault = isCloudClosed {
            return [
                .failed(
                    "rights", "\(fault)",
                    "the instance needs a profile whose role has the rights that the README lists, and a way to AWS")
            ]
        }
        return Right.needed(for: takeOver).compactMap(line)
    }

    private func line(_ right: Right) -> CheckLine? {
        let subject = right.rawValue
        let remedy = "allow \(subject) in the policy of this machine's role; it is needed \(right.purpose)"
        switch rights[right] {
        case .held: return .ok(subject, "allowed")
        case .denied(let code):
            let finding = "IAM denies it (\(code))"
            let isNeeded = right != .createImage || makesImages
            return isNeeded ? .failed(subject, finding, remedy) : .warning(subject, finding, remedy)
        case .unknown(let fault) where fault.kind == .notFound && right.needsSomethingOfOurs:
            return .warning(
                subject, "not known: there is nothing of ours yet to try it on, and IAM did not deny it", nil)
        case .unknown(let fault) where fault.kind == .notFound && right.namedBy != nil:
            return .failed(subject, "\(fault)", "\(right.namedBy ?? "") must name what is there")
        case .unknown(let fault): return .warning(subject, "not known: \(fault)", "try again")
        case nil where right.cannotBeTried:
            return .warning(subject, "it cannot be tried: ELB has no DryRun", "see yourself that the policy allows it")
        case nil: return right.isPartOfLaunch ? nil : .warning(subject, "not known: \(Self.late)", "try again")
        }
    }
}

extension Right {
    /// Completes "it is needed".
    fileprivate var purpose: String {
        switch self {
        case .describeInstances: "for every command"
        case .runInstances, .createTags, .passRole, .describeInstanceAttribute, .describeSubnets: "to launch machines"
        case .terminateInstances: "to end machines that were replaced"
        case .createImage: "for images that a switch makes"
        case .describeImages, .describeSnapshots, .deregisterImage, .deleteSnapshot: "for the clean-up"
        case .describeSpotPriceHistory, .getProducts: "to report prices"
        case .describeAddresses, .associateAddress: "to take the address over"
        case .describeVolumes, .attachVolume, .detachVolume: "to take the data volumes over"
        case .describeTargetGroups: "for this check alone"
        case .describeTargetHealth, .registerTargets, .deregisterTargets: "to take over behind load balancers"
        }
    }

    /// Only known when a launch as a whole is denied, or allowed.
    fileprivate var isPartOfLaunch: Bool { self == .createTags || self == .passRole }
    /// The setting that names what is read by it.
    fileprivate var namedBy: String? {
        switch self {
        case .describeAddresses: "ELASTIC_IP_ALLOCATION_ID"
        case .describeVolumes: "DATA_VOLUME_IDS"
        case .describeTargetGroups, .describeTargetHealth: "TARGET_GROUP_ARNS"
        default: nil
        }
    }
    fileprivate var needsSomethingOfOurs: Bool { self == .deregisterImage || self == .deleteSnapshot }
}
