import AgentCore
import Platform
import Systemd

/// What a fence is called in PID 1. Each has a name of its own, so that the next is armed before it is taken away; also one that
/// an earlier life of ours armed is found by the pattern.
enum Fence {
    private static let prefix = "spot-fence-"
    static let units = "\(prefix)*"
    /// For the stop of all, before the rest is killed: at the fence's time nothing must serve any more.
    private static let patienceSeconds = 2
    private static let systemctl = "/bin/systemctl"

    static func timer(named name: String, stopping units: [UnitName], at time: Duration) -> TransientTimer {
        let names = units.map(\.text)
        func stop(_ seconds: Int) -> TransientService.Command {
            .init("/usr/bin/timeout", ["\(seconds)", systemctl, "stop", "--"] + names, mayFail: true)
        }
        let kill = TransientService.Command(
            systemctl, ["kill", "--kill-whom=all", "--signal=KILL", "--"] + names, mayFail: true)
        var service = TransientService(
            // The second kill is for what a unit leaves behind when it is stopped.
            name: "\(prefix)\(name).service", kind: .oneshot, commands: [stop(patienceSeconds), kill, stop(5), kill],
            runtimeMax: .seconds(15), stopGrace: .zero, syslogIdentifier: "spot-fence")
        service.description = "spot: stop \(names.joined(separator: ", ")), which must not run here any more"
        return TransientTimer(service: service, elapsesAt: time)
    }
}

/// Takes away the timers of fences, and waits for the end of what one has begun: it would stop again what is started after it.
class ClearDeed: Deed {
    /// The timer that is left, and what it begins.
    var kept: TransientTimer? { nil }

    override func begin() { clear() }

    final func clear() {
        doing = "take away fences\(kept.map { " before \($0.name), which is armed" } ?? "")"
        demand({ bus, time, answer in bus.units(matching: Fence.units, within: time, answer) }) { [weak self] units in
            guard let self else { return }
            let names = [kept?.name, kept?.service.name]
            let left = units.filter { !names.contains($0.name) && !$0.isStopped }
            if let timer = left.first(where: { $0.name.hasSuffix(".timer") }) { return takeAway(timer.name) }
            if left.isEmpty { return end(.success(.done)) }
            doing = "wait for the end of the fence that fired"
            wait(Self.look) { [weak self] in self?.clear() }
        }
    }

    private func takeAway(_ timer: String) {
        ask({ bus, time, answer in bus.stopUnit(timer, within: time, answer) }) {
            [weak self] (answer: Result<JobResult, _>) in
            // A timer that has elapsed goes by itself.
            if case .failure(let error) = answer, error.code != .noSuchUnit {
                self?.fail(.failed, error.description)
            } else {
                self?.clear()
            }
        }
    }
}

/// Has none.
final class DisarmDeed: ClearDeed {}

/// Arms a fence in PID 1, and then clears away those before it.
final class ArmDeed: ClearDeed {
    private let timer: TransientTimer

    init(
        _ timer: TransientTimer, loop: Loop, line: BusLine?, deadline: Duration,
        _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.timer = timer
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override var kept: TransientTimer? { timer }

    override func begin() {
        doing = "arm \(timer.name)"
        let timer = timer
        ask({ bus, time, answer in bus.startTransientTimer(timer, within: time, answer) }) {
            [weak self] (answer: Result<JobResult, _>) in
            guard let self else { return }
            switch answer {
            case .success(.done): clear()
            case .success(let job): fail(.failed, "job \(job)")
            // Asked before the bus was lost.
            case .failure(let error) where error.code == .unitExists: clear()
            case .failure(let error): fail(.failed, error.description)
            }
        }
    }
}
