import AgentCore
import PretendCloud
import Wire

/// However often a launch is tried, and whatever is forgotten in between: of one command at most one machine lives.
final class OneMachineForOneCommand: Checker {
    override var promise: String { "One machine for one command" }

    private var machines: [String: [InstanceID]] = [:]

    override func launched(_ launched: PretendCloud.Machine, by machine: Machine) {
        guard let command = launched.launch?.tags.first(where: { $0.key == "spot:command" })?.value else { return }
        machines[command, default: []].append(launched.instance.id)
        let living = (machines[command] ?? []).filter { id in
            world.sky.state(of: id).map { $0 == .pending || $0 == .running } ?? false
        }
        if living.count > 1 {
            broken("command …\(command.suffix(6)) has \(living.map(\.short).joined(separator: " and "))")
        }
    }
}
