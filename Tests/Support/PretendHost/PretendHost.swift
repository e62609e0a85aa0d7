package import AgentCore

/// A machine's service manager, with the workload's units and hooks: what PID 1 does when it is asked, and what its timer does
/// when nobody asks any more.
package struct PretendHost: Sendable {
    package enum Unit: Sendable, Equatable { case stopped, running, failed }

    package var units: [UnitName: Unit] = [:]
    /// They do not come up.
    package var broken: Set<UnitName> = []
    /// They go on after SIGTERM.
    package var stubborn: Set<UnitName> = []
    /// And after SIGKILL, as a process in the kernel's hands does.
    package var unstoppable: Set<UnitName> = []
    package var hooks: [HookStage: [HookRun]] = [:]
    /// It runs, and does not answer.
    package var isDeaf = false
    /// The service manager can be asked.
    package var isManaged = true
    package private(set) var fence: (units: [UnitName], at: Duration)?
    package private(set) var isPoweredOff = false
    package private(set) var acts: [Act] = []

    package init(units: [UnitName], running: Bool = false) {
        for unit in units { self.units[unit] = running ? .running : .stopped }
    }

    /// Anything of it may answer a client.
    package var runs: Bool { !isPoweredOff && units.values.contains(.running) }
    package var serves: Bool { !isPoweredOff && !isDeaf && units.values.allSatisfy { $0 == .running } }

    /// The machine starts anew, and with it what is enabled.
    package mutating func boot(starting enabled: Set<UnitName>) {
        fence = nil
        isPoweredOff = false
        for unit in units.keys { units[unit] = enabled.contains(unit) ? .running : .stopped }
    }

    /// Time has passed.
    package mutating func pass(to now: Duration) {
        guard let fence, fence.at <= now else { return }
        self.fence = nil
        for unit in fence.units where !unstoppable.contains(unit) { units[unit] = .stopped }
    }

    package mutating func carryOut(_ act: Act, at now: Duration) -> Result<Acted, ActFault> {
        acts.append(act)
        pass(to: now)
        switch act {
        case .runHooks(let stage, _): return .success(.ran(run(hooks[stage] ?? [], stage)))
        case .probe: return .success(serves ? .serves : .servesNot("connection refused"))
        case .powerOff:
            isPoweredOff = true
            return .success(.done)
        default: break
        }
        guard isManaged else { return .failure(ActFault(.unreachable, "the service manager does not answer")) }
        return manage(act)
    }

    private func run(_ hooks: [HookRun], _ stage: HookStage) -> [HookRun] {
        guard stage.stopsAtFailure, let failed = hooks.firstIndex(where: { $0.outcome != .done }) else { return hooks }
        return Array(hooks[...failed])
    }

    private mutating func manage(_ act: Act) -> Result<Acted, ActFault> {
        switch act {
        case .start(let names):
            for name in names {
                guard units[name] != nil, !broken.contains(name) else {
                    if units[name] != nil { units[name] = .failed }
                    return .failure(ActFault(.failed, "start \(name): it failed"))
                }
                units[name] = .running
            }
        case .stop(let names, let atOnce):
            for name in names where units[name] == .running {
                if !unstoppable.contains(name), atOnce || !stubborn.contains(name) {
                    units[name] = .stopped
                } else if !atOnce {
                    break
                }
            }
            if let left = names.first(where: { units[$0] == .running }) {
                return .failure(ActFault(.late, "stop \(left): it still runs"))
            }
        case .inspect(let names): return .success(.units(names.map(finding)))
        case .armFence(let names, let time): fence = (names, time)
        case .disarmFence: fence = nil
        case .runHooks, .probe, .powerOff: preconditionFailure("done before")
        }
        return .success(.done)
    }

    private func finding(_ name: UnitName) -> UnitFinding {
        let unit = units[name]
        return UnitFinding(
            name: name, isLoaded: unit != nil, isActive: unit == .running, isStopped: unit != .running,
            state: unit == .running ? "active (running)" : "inactive (dead)")
    }
}
