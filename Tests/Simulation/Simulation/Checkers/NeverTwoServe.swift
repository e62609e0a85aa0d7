import CoordinatorCore
import Wire

/// Where two must never serve, nobody is let serve while another may: one that was told to, whose machine runs, whose lease has
/// not run out by its own count, and that has not said that it stopped.
final class NeverTwoServe: Checker {
    override var promise: String { "Never two that may serve where two must never" }

    /// Since when each may.
    private var rights: [SlotID: [InstanceID: Duration]] = [:]

    override func committed(_ slot: Slot, _ before: Slot?) {
        var held = rights[slot.id] ?? [:]
        for host in slot.hosts where !isLet(host) && held[host.instance] != nil {
            if hasSaidItStopped(host.instance, slot) { held[host.instance] = nil }
        }
        for host in slot.hosts where isLet(host) {
            // One that has ended is only loaded when somebody names it.
            let wasLet = before?.host(host.instance).map(isLet) ?? (held[host.instance] != nil)
            if wasLet { continue }
            examine(host.instance, slot, held)
            held[host.instance] = world.agenda.now
        }
        rights[slot.id] = held
    }

    private func isLet(_ host: Host) -> Bool { host.service != .idle && host.role != .terminated }

    private func examine(_ instance: InstanceID, _ slot: Slot, _ held: [InstanceID: Duration]) {
        // One that says it serves was let by nobody here.
        guard slot.settings.handOver == .exclusive, slot.contestedBy != instance else { return }
        for other in held.keys.sorted() where other != instance && mayServe(other) {
            broken("\(instance.short) of \(slot.id.short) is let serve while \(other.short) may")
        }
    }

    private func mayServe(_ instance: InstanceID) -> Bool {
        guard world.sky.mayRun(instance) else { return false }
        return world.machine(instance)?.mayStillServe ?? true
    }

    private func hasSaidItStopped(_ instance: InstanceID, _ slot: Slot) -> Bool {
        slot.commands.contains { command in
            guard command.instance == instance, command.result != nil else { return false }
            switch command.order {
            case .promote, .activate, .demote: return true
            default: return false
            }
        }
    }
}
