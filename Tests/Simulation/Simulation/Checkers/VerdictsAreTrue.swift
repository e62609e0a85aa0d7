import CoordinatorCore
import Wire

/// An incident ends with what is true: met, when another machine is proven to serve in time; averted, when nothing has to move any
/// more; and as long as nobody serves one is open that says so.
final class VerdictsAreTrue: Checker {
    override var promise: String { "An incident's verdict is true, and nobody is silently gone" }

    private var hasServed: Set<SlotID> = []
    /// A slot is loaded with the incidents that matter just then, so one that is over can be seen again long after.
    private var verdicts: [IncidentID: Incident.State] = [:]

    override func committed(_ slot: Slot, _ before: Slot?) {
        if slot.primary != nil { hasServed.insert(slot.id) }
        for record in slot.incidents where !record.isOpen {
            let state = record.incident.state
            if let known = verdicts.updateValue(state, forKey: record.id) {
                if known != state { broken("the verdict on incident \(record.id.short) was changed") }
            } else {
                examine(record.incident, slot)
            }
        }
        if isSilentlyVacant(slot) { broken("nobody serves in \(slot.id.short), and no incident says so") }
    }

    private func examine(_ incident: Incident, _ slot: Slot) {
        switch incident.state {
        case .met:
            guard let successor = incident.successor, slot.primary?.instance == successor, incident.verifiedAt != nil
            else { return broken("incident \(incident.id.short) is met, and nobody is proven to serve") }
            if let deadline = incident.deadline, let closed = incident.closedAt, closed > deadline {
                broken("incident \(incident.id.short) is met after its deadline")
            }
        case .averted:
            guard slot.deletedAt == nil, slot.primary?.instance == incident.instance,
                let machine = world.machine(incident.instance)
            else { return }
            // It was heard, or is believed to run: not minutes after its end.
            if !machine.isRunning, let gone = machine.goneAt, world.agenda.now - gone > .seconds(120) {
                broken(
                    "incident \(incident.id.short) is averted, and \(incident.instance.short), which serves, is gone")
            }
        case .missed, .open: break
        }
    }

    private func isSilentlyVacant(_ slot: Slot) -> Bool {
        guard slot.deletedAt == nil, hasServed.contains(slot.id), slot.promoting == nil, slot.primary == nil else {
            return false
        }
        return !slot.incidents.contains(where: \.isOpen)
    }
}
