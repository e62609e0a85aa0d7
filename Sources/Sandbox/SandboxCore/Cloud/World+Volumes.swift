import XML

struct Volume: Sendable {
    struct Attachment: Sendable {
        let instance: String
        let device: String
        var state = "attaching"
        var due: Duration?
    }

    let id: String
    let name: String
    let zone: String
    var attachment: Attachment?

    var due: Duration? { attachment?.due }

    mutating func moveOn(at now: Duration) {
        guard let due, due <= now else { return }
        guard attachment?.state == "attaching" else {
            attachment = nil
            return
        }
        attachment?.state = "attached"
        attachment?.due = nil
    }
}

/// EC2's calls about volumes. They are states alone: there is no disk behind one.
extension World {
    private func volume(_ id: String) throws(Refusal) -> Int {
        guard let index = volumes.firstIndex(where: { $0.id == id }) else {
            throw .notFound("InvalidVolume", "volume", id)
        }
        return index
    }

    func describeVolumes(_ form: Form) throws(Refusal) -> [UInt8] {
        let ids = form.list("VolumeId")
        for id in ids { _ = try volume(id) }
        let chosen = ids.isEmpty ? volumes : volumes.filter { ids.contains($0.id) }
        let found = try form.filtered(chosen, tags: allTags) { volume, name in
            switch name {
            case "volume-id": [volume.id]
            case "availability-zone": [volume.zone]
            case "status": [volume.attachment == nil ? "available" : "in-use"]
            case "attachment.instance-id": volume.attachment.map { [$0.instance] } ?? []
            case "attachment.status": volume.attachment.map { [$0.state] } ?? []
            default: nil
            }
        }
        return response("DescribeVolumesResponse") { writer in
            writer.element("volumeSet") { set in
                for volume in found {
                    set.element("item") { item in
                        item.element("volumeId", volume.id)
                        item.element("size", "1")
                        item.element("availabilityZone", volume.zone)
                        item.element("status", volume.attachment == nil ? "available" : "in-use")
                        item.element("attachmentSet") { set in
                            if let attachment = volume.attachment {
                                set.element("item") { write(attachment, of: volume.id, to: &$0) }
                            }
                        }
                        write(allTags(of: volume), to: &item)
                    }
                }
            }
        }
    }

    private func allTags(of volume: Volume) -> [Tag] {
        [Tag(key: "Name", value: volume.name)] + (tags[volume.id] ?? [])
    }

    private func write(_ attachment: Volume.Attachment, of volume: String, to writer: inout XMLWriter) {
        writer.element("volumeId", volume)
        writer.element("instanceId", attachment.instance)
        writer.element("device", attachment.device)
        writer.element("status", attachment.state)
    }

    mutating func attachVolume(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let index = try volume(form.need("VolumeId"))
        let device = try form.need("Device")
        for instance in try instances([form.need("InstanceId")], at: now) {
            guard instance.state == .running || instance.state == .stopped else {
                throw Refusal("IncorrectState", "Instance '\(instance.id)' is not 'running'")
            }
            guard instance.zone == volumes[index].zone else {
                throw Refusal(
                    "InvalidVolume.ZoneMismatch",
                    "The volume '\(volumes[index].id)' is not in the same availability zone as instance '\(instance.id)'"
                )
            }
            if let other = volumes[index].attachment {
                throw Refusal(
                    "VolumeInUse", "\(volumes[index].id) is already attached to an instance: \(other.instance)")
            }
            volumes[index].attachment = Volume.Attachment(
                instance: instance.id, device: device, due: now.time + rules.volumeTime)
            volumes[index].moveOn(at: now.time)
        }
        let volume = volumes[index]
        return response("AttachVolumeResponse") { writer in
            if let attachment = volume.attachment { write(attachment, of: volume.id, to: &writer) }
        }
    }

    mutating func detachVolume(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let index = try volume(form.need("VolumeId"))
        let id = volumes[index].id
        guard var attachment = volumes[index].attachment else {
            throw Refusal("IncorrectState", "Volume '\(id)' is in the 'available' state.")
        }
        guard form["InstanceId"] ?? attachment.instance == attachment.instance else {
            throw Refusal("InvalidAttachment.NotFound", "Volume '\(id)' is not attached to that instance")
        }
        if attachment.state != "detaching" {
            (attachment.state, attachment.due) = ("detaching", now.time + rules.volumeTime)
        }
        volumes[index].attachment = attachment
        volumes[index].moveOn(at: now.time)
        return response("DetachVolumeResponse") { write(attachment, of: id, to: &$0) }
    }
}
