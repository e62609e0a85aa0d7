import AgentCore
import Wire

/// Whose agent was deleted does not enrol again by itself: somebody has it read its settings again.
final class TheDeletedStayAway: Checker {
    override var promise: String { "A deleted agent stays away until somebody wants it back" }

    private var deletedAt: [SlotID: Duration] = [:]

    override func acknowledged(_ fact: Acknowledged, in slot: SlotID) {
        switch fact {
        case .deletion: deletedAt[slot] = deletedAt[slot] ?? world.agenda.now
        case .host(let instance): examine(instance, slot)
        default: break
        }
    }

    private func examine(_ instance: InstanceID, _ slot: SlotID) {
        guard let machine = world.machine(instance), let last = machine.agent?.memory.enrolment,
            last.instance == instance, last.slot != slot, let deleted = deletedAt[last.slot]
        else { return }
        // What was asked before the deletion may be answered after it.
        if machine.reloadedAt.map({ $0 < deleted - .seconds(60) }) ?? true {
            broken("\(instance.short) was told of the deletion of \(last.slot.short), and has enrolled again")
        }
    }
}
