import AgentCore
import Wire

/// Where two must never serve, an agent that finds its machine resumed or started anew stops the workload first, and runs it again
/// only when the coordinator has said so since.
final class DoubtStopsFirst: Checker {
    override var promise: String { "Who may have been replaced stops first and asks second" }

    private static let patience = Duration.seconds(3)
    private var stopped: [InstanceID: Duration] = [:]
    /// Since when each may not serve before it was told to.
    private var doubtful: [InstanceID: Duration] = [:]
    private var starts: [InstanceID: Int] = [:]

    override func remembers(_ machine: Machine, _ memory: Memory) {
        starts[machine.id, default: 0] += 1
        guard let known = memory.boot, known != machine.trueBoot else { return }
        expectStop(of: machine, memory, "was started anew")
    }

    override func wentOn(_ machine: Machine, after suspension: Duration) {
        guard suspension > .seconds(1), let memory = machine.agent?.memory else { return }
        expectStop(of: machine, memory, "was suspended")
    }

    private func expectStop(of machine: Machine, _ memory: Memory, _ why: String) {
        guard memory.configuration?.settings.handOver == .exclusive, memory.role == .primary, memory.open.isEmpty,
            machine.manager.runs
        else { return }
        let (since, process) = (world.agenda.now, starts[machine.id])
        doubtful[machine.id] = since
        machine.plan(after: Self.patience) { [self] in
            guard starts[machine.id] == process, machine.shell != nil, machine.isReached,
                machine.manager.awayUntil < since, (stopped[machine.id] ?? .zero) < since,
                machine.agent?.memory.open.isEmpty ?? false
            else { return }
            broken("\(machine.id.short) \(why), and its workload goes on")
        }
    }

    override func acts(_ machine: Machine, _ act: Act) {
        switch act {
        case .stop: stopped[machine.id] = world.agenda.now
        case .start: examineStart(on: machine)
        default: break
        }
    }

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        switch announcement {
        case .halting: doubtful[machine.id] = world.agenda.now
        default: break
        }
    }

    private func examineStart(on machine: Machine) {
        guard let since = doubtful[machine.id], machine.agent?.memory.configuration?.settings.handOver == .exclusive
        else { return }
        if machine.toldAskedAt.map({ $0 < since }) ?? true {
            broken("\(machine.id.short) runs the workload again, and has not been told since it was in doubt")
        }
        doubtful[machine.id] = nil
    }
}
