import Wire

/// Removes images with their snapshots, and snapshots, one after the other. What cannot be removed does not keep the rest.
struct Removing: Errand {
    private enum Item: Sendable {
        case image(CloudAnswer.Image)
        case snapshot(ResourceID)
        /// Nothing leads to it once its image is gone, so it is tried again: EC2 holds it for some moments after that.
        case imageSnapshot(ResourceID)
    }
    static let pause = Duration.seconds(5)
    static let triesMax = 3

    private(set) var images = CleanupReport.Pass()
    private(set) var snapshots = CleanupReport.Pass()
    private(set) var imageSnapshots: [ResourceID] = []
    /// What is to be removed, the next one last.
    private var items: [Item] = []
    private var tries = 0

    /// Takes as many as a report can name; the next pass meets the others again.
    init(images: [CloudAnswer.Image], snapshots: [ResourceID] = []) {
        var room = Limits.cleanedMax
        let fitting = images.prefix(Limits.cleanedMax).prefix { image in
            room -= image.snapshots.count
            return room >= 0
        }
        items = fitting.map(Item.image) + snapshots.prefix(Limits.cleanedMax).map(Item.snapshot)
        items.reverse()
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        if case .answered(let answer) = event, let item = items.last {
            if case .failure(let fault) = answer, fault.kind != .notFound {
                if mayPass(fault, item), tries < Self.triesMax { return .rest(Self.pause) }
                note(fault, item)
            } else {
                noteRemoved(item)
            }
            tries = 0
        }
        guard let item = items.last else { return .done(sentence) }
        tries += 1
        switch item {
        case .image(let image): return .call(.deregisterImage(image.id), within: .seconds(30))
        case .snapshot(let id), .imageSnapshot(let id): return .call(.deleteSnapshot(id), within: .seconds(30))
        }
    }

    private func mayPass(_ fault: CloudFault, _ item: Item) -> Bool {
        if case .imageSnapshot = item { return fault.kind != .notAllowed }
        return fault.isPassing
    }

    private mutating func noteRemoved(_ item: Item) {
        items.removeLast()
        switch item {
        case .image(let image):
            images.deleted.append(image.id)
            items += image.snapshots.map(Item.imageSnapshot)
        case .snapshot(let id): snapshots.deleted.append(id)
        case .imageSnapshot(let id): imageSnapshots.append(id)
        }
    }

    private mutating func note(_ fault: CloudFault, _ item: Item) {
        items.removeLast()
        switch item {
        case .image(let image): note(fault, of: image.id, in: \.images)
        case .imageSnapshot(let id): note(fault, of: id, in: \.images)
        case .snapshot(let id): note(fault, of: id, in: \.snapshots)
        }
        // The others of its kind would be refused like it.
        guard fault.kind == .notAllowed else { return }
        switch item {
        case .image:
            images.error = "\(fault); IAM must allow this machine's role ec2:DeregisterImage"
            items.removeAll { if case .image = $0 { true } else { false } }
        case .snapshot, .imageSnapshot:
            snapshots.error = "\(fault); IAM must allow this machine's role ec2:DeleteSnapshot"
            items.removeAll { if case .image = $0 { false } else { true } }
        }
    }

    private mutating func note(
        _ fault: CloudFault, of id: ResourceID, in pass: WritableKeyPath<Removing, CleanupReport.Pass>
    ) {
        guard self[keyPath: pass].failed.count < Limits.failuresMax else { return }
        self[keyPath: pass].failed.append(CleanupReport.Failure(id: id, error: "\(fault)"))
    }

    var failures: Int { images.failed.count + snapshots.failed.count }

    var sentence: String {
        let gone =
            "\(images.deleted.count) images and \(snapshots.deleted.count + imageSnapshots.count) snapshots removed"
        return failures == 0 ? gone : "\(gone), \(failures) could not be"
    }
}
