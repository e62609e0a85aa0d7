import AgentCore
import Glibc
import Platform
import Systemd

/// Stops units in their order: each is seen stopped, with no process left, before the next is asked for. By force there is no
/// order: one that the kernel holds must not keep the others alive.
final class StopDeed: Deed {
    private let atOnce: Bool
    private var open: ArraySlice<UnitName>
    private var finding: UnitFinding?
    /// When the unit's share of the time is so far gone that it is killed.
    private var escalation: (any LoopTimer)?
    /// Why the manager did not do as it was asked.
    private var refusal: String?

    init(
        _ units: [UnitName], atOnce: Bool, loop: Loop, line: BusLine?, deadline: Duration,
        _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.atOnce = atOnce
        open = units[...]
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override var late: Outcome {
        let state = finding.map { "it is \($0.state)" } ?? "it was not seen"
        return .failure(
            ActFault(.late, "\(doing): not stopped in time, \(state)" + (refusal.map { "; \($0)" } ?? "")))
    }

    override func letGo() { escalation?.disarm() }

    override func begin() {
        if atOnce {
            for unit in open { kill(unit) }
            for unit in open.dropFirst() { askToStop(unit) { _ in } }
            stopNext()
        } else {
            doing = "stop \(open.map(\.text).joined(separator: ", "))"
            callOffOrder { [weak self] in self?.stopNext() }
        }
    }

    /// In a shutdown the workload's stop is queued already and waits for ours, as we had it ordered, while we wait for it here: it
    /// would be killed in the end. So it need not wait any more. Where nothing is queued there is nothing to call off.
    private func callOffOrder(_ then: @escaping () -> Void) {
        ask({ bus, time, answer in bus.units(matching: "\(OrderDeed.prefix)*.service", within: time, answer) }) {
            [weak self] (answer: Result<[Bus.ListedUnit], _>) in
            // Whoever is not answered asks to stop all the same.
            guard let self, case .success(let units) = answer else { return then() }
            for job in units.compactMap(\.stopJob) {
                ask({ bus, time, answer in bus.cancelJob(job, within: time, answer) }) { (_: Result<Void, _>) in }
            }
            then()
        }
    }

    private func stopNext() {
        guard let unit = open.first else { return end(.success(.done)) }
        doing = "stop \(unit)"
        finding = nil
        refusal = nil
        armEscalation(of: unit)
        stop(unit)
    }

    private func armEscalation(of unit: UnitName) {
        let share = left / open.count
        escalation?.disarm()
        do throws(EventLoopError) {
            escalation = try loop.makeTimer { [weak self] in self?.kill(unit) }
            escalation?.arm(at: loop.now + share * 3 / 4)
        } catch { fail(.failed, "\(error)") }
    }

    /// Beside whatever else is being asked: a stop that waits must not hold it up.
    private func kill(_ unit: UnitName) {
        ask({ bus, time, answer in bus.killUnit(unit.text, .all, signal: SIGKILL, within: time, answer) }) {
            // There may be nothing to kill; what counts is seen afterwards.
            (_: Result<Void, _>) in
        }
    }

    private func askToStop(_ unit: UnitName, _ then: @escaping Answer<JobResult>) {
        ask({ bus, time, answer in bus.stopUnit(unit.text, within: time, answer) }, then)
    }

    private func stop(_ unit: UnitName) {
        askToStop(unit) { [weak self] answer in
            guard let self else { return }
            switch answer {
            case .success: break
            // Nobody knows it, so there is nothing to stop: what is seen says so.
            case .failure(let error) where error.code == .noSuchUnit: break
            case .failure(let error):
                // As when a job that may not be replaced is in the way. Then by force.
                refusal = error.description
                kill(unit)
            }
            look(at: unit)
        }
    }

    private func look(at unit: UnitName) {
        find(unit) { [weak self] finding, state in
            guard let self else { return }
            self.finding = finding
            if finding.isStopped {
                open.removeFirst()
                stopNext()
            } else if state.isStopped {
                // Left behind by a unit with another KillMode: it is the workload all the same.
                kill(unit)
                wait(Self.look) { [weak self] in self?.look(at: unit) }
            } else {
                wait(Self.look) { [weak self] in self?.stop(unit) }
            }
        }
    }
}
