import Wire

/// What everybody who acts must know of where this machine stands.
struct Standing: Sendable, Equatable {
    var facts: InstanceFacts
    var slot: SlotID
    var role: Role
    var epoch: Epoch
    var configuration: Configuration
    var options: AgentOptions
    /// What to add to our wall clock to have the coordinator's, which commands' times are on; zero until it is known.
    var clockOffset = Duration.zero
    /// An administrator deleted the agent: what was begun is ended, and duties rest.
    var isDeleted = false
}
