import AgentCore
import CoordinatorCore
import Wire

/// Where two must never serve, no client finds two: machines whose workload has programs, and that neither stand still nor are off.
/// One that has only just started, gone on after it stood still, or enrolled has the time that it takes to stop first; its
/// agent's time, for what nobody could do is nobody's fault.
final class NeverTwoAreReached: Checker {
    override var promise: String { "Never two that a client can reach where two must never serve" }

    private static let timeToStop = Duration.seconds(15)
    private static let look = Duration.milliseconds(500)
    /// What is left to each that is in doubt.
    private var doubts: [InstanceID: Duration] = [:]

    override func booted(_ machine: Machine) { doubt(machine) }
    override func wentOn(_ machine: Machine, after suspension: Duration) { doubt(machine) }
    override func announced(_ machine: Machine, _ announcement: Announcement) {
        switch announcement {
        case .registered, .configured: doubt(machine)
        default: break
        }
    }
    /// A new process of the agent has to find out anew.
    override func remembers(_ machine: Machine, _ memory: Memory) {
        if doubts[machine.id] != nil { doubts[machine.id] = Self.timeToStop }
    }

    private func doubt(_ machine: Machine) {
        let isNew = doubts.updateValue(Self.timeToStop, forKey: machine.id) == nil
        if isNew { count(machine) }
    }

    private func count(_ machine: Machine) {
        world.agenda.plan(after: Self.look) { [self] in
            guard machine.isRunning, let left = doubts[machine.id] else { return doubts[machine.id] = nil }
            let isAble = machine.shell != nil && machine.isAwake && machine.manager.awayUntil <= world.agenda.now
            doubts[machine.id] = isAble ? left - Self.look : left
            if isAble, left <= Self.look {
                doubts[machine.id] = nil
                workloadChanged(machine)
            } else {
                count(machine)
            }
        }
    }

    override func workloadChanged(_ machine: Machine) {
        guard machine.isReached, let slot = world.slot(of: machine.place), slot.deletedAt == nil,
            slot.settings.handOver == .exclusive, slot.contestedBy == nil, isCertain(machine, slot)
        else { return }
        for other in world.machines where other !== machine && other.place === machine.place && other.isReached {
            if isCertain(other, slot) {
                broken("\(machine.id.short) and \(other.id.short) both run the workload of \(slot.id.short)")
            }
        }
    }

    private func isCertain(_ machine: Machine, _ slot: Slot) -> Bool {
        guard doubts[machine.id] == nil, let host = slot.host(machine.id), host.role != .terminated else {
            return false
        }
        // One that was never told to serve, and has not heard that two must not, runs what its owner has start with it.
        let memory = machine.agent?.memory ?? machine.disk.kept
        // One of a deleted agent that was asked back and died of it before that was on its disk stays away, and goes on.
        guard memory.enrolment?.slot == slot.id else { return false }
        return host.service != .idle || memory.configuration?.settings.handOver == .exclusive
    }
}
