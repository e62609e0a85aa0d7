import AgentCore
import Wire

/// A machine that EC2 takes, and whose end it has known in time, has stopped its workload in good order before: what is stopped by a
/// machine that goes was not drained, and tears what it writes.
final class TheLastMomentIsKept: Checker {
    override var promise: String { "Whoever goes has stopped its workload before" }

    private var processes: [InstanceID: Int] = [:]
    private var disturbed: [InstanceID: Duration] = [:]
    private var knownSince: [InstanceID: Duration] = [:]

    override func remembers(_ machine: Machine, _ memory: Memory) {
        disturbed[machine.id] = world.agenda.now
    }
    override func wentOn(_ machine: Machine, after suspension: Duration) { disturbed[machine.id] = world.agenda.now }
    override func booted(_ machine: Machine) { disturbed[machine.id] = world.agenda.now }

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        // The machine's metadata has taken it back, and so has the agent.
        if case .noticeGone(.interruption) = announcement,
            machine.metadata.interruption == nil || machine.metadata.flickers
        {
            knownSince[machine.id] = nil
        }
        guard case .noticed(.interruption) = announcement, let end = machine.announcedEnd,
            let settings = machine.agent?.memory.configuration?.settings, machine.agent?.memory.role != nil
        else { return }
        let last = end - .seconds(settings.drainBudgetSeconds) - .seconds(5)
        let seen = world.agenda.now
        guard seen < last - .seconds(2) else { return }
        knownSince[machine.id] = seen
        world.agenda.plan(at: end - .milliseconds(500)) { [self] in examine(machine, since: seen) }
    }

    private func examine(_ machine: Machine, since seen: Duration) {
        guard machine.isReached, machine.shell != nil, machine.metadata.interruption != nil, !machine.metadata.flickers,
            machine.clocks.isRight, world.coordinator.clock.clocks.isRight,
            world.faults.managerTroubles == 0, machine.manager.canKillFrom <= seen,
            (disturbed[machine.id] ?? .zero) < seen, knownSince[machine.id] == seen,
            machine.agent?.memory.role == .primary
        else { return }
        broken("\(machine.id.short) goes with its workload running, and has known of it for long")
    }
}
