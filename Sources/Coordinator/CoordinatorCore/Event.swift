package import JSON
package import Wire

/// One line of the event log, which is the only source of activity, notifications, metrics and the journal.
package struct Event: Equatable, Sendable {
    package var kind: EventKind
    /// For a person: what happened, to what, and why.
    package var sentence: String
    package var at: Timestamp
    package var client: ClientID?
    package var slot: SlotID?
    package var instance: InstanceID?
    package var incident: IncidentID?
    package var command: CommandID?
    /// It belongs to a drill, so nobody is to be called for it.
    package var isDrill = false

    package init(
        kind: EventKind, sentence: String, at: Timestamp, client: ClientID? = nil, slot: SlotID? = nil,
        instance: InstanceID? = nil, incident: IncidentID? = nil, command: CommandID? = nil
    ) {
        self.kind = kind
        self.sentence = sentence
        self.at = at
        self.client = client
        self.slot = slot
        self.instance = instance
        self.incident = incident
        self.command = command
    }
}

extension Event {
    package var severity: Severity { kind.severity(inDrill: isDrill) }
}

/// What kind of thing happened. Names that the original has are kept.
package enum EventKind: String, CaseIterable, Sendable {
    // Who calls
    case authFailed = "auth_failed"
    // Clients
    case clientCreated = "client_created"
    case clientDeleted = "client_deleted"
    case tokenRegenerated = "token_regenerated"
    // Slots and their hosts
    case agentRegistered = "agent_registered"
    case hostJoined = "host_joined"
    case hostRefused = "host_ignored"
    case hostSilent = "host_silent"
    case hostOffline = "agent_marked_offline"
    case hostBack = "agent_back_online"
    case hostDead = "host_dead"
    case hostForgotten = "host_forgotten"
    case hostBlind = "host_blind"
    case hostSighted = "host_sighted"
    case workloadFailed = "workload_failed"
    case workloadBack = "workload_back"
    case agentToggled = "agent_toggled"
    case settingsChanged = "settings_changed"
    case agentDeleted = "agent_deleted"
    case agentUnreadable = "agent_unreadable"
    // Commands
    case commandQueued = "command_queued"
    case commandDone = "command_done"
    case commandFailed = "command_failed"
    case commandExpired = "command_expired"
    case commandCancelled = "command_cancelled"
    // Replicas and machines
    case replicaOrdered = "replica_ordered"
    case replicaReady = "replica_ready"
    case replicaFailed = "replica_failed"
    case replicaTerminated = "replica_terminated"
    case instanceTerminated = "instance_terminated"
    case terminationFailed = "instance_termination_failed"
    // Hand-overs
    case switchRequested = "manual_switch_requested"
    case switchCompleted = "switch_completed"
    case promotionDecided = "promotion_decided"
    case promotionFailed = "promotion_failed"
    case replicaPromoted = "replica_promoted"
    case fenced
    case fenceFailed = "fence_failed"
    // Incidents
    case terminationNotice = "termination_notice"
    case rebalanceNotice = "rebalance_recommendation"
    case maintenanceNotice = "maintenance_notice"
    case workloadDown = "workload_down"
    case incidentLate = "incident_late"
    case incidentMet = "incident_met"
    case incidentMissed = "incident_missed"
    case incidentAverted = "incident_averted"
    case noSuccessor = "no_successor"
    case givenUp = "given_up"
    // After a restore
    case recordOutdated = "record_outdated"
    case primaryContested = "primary_contested"
    // Reports
    case reportStale = "report_stale"
    case cleanupCompleted = "cleanup_completed"
    case cleanupFailed = "cleanup_failed"

    /// Nothing in a drill is worse than a warning.
    package func severity(inDrill isDrill: Bool) -> Severity {
        isDrill && severity != .info ? .warning : severity
    }

    package var severity: Severity {
        switch self {
        case .terminationNotice, .fenceFailed, .incidentMissed, .noSuccessor, .givenUp, .hostDead, .agentUnreadable,
            .primaryContested, .workloadDown:
            .critical
        case .promotionFailed, .incidentLate, .terminationFailed, .replicaFailed, .commandFailed, .hostBlind,
            .workloadFailed:
            .error
        case .hostOffline, .rebalanceNotice, .maintenanceNotice, .clientDeleted, .tokenRegenerated, .commandExpired,
            .authFailed, .hostRefused, .agentDeleted, .cleanupFailed, .promotionDecided, .hostSilent, .hostForgotten,
            .recordOutdated:
            .warning
        default: .info
        }
    }
}
