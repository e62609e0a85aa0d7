import CoordinatorCore
import JSON
import Wire

/// An incident is met when a look at the successor's workload found that it serves, after it was chosen and before the deadline.
final class WhatServesIsProven: Checker {
    override var promise: String { "What is called proven was seen to serve, in time" }

    private var provenAt: [InstanceID: Duration] = [:]
    private var chosenAt: [InstanceID: Duration] = [:]
    private var openedAt: [IncidentID: Duration] = [:]

    override func probed(_ machine: Machine) { provenAt[machine.id] = world.agenda.now }

    override func committed(_ slot: Slot, _ before: Slot?) {
        if let chosen = slot.promoting?.instance, before?.promoting?.instance != chosen {
            chosenAt[chosen] = world.agenda.now
        }
        for record in slot.incidents {
            if record.isOpen {
                openedAt[record.id] = openedAt[record.id] ?? world.agenda.now
            } else if record.incident.state == .met, before?.incident(record.id)?.isOpen ?? true {
                examine(record.incident)
            }
        }
    }

    private func examine(_ incident: Incident) {
        guard let successor = incident.successor else { return }
        guard let proven = provenAt[successor], proven >= chosenAt[successor] ?? .zero else {
            return broken("incident \(incident.id.short) is met, and nobody saw \(successor.short) serve")
        }
        // Both are times of a clock that may be set in between.
        guard world.faults.coordinatorClockJumps == 0, let opened = openedAt[incident.id],
            let deadline = incident.deadline
        else { return }
        let given = deadline - incident.detectedAt
        if incident.interruptionTime == nil, proven - opened > given + .seconds(1) {
            broken("incident \(incident.id.short) is met, \(Story.text(proven - opened - given)) after its deadline")
        }
    }
}
