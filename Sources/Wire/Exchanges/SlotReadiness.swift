package import JSON

/// The answer to `GET /api/agents/{agent_id}/readiness`: whether the slot would survive an interruption of its primary now, and
/// if not, why.
package struct SlotReadiness: WireObject {
    package var slot: SlotID
    package let survives: Bool
    /// Why it would not, each a sentence for a person; empty exactly when it would.
    package var reasons: [String]
    /// What it would survive, and is better changed.
    package var warnings: [String] = []
    package var primary: InstanceID?
    package var handOver: HandOver
    /// From notice to a proven new primary.
    package var deadlineSeconds: Int
    package var replicas: [Replica] = []

    package init(slot: SlotID, reasons: [String], primary: InstanceID?, handOver: HandOver, deadlineSeconds: Int) {
        self.slot = slot
        self.reasons = reasons
        survives = reasons.isEmpty
        self.primary = primary
        self.handOver = handOver
        self.deadlineSeconds = deadlineSeconds
    }

    package init(_ fields: Fields) throws(JSONError) {
        slot = try fields.need("agent_id")
        survives = try fields.need("survives")
        reasons = try fields.sentences("reasons", upTo: Limits.reasonsMax)
        warnings = try fields.sentences("warnings", upTo: Limits.reasonsMax)
        primary = try fields.maybe("primary")
        handOver = try fields.need("hand_over")
        deadlineSeconds = try fields.needWhole("deadline_seconds", in: 1...Limits.settingSecondsMax)
        replicas = try fields.list("replicas", upTo: Limits.reasonsMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agent_id", slot)
        fields.put("survives", survives)
        fields.putSentences("reasons", reasons)
        fields.putSentences("warnings", warnings)
        fields.put("primary", primary)
        fields.put("hand_over", handOver)
        fields.put("deadline_seconds", deadlineSeconds)
        fields.put("replicas", replicas)
    }

    /// A machine that stands by, or is to.
    package struct Replica: WireObject {
        package var instance: InstanceID
        /// It could take over now.
        package var isReady: Bool
        /// In its own words; nil before it looked.
        package var lacking: [String]?
        package var zone: AvailabilityZone?
        package var isFresh: Bool

        package init(
            instance: InstanceID, isReady: Bool, lacking: [String]?, zone: AvailabilityZone?, isFresh: Bool
        ) {
            self.instance = instance
            self.isReady = isReady
            self.lacking = lacking
            self.zone = zone
            self.isFresh = isFresh
        }

        package init(_ fields: Fields) throws(JSONError) {
            instance = try fields.need("instance_id")
            isReady = try fields.need("ready")
            lacking = try fields.maybeTexts("lacking", upTo: Limits.lackingMax)
            zone = try fields.maybe("zone")
            isFresh = try fields.need("fresh")
        }

        package func write(_ fields: inout FieldWriter) {
            fields.put("instance_id", instance)
            fields.put("ready", isReady)
            fields.put("lacking", lacking)
            fields.put("zone", zone)
            fields.put("fresh", isFresh)
        }
    }
}

/// The answer to `GET /api/readiness`, in the order of `GET /api/admin/agents`.
package struct SlotReadinessList: WireObject {
    package var agents: [SlotReadiness]
    package var next: EventCursor?

    package init(agents: [SlotReadiness], next: EventCursor? = nil) {
        self.agents = agents
        self.next = next
    }

    package init(_ fields: Fields) throws(JSONError) {
        agents = try fields.list("agents", upTo: Limits.readinessMax)
        next = try fields.maybe("next")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("agents", agents)
        fields.put("next", next)
    }
}
