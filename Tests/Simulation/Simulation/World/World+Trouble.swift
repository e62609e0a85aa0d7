import DroppingVFS
import JSON
import Wire

// What goes wrong, drawn once a second from the rates of the seed.
extension World {
    func comes(_ perMinute: Double) -> Bool { chance.happens(perMinute / 60) }

    func trouble() {
        guard isTroubled else { return }
        for machine in machines where machine.isRunning { troubleHost(machine) }
        for place in places { troubleFate(of: place) }
        troubleCoordinator()
        if comes(faults.rebalanceStorms) { stormOfRebalances() }
        if comes(faults.capacityTroubles) {
            sky.fill(Set(Sky.zones.filter { _ in chance.happens(0.5) }))
            agenda.plan(after: chance.seconds(10...120)) { [self] in sky.fill([]) }
        }
        agenda.plan(after: .seconds(1)) { [self] in trouble() }
    }

    // MARK: Hosts

    private func troubleHost(_ machine: Machine) {
        if comes(faults.agentCrashes) {
            counts.agentCrashes += 1
            machine.crashAgent(restartsAfter: chance.tailed(.milliseconds(300)))
        }
        if comes(faults.cuts) { cut(machine) }
        if comes(faults.pauses) {
            machine.sleep(for: chance.seconds(1...60), isSuspended: chance.happens(0.5))
        }
        if comes(faults.clockJumps) {
            machine.clocks.set(
                wrongBy: chance.seconds(-3600...3600), drift: chance.whole(-300...300), at: agenda.now)
            story.tell(machine.id.short, "its wall clock is set")
        }
        if comes(faults.diskTroubles) { troubleDisk(of: machine) }
        if comes(faults.metadataHangs) {
            machine.metadata.hangs = true
            agenda.plan(after: chance.seconds(2...60)) { machine.metadata.hangs = false }
        }
        troubleWorkload(of: machine)
    }

    private func cut(_ machine: Machine) {
        let isBothWays = chance.happens(0.5)
        let isUpward = chance.happens(0.5)
        machine.link.isCutUpward = isBothWays || isUpward
        machine.link.isCutDownward = isBothWays || !isUpward
        let way = isBothWays ? "both ways" : isUpward ? "towards the coordinator" : "from the coordinator"
        story.tell(machine.id.short, "is cut off \(way)")
        agenda.plan(after: chance.happens(0.3) ? chance.seconds(60...240) : chance.tailed(.seconds(10))) { [self] in
            story.tell(machine.id.short, "is no longer cut off")
            machine.link.heal()
        }
    }

    private func troubleDisk(of machine: Machine) {
        let isFull = chance.happens(0.5)
        story.tell(machine.id.short, "its disk is \(isFull ? "full" : "slow")")
        if isFull { machine.disk.isFull = true } else { machine.disk.writeTakes = chance.seconds(1...10) }
        agenda.plan(after: chance.seconds(5...60)) {
            machine.disk.isFull = false
            machine.disk.writeTakes = .milliseconds(4)
        }
    }

    // MARK: The coordinator

    private func troubleCoordinator() {
        if comes(faults.coordinatorCrashes) {
            if chance.happens(0.3) {
                killCoordinator(for: chance.tailed(.seconds(2)))
            } else {
                coordinator.death = chance.pick(Coordinator.Death.allCases)
            }
        }
        if comes(faults.coordinatorPauses) {
            coordinator.pause(for: chance.seconds(1...30), isSuspended: chance.happens(0.5))
        }
        if comes(faults.coordinatorClockJumps) {
            coordinator.clock.clocks.set(
                wrongBy: chance.seconds(-3600...3600), drift: chance.whole(-200...200), at: agenda.now)
            story.tell("coordinator", "its wall clock is set")
        }
        if comes(faults.coordinatorDiskTroubles) { troubleCoordinatorDisk() }
    }

    private func troubleCoordinatorDisk() {
        switch chance.whole(0...2) {
        case 0: coordinator.commitTakes = chance.milliseconds(100...8_000)
        case 1: coordinator.fillDisk(but: chance.whole(0...100_000))
        default: coordinator.failDisk(after: chance.whole(0...20))
        }
        agenda.plan(after: chance.seconds(2...30)) { [self] in coordinator.healDisk() }
    }
}
