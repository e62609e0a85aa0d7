package import Wire

/// Whether the workload runs here, as far as we have had to do with it.
package enum WorkloadState: Sendable, Equatable {
    /// It was started here, or found running, under this epoch.
    case serving(under: Epoch)
    /// It was stopped here for another host, or never came up. Only another epoch makes it ours again.
    case idle(under: Epoch)
    /// We stopped it on our own; it goes on when the coordinator says that it is still ours.
    case halted(Halt, under: Epoch)
}

/// Why a host stops the workload without being told to.
package enum Halt: String, Sendable, CaseIterable {
    /// The machine was started anew, and who serves may have changed.
    case newBoot = "new_boot"
    /// It stood still for a while, likewise.
    case pause
    /// Without the coordinator for as long as the lease.
    case leaseLost = "lease_lost"
    /// PID 1's timer has stopped it before us.
    case fenceFired = "fence_fired"
    /// EC2 takes the machine in a moment, and nobody has taken over.
    case lastMoment = "last_moment"
    /// It came up on a host that is to stand by.
    case standBy = "stand_by"
    /// It was to stop, for another host or after a doubt, and was not seen to.
    case unstopped

    /// For a person.
    package var words: String {
        switch self {
        case .newBoot: "the machine was started anew"
        case .pause: "the machine stood still"
        case .leaseLost: "the coordinator was not heard for as long as the lease"
        case .fenceFired: "the fence of this machine fired"
        case .lastMoment: "EC2 takes the machine, and nobody has taken over"
        case .standBy: "this machine is to stand by"
        case .unstopped: "it was not seen stopped when it had to be"
        }
    }
}

/// What came of an order to serve here.
package enum Brought: Sendable {
    case whole
    /// Not all that goes with the workload has come.
    case inPart
}

/// Names one run of the machine's kernel: what was so before a restart of the agent is so after it, but not after a boot.
package struct BootID: Sendable, Hashable {
    package let text: String
    package init(_ text: String) { self.text = text }
}

/// What the agent decides to do with the workload without a command.
package enum Purpose: Sendable, Equatable {
    case halt(Halt)
    /// It is ours, so it is to run.
    case serve
    /// The hooks of a notice, which nobody waits for.
    case heed
}
