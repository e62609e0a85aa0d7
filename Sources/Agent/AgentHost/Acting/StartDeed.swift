import AgentCore
import Platform
import Systemd

/// Starts units in their order: each is active before the next is asked for.
final class StartDeed: Deed {
    private var open: ArraySlice<UnitName>

    init(
        _ units: [UnitName], loop: Loop, line: BusLine?, deadline: Duration, _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        open = units[...]
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override var late: Outcome {
        .failure(ActFault(.late, "\(doing): not active in time; systemctl status and journalctl -u say more"))
    }

    override func begin() {
        guard let unit = open.first else { return end(.success(.done)) }
        doing = "start \(unit)"
        look(at: unit) { [weak self] state in
            if !state.isLoaded {
                self?.fail(.failed, "there is no such unit that can be loaded; systemctl status \(unit) says more")
            } else {
                self?.start(unit)
            }
        }
    }

    /// Goes on with the next when it is active, and with `otherwise` when not.
    private func look(at unit: UnitName, _ otherwise: @escaping (UnitState) -> Void) {
        demand({ bus, time, answer in bus.unitState(unit.text, within: time, answer) }) { [weak self] state in
            guard let self else { return }
            guard state.active == .active || state.active == .reloading else { return otherwise(state) }
            open.removeFirst()
            begin()
        }
    }

    private func start(_ unit: UnitName) {
        // Or a unit that was started too often lately would be refused. That it cannot be reset is no reason not to try.
        ask({ bus, time, answer in bus.resetFailed(unit.text, within: time, answer) }) {
            [weak self] (_: Result<Void, _>) in
            self?.demand({ bus, time, answer in bus.startUnit(unit.text, within: time, answer) }) { job in
                self?.note(job, of: unit)
            }
        }
    }

    private func note(_ job: JobResult, of unit: UnitName) {
        look(at: unit) { [weak self] state in
            guard let self else { return }
            if job == .done, state.type == "oneshot", state.active == .inactive {
                // It ran, and did well: that is all there is of it.
                open.removeFirst()
                begin()
            } else if job == .done, !state.isStopped {
                wait(Self.look) { [weak self] in self?.note(job, of: unit) }
            } else {
                fail(.failed, "\(Self.words(job, state)); journalctl -u \(unit) says more")
            }
        }
    }

    private static func words(_ job: JobResult, _ state: UnitState) -> String {
        switch job {
        case .done: "it started, and ended at once (\(state.ending))"
        case .failed: "it failed (\(state.ending))"
        case .timedOut: "it took longer than the unit allows (\(state.ending))"
        case .canceled: "somebody stopped it meanwhile"
        case .dependency: "a unit that it needs failed"
        case .skipped: "a condition of the unit does not hold"
        case .other(let word): word
        }
    }
}
