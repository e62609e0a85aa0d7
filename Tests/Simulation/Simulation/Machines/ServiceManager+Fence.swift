import AgentCore
import PretendHost

// The timer that stops the workload whatever becomes of the agent. It counts as PID 1's timers do: not while the machine is
// suspended, and not beyond a boot.
extension ServiceManager {
    /// Between its SIGTERM and its SIGKILL.
    private static let grace = Duration.seconds(2)
    private static let look = Duration.milliseconds(50)

    /// `time` is of the clock that goes on while the machine is suspended: what is left of it counts from now.
    func arm(_ units: [UnitName], at time: Duration, _ asker: Asker) {
        if world.mutations.are(.fenceNotArmed) {
            world.checks.fenceArmed(on: machine)
            return asker.answer(.success(.done))
        }
        let left = time - machine.clocks.boot(at: now)
        let next = Timer(number: count(), units: units, at: machine.clocks.monotonic(at: now) + left)
        timer = next
        watch(next)
        // One that its agent had given up was for another moment, perhaps.
        if asker.isThere() { world.checks.fenceArmed(on: machine) }
        answerWhenFencesAreOver(asker)
    }

    /// What one has begun would stop again what is started after it.
    private func answerWhenFencesAreOver(_ asker: Asker) {
        guard fencesUnderWay > 0 else { return asker.answer(.success(.done)) }
        whenFencesAreOver.append { asker.answer(.success(.done)) }
    }

    private func watch(_ watched: Timer) {
        plan(after: max(.zero, watched.at - machine.clocks.monotonic(at: now))) { [self] in
            guard timer?.number == watched.number else { return }
            // The machine was suspended meanwhile.
            guard watched.at <= machine.clocks.monotonic(at: now) else { return watch(watched) }
            timer = nil
            fire(watched.units)
        }
    }

    private func fire(_ units: [UnitName]) {
        world.story.tell(machine.id.short, "its fence fires")
        world.checks.fenceFired(on: machine)
        fencesUnderWay += 1
        let nobody = Asker(within: Self.grace, isThere: { true }, answer: { _ in })
        for unit in units { stop([unit], atOnce: false, nobody) }
        killLeft(of: units, at: now + Self.grace, nobody)
    }

    private func killLeft(of units: [UnitName], at time: Duration, _ nobody: Asker) {
        plan(after: Self.look) { [self] in
            guard now >= time || !units.contains(where: hasPrograms) else {
                return killLeft(of: units, at: time, nobody)
            }
            for unit in units { stop([unit], atOnce: true, nobody) }
            endFence(of: units)
        }
    }

    private func endFence(of units: [UnitName]) {
        guard units.allSatisfy({ host.units[$0] != .running || !killed.contains($0) }) else {
            return plan(after: Self.look) { [self] in endFence(of: units) }
        }
        fencesUnderWay -= 1
        guard fencesUnderWay == 0 else { return }
        let waiting = whenFencesAreOver
        whenFencesAreOver = []
        for one in waiting { one() }
    }

    func disarm(_ asker: Asker) {
        if !world.mutations.are(.disarmForgotten) { timer = nil }
        answerWhenFencesAreOver(asker)
    }
}
