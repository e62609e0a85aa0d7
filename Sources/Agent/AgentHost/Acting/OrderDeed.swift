import AgentCore
import Platform
import Systemd

/// Puts the agent before the workload in the order in which a shutdown stops things.
///
/// Our unit's file cannot name the workload's units, which stand in our settings. So PID 1 is given a unit that does nothing and
/// is ordered between the two: each stops only when the one before it has.
final class OrderDeed: Deed {
    /// At a boot it is started after the workload, which may take its time.
    static let patience = Duration.seconds(600)
    static let prefix = "spot-order-"

    private let name: String
    private let units: [UnitName]

    init(
        _ units: [UnitName], named name: String, loop: Loop, line: BusLine?, deadline: Duration,
        _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.name = "\(Self.prefix)\(name).service"
        self.units = units
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override func begin() {
        doing = "order \(UnitLook.agent) after \(units.map(\.text).joined(separator: ", "))"
        guard !units.isEmpty else { return takeAwayOthers() }
        let service = service
        ask({ bus, time, answer in bus.startTransientService(service, within: time, answer) }) {
            [weak self] (answer: Result<JobResult, _>) in
            switch answer {
            case .success(.done): self?.takeAwayOthers()
            case .success(let job): self?.fail(.failed, "job \(job)")
            // Asked before the bus was lost.
            case .failure(let error) where error.code == .unitExists: self?.takeAwayOthers()
            case .failure(let error): self?.fail(.failed, error.description)
            }
        }
    }

    /// Of an earlier life, or of other settings.
    private func takeAwayOthers() {
        stopAll(matching: "\(Self.prefix)*.service", but: units.isEmpty ? nil : name) { [weak self] in
            self?.end(.success(.done))
        }
    }

    private var service: TransientService {
        var service = TransientService(
            name: name, kind: .oneshot, commands: [.init("/bin/true")], runtimeMax: .seconds(10), stopGrace: .zero,
            syslogIdentifier: "spot-agent")
        service.description = "spot: has a shutdown stop the agent before the workload"
        service.after = units.map(\.text)
        service.before = [UnitLook.agent]
        service.remainsAfterExit = true
        service.endsAtShutdown = true
        return service
    }
}
