package import JSON
package import Wire

/// An incident and what the coordinator remembers of its course.
package struct IncidentRecord: Equatable, Sendable {
    /// Its timeline stays empty here: the event log has it.
    package var incident: Incident
    /// When the machine goes, by our clock, for an interruption; its time in `incident` is as it was announced, which makes
    /// repeats the same.
    package var endsAt: Timestamp?
    /// The replica that was ordered for it, to be undone when nothing follows.
    package var ordered: ReplicaID?
    /// EC2's name of the planned work that it is about.
    package var maintenance: String?
    /// Its deadline has passed unmet and that was said.
    package var isLate = false
    /// The fence of the old primary is not proven, and that was said.
    package var isBlocked = false

    package init(_ incident: Incident) { self.incident = incident }

    package var id: IncidentID { incident.id }
    package var lastMoment: Timestamp { endsAt ?? incident.lastMoment }
    package var isOpen: Bool { incident.state == .open }
}
