import AgentCore
import CoordinatorCore
import PretendCloud
import Wire

/// A machine is ended by a command for it, given when another one serves and its own wait is over; by itself, when it was replaced;
/// or by whoever launched it a moment ago and could not use it. Never the one that serves.
final class NoEndWithoutEvidence: Checker {
    override var promise: String { "No machine is ended without evidence" }

    /// By whom each may be ended.
    private var ordered: Set<Order> = []
    private struct Order: Hashable {
        let machine: InstanceID
        let target: InstanceID
    }
    /// When each was replaced, by the world's clock.
    private var replacedAt: [InstanceID: Duration] = [:]
    private var launchedBy: [InstanceID: InstanceID] = [:]
    private var toldToSwitch: Set<InstanceID> = []

    override func committed(_ slot: Slot, _ before: Slot?) {
        if let old = before?.primary?.instance, slot.primary?.instance != old { replacedAt[old] = world.agenda.now }
        for command in slot.commands where command.state == .delivered && command.order.type == "switch" {
            toldToSwitch.insert(command.instance)
        }
        for command in slot.commands {
            guard command.state.isOpen, case .terminateInstance(let order) = command.order else { continue }
            ordered.insert(Order(machine: command.instance, target: order.target))
            guard before?.command(command.id) == nil else { continue }
            if let reason = whyNot(order.target, slot) {
                broken("\(order.target.short) is to be ended though \(reason)")
            }
        }
    }

    private func whyNot(_ target: InstanceID, _ slot: Slot) -> String? {
        guard let primary = slot.primary, primary.instance != target else { return "no other one serves" }
        if slot.contestedBy != nil { return "it is contested who serves" }
        guard let host = slot.host(target) else { return "it is no host of \(slot.id.short)" }
        guard host.role == .zombie || host.role == .terminating else { return "it is \(host.role.rawValue)" }
        // A wait is counted on a clock that was set: then it may be over at once.
        guard world.faults.coordinatorClockJumps == 0, let replaced = replacedAt[target], host.role == .zombie else {
            return nil
        }
        let waited = world.agenda.now - replaced
        let wait = Duration.seconds(slot.settings.terminateWaitSeconds)
        return waited < wait - .seconds(1) ? "it was replaced only \(Story.text(waited)) ago" : nil
    }

    /// An old program ends itself in a switch, whatever anybody says; another machine, when it was told that this was replaced.
    private func examine(_ old: OldProgram, _ target: InstanceID) {
        let id = old.machine.id
        if launchedBy[target] == id || (target == id && toldToSwitch.contains(id)) { return }
        let role = old.slot.flatMap { world.coordinator.slots[$0]?.host(target)?.role }
        if let role, [.zombie, .terminating, .terminated].contains(role) { return }
        if ordered.contains(where: { $0.target == target }) { return }
        broken("\(id.short) ends \(target.short), which is \(role?.rawValue ?? "no host of its agent")")
    }

    override func launched(_ launched: PretendCloud.Machine, by machine: Machine) {
        launchedBy[launched.instance.id] = machine.id
    }

    override func asks(_ machine: Machine, _ request: CloudRequest) {
        guard case .terminate(let target) = request else { return }
        if let old = machine.old { return examine(old, target) }
        let slot = machine.agent?.memory.enrolment.flatMap { world.coordinator.slots[$0.slot] }
        if slot?.deletedAt == nil, slot?.primary?.instance == target, launchedBy[target] != machine.id {
            return broken("\(machine.id.short) ends \(target.short), which serves")
        }
        if ordered.contains(Order(machine: machine.id, target: target)) { return }
        // Its process may have ended while what it asked was on its way.
        let memory = machine.agent?.memory ?? machine.memoryAtEnd ?? machine.disk.kept
        if target == machine.id, let role = memory.role, ![.primary, .promoting].contains(role) { return }
        if launchedBy[target] == machine.id { return }
        broken("\(machine.id.short) ends \(target.short), and nobody told it to")
    }
}
