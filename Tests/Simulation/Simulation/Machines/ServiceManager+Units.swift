import AgentCore
import PretendHost

// Units come up and stop, each in its own time. As systemd has it, a job of the same kind is the same job, and one of the other
// kind calls it off.
extension ServiceManager {
    struct Job {
        enum Kind { case start, stop }
        let number: Int
        let kind: Kind
        /// What is done when it is over; true when it came to what was wanted, nil when it was called off.
        var waiting: [(Bool?) -> Void]
    }

    func start(_ names: [UnitName], _ asker: Asker) {
        guard let name = names.first else { return asker.answer(.success(.done)) }
        let rest = Array(names.dropFirst())
        guard host.units[name] != .running || jobs[name] != nil else { return start(rest, asker) }
        join(.start, of: name) { [self] isDone in
            switch isDone {
            case true?: if asker.isThere() { start(rest, asker) }
            case false?: asker.answer(.failure(ActFault(.failed, "start \(name): it failed")))
            case nil: asker.answer(.failure(Self.calledOff(name)))
            }
        } begin: { [self] job in
            if host.units[name] != .running { starting.insert(name) }
            changed()
            plan(after: chance.tailed(world.faults.slowUnits ? .seconds(1) : .milliseconds(150))) { [self] in
                comeUp(name, job)
            }
        }
    }

    private func comeUp(_ name: UnitName, _ job: Int) {
        guard jobs[name]?.number == job else { return }
        starting.remove(name)
        killed.remove(name)
        let isBroken = host.broken.contains(name)
        host.units[name] = isBroken ? .failed : .running
        answersFrom[name] = isBroken ? nil : now + chance.tailed(.milliseconds(100))
        changed()
        conclude(name, !isBroken)
    }

    func stop(_ names: [UnitName], atOnce: Bool, _ asker: Asker) {
        if atOnce {
            for name in names where isUpOrComing(name) {
                askToStop(name) { _ in }
                kill(name)
            }
        }
        stop(names, asker)
    }

    private func isUpOrComing(_ name: UnitName) -> Bool { host.units[name] == .running || starting.contains(name) }

    private func stop(_ names: [UnitName], _ asker: Asker) {
        guard let name = names.first else { return asker.answer(.success(.done)) }
        let rest = Array(names.dropFirst())
        guard isUpOrComing(name) else { return stop(rest, asker) }
        askToStop(name) { [self] isDone in
            guard isDone != nil else { return asker.answer(.failure(Self.calledOff(name))) }
            if asker.isThere() { stop(rest, asker) }
        }
    }

    private func askToStop(_ name: UnitName, _ then: @escaping (Bool?) -> Void) {
        join(.stop, of: name, then) { [self] job in
            // What was coming up has programs all the same.
            if starting.remove(name) != nil { host.units[name] = .running }
            let takes = chance.tailed(world.faults.slowUnits ? .milliseconds(800) : .milliseconds(150))
            plan(after: Self.stopTimeOut) { [self] in if jobs[name]?.number == job { kill(name) } }
            end(name, job, at: now + takes)
        }
    }

    /// As systemd has it where a unit says nothing else.
    private static let stopTimeOut = Duration.seconds(90)
    private static let pause = Duration.milliseconds(20)

    private func join(
        _ kind: Job.Kind, of name: UnitName, _ then: @escaping (Bool?) -> Void, begin: (Int) -> Void
    ) {
        if jobs[name]?.kind == kind {
            jobs[name]?.waiting.append(then)
            return
        }
        let before = jobs[name]
        let number = count()
        jobs[name] = Job(number: number, kind: kind, waiting: [then])
        begin(number)
        for one in before?.waiting ?? [] { one(nil) }
    }

    private func conclude(_ name: UnitName, _ isDone: Bool) {
        guard let job = jobs.removeValue(forKey: name) else { return }
        for one in job.waiting { one(isDone) }
    }

    func kill(_ name: UnitName) {
        guard host.units[name] == .running else { return }
        killed.insert(name)
        changed()
    }

    /// In its own time or when it was killed, as soon as it lets itself be stopped.
    private func end(_ name: UnitName, _ job: Int, at time: Duration) {
        plan(after: Self.pause) { [self] in
            guard jobs[name]?.number == job else { return }
            let isKilled = killed.contains(name)
            let holdsOut = isKilled ? host.unstoppable : host.stubborn.union(host.unstoppable)
            guard isKilled || now >= time, !holdsOut.contains(name) else { return end(name, job, at: time) }
            host.units[name] = .stopped
            killed.remove(name)
            answersFrom[name] = nil
            changed()
            conclude(name, true)
        }
    }

    private static func calledOff(_ name: UnitName) -> ActFault {
        ActFault(.failed, "\(name): its job was called off by another")
    }
}
