import AgentCore
import CoordinatorCore
import Wire

/// Once nothing goes wrong, the workload of each slot runs on the machine that is to serve, with its traffic, and, where two must
/// never, on no other.
final class OneServesAtLast: Checker {
    override var promise: String { "At last the one that is to serve does, and no other" }

    override func unrest(in place: Place) -> [String] {
        guard let slot = world.slot(of: place), slot.deletedAt == nil, let primary = slot.primary else { return [] }
        var unrest: [String] = []
        // An old program neither starts nor stops the workload.
        for machine in world.machines where machine.place === place && machine.isRunning && machine.old == nil {
            guard let host = slot.host(machine.id), host.role != .terminated else { continue }
            let memory = machine.agent?.memory ?? machine.disk.kept
            guard memory.enrolment?.slot == slot.id else { continue }
            if machine.id == primary.instance, !machine.manager.serves {
                unrest.append("\(machine.id.short) is to serve, and does not")
            }
            if machine.id == primary.instance, isTrafficTheirs(place, slot),
                let missing = world.sky.lacksTraffic(machine)
            {
                unrest.append("\(machine.id.short) is to serve, and \(missing)")
            }
            if machine.id != primary.instance, machine.isReached, slot.settings.handOver == .exclusive {
                unrest.append("\(machine.id.short) runs the workload, and \(primary.instance.short) is to serve")
            }
            if host.role == .zombie, machine.isReached, !machine.manager.startsWithMachine {
                unrest.append("\(machine.id.short) was replaced, and runs the workload")
            }
        }
        return unrest
    }

    /// A deletion may have left the machines of a workload in two agents' slots, which both had its address and volumes in their
    /// settings. Whoever had them last has them, also when all are in one slot again.
    private func isTrafficTheirs(_ place: Place, _ slot: Slot) -> Bool {
        !world.coordinator.slots.values.contains {
            $0.client == slot.client && $0.logicalAgent == slot.logicalAgent && $0.deletedAt != nil
        }
    }
}
