package import JSON

/// `POST /api/agents/{agent_id}/cleanup-report`: which images and snapshots of earlier switches were removed.
package struct CleanupReport: WireObject {
    package var stamp: ReportStamp
    package var timestamp: Timestamp
    package var command: CommandID?
    package var snapshots: Pass
    package var images: Pass
    /// Snapshots that belonged to the removed images.
    package var imageSnapshots: [ResourceID] = []

    package init(stamp: ReportStamp, timestamp: Timestamp, snapshots: Pass, images: Pass) {
        self.stamp = stamp
        self.timestamp = timestamp
        self.snapshots = snapshots
        self.images = images
    }

    package init(_ fields: Fields) throws(JSONError) {
        stamp = try ReportStamp(fields)
        timestamp = try fields.need("timestamp")
        command = try fields.maybe("command_id")
        snapshots = try Pass(fields.needObject("snapshots"), deletedAs: "deleted")
        let amis = try fields.needObject("amis")
        images = try Pass(amis, deletedAs: "deleted_amis")
        imageSnapshots = try amis.list("deleted_snapshots", upTo: Limits.cleanedMax)
    }

    package func write(_ fields: inout FieldWriter) {
        stamp.write(&fields)
        fields.put("timestamp", timestamp)
        fields.put("command_id", command)
        fields.putObject("snapshots") { part in
            part.put("type", "snapshots")
            snapshots.write(&part, deletedAs: "deleted")
        }
        fields.putObject("amis") { part in
            part.put("type", "amis")
            images.write(&part, deletedAs: "deleted_amis")
            part.put("deleted_snapshots", imageSnapshots)
        }
    }

    /// One kind of resource, gone through once.
    package struct Pass: Hashable, Sendable {
        package var deleted: [ResourceID] = []
        package var failed: [Failure] = []
        /// What is older than this was to go. Nil when the pass ended before it knew.
        package var cutoff: Timestamp?
        /// Why the pass as a whole ended early.
        package var error: String?

        package init() {}

        init(_ fields: Fields, deletedAs name: String) throws(JSONError) {
            deleted = try fields.list(name, upTo: Limits.cleanedMax)
            failed = try fields.list("failed", upTo: Limits.failuresMax)
            cutoff = try fields.maybe("cutoff_date")
            error = try fields.maybeText("error", upTo: Limits.sentenceBytes)
        }

        func write(_ fields: inout FieldWriter, deletedAs name: String) {
            fields.put(name, deleted)
            fields.put("failed", failed)
            fields.put("cutoff_date", cutoff)
            fields.putSentence("error", error)
        }
    }

    /// One resource that stayed, and why.
    package struct Failure: WireObject, Hashable {
        package var id: ResourceID
        package var error: String

        package init(id: ResourceID, error: String) {
            self.id = id
            self.error = error
        }

        package init(_ fields: Fields) throws(JSONError) {
            id = try fields.need("id")
            error = try fields.text("error", upTo: Limits.sentenceBytes)
        }

        package func write(_ fields: inout FieldWriter) {
            fields.put("id", id)
            fields.putSentence("error", error)
        }
    }
}
