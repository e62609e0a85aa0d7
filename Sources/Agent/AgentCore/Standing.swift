import JSON
import Wire

/// What everybody who acts must know of where this machine stands.
struct Standing: Sendable, Equatable {
    var facts: InstanceFacts
    var slot: SlotID
    var role: Role
    var epoch: Epoch
    var configuration: Configuration
    var options: AgentOptions
    /// What must be added to our wall clock for the coordinator's; nil before it was heard.
    var clockOffset: Duration?
    /// When that was asked for which the coordinator answered last; nil before it was heard.
    var toldAskedAt: Duration?
    /// An administrator deleted the agent: what was begun is ended, and duties rest.
    var isDeleted = false

    /// The times in commands are the coordinator's.
    func coordinatorTime(at wall: Timestamp) -> Timestamp { clockOffset.map { wall + $0 } ?? wall }
}
