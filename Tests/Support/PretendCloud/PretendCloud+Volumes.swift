package import AgentCore
package import Wire

extension PretendCloud {
    /// A volume that bears one machine at a time, in its own zone.
    package struct StoredVolume: Sendable {
        package var zone: AvailabilityZone
        package var attachment: History<Attachment?>
    }

    package struct Attachment: Sendable {
        package var instance: InstanceID
        package var device: String?
        package var attachedAt: Duration
        /// When it was asked to let go.
        package var detachedAt: Duration?
    }

    /// `instance` has had it for long.
    package mutating func add(volume id: ResourceID, in zone: AvailabilityZone, at instance: InstanceID? = nil) {
        let attachment = instance.map { Attachment(instance: $0, attachedAt: .seconds(-1_000_000)) }
        volumes[id] = StoredVolume(zone: zone, attachment: History(attachment))
    }

    /// Who has it, and how far that has come; nil: nobody.
    package func holder(of id: ResourceID, at now: Duration) -> (
        instance: InstanceID, state: CloudAnswer.Volume.Attachment
    )? {
        volumes[id].flatMap { holder(id, $0.attachment.newest, at: now) }
    }

    private func holder(
        _ id: ResourceID, _ attachment: Attachment?, at now: Duration
    ) -> (instance: InstanceID, state: CloudAnswer.Volume.Attachment)? {
        guard let attachment, mayHold(attachment.instance, at: now) else { return nil }
        guard let detachedAt = attachment.detachedAt else {
            return (attachment.instance, now - attachment.attachedAt < volumesTake ? .attaching : .attached)
        }
        if mounted.contains(id) { return (attachment.instance, .busy) }
        return now - detachedAt < volumesTake ? (attachment.instance, .detaching) : nil
    }

    func describe(volumes ids: [ResourceID], at now: Duration) -> Result<CloudAnswer, CloudFault> {
        var found: [CloudAnswer.Volume] = []
        for id in ids {
            guard let stored = volumes[id] else { return unknown(id.text) }
            let seen = now - showsAfter
            let holder = holder(id, stored.attachment.value(at: seen), at: seen)
            found.append(
                CloudAnswer.Volume(
                    id: id, zone: stored.zone, attachments: holder.map { [$0.instance: $0.state] } ?? [:]))
        }
        return .success(.volumes(found))
    }

    mutating func attach(
        _ volume: DataVolume, to instance: InstanceID, at now: Duration
    ) -> Result<CloudAnswer, CloudFault> {
        guard let stored = volumes[volume.id] else { return unknown(volume.id.text) }
        guard let machine = machines.first(where: { $0.instance.id == instance }) else { return unknown(instance.text) }
        guard state(of: machine, at: now).state == .running else {
            return conflict("IncorrectState", "\(instance) is not running")
        }
        guard machine.instance.zone == stored.zone else {
            return .failure(
                CloudFault(
                    .invalid, code: "InvalidVolume.ZoneMismatch", "\(volume.id) is not in the zone of \(instance)"))
        }
        if let holder = holder(of: volume.id, at: now) {
            return conflict("VolumeInUse", "\(volume.id) is \(holder.state) at \(holder.instance)")
        }
        volumes[volume.id]?.attachment.note(
            Attachment(instance: instance, device: volume.device, attachedAt: now), at: now)
        return .success(.done)
    }

    mutating func detach(_ id: ResourceID, from instance: InstanceID, at now: Duration) -> Result<
        CloudAnswer, CloudFault
    > {
        guard let stored = volumes[id] else { return unknown(id.text) }
        guard var attachment = stored.attachment.newest, let holder = holder(of: id, at: now) else {
            return conflict("IncorrectState", "\(id) is available")
        }
        // The face of the real one turns its refusal into this.
        guard holder.instance == instance else { return .success(.done) }
        guard attachment.detachedAt == nil else { return conflict("IncorrectState", "\(id) is \(holder.state)") }
        attachment.detachedAt = now
        volumes[id]?.attachment.note(attachment, at: now)
        return .success(.done)
    }

    func conflict(_ code: String, _ sentence: String) -> Result<CloudAnswer, CloudFault> {
        .failure(CloudFault(.conflict, code: code, "EC2 refused it (\(code)): \(sentence)"))
    }
}
