import AgentCore
import PretendHost

// Units come up and stop, each in its own time. A newer job of a unit calls the one before off.
extension ServiceManager {
    func start(_ names: [UnitName], _ asker: Asker) {
        guard let name = names.first else { return asker.answer(.success(.done)) }
        let rest = Array(names.dropFirst())
        guard host.units[name] != .running || jobs[name] != nil || killed.contains(name) else {
            return start(rest, asker)
        }
        let job = begin(name)
        if host.units[name] != .running { starting.insert(name) }
        changed()
        plan(after: chance.tailed(world.faults.slowUnits ? .seconds(1) : .milliseconds(150))) { [self] in
            guard jobs[name] == job else { return asker.answer(.failure(Self.calledOff(name))) }
            jobs[name] = nil
            starting.remove(name)
            killed.remove(name)
            guard !host.broken.contains(name) else {
                host.units[name] = .failed
                changed()
                return asker.answer(.failure(ActFault(.failed, "start \(name): it failed")))
            }
            host.units[name] = .running
            answersFrom[name] = now + chance.tailed(.milliseconds(100))
            changed()
            // The agent has the next one started, not we.
            if asker.isThere() { start(rest, asker) }
        }
    }

    func stop(_ names: [UnitName], atOnce: Bool, _ asker: Asker) {
        guard let name = names.first else { return asker.answer(.success(.done)) }
        let rest = Array(names.dropFirst())
        guard host.units[name] == .running || starting.contains(name) else {
            return stop(rest, atOnce: atOnce, asker)
        }
        let job = begin(name)
        // What was coming up has programs all the same.
        if starting.remove(name) != nil { host.units[name] = .running }
        let takes = chance.tailed(world.faults.slowUnits ? .milliseconds(800) : .milliseconds(150))
        if atOnce {
            kill(name)
        } else if host.stubborn.contains(name) || takes > Self.stopTimeOut {
            plan(after: Self.stopTimeOut) { [self] in if jobs[name] == job { kill(name) } }
        }
        end(name, job, after: atOnce ? .milliseconds(20) : takes) { [self] isDone in
            guard isDone else { return asker.answer(.failure(Self.calledOff(name))) }
            if asker.isThere() { stop(rest, atOnce: atOnce, asker) }
        }
    }

    /// As systemd has it where a unit says nothing else.
    private static let stopTimeOut = Duration.seconds(90)
    private static let pause = Duration.milliseconds(100)

    func begin(_ name: UnitName) -> Int {
        let job = count()
        jobs[name] = job
        return job
    }

    func kill(_ name: UnitName) {
        guard host.units[name] == .running || starting.contains(name) else { return }
        if starting.remove(name) != nil { host.units[name] = .running }
        killed.insert(name)
        changed()
    }

    /// As soon as it lets itself be stopped, if nothing newer was asked of it.
    private func end(_ name: UnitName, _ job: Int, after takes: Duration, _ then: @escaping (Bool) -> Void) {
        plan(after: takes) { [self] in
            guard jobs[name] == job else { return then(false) }
            let holdsOut = killed.contains(name) ? host.unstoppable : host.stubborn.union(host.unstoppable)
            guard !holdsOut.contains(name) else { return end(name, job, after: Self.pause, then) }
            jobs[name] = nil
            settle(name)
            then(true)
        }
    }

    func settle(_ name: UnitName) {
        host.units[name] = .stopped
        killed.remove(name)
        answersFrom[name] = nil
        changed()
    }

    private static func calledOff(_ name: UnitName) -> ActFault {
        ActFault(.failed, "\(name): its job was called off by another")
    }
}
