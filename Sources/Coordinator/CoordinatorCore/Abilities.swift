package import Wire

/// What a host can do for its slot, beyond telling that it is there. One with a token of its own can do everything; of another
/// one only that is known which it has asked for, and it is asked for nothing else.
package struct Abilities: OptionSet, Hashable, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    /// It carries the workload to a new machine.
    package static let switches = Abilities(rawValue: 1 << 0)
    /// It asks which replicas it is to launch.
    package static let launches = Abilities(rawValue: 1 << 1)
    /// It terminates other machines.
    package static let terminates = Abilities(rawValue: 1 << 2)
    /// It launches one when it is told so in the answer to the notice of its own end, and at no other time.
    package static let launchesAtItsEnd = Abilities(rawValue: 1 << 3)
    /// It does a command that comes again no second time.
    package static let knowsRepeats = Abilities(rawValue: 1 << 4)
    /// It starts and stops the workload, says whether it is ready, looks at other machines, and proves what it says.
    package static let handsOver = Abilities(rawValue: 1 << 5)

    /// One of these says that a host ends others.
    package static let endsOthers: Abilities = [.terminates, .launches]

    package static let all: Abilities = [
        .switches, .launches, .terminates, .launchesAtItsEnd, .knowsRepeats, .handsOver,
    ]
}

extension Host {
    /// It has no token of its own and speaks with its client's: it is known by its word alone, and proves nothing.
    package var isTokenless: Bool { !abilities.contains(.handsOver) }

    /// It ends other machines, or will ask which: whoever launches them does.
    var endsOthers: Bool { !abilities.isDisjoint(with: .endsOthers) }
}

extension Order {
    /// What a host must be able to do that is to obey.
    package var asksFor: Abilities {
        switch self {
        case .switch: .switches
        case .createReplica: .launches
        case .terminateInstance: .terminates
        case .promote, .activate, .demote, .inspectInstance, .applyConfig, .cleanup, .unknown, .malformed: .handsOver
        }
    }
}
