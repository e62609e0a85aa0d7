package import JSON

/// `GET /api/incidents/{incident_id}`: one interruption of one instance, from its first signal to the verdict.
package struct Incident: WireObject {
    package var id: IncidentID
    package var slot: SlotID
    package var instance: InstanceID
    package var kind: Kind
    package var state: State
    /// When its host saw the first signal, or we knew of it ourselves. The deadline counts from here.
    package var detectedAt: Timestamp
    /// When EC2 takes the machine; nil for signals that say no time.
    package var interruptionTime: Timestamp?
    package var deadline: Timestamp?
    /// The epoch of the successor, or the slot's while there is none.
    package var epoch: Epoch
    package var successor: InstanceID?
    /// When a probe proved that the successor serves.
    package var verifiedAt: Timestamp?
    package var closedAt: Timestamp?
    /// Nobody took the machine: somebody rehearsed that.
    package var drill = false
    package var ledger: [LedgerStep] = []
    package var timeline: [Moment] = []

    /// `silence` is what nobody announced: the machine is gone, or its workload does not run.
    package enum Kind: String, WireWord { case interruption, rebalance, maintenance, lifecycle, shutdown, silence }

    package enum State: String, WireWord {
        case open
        /// Closed, and the new primary was proven in time.
        case met
        /// Closed, and it was not.
        case missed
        /// Closed, because nothing followed.
        case averted
    }

    package init(
        id: IncidentID, slot: SlotID, instance: InstanceID, kind: Kind, state: State, detectedAt: Timestamp,
        epoch: Epoch
    ) {
        self.id = id
        self.slot = slot
        self.instance = instance
        self.kind = kind
        self.state = state
        self.detectedAt = detectedAt
        self.epoch = epoch
    }

    package init(_ fields: Fields) throws(JSONError) {
        id = try fields.need("incident_id")
        slot = try fields.need("agent_id")
        instance = try fields.need("instance_id")
        kind = try fields.need("kind")
        state = try fields.need("state")
        detectedAt = try fields.need("detected_at")
        interruptionTime = try fields.maybe("termination_time")
        deadline = try fields.maybe("deadline")
        epoch = try fields.need("epoch")
        successor = try fields.maybe("new_instance_id")
        verifiedAt = try fields.maybe("verified_at")
        closedAt = try fields.maybe("closed_at")
        drill = try fields.maybe("drill") ?? false
        ledger = try fields.list("ledger", upTo: Limits.stepsMax)
        timeline = try fields.list("timeline", upTo: Limits.timelineMax)
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("incident_id", id)
        fields.put("agent_id", slot)
        fields.put("instance_id", instance)
        fields.put("kind", kind)
        fields.put("state", state)
        fields.put("detected_at", detectedAt)
        fields.put("termination_time", interruptionTime)
        fields.put("deadline", deadline)
        fields.put("epoch", epoch)
        fields.put("new_instance_id", successor)
        fields.put("verified_at", verifiedAt)
        fields.put("closed_at", closedAt)
        fields.put("drill", drill ? true : nil)
        fields.put("ledger", ledger)
        fields.put("timeline", timeline)
    }

    /// One line of the timeline, on the coordinator's clock whichever host it happened on.
    package struct Moment: WireObject {
        package var at: Timestamp
        /// Nil for the coordinator itself.
        package var instance: InstanceID?
        package var what: String
        /// Of a step of a host; nil for one that was dropped.
        package var tookMilliseconds: Int64?
        /// Of a step of a host: what it was given.
        package var budgetMilliseconds: Int64?

        package init(at: Timestamp, instance: InstanceID?, what: String) {
            self.at = at
            self.instance = instance
            self.what = what
        }

        package init(_ fields: Fields) throws(JSONError) {
            at = try fields.need("at")
            instance = try fields.maybe("instance_id")
            what = try fields.text("what", upTo: Limits.sentenceBytes)
            tookMilliseconds = try fields.count("took_ms")
            budgetMilliseconds = try fields.count("budget_ms")
        }

        package func write(_ fields: inout FieldWriter) {
            fields.put("at", at)
            fields.put("instance_id", instance)
            fields.putSentence("what", what)
            fields.put("took_ms", tookMilliseconds)
            fields.put("budget_ms", budgetMilliseconds)
        }
    }
}

/// What one step of a failover was given and what it took.
package struct LedgerStep: WireObject {
    package var name: String
    package var budgetMilliseconds: Int64
    /// Nil for a step that was dropped.
    package var tookMilliseconds: Int64?
    package var outcome: Outcome
    /// When it began, which its host reckons on the coordinator's clock; nil of hosts that do not.
    package var startedAt: Timestamp?
    /// Its host. The coordinator fills it in when it takes the step into an incident.
    package var instance: InstanceID?

    package enum Outcome: String, WireWord {
        case done
        case failed
        /// Killed at the end of its budget.
        case overran
        /// Left out because the time was short.
        case dropped
    }

    package init(name: String, budgetMilliseconds: Int64, tookMilliseconds: Int64?, outcome: Outcome) {
        self.name = name
        self.budgetMilliseconds = budgetMilliseconds
        self.tookMilliseconds = tookMilliseconds
        self.outcome = outcome
    }

    package init(_ fields: Fields) throws(JSONError) {
        name = try fields.text("step")
        budgetMilliseconds = try fields.needCount("budget_ms")
        tookMilliseconds = try fields.count("took_ms")
        outcome = try fields.need("outcome")
        startedAt = try fields.maybe("started_at")
        instance = try fields.maybe("instance_id")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("step", name)
        fields.put("budget_ms", budgetMilliseconds)
        fields.put("took_ms", tookMilliseconds)
        fields.put("outcome", outcome)
        fields.put("started_at", startedAt)
        fields.put("instance_id", instance)
    }
}

/// The answer to `GET /api/incidents`, newest first. Ledgers and timelines are left empty here.
package struct IncidentList: WireObject {
    package var incidents: [Incident]
    /// Asks for the older ones; nil at the end.
    package var next: EventCursor?

    package init(incidents: [Incident], next: EventCursor? = nil) {
        self.incidents = incidents
        self.next = next
    }

    package init(_ fields: Fields) throws(JSONError) {
        incidents = try fields.list("incidents", upTo: Limits.incidentsMax)
        next = try fields.maybe("next")
    }

    package func write(_ fields: inout FieldWriter) {
        fields.put("incidents", incidents)
        fields.put("next", next)
    }
}
