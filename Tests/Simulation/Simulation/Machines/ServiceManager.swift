import AgentCore
import PretendHost

/// PID 1 of one machine, with the workload's units and hooks under it: what `PretendHost` does at once takes its time here, goes on
/// when whoever asked for it is gone, and stands still with the machine.
final class ServiceManager {
    unowned let machine: Machine
    var host: PretendHost
    /// What starts with the machine.
    let startsWithMachine: Bool
    /// Cannot be asked until then; its timers go on.
    var awayUntil = Duration.zero
    /// Until then a unit may outlive any kill.
    var canKillFrom = Duration.zero
    /// What is being done with each unit.
    var jobs: [UnitName: Job] = [:]
    /// Whose programs run already, and who has not said yet that it is up.
    var starting: Set<UnitName> = []
    /// Killed: nothing of it does anything any more, though the kernel may still hold it.
    var killed: Set<UnitName> = []
    /// Since when each answers.
    var answersFrom: [UnitName: Duration] = [:]
    var timer: Timer?
    /// What the timer had begun and is not over.
    var fencesUnderWay = 0
    var whenFencesAreOver: [() -> Void] = []
    private(set) var isUp = true
    /// Which boot it is: what was planned in an earlier one comes to nothing.
    private(set) var boot = 1
    private var counted = 0

    struct Timer {
        let number: Int
        let units: [UnitName]
        /// Of the clock that stands still while the machine is suspended.
        let at: Duration
    }

    /// The agent, which may be gone or have given up waiting.
    struct Asker {
        let within: Duration
        let isThere: () -> Bool
        let answer: (Result<Acted, ActFault>) -> Void
    }

    /// Nobody has been answered yet, the oldest first.
    private var waiting: [Question] = []

    private struct Question {
        let number: Int
        let arrival: Duration
        let act: Act
        var asker: Asker
    }

    init(_ machine: Machine, units: [UnitName], startsWithMachine: Bool) {
        self.machine = machine
        self.startsWithMachine = startsWithMachine
        host = PretendHost(units: units)
    }

    var world: World { machine.world }
    var chance: Chance { machine.world.chance }
    var now: Duration { machine.world.agenda.now }

    func count() -> Int {
        counted += 1
        return counted
    }

    /// When the machine has had so much time, if it has not gone down by then.
    func plan(after takes: Duration, _ then: @escaping () -> Void) {
        let number = boot
        machine.plan(after: takes) { [self] in if isUp, boot == number { then() } }
    }

    // MARK: How it stands

    /// Anything of it may write what only one may, or answer a client.
    var runs: Bool { isUp && host.units.keys.contains(where: hasPrograms) }

    func hasPrograms(_ name: UnitName) -> Bool {
        (host.units[name] == .running || starting.contains(name)) && !killed.contains(name)
    }

    /// All of it is up, and answers.
    var serves: Bool {
        isUp && host.serves && killed.isEmpty
            && host.units.keys.allSatisfy { answersFrom[$0].map { $0 <= now } ?? false }
    }

    func changed() { world.checks.workloadChanged(machine) }

    // MARK: The machine

    func goDown() {
        isUp = false
        (jobs, timer, fencesUnderWay, whenFencesAreOver) = ([:], nil, 0, [])
        (starting, killed, answersFrom, waiting) = ([], [], [:], [])
        for unit in host.units.keys { host.units[unit] = .stopped }
        changed()
    }

    func comeUp(starting enabled: Bool) {
        boot += 1
        isUp = true
        host.boot(starting: [])
        guard enabled else { return }
        let nobody = Asker(within: .seconds(90), isThere: { true }, answer: { _ in })
        for unit in host.units.keys.sorted() { start([unit], nobody) }
    }

    // MARK: Being asked

    func carryOut(_ act: Act, for asker: Asker) {
        switch act {
        case .probe: return probe(asker)
        case .powerOff: return plan(after: chance.milliseconds(20...200)) { [self] in machine.switchOff() }
        default: break
        }
        ask(act, asker)
    }

    /// What is asked is done in the order in which it was asked, and as long as it cannot be asked, later: also for one that has
    /// given up waiting, for nobody takes a message back.
    private func ask(_ act: Act, _ asker: Asker) {
        let number = count()
        let arrival = max(now + chance.milliseconds(1...4), waiting.last?.arrival ?? .zero)
        waiting.append(Question(number: number, arrival: arrival, act: act, asker: asker))
        plan(after: arrival - now) { [self] in answerWaiting() }
        plan(after: max(.zero, asker.within - .milliseconds(5))) { [self] in
            guard let at = waiting.firstIndex(where: { $0.number == number }) else { return }
            waiting[at].asker = Asker(within: .zero, isThere: { false }, answer: { _ in })
            asker.answer(.failure(ActFault(.unreachable, "the service manager does not answer")))
        }
    }

    private func answerWaiting() {
        while let next = waiting.first, next.arrival <= now {
            guard awayUntil <= now else { return plan(after: awayUntil - now) { [self] in answerWaiting() } }
            waiting.removeFirst()
            // A start whose asker is gone has perhaps not come beyond its first look.
            if case .start = next.act, !next.asker.isThere(), chance.happens(0.5) { continue }
            manage(next.act, next.asker)
        }
    }

    /// What is being started or stopped is not active, and not stopped.
    private func underWay(_ found: Acted) -> Acted {
        guard case .units(let units) = found else { return found }
        return .units(
            units.map { unit in
                let state: String
                switch jobs[unit.name]?.kind {
                case .start? where starting.contains(unit.name): state = "activating (start)"
                case .stop? where !unit.isStopped: state = "deactivating (stop-sigterm)"
                case .start?, .stop?, nil: return unit
                }
                return UnitFinding(
                    name: unit.name, isLoaded: unit.isLoaded, isActive: false, isStopped: false, state: state)
            })
    }

    private func manage(_ act: Act, _ asker: Asker) {
        switch act {
        case .runHooks(let stage, _): run(stage, asker)
        case .start(let units): start(units, asker)
        case .stop where world.mutations.are(.stopAssumed): asker.answer(.success(.done))
        case .stop(let units, let atOnce): stop(world.mutations.stopped(units), atOnce: atOnce, asker)
        case .inspect: asker.answer(host.carryOut(act, at: now).map(underWay))
        case .armFence(let units, let time): arm(units, at: time, asker)
        case .disarmFence: disarm(asker)
        case .probe, .powerOff: break
        }
    }
}
