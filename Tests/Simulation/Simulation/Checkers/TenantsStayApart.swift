import AgentCore
import Wire

/// A host hears only of its own slot and is told only what is for it.
final class TenantsStayApart: Checker {
    override var promise: String { "A tenant sees its own alone" }

    private var owners: [SlotID: LogicalAgentID] = [:]

    override func answered(_ machine: Machine, _ answer: Result<Answer, AskFailure>, to question: Question) {
        switch answer {
        case .success(.registered(let reply)):
            let name = owners[reply.slot] ?? machine.place.name
            owners[reply.slot] = name
            if name != machine.place.name {
                broken("\(machine.id.short) of \(machine.place.name) is put among \(name)")
            }
        case .success(.heard(let reply)): examine(reply.commands, machine, reply.slot)
        case .success(.noticed(let reply)): examine(reply.commands, machine, nil)
        default: break
        }
    }

    private func examine(_ commands: [Command], _ machine: Machine, _ slot: SlotID?) {
        for command in commands where command.instance != machine.id {
            broken("\(machine.id.short) gets a command for \(command.instance.short)")
        }
        guard let slot, let name = owners[slot], name != machine.place.name else { return }
        broken("\(machine.id.short) of \(machine.place.name) hears of \(name)")
    }
}
