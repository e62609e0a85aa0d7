import AgentCore
import CoordinatorCore
import CoordinatorHeart
import JSON
import Wire

/// An incident is met when a look at the successor's workload found that it serves, after it was chosen and before the deadline, which
/// counts from when the machine saw that it goes. Planned work is known days before, and counts from when it was heard of.
final class WhatServesIsProven: Checker {
    override var promise: String { "What is called proven was seen to serve, in time" }

    private var provenAt: [InstanceID: Duration] = [:]
    private var chosenAt: [InstanceID: Duration] = [:]
    private var openedAt: [IncidentID: Duration] = [:]
    /// Of what the agent that runs has seen.
    private var seenAt: [InstanceID: Duration] = [:]
    private var beganAt: [IncidentID: Duration] = [:]

    override func probed(_ machine: Machine) { provenAt[machine.id] = world.agenda.now }

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        if case .noticed = announcement { seenAt[machine.id] = world.agenda.now }
    }

    override func committed(_ slot: Slot, _ before: Slot?) {
        if let chosen = slot.promoting?.instance, before?.promoting?.instance != chosen {
            chosenAt[chosen] = world.agenda.now
        }
        for record in slot.incidents {
            if record.isOpen {
                guard openedAt[record.id] == nil else { continue }
                openedAt[record.id] = world.agenda.now
                beganAt[record.id] = begin(of: record, in: slot)
                examineBegin(of: record.incident)
            } else if record.incident.state == .met, before?.incident(record.id)?.isOpen ?? true {
                examine(record.incident, in: slot)
            }
        }
    }

    /// When the machine saw what the incident was opened for; nil where the coordinator cannot know it.
    private func begin(of record: IncidentRecord, in slot: Slot) -> Duration? {
        let isFirst = !slot.incidents.contains {
            $0.id != record.id && $0.incident.instance == record.incident.instance
        }
        let clocksAreRight = !world.faults.wrongClocks && world.faults.clockJumps == 0
        guard isFirst, clocksAreRight, !world.faults.mixedVersions,
            ![.silence, .maintenance].contains(record.incident.kind),
            let seen = seenAt[record.incident.instance], world.agenda.now - seen < .seconds(120)
        else { return nil }
        return seen
    }

    private func examineBegin(of incident: Incident) {
        guard world.faults.coordinatorClockJumps == 0, let began = beganAt[incident.id],
            let wall = world.coordinator.heart?.wall
        else { return }
        let late = world.agenda.now - (wall - incident.detectedAt) - began
        // The first answer of all may have been under way for long, and our clock is off by half of that.
        if late > .seconds(5) {
            broken("incident \(incident.id.short) counts from \(Story.text(late)) after its machine saw its end")
        }
    }

    private func examine(_ incident: Incident, in slot: Slot) {
        guard let successor = incident.successor else { return }
        guard let proven = provenAt[successor], proven >= chosenAt[successor] ?? .zero else {
            return broken("incident \(incident.id.short) is met, and nobody saw \(successor.short) serve")
        }
        // Both are times of a clock that may be set in between.
        guard world.faults.coordinatorClockJumps == 0, let opened = openedAt[incident.id],
            let deadline = incident.deadline
        else { return }
        let given = deadline - incident.detectedAt
        // A machine knows our clock to a second, where answers take two.
        let (began, slack) = beganAt[incident.id].map { ($0, 2) } ?? (opened, 1)
        // A machine that must be replaced first has until its end, which is a time of yet another clock.
        let isPlain = given <= .seconds(slot.settings.failoverDeadlineSeconds)
        if incident.interruptionTime == nil || isPlain, proven - began > given + .seconds(slack) {
            broken("incident \(incident.id.short) is met, \(Story.text(proven - began - given)) after its deadline")
        }
    }
}
