import JSON
import Platform
import TestSupport
import Wire

// A player as an agent that is told what to do.
extension LoadPlayer {
    /// As an agent with a journal: whatever is handed out again is not done again, its result is sent again.
    func obey(_ commands: [Command], _ place: Int, _ machine: Int) throws {
        for command in commands {
            slots[place].commands.insert(command.id)
            if slots[place].finished.contains(command.id) {
                note("\(command.id) was handed out after its result was acknowledged")
            }
            var result =
                try slots[place].machines[machine].executed[command.id] ?? execute(command, place)
            result.attempt = command.attempt
            slots[place].machines[machine].executed[command.id] = result
        }
    }

    private func execute(_ command: Command, _ place: Int) throws -> CommandResult {
        var result = CommandResult(
            .done, message: "as told", instance: command.instance, attempt: command.attempt, epoch: command.epoch,
            finishedAt: now)
        switch command.order {
        case .switch, .createReplica:
            let launched = try newMachine()
            add(launched, to: place)
            result.facts = .launched(
                CommandResult.LaunchedInstance(
                    instance: launched, instanceType: "m5.large", zone: "us-east-1b", mode: .ondemand))
        case .terminateInstance(let order):
            result.facts = .terminated(order.target)
            for other in slots[place].machines.indices where slots[place].machines[other].instance == order.target {
                slots[place].machines[other].isEnded = true
            }
        case .promote(let order) where order.awaitsFence: result.outcome = .prepared
        case .promote, .activate: result.facts = .activated(at: now, verifiedAt: now)
        case .demote(let order) where order.handOver == .exclusive:
            result.outcome = .fenced
            result.facts = .fenced(at: now)
        case .demote, .inspectInstance, .applyConfig, .cleanup, .unknown, .malformed: break
        }
        return result
    }

    func answerCommand(_ place: Int) throws {
        guard let machine = slots[place].machines.firstIndex(where: { !$0.executed.isEmpty && !$0.isEnded }),
            let (slot, token) = caller(place, machine),
            let (id, result) = slots[place].machines[machine].executed.min(by: { $0.key < $1.key })
        else { return }
        let reply = try ask("result", "POST", Route.commandResult.path(slot, id), token, result)
        slots[place].machines[machine].executed[id] = nil
        if reply.isAcknowledged { slots[place].finished.insert(id) }
    }
}
