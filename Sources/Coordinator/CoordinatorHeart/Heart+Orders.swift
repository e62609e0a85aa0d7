import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
package import Wire

// What administrators order of one slot.
extension Heart {
    package func change(
        _ change: SlotSettingsChange, of slot: SlotID, answer: @escaping @Sendable (Outcome<Configuration>) -> Void
    ) {
        submit(
            SlotWork(on: slot) { slot, turn throws(Refusal) in
                try slot.change(change, &turn)
            } answer: {
                answer($0)
            })
    }

    package func toggle(
        _ enabled: Bool?, _ slot: SlotID, answer: @escaping @Sendable (Outcome<Configuration>) -> Void
    ) {
        submit(
            SlotWork(on: slot) { slot, turn throws(Refusal) in
                try slot.toggle(enabled, &turn)
            } answer: {
                answer($0)
            })
    }

    package func delete(_ slot: SlotID, answer: @escaping @Sendable (Outcome<Nothing>) -> Void) {
        submit(
            SlotWork(on: slot) { slot, turn in
                slot.delete(&turn)
                return Nothing()
            } answer: {
                answer($0)
            })
    }

    package func askSwitch(
        of slot: SlotID, to target: ForceSwitch.Target, answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void
    ) {
        submit(
            SlotWork(on: slot) { slot, turn throws(Refusal) in
                let command = try slot.askSwitch(to: target, &turn)
                return QueuedCommand(command: command.id, message: "\(command.order.sentence) on \(command.instance)")
            } answer: {
                answer($0)
            })
    }

    /// The slot in which a machine lives, when there is exactly one.
    package func slot(holding instance: InstanceID, answer: @escaping @Sendable (Outcome<SlotID>) -> Void) {
        submit(
            ClientWork(answer) { transaction, _ in
                let slots = try transaction.slotsHolding(instance)
                switch slots.count {
                case 0: return .refused(ErrorReply(.notFound, "no agent has an instance \(instance)"))
                case 1: return .done(slots[0])
                default:
                    return .refused(
                        ErrorReply(.conflict, "several agents have an instance \(instance): name the agent"))
                }
            })
    }

    package func promote(
        _ replica: ReplicaID, of slot: SlotID, answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void
    ) {
        promote(slot, Focus(now: .earliest, replica: replica), answer) { slot, turn throws(Refusal) in
            try slot.promote(replica, &turn)
        }
    }

    package func promote(
        _ instance: InstanceID, of slot: SlotID, answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void
    ) {
        promote(slot, Focus(now: .earliest, instance: instance), answer) { slot, turn throws(Refusal) in
            try slot.promote(instance: instance, &turn)
        }
    }

    private func promote(
        _ slot: SlotID, _ focus: Focus, _ answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void,
        _ decide: @escaping @Sendable (inout Slot, inout Turn) throws(Refusal) -> CommandRecord
    ) {
        submit(
            SlotWork(
                on: slot, naming: { Focus(now: $0, instance: focus.instance, replica: focus.replica) },
                lastMoment: .latest
            ) { slot, turn throws(Refusal) in
                let command = try decide(&slot, &turn)
                return QueuedCommand(
                    command: command.id, message: "\(command.instance) is to \(command.order.sentence)")
            } answer: {
                answer($0)
            })
    }

    package func deleteReplica(
        _ replica: ReplicaID, of slot: SlotID, answer: @escaping @Sendable (Outcome<ReplicaReply>) -> Void
    ) {
        submit(
            SlotWork(on: slot, naming: { Focus(now: $0, replica: replica) }) {
                slot, turn throws(Refusal) in
                try slot.deleteReplica(replica, &turn)
            } answer: {
                answer($0)
            })
    }
}
