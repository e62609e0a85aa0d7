package import Wire

/// Something to be done with the workload on this machine. The shell has PID 1 do it where there is one, so that it neither
/// depends on our sandbox nor dies with us.
package enum Act: Sendable, Equatable {
    /// Every program in the stage's folder, in name order, within the act's deadline all together.
    case runHooks(HookStage, HookFacts)
    /// In this order, each after the one before is active.
    case start([UnitName])
    /// In this order, each after the one before was seen stopped. `atOnce`: with SIGKILL.
    case stop([UnitName], atOnce: Bool)
    case inspect([UnitName])
    /// A timer of PID 1 that stops and then kills the units at that time since boot, whatever becomes of us. Replaces the one
    /// before; answered when it will fire.
    case armFence([UnitName], at: Duration)
    /// Answered when the timer cannot fire any more, and whatever it had begun is over.
    case disarmFence
    /// One look whether the workload serves here.
    case probe(Probe)
    /// The last resort of a fence: at once and without a shutdown, so that nothing can hold it up.
    case powerOff
}

/// Counts what is done on this machine.
package struct ActID: Hashable, Sendable {
    package let number: UInt64
    package init(_ number: UInt64) { self.number = number }
}

/// What an act came to.
package enum Acted: Sendable, Equatable {
    /// In the order in which they ran; empty where there are none.
    case ran([HookRun])
    case units([UnitFinding])
    /// Started, stopped, armed, disarmed, on its way down.
    case done
    case serves
    /// The sentence says what was asked and what came back.
    case servesNot(String)
}

/// Why something was not done, or cannot be known to have been.
package struct ActFault: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// It will not go better soon: no such unit, a unit that failed, no service manager.
        case failed
        /// Not within its time; it may still happen.
        case late
        /// The service manager could not be asked.
        case unreachable
    }
    package let kind: Kind
    /// What was done, to what, and why it failed.
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

// MARK: Hooks

/// When hooks run; the folder is named like it, with `.d`.
package enum HookStage: String, Sendable, CaseIterable {
    /// The old primary has heard of its end; nobody waits for them.
    case notice
    /// Before its units are stopped.
    case drain
    /// After its units were stopped: what else must be let go of, such as a mounted volume.
    case fence
    /// On the new primary, before its units are started.
    case promote
    /// On a replica, again and again: whether it could take over.
    case ready
    /// On the new primary, after its probe: whether it serves as it should.
    case verify

    /// One that fails is the end of the stage: the ones after it may rely on it.
    package var stopsAtFailure: Bool { self == .promote || self == .verify }
}

/// What a hook finds in its environment.
package struct HookFacts: Sendable, Equatable {
    package var incident: IncidentID?
    package var role: Role
    package var epoch: Epoch
    /// Until the deadline of the whole; at most zero when it has passed.
    package var left: Duration

    package init(incident: IncidentID?, role: Role, epoch: Epoch, left: Duration) {
        self.incident = incident
        self.role = role
        self.epoch = epoch
        self.left = left
    }
}

package struct HookRun: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case done
        /// How it ended.
        case failed(String)
        /// Killed at the end of the stage's time.
        case overran
    }
    package var name: String
    package var took: Duration
    package var outcome: Outcome

    package init(name: String, took: Duration, outcome: Outcome) {
        self.name = name
        self.took = took
        self.outcome = outcome
    }
}

// MARK: Units

package struct UnitName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let text: String

    /// As systemd.unit(5) has it; without a suffix it is a service.
    package init?(_ text: String) {
        let name = text.contains(".") ? text : "\(text).service"
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || ":-_.\\@".utf8.contains(byte)
        }
        guard isPlain, name.utf8.count <= 255, let first = name.utf8.first, first != UInt8(ascii: ".") else {
            return nil
        }
        self.text = name
    }

    package var description: String { text }
    package static func < (left: UnitName, right: UnitName) -> Bool { left.text < right.text }
}

/// For programs that name units themselves.
extension UnitName: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) {
        guard let name = UnitName(text) else { preconditionFailure("\(text) is no unit's name") }
        self = name
    }
}

package struct UnitFinding: Sendable, Equatable {
    package var name: UnitName
    package var isLoaded: Bool
    package var isActive: Bool
    /// Nothing of it runs any more, which is not the same as not being active: it may be on its way.
    package var isStopped: Bool
    /// As `systemctl` shows it.
    package var state: String

    package init(name: UnitName, isLoaded: Bool, isActive: Bool, isStopped: Bool, state: String) {
        self.name = name
        self.isLoaded = isLoaded
        self.isActive = isActive
        self.isStopped = isStopped
        self.state = state
    }
}
