import AgentCore
import JSON
import Wire

// What EC2 does with machines, and what it says about it beforehand.
extension World {
    func troubleFate(of place: Place) {
        let living = machines.filter { $0.place === place && $0.isRunning && !$0.isGoingDown }
        if comes(faults.interruptions), let machine = chance.pick(living) {
            interrupt(machine)
            let others = living.filter { $0 !== machine }
            if chance.happens(faults.endsInPairs), let other = chance.pick(others) {
                agenda.plan(after: chance.seconds(0...3)) { [self] in
                    if other.isRunning, !other.isGoingDown { interrupt(other) }
                }
            }
        }
        if comes(faults.silentEnds), let machine = chance.pick(living) { endSilently(machine) }
        if comes(faults.falseNotices), let machine = chance.pick(living) { announceFalsely(machine) }
        if comes(faults.maintenance), let machine = chance.pick(living) { planWork(on: machine) }
    }

    /// Two minutes' notice, or less, or none; the machine ends in any case.
    private func interrupt(_ machine: Machine) {
        let end = agenda.now + .seconds(120)
        machine.isGoingDown = true
        machine.metadata.flickers = chance.happens(0.3)
        let delay = chance.happens(0.2) ? chance.seconds(5...110) : .zero
        if !chance.happens(0.1) { announceEnd(of: machine, at: end, after: delay) }
        story.tell("EC2", "will take \(machine.id.short) back at \(Story.text(end))")
        agenda.plan(at: end) { [self] in
            sky.end(machine.id, because: "Server.SpotInstanceTermination")
            machine.shutDown()
            agenda.plan(after: chance.seconds(0...9)) { machine.end() }
        }
    }

    private func announceEnd(of machine: Machine, at end: Duration, after delay: Duration) {
        agenda.plan(after: delay) { [self] in
            machine.announcedEnd = end
            machine.metadata.interruption = ("terminate", Clocks.epoch + mutations.announcedEnd(end))
        }
    }

    private func endSilently(_ machine: Machine) {
        sky.end(machine.id, because: "Server.InternalError")
        agenda.plan(after: chance.milliseconds(0...500)) { machine.end() }
    }

    private func announceFalsely(_ machine: Machine) {
        // What is announced once is not announced for another moment.
        guard machine.metadata.interruption == nil else { return }
        let end = agenda.now + chance.seconds(20...120)
        let at = Clocks.epoch + end
        machine.metadata.flickers = chance.happens(0.5)
        if chance.happens(0.3) {
            machine.metadata.rebalanceAt = at
        } else {
            machine.announcedEnd = end
            machine.metadata.interruption = ("terminate", at)
        }
        agenda.plan(after: chance.seconds(1...200)) {
            (machine.metadata.interruption, machine.metadata.rebalanceAt) = (nil, nil)
        }
    }

    private func planWork(on machine: Machine) {
        var work = MetadataService.Work(
            event: "event-\(chance.whole(1...3))", notBefore: Clocks.epoch + agenda.now + chance.seconds(60...3600))
        machine.metadata.maintenance = [work]
        agenda.plan(after: chance.seconds(10...600)) { [self] in
            if chance.happens(0.5) { work.isCancelled = true } else { work.notBefore += .seconds(600) }
            machine.metadata.maintenance = chance.happens(0.3) ? [] : [work]
        }
    }

    func stormOfRebalances() {
        guard let zone = chance.pick(Sky.zones) else { return }
        story.tell("EC2", "may want its machines in \(zone) back")
        for machine in machines where machine.isRunning && machine.metadata.zone == zone {
            machine.metadata.rebalanceAt = Clocks.epoch + agenda.now
            if chance.happens(0.3), !machine.isGoingDown {
                agenda.plan(after: chance.seconds(5...300)) { [self] in
                    if machine.isRunning, !machine.isGoingDown { interrupt(machine) }
                }
            }
        }
    }
}
