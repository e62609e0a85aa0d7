import AgentCore
import PretendCloud
import Wire

/// However often a launch is tried, and whatever is forgotten in between: of one command at most one machine lives.
final class OneMachineForOneCommand: Checker {
    override var promise: String { "One machine for one command" }

    private var machines: [String: [InstanceID]] = [:]
    private var launchedAt: [InstanceID: Duration] = [:]
    private var lookedAt: [String: Duration] = [:]
    private var restartedAt: [InstanceID: Duration] = [:]

    override func remembers(_ machine: Machine, _ memory: Memory) { restartedAt[machine.id] = world.agenda.now }

    override func asks(_ machine: Machine, _ request: CloudRequest) {
        if case .findInstances(let tag) = request { lookedAt[tag.value] = world.agenda.now }
    }

    /// A launch that was not on the disk when its agent died, and that EC2 did not show yet: nobody could know of it, and a machine
    /// in danger does not wait for its own disk (AgentCore, Decisions/0003).
    private func couldNotBeKnown(_ instance: InstanceID, of command: String, to machine: Machine) -> Bool {
        guard world.faults.diskTroubles > 0, let began = launchedAt[instance], let looked = lookedAt[command] else {
            return false
        }
        return looked < began + world.sky.cloud.showsAfter && (restartedAt[machine.id] ?? .zero) > began
    }

    override func launched(_ launched: PretendCloud.Machine, by machine: Machine) {
        guard let command = launched.launch?.tags.first(where: { $0.key == "spot:command" })?.value else { return }
        machines[command, default: []].append(launched.instance.id)
        launchedAt[launched.instance.id] = world.agenda.now
        let living = (machines[command] ?? []).filter { id in
            world.sky.state(of: id).map { $0 == .pending || $0 == .running } ?? false
                && (id == launched.instance.id || !couldNotBeKnown(id, of: command, to: machine))
        }
        if living.count > 1 {
            broken("command …\(command.suffix(6)) has \(living.map(\.short).joined(separator: " and "))")
        }
    }
}
