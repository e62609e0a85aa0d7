import OldAgents
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
    /// What its owner starts on its machines, where that is not the agent of today.
    var oldBuild: OldBuild?
    /// What the agent of today calls it that was installed in place of an old program, which may have had no name for it.
    var upgradedName: LogicalAgentID?
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
