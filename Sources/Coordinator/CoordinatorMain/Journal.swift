import CoordinatorCore
import Platform
import Wire

/// Tells the journal what the event log got: the same lines, with the level and the message id of their kind.
struct Journal: Sendable {
    private let log: Log

    init(_ log: Log) { self.log = log }

    func tell(_ events: [Event]) { for event in events { tell(event) } }

    private func tell(_ event: Event) {
        let fields = [
            LogField.reason(event.sentence), event.client.map { .field("SPOT_CLIENT", $0.text) },
            event.slot.map { .field("SPOT_AGENT", $0.text) }, event.instance.map { .field("SPOT_INSTANCE", $0.text) },
            event.incident.map { .field("SPOT_INCIDENT", $0.text) },
            event.command.map { .field("SPOT_COMMAND", $0.text) }, event.isDrill ? .field("SPOT_DRILL", "yes") : nil,
        ].compactMap { $0 }
        switch event.severity {
        case .critical, .error: log.error(event.kind.message, id: event.kind.messageID, fields)
        case .warning: log.warning(event.kind.message, id: event.kind.messageID, fields)
        case .info where event.kind.isRoutine: log.info(event.kind.message, id: event.kind.messageID, fields)
        case .info: log.notice(event.kind.message, id: event.kind.messageID, fields)
        }
    }
}

extension EventKind {
    /// One unit of work, as opposed to a change that belongs on a timeline.
    fileprivate var isRoutine: Bool { [.commandQueued, .commandDone, .commandCancelled, .reportStale].contains(self) }

    fileprivate var message: StaticString {
        switch self {
        case .authFailed: "wrong credentials again and again"
        case .clientCreated: "client created"
        case .clientDeleted: "client deleted"
        case .tokenRegenerated: "client token replaced"
        case .agentRegistered: "agent registered"
        case .hostJoined: "host joined"
        case .hostRefused: "replaced host came back"
        case .hostSilent: "host silent"
        case .hostOffline: "host offline"
        case .hostBack: "host heard again"
        case .hostDead: "host is gone"
        case .hostBlind: "host is blind"
        case .hostSighted: "host sees again"
        case .workloadFailed: "workload does not run"
        case .workloadBack: "workload runs again"
        case .agentToggled: "agent switched on or off"
        case .settingsChanged: "agent settings changed"
        case .agentDeleted: "agent deleted"
        case .agentUnreadable: "agent cannot be decided about"
        case .commandQueued: "command queued"
        case .commandDone: "command done"
        case .commandFailed: "command failed"
        case .commandExpired: "command expired"
        case .commandCancelled: "command cancelled"
        case .replicaOrdered: "replica ordered"
        case .replicaReady: "replica ready"
        case .replicaFailed: "replica failed"
        case .replicaTerminated: "replica ended"
        case .instanceTerminated: "instance terminated"
        case .terminationFailed: "instance not terminated"
        case .switchRequested: "switch asked for"
        case .switchCompleted: "switch completed"
        case .promotionDecided: "promotion decided"
        case .promotionFailed: "promotion failed"
        case .replicaPromoted: "replica promoted"
        case .fenced: "old primary fenced"
        case .fenceFailed: "fence failed"
        case .terminationNotice: "termination announced"
        case .rebalanceNotice: "rebalance recommended"
        case .maintenanceNotice: "maintenance announced"
        case .workloadDown: "nobody serves"
        case .incidentLate: "incident late"
        case .incidentMet: "incident met its deadline"
        case .incidentMissed: "incident missed its deadline"
        case .incidentAverted: "incident averted"
        case .noSuccessor: "no successor"
        case .givenUp: "given up after many tries"
        case .recordOutdated: "record older than the fleet"
        case .primaryContested: "two say that they serve"
        case .hostForgotten: "lost host forgotten"
        case .reportStale: "stale report"
        case .cleanupCompleted: "clean-up completed"
        case .cleanupFailed: "clean-up failed"
        }
    }

    /// Never reused, never renumbered: journals outlive versions.
    fileprivate var messageID: MessageID {
        switch self {
        case .authFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a07")
        case .clientCreated: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b01")
        case .clientDeleted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b02")
        case .tokenRegenerated: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b03")
        case .agentRegistered: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b04")
        case .hostJoined: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b05")
        case .hostRefused: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b06")
        case .hostSilent: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b07")
        case .hostOffline: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b08")
        case .hostBack: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b09")
        case .hostDead: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b0a")
        case .hostBlind: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b0b")
        case .hostSighted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b0c")
        case .workloadFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d06")
        case .workloadBack: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d07")
        case .workloadDown: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d08")
        case .agentToggled: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b0d")
        case .settingsChanged: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b0e")
        case .agentDeleted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b0f")
        case .commandQueued: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b10")
        case .commandDone: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b11")
        case .commandFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b12")
        case .commandExpired: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b13")
        case .commandCancelled: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b14")
        case .replicaOrdered: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b15")
        case .replicaReady: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b16")
        case .replicaFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b17")
        case .replicaTerminated: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b18")
        case .instanceTerminated: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b19")
        case .terminationFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b1a")
        case .switchRequested: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b1b")
        case .switchCompleted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b1c")
        case .promotionDecided: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b1d")
        case .promotionFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b1e")
        case .replicaPromoted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b1f")
        case .fenced: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b20")
        case .fenceFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b21")
        case .terminationNotice: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b22")
        case .rebalanceNotice: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b23")
        case .maintenanceNotice: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b24")
        case .incidentLate: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b25")
        case .incidentMet: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b26")
        case .incidentMissed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b27")
        case .incidentAverted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b28")
        case .noSuccessor: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b29")
        case .givenUp: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d05")
        case .recordOutdated: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d01")
        case .primaryContested: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d02")
        case .hostForgotten: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d04")
        case .reportStale: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7d03")
        case .cleanupCompleted: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b2a")
        case .cleanupFailed: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7b2b")
        case .agentUnreadable: MessageID("8d1cf5cb5b0f4a6f9d2f0c1d4c1b7c01")
        }
    }
}
