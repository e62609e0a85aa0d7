import AgentCore
import CoordinatorCore
import Wire

/// A report of an older epoch changes nothing, and no host begins a command of one.
final class OldEpochsChangeNothing: Checker {
    override var promise: String { "What is of an older epoch changes nothing" }

    override func acknowledged(_ fact: Acknowledged, in slot: SlotID) {
        // The slot is as it was before the commit in which the report was decided.
        guard case .report(let stamp, let kind, .accepted, let said?) = fact, let told = said.epoch,
            let known = world.coordinator.slots[slot]?.epoch
        else { return }
        // A switch tells of the move that has raised the epoch.
        let isOld = "\(kind)" == "switch" ? told.next < known : told < known
        if isOld {
            broken("\(stamp.instance.short)'s \(kind) report of epoch \(told) counts in epoch \(known)")
        }
    }

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        guard case .commandTaken(let id, _, _, _) = announcement, let memory = machine.agent?.memory,
            let slot = memory.enrolment?.slot, let known = memory.epoch,
            let command = world.coordinator.slots[slot]?.command(id)
        else { return }
        if command.epoch < known, !command.state.isOpen {
            broken("\(machine.id.short) begins \(id.short) of epoch \(command.epoch), and knows \(known)")
        }
    }
}
