import CoordinatorCore
import Wire

/// A host is a machine that EC2 has, and so is each that is to be ended: what stands for one that is not there yet, or comes from
/// elsewhere, is none.
final class OnlyMachinesAreHosts: Checker {
    override var promise: String { "Only a machine that is there is a host" }

    override func committed(_ slot: Slot, _ before: Slot?) {
        for host in slot.hosts where before?.host(host.instance) == nil { examine(host.instance, slot) }
        for command in slot.commands where before?.command(command.id) == nil {
            if case .terminateInstance(let order) = command.order { examine(order.target, slot) }
        }
    }

    private func examine(_ instance: InstanceID, _ slot: Slot) {
        if world.sky.state(of: instance) == nil { broken("\(instance) is a host of \(slot.id.short), and no machine") }
    }
}
