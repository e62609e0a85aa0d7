import AgentCore
import Platform
import Systemd

/// Looks at units, one after the other.
final class InspectDeed: Deed {
    private var open: ArraySlice<UnitName>
    private var findings: [UnitFinding] = []

    init(
        _ units: [UnitName], loop: Loop, line: BusLine?, deadline: Duration, _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        open = units[...]
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override func begin() {
        guard let unit = open.first else { return end(.success(.units(findings))) }
        doing = "look at \(unit)"
        find(unit) { [weak self] finding, _ in
            self?.findings.append(finding)
            self?.open.removeFirst()
            self?.begin()
        }
    }
}

extension Deed {
    /// What the unit is, and whether a process of it is left.
    func find(_ unit: UnitName, _ then: @escaping (UnitFinding, UnitState) -> Void) {
        demand({ bus, time, answer in bus.unitState(unit.text, within: time, answer) }) { [weak self] state in
            self?.ask({ bus, time, answer in bus.processCount(unit.text, within: time, answer) }) { counted in
                // A kind of unit that has no processes, or one that nobody knows any more.
                let processes = (try? counted.get()) ?? 0
                then(
                    UnitFinding(
                        name: unit, isLoaded: state.isLoaded,
                        isActive: state.active == .active || state.active == .reloading,
                        isStopped: state.isStopped && processes == 0, state: state.words(processes: processes)), state)
            }
        }
    }
}

extension UnitState {
    fileprivate func words(processes: Int) -> String {
        guard isLoaded else { return "not loaded" }
        let left = isStopped && processes > 0 ? ", \(processes) processes left" : ""
        return "\(active.rawValue) (\(sub)\(left))"
    }

    /// How its last run ended.
    var ending: String {
        switch mainExit {
        case .exited(let status)?: "\(result), exited with \(status)"
        case .killed(let signal)?: "\(result), ended by signal \(signal)"
        case nil: result.isEmpty ? active.rawValue : result
        }
    }
}
