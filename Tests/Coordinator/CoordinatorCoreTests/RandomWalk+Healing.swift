import CoordinatorCore
import Wire

extension RandomWalk {
    /// From here on nothing goes wrong: half of the machines are gone for good, the others do what they are told, and
    /// whoever owns the slot starts a machine when none is left.
    mutating func heal(chance: inout SeededGenerator) throws {
        var alive = Set(
            scene.slot.hosts.filter { $0.role != .terminated }.map(\.instance).filter { _ in
                Bool.random(using: &chance)
            })
        for host in scene.slot.hosts where host.role != .terminated && !alive.contains(host.instance) {
            scene.silence(host.instance)
        }
        for round in 0..<600 {
            if round == 40 {
                for host in scene.slot.hosts where !alive.contains(host.instance) { scene.offline(host.instance) }
            }
            if round == 80, !alive.contains(where: { scene.role($0)?.isInUse == true }) {
                try scene.register(delta)
                alive.insert(delta)
            }
            for machine in alive.sorted() where scene.slot.host(machine) != nil {
                scene.hear(machine)
                try obey(machine, &alive)
            }
            scene.wait(5)
        }
    }

    private mutating func obey(_ machine: InstanceID, _ alive: inout Set<InstanceID>) throws {
        for command in scene.open(for: machine) where command.isDue(at: scene.now) || command.state == .delivered {
            // An answer before may have settled this one.
            guard scene.slot.command(command.id)?.state.isOpen == true else { continue }
            switch command.order {
            case .createReplica, .switch:
                let new = instance(1000 + scene.slot.hosts.count + Int(scene.slot.epoch.number) * 100)
                let launched = CommandResult.LaunchedInstance(
                    instance: new, instanceType: "m5.large", zone: "us-east-1c", mode: .spot)
                try scene.answer(command, .done, .launched(launched))
                try scene.register(new)
                alive.insert(new)
            case .terminateInstance(let order):
                alive.remove(order.target)
                try scene.answer(command, .done, .terminated(order.target))
            case .inspectInstance(let target):
                let state: InstanceState = alive.contains(target) ? .running : .terminated
                try scene.answer(command, .done, .inspected([.init(instance: target, state: state)]))
            case .promote(let order):
                try scene.answer(
                    command, order.awaitsFence ? .prepared : .done,
                    order.awaitsFence ? nil : .activated(at: scene.now, verifiedAt: scene.now))
            case .activate: try scene.answer(command, .done, .activated(at: scene.now, verifiedAt: scene.now))
            case .demote(let order): try scene.answer(command, order.handOver == .exclusive ? .fenced : .done)
            case .applyConfig, .cleanup, .unknown, .malformed: try scene.answer(command)
            }
        }
    }
}
