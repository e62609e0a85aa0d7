import Wire

/// A workload as its owner sees it: a name, the machines that were started for it, and the agents that the coordinator had
/// under that name, one after another when they are deleted.
final class Place {
    let name: LogicalAgentID
    let clientToken: Token
    /// What its machines' environment proposes.
    let proposed: SlotSettingsChange
    let workload: PretendWorkload
    private(set) var slot: SlotID?
    /// An operator deleted its agent and has not taken that back.
    var isDeleted = false
    /// Since when nothing of it runs, or nobody serves, by the world's clock.
    var deserted: Duration?
    var vacant: Duration?

    init(_ name: LogicalAgentID, clientToken: Token, proposed: SlotSettingsChange, _ workload: PretendWorkload) {
        self.name = name
        self.workload = workload
        self.clientToken = clientToken
        self.proposed = proposed
    }

    var proposedHandOver: HandOver {
        if case .handOver(let mode)? = proposed[.handOver] { mode } else { .overlap }
    }

    func noteSlot(_ slot: SlotID) { self.slot = slot }
}
