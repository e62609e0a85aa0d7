import JSON
package import Wire

extension Slot {
    /// What became of a command. The same result again is harmless; one that comes after the command was given up still says
    /// what is true of the machines.
    package mutating func take(
        _ result: CommandResult, of id: CommandID, _ turn: inout Turn
    ) throws(Refusal) -> ReportReply.Outcome {
        guard let command = command(id) else { throw Refusal(.notFound, "agent \(self.id) has no command \(id)") }
        guard command.instance == result.instance else {
            throw Refusal(.forbidden, "command \(id) is for \(command.instance), not for \(result.instance)")
        }
        if let known = command.result, known.outcome == result.outcome { return .duplicate }
        // Of an open one that moves the workload the epoch is its own: what is newer gave it up.
        if !command.state.isOpen { learn(result.epoch, from: result.instance, &turn) }
        guard command.state.isOpen else {
            noteMachines(of: command, result, &turn)
            noteSteps(of: command, result, at: turn.now)
            if command.result == nil {
                turn.note(
                    .reportStale,
                    "\(command.order.sentence) on \(command.instance): \(result.outcome.rawValue), too late",
                    instance: command.instance, incident: command.incident, command: id)
            }
            changeCommand(id) { $0.result = $0.result ?? result }
            let isNews = followLate(command, result, &turn)
            settle(&turn)
            return isNews ? .accepted : .stale
        }
        // Not an answer to this order, which stays to be answered.
        if result.epoch < command.epoch && command.order.movesTheWorkload {
            turn.note(
                .reportStale,
                "\(command.order.sentence) on \(command.instance): \(result.outcome.rawValue), under the older epoch "
                    + "\(result.epoch)", instance: command.instance, incident: command.incident, command: id)
            return .stale
        }
        finish(id, as: CommandState(result.outcome), with: result, &turn)
        noteMachines(of: command, result, &turn)
        noteSteps(of: command, result, at: turn.now)
        follow(command, result, &turn)
        settle(&turn)
        return .accepted
    }

    /// Machines exist or do not, whatever epoch the order was from.
    private mutating func noteMachines(of command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        switch (command.order, result.facts) {
        case (.createReplica(let order), .launched(let launched)?): noteLaunch(launched, for: order.replica, &turn)
        // The switch was overtaken by a hand-over.
        case (.switch, .launched(let launched)?) where !command.state.isOpen: noteLaunch(launched, for: nil, &turn)
        case (.terminateInstance, .terminated(let target)?) where result.outcome == .done:
            noteTermination(of: target, by: command.instance, &turn)
        case (.terminateInstance(let order), _) where result.outcome == .done:
            noteTermination(of: order.target, by: command.instance, &turn)
        default: break
        }
    }

    private mutating func follow(_ command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        switch command.order {
        case .promote, .activate: followPromotion(command, result, &turn)
        case .demote: followDemotion(command, result, &turn)
        case .switch: followSwitch(command, result, &turn)
        case .createReplica(let order):
            guard result.outcome != .done else { break }
            // Who names the machine knows that it is of no use.
            if result.facts == nil {
                failOrder(of: order.replica, result.message, &turn)
            } else {
                failReplica(order.replica, result.message, &turn)
            }
        case .terminateInstance(let order):
            if result.outcome != .done { noteFailedTermination(of: order.target, result.message, &turn) }
        case .inspectInstance: followInspection(result, &turn)
        case .applyConfig, .cleanup, .unknown, .malformed: break
        }
    }
}

extension CommandState {
    init(_ outcome: CommandResult.Outcome) {
        self =
            switch outcome {
            case .done, .prepared, .fenced: .done
            case .failed, .fenceFailed: .failed
            case .refused: .refused
            case .expired: .expired
            }
    }
}
