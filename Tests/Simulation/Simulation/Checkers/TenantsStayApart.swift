import AgentCore
import CoordinatorCore
import OldAgents
import Wire

/// A host hears only of its own slot and is told only what is for it.
final class TenantsStayApart: Checker {
    override var promise: String { "A tenant sees its own alone" }

    private var owners: [SlotID: LogicalAgentID] = [:]
    private var tokens: [ClientID: Token] = [:]

    override func committed(_ slot: Slot, _ before: Slot?) {
        for host in slot.hosts where before?.host(host.instance) == nil {
            guard let token = world.machine(host.instance)?.place.clientToken else { continue }
            let known = tokens[slot.client] ?? token
            tokens[slot.client] = known
            if known != token {
                broken("\(host.instance.short) is a host of \(slot.id.short), which is another client's")
            }
        }
    }

    /// Old programs speak with the client's token: no machine and no slot of another is in what they hear.
    override func told(_ machine: Machine, _ call: OldCall, _ reply: OldValue) {
        for entry in (reply["instances"]?.list ?? []) + (reply["replicas"]?.list ?? [])
            + (reply["commands"]?.list ?? [])
        {
            examine(entry["instance_id"]?.text ?? entry["params"]?["instance_id"]?.text, machine)
        }
        guard let slot = reply["agent_id"]?.text.flatMap({ try? SlotID($0) }).flatMap({ world.coordinator.slots[$0] }),
            let token = tokens[slot.client], token != machine.place.clientToken
        else { return }
        broken("\(machine.id.short) of \(machine.place.name) hears of \(slot.id.short), which is another client's")
    }

    private func examine(_ name: String?, _ machine: Machine) {
        guard let other = name.flatMap({ try? InstanceID($0) }).flatMap(world.machine),
            other.place.clientToken != machine.place.clientToken
        else { return }
        broken("\(machine.id.short) of \(machine.place.name) hears of \(other.id.short) of \(other.place.name)")
    }

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
