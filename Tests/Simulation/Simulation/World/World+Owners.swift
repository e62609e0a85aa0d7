import CoordinatorCore
import Wire

// Whoever owns a workload: starts a machine when nothing of it is left, and when nobody has served for long.
extension World {
    private static let looksEvery = Duration.seconds(10)
    private static let machinesMax = 8

    func lookAfterWorkloads() {
        for place in places { lookAfter(place) }
        for machine in machines where machine.isRunning { machine.old.map(lookAfter) }
        agenda.plan(after: Self.looksEvery) { [self] in lookAfterWorkloads() }
    }

    /// One that has given up for ever is started again. One that is called offline although it runs names itself nowhere, and since
    /// the coordinator was started anew, which host speaks from there is not known: it is made to enrol.
    private func lookAfter(_ old: OldProgram) {
        if let stuck = old.stuckSince, agenda.now - stuck > .seconds(60) { return old.restart() }
        guard let host = old.slot.flatMap({ coordinator.slots[$0] })?.host(old.machine.id), host.isOffline,
            host.role.isInUse, agenda.now - old.startedAt > .seconds(60)
        else { return }
        old.restart(asNew: true)
    }

    private func lookAfter(_ place: Place) {
        let living = machines.filter { $0.place === place && $0.isRunning }
        place.deserted = living.isEmpty && !place.isDeleted ? place.deserted ?? agenda.now : nil
        place.vacant = isServed(place) || place.isDeleted ? nil : place.vacant ?? agenda.now
        let isDeserted = place.deserted.map { agenda.now - $0 > .seconds(60) } ?? false
        let isVacant = place.vacant.map { agenda.now - $0 > .seconds(isTroubled ? 60 : 120) } ?? false
        guard isDeserted || isVacant else { return }
        // Who was to have it back, and was not heard, asks again.
        for machine in living where machine.isAway { machine.reload() }
        if living.count < Self.machinesMax { startMachine(in: place) }
        // As long as that one takes to come up nobody starts another.
        (place.deserted, place.vacant) = (agenda.now + .seconds(60), agenda.now + .seconds(120))
    }

    /// By the record, and by what is true: whoever is silent for long may be gone, for all that his owner knows.
    func isServed(_ place: Place) -> Bool {
        guard let slot = slot(of: place), slot.deletedAt == nil, let primary = slot.primary else { return false }
        guard let machine = machine(primary.instance), machine.isRunning, !machine.isAway else {
            return false
        }
        let patience = Duration.seconds(machine.old == nil ? 30 : 120)
        return machine.spokeAt.map { agenda.now - $0 < patience } ?? true
    }

    func slot(of place: Place) -> Slot? { place.slot.flatMap { coordinator.slots[$0] } }
}
