import JSON
import XML

struct Image: Sendable {
    let id: String
    let name: String
    var owner = Rules.account
    let madeAt: Timestamp
    var snapshot: String?
    /// When it is available.
    var due: Duration?

    mutating func moveOn(at now: Duration) { if let time = due, time <= now { due = nil } }
}

struct Snapshot: Sendable {
    let id: String
    let image: String
    let madeAt: Timestamp
}

/// EC2's calls about images, each of which has one snapshot.
extension World {
    /// Of disks that nobody has, so a person can make many; they are a few words each.
    private static let imagesMax = 1_000

    mutating func createImage(_ form: Form, at now: Moment) throws(Refusal) -> [UInt8] {
        let instance = try instances([form.need("InstanceId")], at: now)
        let name = try form.need("Name")
        guard instance.allSatisfy({ $0.state == .running || $0.state == .stopped }) else {
            throw Refusal("IncorrectState", "The instance is not running")
        }
        if let image = images.first(where: { $0.name == name }) {
            throw Refusal("InvalidAMIName.Duplicate", "AMI name \(name) is already in use by AMI \(image.id)")
        }
        guard images.count < Self.imagesMax, snapshots.count < Self.imagesMax else {
            throw Refusal("AMIQuotaExceeded", "The sandbox keeps \(Self.imagesMax) images and as many snapshots")
        }
        let (ofImage, ofSnapshot) = (try form.newTags(of: "image"), try form.newTags(of: "snapshot"))
        let made = now.wall.inSeconds
        var image = Image(id: chance.identifier("ami"), name: name, madeAt: made, due: now.time + rules.imageTime)
        let snapshot = Snapshot(id: chance.identifier("snap"), image: image.id, madeAt: made)
        image.snapshot = snapshot.id
        images.append(image)
        snapshots.append(snapshot)
        tags[image.id] = ofImage
        tags[snapshot.id] = ofSnapshot
        return response("CreateImageResponse") { $0.element("imageId", image.id) }
    }

    func describeImages(_ form: Form) throws(Refusal) -> [UInt8] {
        var found = images
        let ids = form.list("ImageId")
        for id in ids where !images.contains(where: { $0.id == id }) { throw .notFound("InvalidAMIID", "image", id) }
        if !ids.isEmpty { found.removeAll { !ids.contains($0.id) } }
        if form.list("Owner").contains("self") { found.removeAll { $0.owner != Rules.account } }
        found = try form.filtered(found, tags: { tags[$0.id] ?? [] }) { image, name in
            switch name {
            case "name": [image.name]
            case "state": [image.due == nil ? "available" : "pending"]
            default: nil
            }
        }
        let (page, next) = try form.page(found)
        return response("DescribeImagesResponse") { writer in
            writer.element("imagesSet") { set in for image in page { write(image, to: &set) } }
            if let next { writer.element("nextToken", next) }
        }
    }

    private func write(_ image: Image, to writer: inout XMLWriter) {
        writer.element("item") { item in
            item.element("imageId", image.id)
            item.element("name", image.name)
            item.element("imageOwnerId", image.owner)
            item.element("imageState", image.due == nil ? "available" : "pending")
            item.element("creationDate", image.madeAt.description)
            if let snapshot = image.snapshot {
                item.element("blockDeviceMapping") { mapping in
                    mapping.element("item") { device in
                        device.element("deviceName", "/dev/xvda")
                        device.element("ebs") { $0.element("snapshotId", snapshot) }
                    }
                }
            }
            write(tags[image.id] ?? [], to: &item)
        }
    }

    mutating func deregisterImage(_ form: Form) throws(Refusal) -> [UInt8] {
        let id = try form.need("ImageId")
        guard let index = images.firstIndex(where: { $0.id == id }) else {
            throw .notFound("InvalidAMIID", "image", id)
        }
        guard images[index].owner == Rules.account else {
            throw Refusal("AuthFailure", "Not authorized for image \(id): it does not belong to you", status: 403)
        }
        images.remove(at: index)
        tags[id] = nil
        return response("DeregisterImageResponse") { $0.element("return", "true") }
    }

    func describeSnapshots(_ form: Form) throws(Refusal) -> [UInt8] {
        let ids = form.list("SnapshotId")
        for id in ids where !snapshots.contains(where: { $0.id == id }) {
            throw .notFound("InvalidSnapshot", "snapshot", id)
        }
        let chosen = ids.isEmpty ? snapshots : snapshots.filter { ids.contains($0.id) }
        let found = try form.filtered(chosen, tags: { tags[$0.id] ?? [] }) { snapshot, name in
            name == "snapshot-id" ? [snapshot.id] : nil
        }
        let (page, next) = try form.page(found)
        return response("DescribeSnapshotsResponse") { writer in
            writer.element("snapshotSet") { set in for snapshot in page { write(snapshot, to: &set) } }
            if let next { writer.element("nextToken", next) }
        }
    }

    private func write(_ snapshot: Snapshot, to writer: inout XMLWriter) {
        let isPending = images.contains { $0.id == snapshot.image && $0.due != nil }
        writer.element("item") { item in
            item.element("snapshotId", snapshot.id)
            item.element("ownerId", Rules.account)
            item.element("status", isPending ? "pending" : "completed")
            item.element("startTime", snapshot.madeAt.description)
            write(tags[snapshot.id] ?? [], to: &item)
        }
    }

    mutating func deleteSnapshot(_ form: Form) throws(Refusal) -> [UInt8] {
        let id = try form.need("SnapshotId")
        guard let index = snapshots.firstIndex(where: { $0.id == id }) else {
            throw .notFound("InvalidSnapshot", "snapshot", id)
        }
        if let image = images.first(where: { $0.snapshot == id }) {
            throw Refusal("InvalidSnapshot.InUse", "The snapshot \(id) is currently in use by \(image.id)")
        }
        snapshots.remove(at: index)
        tags[id] = nil
        return response("DeleteSnapshotResponse") { $0.element("return", "true") }
    }
}
