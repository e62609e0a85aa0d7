import CoordinatorCore
import Wire

// Whoever owns a workload: starts a machine when nothing of it is left, and when nobody has served for long. Until agents can take
// over, only a machine that is started anew can.
extension World {
    private static let looksEvery = Duration.seconds(10)
    private static let machinesMax = 8

    func lookAfterWorkloads() {
        for place in places {
            lookAfter(place)
            if !isTroubled { endWhoCannotStop(in: place) }
        }
        agenda.plan(after: Self.looksEvery) { [self] in lookAfterWorkloads() }
    }

    private func lookAfter(_ place: Place) {
        let living = machines.filter { $0.place === place && $0.isRunning }
        place.deserted = living.isEmpty && !place.isDeleted ? place.deserted ?? agenda.now : nil
        place.vacant = isServed(place) || place.isDeleted ? nil : place.vacant ?? agenda.now
        let isDeserted = place.deserted.map { agenda.now - $0 > .seconds(60) } ?? false
        let isVacant = place.vacant.map { agenda.now - $0 > .seconds(isTroubled ? 60 : 120) } ?? false
        guard isDeserted || isVacant, living.count < Self.machinesMax || !isTroubled else { return }
        if isVacant, !isTroubled { beginAnew(place, living) } else { startMachine(in: place) }
        // As long as that one takes to come up nobody starts another.
        (place.deserted, place.vacant) = (agenda.now + .seconds(60), agenda.now + .seconds(120))
    }

    /// One that was replaced and is told to stop its workload cannot, and says so: its owner is told to end it by hand, and does.
    private func endWhoCannotStop(in place: Place) {
        guard let slot = slot(of: place), slot.promoting == nil else { return }
        for command in slot.commands where command.state.isOpen && command.instance != slot.primary?.instance {
            guard case .demote = command.order, let machine = machine(command.instance) else { continue }
            end(machine, of: place)
        }
    }

    private func end(_ machine: Machine, of place: Place) {
        guard machine.isRunning, !machine.isGoingDown else { return }
        story.tell(place.name.text, "its owner ends \(machine.id.short)")
        sky.end(machine.id, because: "Client.UserInitiatedShutdown")
        windDown(machine.id)
    }

    /// None of the machines can take over, and each would launch another that cannot. He has the agent deleted, ends them, and
    /// starts one for an agent that is new.
    private func beginAnew(_ place: Place, _ living: [Machine]) {
        if let slot = slot(of: place), slot.deletedAt == nil { deleteAgent(slot) }
        for machine in living { end(machine, of: place) }
    }

    /// By the record, and by what is true: whoever is silent for long may be gone, for all that his owner knows.
    func isServed(_ place: Place) -> Bool {
        guard let slot = slot(of: place), slot.deletedAt == nil, let primary = slot.primary else { return false }
        guard let machine = machine(primary.instance), machine.isRunning else { return false }
        return machine.spokeAt.map { agenda.now - $0 < .seconds(30) } ?? true
    }

    func slot(of place: Place) -> Slot? { place.slot.flatMap { coordinator.slots[$0] } }
}
