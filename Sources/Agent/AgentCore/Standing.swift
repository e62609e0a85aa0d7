import Wire

/// What everybody who acts must know of where this machine stands.
struct Standing: Sendable, Equatable {
    var facts: InstanceFacts
    var slot: SlotID
    var role: Role
    var epoch: Epoch
    var configuration: Configuration
    var options: AgentOptions
}
