import JSON
import Wire

/// Removes old images and snapshots that earlier switches left. Images that a machine of ours runs from stay, however old:
/// the next machine is started from the same.
struct CleanupErrand: Errand {
    private enum Stage: Sendable {
        case findingImages
        case findingUsers
        case findingSnapshots
        case removing(Removing)
    }

    /// Nil: nobody asked for it, it is a duty.
    let command: CommandID?
    let order: Order.Cleanup
    private var stage = Stage.findingImages
    /// Nil: not known.
    private var images: [CloudAnswer.Image]?
    private var used: Set<ResourceID> = []
    private var found: (images: CleanupReport.Pass, snapshots: CleanupReport.Pass)

    init(_ command: CommandID?, _ order: Order.Cleanup) {
        self.command = command
        self.order = order
        found = (CleanupReport.Pass(), CleanupReport.Pass())
    }

    mutating func go(on event: ErrandEvent, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        switch (stage, event) {
        case (.removing(var removing), _):
            let step = removing.go(on: event, standing, &turn)
            stage = .removing(removing)
            guard case .end = step else { return step }
            return end(removing, standing, &turn)
        case (.findingImages, .answered(let answer)): return takeImages(answer)
        case (.findingUsers, .answered(let answer)): return takeUsers(answer, standing)
        case (.findingSnapshots, .answered(let answer)): return takeSnapshots(answer, standing, &turn)
        case (.findingImages, _):
            // By the coordinator's clock: by one that is years ahead everything would be old.
            let now = standing.coordinatorTime(at: turn.wall)
            found.images.cutoff = now - .seconds(86_400 * order.imagesOlderThanDays)
            found.snapshots.cutoff = now - .seconds(86_400 * order.snapshotsOlderThanDays)
            return .call(.findImages(tag: .managed), within: .seconds(60))
        case (.findingUsers, _): return .call(.findInstances(tag: .managed), within: .seconds(60))
        case (.findingSnapshots, _): return .call(.findSnapshots(tag: .managed), within: .seconds(60))
        }
    }

    private mutating func takeImages(_ answer: Result<CloudAnswer, CloudFault>) -> ErrandStep {
        switch answer {
        case .success(.images(let found)): images = found
        case .success(let other): found.images.error = "\(CloudFault.mismatch(other))"
        case .failure(let fault): found.images.error = "find images: \(fault)"
        }
        stage = .findingUsers
        return .call(.findInstances(tag: .managed), within: .seconds(60))
    }

    private mutating func takeUsers(_ answer: Result<CloudAnswer, CloudFault>, _ standing: Standing) -> ErrandStep {
        switch answer {
        case .success(.instances(let machines)):
            used = Set(machines.filter { $0.state != .terminated }.compactMap(\.image))
            if let own = standing.facts.image { used.insert(own) }
        case .success(let other): found.images.error = "\(CloudFault.mismatch(other))"
        case .failure(let fault): found.images.error = "find out which images are used: \(fault)"
        }
        stage = .findingSnapshots
        return .call(.findSnapshots(tag: .managed), within: .seconds(60))
    }

    private mutating func takeSnapshots(
        _ answer: Result<CloudAnswer, CloudFault>, _ standing: Standing, _ turn: inout Turn
    ) -> ErrandStep {
        var snapshots: [CloudAnswer.Snapshot] = []
        switch answer {
        case .success(.snapshots(let found)): snapshots = found
        case .success(let other): found.snapshots.error = "\(CloudFault.mismatch(other))"
        case .failure(let fault): found.snapshots.error = "find snapshots: \(fault)"
        }
        // EC2 holds a snapshot as long as its image is there; it goes with it.
        let held = images.map { Set($0.flatMap(\.snapshots)) }
        let cutoffs = (images: found.images.cutoff ?? .earliest, snapshots: found.snapshots.cutoff ?? .earliest)
        let oldSnapshots = snapshots.filter { snapshot in
            snapshot.isCompleted && held.map { !$0.contains(snapshot.id) } ?? false
                && snapshot.startedAt.map { $0 < cutoffs.snapshots } ?? false
        }
        let oldImages = (images ?? []).filter { image in
            !used.contains(image.id) && image.createdAt.map { $0 < cutoffs.images } ?? false
        }
        var removing = Removing(
            images: found.images.error == nil ? oldImages : [], snapshots: oldSnapshots.map(\.id))
        let step = removing.go(on: .began(progress: []), standing, &turn)
        stage = .removing(removing)
        if case .end = step { return end(removing, standing, &turn) }
        return step
    }

    private func end(_ removing: Removing, _ standing: Standing, _ turn: inout Turn) -> ErrandStep {
        var (images, snapshots) = (removing.images, removing.snapshots)
        (images.cutoff, snapshots.cutoff) = (found.images.cutoff, found.snapshots.cutoff)
        images.error = found.images.error ?? images.error
        snapshots.error = found.snapshots.error ?? snapshots.error
        let wall = turn.wall
        turn.report { id in
            var report = CleanupReport(
                stamp: ReportStamp(report: id, instance: standing.facts.instance, epoch: standing.epoch),
                timestamp: wall, snapshots: snapshots, images: images)
            report.command = command
            report.imageSnapshots = removing.imageSnapshots
            return .cleaned(report)
        }
        turn.tell(
            .cleaned(
                images: images.deleted.count, snapshots: snapshots.deleted.count + removing.imageSnapshots.count,
                failures: removing.failures))
        let faults = [images.error, snapshots.error].compactMap(\.self)
        let sentence = ([removing.sentence] + faults).joined(separator: "; ")
        return faults.isEmpty ? .done(sentence) : .failed(sentence)
    }
}
