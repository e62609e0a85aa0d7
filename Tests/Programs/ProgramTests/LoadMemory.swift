import Wire

// What a player remembers of its slots.
extension LoadPlayer {
    /// What the coordinator must still know of one slot.
    struct SlotMemory {
        let name: String
        var slot: SlotID?
        var machines: [MachineMemory] = []
        var epoch: Epoch = 0
        var version: ConfigVersion = 0
        /// What `terminate_wait_seconds` may be: one value, or two after a change without an answer.
        var waits: Set<Int> = [300]
        var incidents: Set<IncidentID> = []
        /// Acknowledged as queued, or handed out.
        var commands: Set<CommandID> = []
        /// Whose result was acknowledged: to be handed out never again.
        var finished: Set<CommandID> = []
        var reports: [SentReport] = []
    }

    struct MachineMemory {
        let instance: InstanceID
        /// The newest that was acknowledged; nil when a later registration was not answered and may have replaced it.
        var token: Token?
        /// Terminated by an order: it says nothing any more, and its token ends with it.
        var isEnded = false
        /// Handed out, executed once, and not yet acknowledged.
        var executed: [CommandID: CommandResult] = [:]
    }

    /// A report that was acknowledged, to be sent again.
    struct SentReport {
        let id: ReportID
        let machine: InstanceID
        let path: String
        let body: any WireObject
    }
}
