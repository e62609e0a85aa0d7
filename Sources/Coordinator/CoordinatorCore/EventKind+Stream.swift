extension EventKind {
    /// What the live stream calls it, and the word for what the machine, the agent or the command is by then. The original's
    /// names where it has one; of an emergency the line's own kind says which.
    package var streamed: (name: String, status: String?) {
        switch self {
        case .replicaOrdered: ("INSTANCE_LAUNCHING", "launching")
        case .hostJoined: ("INSTANCE_RUNNING", "running")
        case .replicaTerminated: ("INSTANCE_TERMINATING", "terminating")
        case .instanceTerminated, .hostDead: ("INSTANCE_TERMINATED", "terminated")
        case .replicaReady: ("INSTANCE_STATE_CHANGED", "ready")
        case .promotionDecided: ("INSTANCE_STATE_CHANGED", "promoting")
        case .replicaPromoted, .switchCompleted: ("INSTANCE_STATE_CHANGED", "primary")
        case .agentRegistered, .hostBack: ("AGENT_STATUS_CHANGED", "online")
        case .hostSilent: ("AGENT_STATUS_CHANGED", "unknown")
        case .hostOffline: ("AGENT_STATUS_CHANGED", "offline")
        case .agentDeleted: ("AGENT_STATUS_CHANGED", "deleted")
        case .commandDone: ("COMMAND_EXECUTED", "completed")
        case .commandFailed: ("COMMAND_EXECUTED", "failed")
        case .commandExpired: ("COMMAND_EXECUTED", "expired")
        case .commandCancelled: ("COMMAND_EXECUTED", "cancelled")
        case .terminationNotice, .rebalanceNotice, .maintenanceNotice, .workloadDown, .incidentLate, .incidentMet,
            .incidentMissed, .incidentAverted, .noSuccessor, .givenUp, .fenceFailed:
            ("EMERGENCY_EVENT", nil)
        default: (rawValue.uppercased(), nil)
        }
    }
}
