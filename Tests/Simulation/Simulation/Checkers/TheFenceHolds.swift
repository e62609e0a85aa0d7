import AgentCore
import CoordinatorCore
import CoordinatorHeart
import JSON
import Wire

/// Where two must never serve, the workload does not run beyond the fence of a demotion, nor beyond the lease, whatever has become of
/// the agent: PID 1 sees to it as soon as it was told.
final class TheFenceHolds: Checker {
    override var promise: String { "The fence holds, with the agent or without" }

    /// From SIGTERM to SIGKILL, and what a service manager takes besides.
    private static let slack = Duration.seconds(4)
    private var armedAt: [InstanceID: Duration] = [:]
    private var suspended: [InstanceID: Duration] = [:]
    /// The demotions that each knows of: a crash may take one that was not on the disk yet, and the timer goes with it.
    private var known: [InstanceID: Set<CommandID>] = [:]

    override func fenceArmed(on machine: Machine) { armedAt[machine.id] = world.agenda.now }

    override func wentOn(_ machine: Machine, after suspension: Duration) {
        // PID 1 does not count what the machine was suspended for; an agent that runs does.
        suspended[machine.id] = world.agenda.now
    }

    override func booted(_ machine: Machine) { suspended[machine.id] = world.agenda.now }

    override func remembers(_ machine: Machine, _ memory: Memory) {
        known[machine.id] = Set(memory.open.map(\.command.id) + memory.ended.map(\.command))
    }

    // MARK: A demotion

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        guard case .commandTaken(let id, "demote", _, _) = announcement,
            let slot = machine.agent?.memory.enrolment.flatMap({ world.coordinator.slots[$0.slot] }),
            let command = slot.command(id), case .demote(let order) = command.order, let fenceAt = order.fenceAt,
            let wall = world.coordinator.heart?.wall
        else { return }
        let began = world.agenda.now
        known[machine.id, default: []].insert(id)
        // By a clock that is astray an agent that is started again in the middle may put it off, but never beyond what the order takes.
        let most = Duration.seconds(order.drainBudgetSeconds + 3)
        let isAstray = !machine.clocks.isRight || !world.coordinator.clock.clocks.isRight
        let left = isAstray ? most : max(.zero, min(fenceAt - wall, most))
        world.agenda.plan(after: left + Self.slack) { [self] in examine(machine, command, since: began) }
    }

    private func examine(_ machine: Machine, _ command: CommandRecord, since began: Duration) {
        let id = command.id
        guard machine.isReached, wasLeftAlone(machine, since: began), known[machine.id]?.contains(id) ?? false,
            let armed = armedAt[machine.id], armed >= began
        else { return }
        // PID 1 could not be asked before, or a unit of the workload could not be killed by anybody.
        let bound = max(armed, machine.manager.canKillFrom) + Self.slack
        guard bound <= world.agenda.now else {
            return world.agenda.plan(at: bound) { [self] in examine(machine, command, since: began) }
        }
        // It was made the one that serves again, or has said that it may go on.
        let memory = machine.agent?.memory ?? machine.disk.kept
        if memory.epoch.map({ $0 > command.epoch }) ?? false { return }
        if memory.ended.contains(where: { $0.command == id && $0.result.outcome != .fenced }) { return }
        broken("\(machine.id.short) runs the workload beyond the fence of demote \(id.short)")
    }

    private func wasLeftAlone(_ machine: Machine, since began: Duration) -> Bool {
        machine.isAwake && (suspended[machine.id] ?? .zero) < began
    }

    // MARK: The lease

    /// Looked at when the lease should have ended, by the last answer that the host had.
    override func answered(_ machine: Machine, _ answer: Result<Answer, AskFailure>, to question: Question) {
        guard case .heartbeat = question, case .success(.heard(let reply)) = answer, let asked = machine.toldAskedAt,
            let granted = reply.leaseSeconds, isUnderLease(machine)
        else { return }
        // It counts by the configuration that it has, and so does the coordinator until it has heard of another one there.
        let seconds = max(granted, machine.agent?.memory.configuration?.settings.leaseSeconds ?? 0)
        let end = asked + .seconds(seconds)
        world.agenda.plan(at: end + .seconds(1)) { [self] in
            guard machine.toldAskedAt == asked, machine.isReached, !machine.isAway, isUnderLease(machine),
                wasLeftAlone(machine, since: asked),
                armedAt[machine.id].map({ $0 >= asked - .seconds(seconds) }) ?? false
            else { return }
            broken("\(machine.id.short) runs the workload beyond its lease")
        }
    }

    private func isUnderLease(_ machine: Machine) -> Bool {
        let memory = machine.agent?.memory ?? machine.disk.kept
        guard let settings = memory.configuration?.settings else { return false }
        return settings.handOver == .exclusive && settings.leaseSeconds > 0 && memory.role == .primary
    }
}
