package import JSON

/// What every report carries beside its own fields.
package struct ReportStamp: Hashable, Sendable {
    /// The same report has the same id, however often the outbox sends it.
    package var report: ReportID
    /// The host that reports.
    package var instance: InstanceID
    /// The host's epoch. Without one the report acts only if its instance is the current primary.
    package var epoch: Epoch?

    package init(report: ReportID, instance: InstanceID, epoch: Epoch? = nil) {
        self.report = report
        self.instance = instance
        self.epoch = epoch
    }

    init(_ fields: Fields) throws(JSONError) {
        report = try fields.need("report_id")
        instance = try fields.need("reporter_instance_id")
        epoch = try fields.maybe("epoch")
    }

    func write(_ fields: inout FieldWriter) {
        fields.put("report_id", report)
        fields.put("reporter_instance_id", instance)
        fields.put("epoch", epoch)
    }
}

/// The answer to a report.
package struct ReportReply: WireObject {
    package var outcome: Outcome

    package enum Outcome: String, WireWord {
        /// Stored, and what follows from it was done.
        case accepted
        /// Was stored before under the same id; nothing was done again.
        case duplicate
        /// Stored for the record: its epoch or its instance is no longer the slot's.
        case stale
    }

    package init(_ outcome: Outcome) { self.outcome = outcome }
    package init(_ fields: Fields) throws(JSONError) { outcome = try fields.need("outcome") }
    package func write(_ fields: inout FieldWriter) { fields.put("outcome", outcome) }
}
