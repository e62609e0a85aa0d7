package import Wire

extension Slot {
    /// Which images and snapshots of earlier switches were removed.
    package mutating func take(_ report: CleanupReport, _ turn: inout Turn) -> ReportReply.Outcome {
        if turn.isRepeat { return .duplicate }
        guard !isStale(report.stamp) else { return .stale }
        let failed = report.images.failed.count + report.snapshots.failed.count
        let error = report.images.error ?? report.snapshots.error
        let deleted = report.snapshots.deleted.count + report.imageSnapshots.count
        turn.note(
            error == nil ? .cleanupCompleted : .cleanupFailed,
            "\(report.images.deleted.count) images and \(deleted) snapshots were removed, \(failed) could not be"
                + (error.map { ": \($0)" } ?? ""),
            instance: report.stamp.instance, command: report.command)
        return .accepted
    }
}
