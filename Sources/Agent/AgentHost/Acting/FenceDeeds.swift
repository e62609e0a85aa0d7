import AgentCore
import Platform
import Systemd

/// What a fence is called in PID 1. Each has a name of its own, so that the next is armed before it is taken away; also one that
/// an earlier life of ours armed is found by the pattern.
enum Fence {
    private static let prefix = "spot-fence-"
    static let timers = "\(prefix)*.timer"
    static let services = "\(prefix)*.service"
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

/// Arms a fence in PID 1, and then takes away those before it.
final class ArmDeed: Deed {
    private let timer: TransientTimer

    init(
        _ timer: TransientTimer, loop: Loop, line: BusLine?, deadline: Duration,
        _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.timer = timer
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override func begin() {
        doing = "arm \(timer.name)"
        let timer = timer
        ask({ bus, time, answer in bus.startTransientTimer(timer, within: time, answer) }) {
            [weak self] (answer: Result<JobResult, _>) in
            guard let self else { return }
            switch answer {
            case .success(.done): takeAwayOthers()
            case .success(let job): fail(.failed, "job \(job)")
            // Asked before the bus was lost.
            case .failure(let error) where error.code == .unitExists: takeAwayOthers()
            case .failure(let error): fail(.failed, error.description)
            }
        }
    }

    private func takeAwayOthers() {
        doing = "take away the fences before \(timer.name), which is armed"
        stopAll(matching: Fence.timers, but: timer.name) { [weak self] in self?.end(.success(.done)) }
    }
}

/// Takes the fences away, and waits for the end of what one has begun.
final class DisarmDeed: Deed {
    override func begin() {
        doing = "disarm the fence"
        stopAll(matching: Fence.timers, but: nil) { [weak self] in self?.waitForServices() }
    }

    private func waitForServices() {
        demand({ bus, time, answer in bus.units(matching: Fence.services, within: time, answer) }) {
            [weak self] units in
            guard let self else { return }
            if units.allSatisfy(\.isStopped) { return end(.success(.done)) }
            doing = "wait for the end of the fence that fired"
            wait(Self.look) { [weak self] in self?.waitForServices() }
        }
    }
}
