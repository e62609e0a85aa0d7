import AgentCore
import JSON
import Wire

// The mistakes that a hand-over bears least, where an agent meets the coordinator, its disk and its machine.
extension Mutations {
    // MARK: What an agent says

    func said(_ question: Question) -> Question {
        guard are(.fencedThoughNot), case .report(let report, let slot, let token) = question,
            case .result(let result, let command) = report.content, result.outcome == .fenceFailed
        else { return question }
        var other = CommandResult(
            .fenced, message: result.message, instance: result.instance, attempt: result.attempt, epoch: result.epoch,
            finishedAt: result.finishedAt)
        other.startedAt = result.startedAt
        return .report(Report(report.id, .result(other, of: command)), of: slot, token)
    }

    // MARK: What an agent hears

    func heard(_ answer: Result<Answer, AskFailure>, by machine: Machine) -> Result<Answer, AskFailure> {
        guard case .success(let answer) = answer else { return answer }
        switch answer {
        case .heard(var reply):
            reply.commands = heard(reply.commands, reply.role, reply.epoch, by: machine)
            return .success(.heard(reply))
        case .noticed(var reply):
            reply.commands = heard(reply.commands, reply.role, reply.epoch, by: machine)
            return .success(.noticed(reply))
        case .registered(var reply):
            overcount(&reply.configuration)
            return .success(.registered(reply))
        case .configured(var configuration):
            overcount(&configuration)
            return .success(.configured(configuration))
        default: return .success(answer)
        }
    }

    private func overcount(_ configuration: inout Configuration) {
        if are(.leaseOvercounted), configuration.settings.leaseSeconds > 0 {
            configuration.settings.leaseSeconds += 15
        }
    }

    private func heard(_ commands: [Command], _ role: Role, _ epoch: Epoch, by machine: Machine) -> [Command] {
        var commands = commands.filter { !dropped.contains($0.id) }
        if are(.fenceNotAwaited) {
            for at in commands.indices {
                guard case .promote(var order) = commands[at].order else { continue }
                order.awaitsFence = false
                commands[at].order = .promote(order)
            }
        }
        guard are(.epochOfDemotionUnchecked) else { return commands }
        for command in commands { if case .demote = command.order { demotions[machine.place.name] = command } }
        // It is delivered once more, to whoever serves by now, who has no epoch to refuse it by.
        if role == .primary, let old = demotions[machine.place.name], old.epoch < epoch {
            demotions[machine.place.name] = nil
            var again = Command(
                id: machine.world.makeCommandID(), instance: machine.id, order: old.order, priority: old.priority,
                createdAt: old.createdAt, expiresAt: old.expiresAt + .seconds(3600), leaseSeconds: old.leaseSeconds,
                attempt: 1, epoch: epoch)
            again.incident = old.incident
            commands.append(again)
        }
        return commands
    }

    // MARK: What an agent finds on its disk

    func recalled(_ memory: Memory) -> Memory {
        guard are(.courseForgotten) else { return memory }
        let lost = memory.open.filter { command in
            switch command.command.order {
            case .promote, .activate: true
            default: false
            }
        }
        .map(\.command.id)
        dropped.formUnion(lost)
        return Memory(
            replaying: memory.entries.filter { entry in
                switch entry {
                case .commandTaken(let command, _): !lost.contains(command.id)
                case .progressed(let command, _): !lost.contains(command)
                default: true
                }
            })
    }

    // MARK: Its machine

    /// What the metadata service says is the end of a machine that ends then.
    func announcedEnd(_ end: Duration) -> Duration {
        if are(.lastMomentTooEarly) { return end - .seconds(40) }
        // Farther off than EC2's notice ever is, so that it is told by nothing.
        if are(.lastMomentIgnored) { return end + .seconds(600) }
        return end
    }

    /// Those of a stop that are stopped.
    func stopped(_ units: [UnitName]) -> [UnitName] { are(.halfStopped) ? Array(units.prefix(1)) : units }
}
