import JSON
import Wire

// Switches that were done by the word of a host alone: until the new machine is heard, or seen to run, the old one is the primary.
extension Slot {
    /// The host switched, and says not to which machine, or that nobody has seen that one run: its report tells, or the machine itself.
    mutating func awaitMachine(of command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        // What names a machine says more than what names none.
        guard command.result?.facts == nil else { return }
        changeCommand(command.id) { $0.result = result }
        guard case .launched(let launched)? = result.facts else { return }
        changeCommand(command.id) { $0.leaseUntil = turn.now + Rules.firstWordTime }
        guard host(launched.instance) == nil else { return }
        var replica = Replica(id: turn.makeID(), type: .manual, status: .launching, createdAt: turn.now)
        replica.parent = command.instance
        replicas.append(replica)
        noteLaunch(launched, for: replica.id, &turn)
    }

    /// The machine that a switch waited for is heard.
    mutating func concludeAwaitedSwitch(_ turn: inout Turn) {
        guard let command = openSwitch, let awaited = command.awaitedMachine, let result = command.result,
            host(awaited)?.isFresh == true
        else { return }
        followSwitch(command, result, &turn)
    }

    /// A host tells of a switch that was overtaken: its machine is there all the same, and whether it is to stay a person decides.
    mutating func claimLate(_ new: SwitchedInstance, by maker: InstanceID, _ turn: inout Turn) {
        guard deletedAt == nil, let maker = host(maker), maker.isTokenless, host(new.instance) == nil,
            !isOnlyElsewhere(new.instance), activeReplicas.count < Rules.replicasMax
        else { return }
        hosts.append(machine(new.instance, HostFacts(new), of: maker, at: turn.now))
        addReplica(for: new.instance, parent: nil, &turn)
        turn.note(
            .replicaOrdered, "\(new.instance), of a switch that was overtaken, was taken in as replica",
            instance: new.instance)
        settle(&turn)
    }

    /// The new machine has enrolled in another agent, and serves there if anywhere.
    mutating func giveUpSwitch(of old: InstanceID, to new: InstanceID, _ turn: inout Turn) {
        guard isOnlyElsewhere(new), let open = openSwitch, open.instance == old else { return }
        let result = open.answer(.failed, "\(new) is a host of another agent", at: turn.now)
        finish(open.id, as: .failed, with: result, &turn)
        settle(&turn)
    }
}

extension CommandRecord {
    /// The machine that its host says it launched for a switch that is not concluded: nobody saw it run.
    var awaitedMachine: InstanceID? {
        guard state.isOpen, case .switch = order, case .launched(let launched)? = result?.facts else { return nil }
        return launched.instance
    }
}
