package import JSON
package import Wire

/// How well a drill went, by the coordinator's record of it and by what this machine saw.
package struct Scorecard: Sendable, Equatable {
    package let incident: IncidentID
    package let isMet: Bool
    /// From the notice on this machine until the coordinator had it.
    package let storedAfterMilliseconds: Int64?
    /// From the same moment until a probe proved that the successor serves; nil when none was proven.
    package let provenAfterMilliseconds: Int64?
    /// What was left of the deadline then, negative when it was over; nil when nothing was proven, or there is none.
    package let spareMilliseconds: Int64?
    /// Steps that failed or overran.
    package let troubles: [LedgerStep]
    private let asksForReplicaOnly: Bool
    private let isOpen: Bool

    package init(_ incident: Incident, storedAfterMilliseconds stored: Int64?) {
        self.incident = incident.id
        // A recommendation asks for a replica, not for a move.
        asksForReplicaOnly = incident.kind == .rebalance
        isOpen = incident.state == .open
        isMet = incident.state == .met || (asksForReplicaOnly && incident.state == .averted)
        storedAfterMilliseconds = stored
        provenAfterMilliseconds = incident.verifiedAt.map { proven in
            Int64((proven - incident.detectedAt) / .milliseconds(1))
        }
        spareMilliseconds = incident.verifiedAt.flatMap { proven in
            incident.deadline.map { Int64(($0 - proven) / .milliseconds(1)) }
        }
        troubles = incident.ledger.filter { $0.outcome == .failed || $0.outcome == .overran }
    }

    /// For a person. `clean` takes out of a text whatever could steer a terminal; hosts choose the names of steps.
    package func text(_ clean: (String) -> String) -> String {
        let steps = troubles.map { step in
            "\(clean(step.name))\(step.instance.map { " on \($0)" } ?? ""): \(step.outcome.rawValue)"
        }
        let rows = [
            ("noticed to stored", storedAfterMilliseconds.map { "\($0) ms" } ?? "not known"),
            (
                "noticed to proven",
                provenAfterMilliseconds.map { "\($0) ms" } ?? (asksForReplicaOnly ? "not asked for" : "never")
            ),
            ("deadline", deadline), ("steps in trouble", steps.isEmpty ? "none" : steps.joined(separator: "; ")),
        ]
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }.joined()
    }

    private var deadline: String {
        if asksForReplicaOnly { return isMet ? "met: a replica is ready" : "missed: no replica became ready" }
        guard let spare = spareMilliseconds else {
            return isOpen ? "missed: nothing is proven yet" : "missed: no successor was proven to serve"
        }
        let words = spare < 0 ? "missed by \(-spare) ms" : "met, with \(spare) ms to spare"
        return isOpen ? "\(words), but the incident is still open" : words
    }
}

extension Scorecard: JSONWritable {
    package func write(to writer: inout JSONWriter) {
        writer.object { fields in
            fields.field("incident_id", incident)
            fields.field("met", isMet)
            fields.optionalField("stored_after_ms", storedAfterMilliseconds)
            fields.optionalField("proven_after_ms", provenAfterMilliseconds)
            fields.optionalField("spare_ms", spareMilliseconds)
            fields.field("steps_in_trouble", troubles)
        }
    }
}
