import AgentCore
import Platform
import Systemd

/// Has PID 1 take the machine down.
final class PowerOffDeed: Deed {
    private let name: String
    private static let grace = 2

    init(
        named name: String, loop: Loop, line: BusLine?, deadline: Duration, _ completion: @escaping (Outcome) -> Void
    ) throws(EventLoopError) {
        self.name = name
        try super.init(loop: loop, line: line, deadline: deadline, completion)
    }

    override func begin() {
        doing = "power off"
        // systemctl writes the disks' caches first, which a disk that hangs holds up: the second does not.
        run("last", after: Self.grace, ["poweroff", "--force", "--force", "--no-sync"]) { [weak self] in
            self?.run("first", after: 0, ["poweroff", "--force", "--force"]) { [weak self] in self?.end(.success(.done))
            }
        }
    }

    private func run(_ which: String, after seconds: Int, _ words: [String], _ then: @escaping () -> Void) {
        let service = TransientService(
            name: "spot-poweroff-\(name)-\(which).service",
            commands: [.init("/bin/sh", ["-c", "sleep \(seconds); exec /bin/systemctl \"$@\"", "sh"] + words)],
            runtimeMax: .seconds(60), stopGrace: .zero, syslogIdentifier: "spot-poweroff")
        demand({ bus, time, answer in bus.startTransientService(service, within: time, answer) }) {
            [weak self] job in
            if job == .done { then() } else { self?.fail(.failed, "job \(job)") }
        }
    }
}
