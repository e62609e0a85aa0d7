/// What the shell is to do.
package enum Effect: Sendable, Equatable {
    /// Start the instance's command.
    case boot(Boot)
    /// End it kindly: its machine is going down. `state` is what it is in.
    case halt(Boot, state: String)
    /// End it whatever it does: its machine is gone.
    case kill(Boot, state: String)
    /// Connect, and tell with `probed`. Whatever came of an earlier one does not matter any more.
    case probe(Probe)
    /// New connections to `front` go to these in turn; to none, they are refused.
    case route(front: FrontID, to: [Endpoint])
    /// No new connections go there any more. Tell with `drained` when there is none left.
    case drain(front: FrontID, Endpoint)
    /// Close what goes there.
    case cut(front: FrontID, Endpoint)
    /// A line for whoever watches.
    case tell(instance: String?, String)
}

/// An instance, as its command is told of it.
package struct Boot: Sendable, Equatable {
    package let instance: String
    package let address: String
    package let metadata: String
    package let endpoint: String
    package let region: String
    package let zone: String
    package let type: String
    /// Base64, as it was given.
    package let userData: String
}

package struct Endpoint: Sendable, Hashable {
    package let address: String
    package let port: Int
}

package enum FrontID: Sendable, Hashable {
    case balancer(String)
    case address(String)
}

package struct Probe: Sendable, Hashable {
    package let group: String
    package let target: Endpoint
}
