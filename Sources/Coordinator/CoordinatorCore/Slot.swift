package import JSON
package import Wire

/// A workload's place and all that a decision about it needs: loaded whole, changed by one decision, saved whole, in one
/// transaction. Every rule of the coordinator is a method of it.
package struct Slot: Equatable, Sendable {
    package let id: SlotID
    package let client: ClientID
    package let logicalAgent: LogicalAgentID
    package let createdAt: Timestamp
    package var settings: SlotSettings
    /// Whether this slot reports prices for its client, region and instance type.
    package var reportsPrices = false
    /// Rises with every change of what `configuration` tells, and only then.
    package var configVersion: ConfigVersion = 1
    package var epoch: Epoch = 0
    /// Says that it serves, under an epoch that this record had not come to. Until somebody decides, no machine is ended.
    package var contestedBy: InstanceID?
    /// An ended slot keeps its history and takes no more part.
    package var deletedAt: Timestamp?
    /// Those that may still run, and whichever else the input names.
    package var hosts: [Host] = []
    /// Launches that failed one after the other while nothing pressed.
    package var launches = Attempts()
    /// When the last one that failed was ordered.
    package var launchFailedAt: Timestamp?
    /// Those in use, those that were ordered within `Rules.failureMemory` and failed, and whichever else the input names.
    package var replicas: [Replica] = []
    /// The open ones, oldest first, and whichever else the input names.
    package var commands: [CommandRecord] = []
    /// The open ones, and those closed within `Rules.foldingTime`.
    package var incidents: [IncidentRecord] = []
    /// Those of the hosts, and of whichever machines the input names, that are hosts of other agents too, and were last heard
    /// there or are not known to be gone. Looked up when the slot is loaded, never stored.
    package var liveElsewhere: [InstanceID: Neighbour] = [:]
    /// When time alone changes something here next.
    package var dueAt: Timestamp?

    package enum Neighbour: Sendable {
        /// An agent of the same client.
        case own
        /// Another tenant's: nothing that is answered may tell so.
        case foreign
    }

    package init(
        id: SlotID, client: ClientID, logicalAgent: LogicalAgentID, createdAt: Timestamp, settings: SlotSettings
    ) {
        self.id = id
        self.client = client
        self.logicalAgent = logicalAgent
        self.createdAt = createdAt
        self.settings = settings
    }

    package var configuration: Configuration {
        Configuration(version: configVersion, settings: settings, reportsPrices: reportsPrices)
    }

    /// The host that serves, by the record. Invariant: at most one.
    package var primary: Host? { hosts.first { $0.role == .primary } }
    /// The host that is to serve next.
    package var promoting: Host? { hosts.first { $0.role == .promoting } }

    package func host(_ instance: InstanceID) -> Host? { hosts.first { $0.instance == instance } }
    package func replica(of instance: InstanceID) -> Replica? { replicas.first { $0.instance == instance } }
    package func command(_ id: CommandID) -> CommandRecord? { commands.first { $0.id == id } }
    package func incident(_ id: IncidentID) -> IncidentRecord? { incidents.first { $0.id == id } }

    /// Changes the host in place; one that is not there is a mistake in the program.
    mutating func change(_ instance: InstanceID, _ body: (inout Host) -> Void) {
        guard let index = hosts.firstIndex(where: { $0.instance == instance }) else {
            preconditionFailure("\(instance) is no host of slot \(id)")
        }
        body(&hosts[index])
    }

    mutating func changeReplica(_ replica: ReplicaID, _ body: (inout Replica) -> Void) {
        guard let index = replicas.firstIndex(where: { $0.id == replica }) else {
            preconditionFailure("\(replica) is no replica of slot \(id)")
        }
        body(&replicas[index])
    }

    mutating func changeCommand(_ command: CommandID, _ body: (inout CommandRecord) -> Void) {
        guard let index = commands.firstIndex(where: { $0.id == command }) else {
            preconditionFailure("\(command) is no command of slot \(id)")
        }
        body(&commands[index])
    }

    mutating func changeIncident(_ incident: IncidentID, _ body: (inout IncidentRecord) -> Void) {
        guard let index = incidents.firstIndex(where: { $0.id == incident }) else {
            preconditionFailure("\(incident) is no incident of slot \(id)")
        }
        body(&incidents[index])
    }
}
