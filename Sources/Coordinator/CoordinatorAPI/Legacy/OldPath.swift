package import Wire

/// A path that only old hosts and their scripts know. It stands for a route of today, whose callers and limits it shares: what
/// the two programs of today say to each other knows nothing of it.
package enum OldPath: CaseIterable, Sendable {
    // Commands: the first two are two ways of asking, which nobody may mix
    case pendingCommands, commandsPending, markCommandExecuted, actionResult, instanceLaunched, instanceTerminated
    // Interruptions
    case createEmergencyReplica, rebalanceNotice, terminationNotice
    // Its life
    case termination, shutdown, uninstall
    // Replicas
    case replicaConfig, syncStatus
    // Advice
    case decide, switchRecommendation, statistics, issueSwitchCommand

    package var method: Method {
        switch self {
        case .pendingCommands, .commandsPending, .replicaConfig, .switchRecommendation, .statistics: .get
        default: .post
        }
    }

    package var template: PathTemplate { PathTemplate("/api/agents/" + tail) }

    private var tail: String {
        switch self {
        case .pendingCommands: "{agent_id}/pending-commands"
        case .commandsPending: "{agent_id}/commands/pending"
        case .markCommandExecuted: "{agent_id}/mark-command-executed"
        case .actionResult: "{agent_id}/action-result"
        case .instanceLaunched: "{agent_id}/instance-launched"
        case .instanceTerminated: "{agent_id}/instance-terminated"
        case .createEmergencyReplica: "{agent_id}/create-emergency-replica"
        case .rebalanceNotice: "{agent_id}/rebalance-notice"
        case .terminationNotice: "{agent_id}/termination-notice"
        case .termination: "{agent_id}/termination"
        case .shutdown: "{agent_id}/shutdown"
        case .replicaConfig: "{agent_id}/replica-config"
        case .syncStatus: "{agent_id}/replicas/{replica_id}/sync-status"
        case .decide: "{agent_id}/decide"
        case .switchRecommendation: "{agent_id}/switch-recommendation"
        case .statistics: "{agent_id}/statistics"
        case .issueSwitchCommand: "{agent_id}/issue-switch-command"
        case .uninstall: "uninstall"
        }
    }

    /// The route whose callers and limits count.
    package var standsFor: Route {
        switch self {
        case .pendingCommands, .commandsPending: .configuration
        // Of pages, too, which show the administrator's token where they have one.
        case .replicaConfig, .switchRecommendation, .statistics: .emergencyStatus
        case .issueSwitchCommand: .createReplica
        case .markCommandExecuted, .actionResult, .instanceLaunched, .instanceTerminated: .commandResult
        case .createEmergencyReplica, .terminationNotice: .terminationImminent
        case .rebalanceNotice: .rebalanceRecommendation
        case .termination, .shutdown: .heartbeat
        case .uninstall: .register
        case .syncStatus: .replicaStatus
        // It brings prices.
        case .decide: .pricingReport
        }
    }
}
