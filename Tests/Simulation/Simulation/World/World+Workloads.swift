import AgentCore
import PretendHost

// What goes wrong with the workload on a machine, and with whoever moves it.
extension World {
    func troubleWorkload(of machine: Machine) {
        if comes(faults.unitTroubles) { troubleUnit(of: machine) }
        if comes(faults.hookTroubles) { troubleHooks(of: machine) }
        if comes(faults.probeTroubles) {
            story.tell(machine.id.short, "its workload does not answer")
            machine.manager.host.isDeaf = true
            agenda.plan(after: chance.seconds(1...60)) { machine.manager.host.isDeaf = false }
        }
        if comes(faults.managerTroubles) {
            let pause = chance.seconds(1...30)
            story.tell(machine.id.short, "its service manager does not answer for \(Story.text(pause))")
            machine.manager.awayUntil = agenda.now + pause
        }
        if comes(faults.agentRestarts) {
            story.tell(machine.id.short, "its agent is restarted")
            machine.shell?.take(.stopping(hostGoesDown: false))
            machine.old?.restart()
        }
        if comes(faults.reboots) { machine.reboot(inOrder: chance.happens(0.6), for: chance.seconds(10...60)) }
    }

    private func troubleUnit(of machine: Machine) {
        guard let unit = chance.pick(machine.place.workload.units) else { return }
        let (path, words): (WritableKeyPath<PretendHost, Set<UnitName>>, String) =
            switch chance.whole(0...2) {
            case 0: (\.broken, "does not come up")
            case 1: (\.stubborn, "takes no notice of SIGTERM")
            default: (\.unstoppable, "cannot be killed")
            }
        story.tell(machine.id.short, "its unit \(unit) \(words)")
        machine.manager.host[keyPath: path].insert(unit)
        let trouble = chance.seconds(5...90)
        if path == \.unstoppable {
            machine.manager.canKillFrom = max(machine.manager.canKillFrom, agenda.now + trouble)
        }
        agenda.plan(after: trouble) { machine.manager.host[keyPath: path].remove(unit) }
    }

    private func troubleHooks(of machine: Machine) {
        guard let stage = chance.pick(machine.place.workload.hooks.keys.sorted { $0.rawValue < $1.rawValue }) else {
            return
        }
        story.tell(machine.id.short, "its hooks of \(stage.rawValue).d do not work")
        let outcome: HookRun.Outcome = chance.happens(0.5) ? .failed("exited with 1") : .overran
        let well = machine.place.workload.hooks[stage]
        machine.manager.host.hooks[stage] = well?.map { HookRun(name: $0.name, took: $0.took, outcome: outcome) }
        agenda.plan(after: chance.seconds(5...60)) { machine.manager.host.hooks[stage] = well }
    }

    /// Whether the agent is killed between this step of a hand-over and the next.
    func killsAgent(after effect: Effect) -> Bool {
        guard isTroubled, faults.handOverCrashes > 0, effect.isOfHandOver else { return false }
        return chance.happens(faults.handOverCrashes)
    }

    /// A hand-over has begun: either may be unfit just now.
    func noteHandOver(to successor: Machine?, from old: Machine?) {
        for machine in [successor, old].compactMap(\.self) where isTroubled && chance.happens(faults.unfitInHandOver) {
            switch chance.whole(0...3) {
            case 0: troubleHooks(of: machine)
            case 1: crashForGood(machine)
            default: troubleUnit(of: machine)
            }
        }
    }

    private func crashForGood(_ machine: Machine) {
        counts.agentCrashes += 1
        machine.crashAgent(restartsAfter: chance.seconds(1...90))
    }
}

extension Effect {
    fileprivate var isOfHandOver: Bool {
        switch self {
        case .act(_, .runHooks(.ready, _), _), .act(_, .inspect, _): false
        case .act: true
        case .record(let entries):
            entries.contains { entry in
                switch entry {
                case .commandTaken, .commandEnded, .progressed, .workload: true
                default: false
                }
            }
        default: false
        }
    }
}

extension ServiceManager {
    func heal() {
        (host.broken, host.stubborn, host.unstoppable) = ([], [], [])
        (host.isDeaf, awayUntil) = (false, .zero)
        host.hooks = machine.place.workload.hooks
    }
}
