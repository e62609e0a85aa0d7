import AgentCore
import Wire

/// A host begins a command once. Only a crash that took the memory of it may let it be begun again.
final class CommandsBeginOnce: Checker {
    override var promise: String { "A command begins once" }

    private var begun: [InstanceID: Set<CommandID>] = [:]

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        guard case .commandTaken(let id, let type, _, _) = announcement else { return }
        if !begun[machine.id, default: []].insert(id).inserted {
            broken("\(machine.id.short) begins \(type) \(id.short) again")
        }
    }

    override func remembers(_ machine: Machine, _ memory: Memory) {
        begun[machine.id] = Set(memory.open.map(\.command.id) + memory.ended.map(\.command))
    }
}
