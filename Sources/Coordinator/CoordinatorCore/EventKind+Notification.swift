extension Event {
    /// Whether a person should know of it. Nobody is called for a drill.
    package var notifies: Bool { kind.notifies && !isDrill }
}

extension EventKind {
    /// What goes wrong, what was announced and how it ended, who came and who is gone. Not each step on the way, nor what only
    /// answers an operator who has just asked for it.
    fileprivate var notifies: Bool {
        switch self {
        case .clientCreated, .clientDeleted, .tokenRegenerated, .agentRegistered, .agentDeleted, .authFailed,
            .hostOffline, .hostBack, .hostDead, .hostBlind, .hostSighted, .workloadFailed, .workloadBack,
            .agentUnreadable:
            true
        case .switchRequested, .switchCompleted, .replicaPromoted, .promotionFailed, .replicaFailed, .commandFailed,
            .instanceTerminated, .terminationFailed, .fenceFailed:
            true
        case .terminationNotice, .rebalanceNotice, .maintenanceNotice, .workloadDown, .incidentLate, .incidentMet,
            .incidentMissed, .incidentAverted, .noSuccessor, .givenUp, .recordOutdated, .primaryContested,
            .cleanupFailed:
            true
        case .hostJoined, .hostRefused, .hostSilent, .hostForgotten, .agentToggled, .settingsChanged, .commandQueued,
            .commandDone, .commandExpired, .commandCancelled, .replicaOrdered, .replicaReady, .replicaTerminated,
            .promotionDecided, .fenced, .reportStale, .cleanupCompleted:
            false
        }
    }
}
