import AgentCore
import CoordinatorCore
import JSON
import Wire

/// Nobody stops the workload without a successor that is committed, before the last moment: an agent stops it by a command, for
/// what it says it does, or because it does not come up; and the one that serves is told to only for another one.
final class NoStopWithoutReason: Checker {
    override var promise: String { "Nobody stops the workload without a successor, before the last moment" }

    /// What each says that it stops for, and has not ended.
    private var halting: Set<InstanceID> = []
    private var comingUp: Set<InstanceID> = []
    /// What each could not do, and tries again.
    private var failed: [InstanceID: Halt] = [:]

    /// When each last stood still: what came meanwhile it reads in the order in which it came.
    private var wentOnAt: [InstanceID: Duration] = [:]

    /// PID 1 did not answer: a timer that was to be armed may have been, and have fired.
    private var fenceUnknown: Set<InstanceID> = []
    /// A lease is as long as it was when it was granted.
    private var configuredAt: [InstanceID: Duration] = [:]

    override func wentOn(_ machine: Machine, after suspension: Duration) { wentOnAt[machine.id] = world.agenda.now }

    // MARK: The coordinator

    override func committed(_ slot: Slot, _ before: Slot?) {
        for command in slot.commands where command.state.isOpen && before?.command(command.id) == nil {
            guard case .demote(let order) = command.order, slot.primary?.instance == command.instance else { continue }
            if order.successor == command.instance || slot.promoting?.instance != order.successor {
                broken("\(command.instance.short) is told to stop for \(order.successor.short), which is not to serve")
            }
        }
    }

    // MARK: An agent

    override func remembers(_ machine: Machine, _ memory: Memory) {
        halting.remove(machine.id)
        comingUp.remove(machine.id)
    }

    override func acts(_ machine: Machine, _ act: Act) {
        switch act {
        case .start: comingUp.insert(machine.id)
        case .stop:
            let isForItself = machine.agent?.memory.open.contains {
                if case .demote(let order) = $0.command.order { order.successor == machine.id } else { false }
            }
            if isForItself ?? false { broken("\(machine.id.short) stops the workload for itself to take over") }
            let isOrdered = machine.agent?.memory.open.contains { $0.command.order.movesTheWorkloadHere } ?? false
            if !isOrdered, !halting.contains(machine.id), !comingUp.contains(machine.id) {
                broken("\(machine.id.short) stops the workload, and nobody has told it to")
            }
        default: break
        }
    }

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        switch announcement {
        case .halting(let halt):
            halting.insert(machine.id)
            if failed[machine.id] != halt { examine(halt, on: machine) }
        case .halted:
            halting.remove(machine.id)
            failed[machine.id] = nil
        case .notHalted(let halt, _):
            halting.remove(machine.id)
            failed[machine.id] = halt
        case .fenceNotArmed: fenceUnknown.insert(machine.id)
        case .fenceArmed: fenceUnknown.remove(machine.id)
        case .configured: configuredAt[machine.id] = world.agenda.now
        case .serving: comingUp.remove(machine.id)
        case .commandEnded(_, "promote", .done, _, _), .commandEnded(_, "activate", .done, _, _):
            comingUp.remove(machine.id)
        default: break
        }
    }

    private func examine(_ halt: Halt, on machine: Machine) {
        guard let memory = machine.agent?.memory, let settings = memory.configuration?.settings else { return }
        let now = world.agenda.now
        if halt != .lastMoment, settings.handOver == .overlap, halt != .standBy, halt != .fenceFired {
            broken("\(machine.id.short) stops because \(halt.words), where two may serve")
        }
        switch halt {
        case .lastMoment: examineLastMoment(machine, settings)
        case .leaseLost:
            guard let asked = machine.toldAskedAt, machine.life == 1, settings.leaseSeconds > 0,
                configuredAt[machine.id].map({ $0 <= asked }) ?? true
            else { return }
            let left = asked + .seconds(settings.leaseSeconds) - now
            if left > .seconds(6), wentOnAt[machine.id].map({ now - $0 > .seconds(10) }) ?? true {
                broken("\(machine.id.short) stops for its lease \(Story.text(left)) before its end")
            }
        case .fenceFired:
            // A timer that was put off by a suspension has fired as far as the agent can tell.
            let clock = machine.clocks.monotonic(at: now)
            if fenceUnknown.contains(machine.id) { return }
            if let timer = machine.manager.timer, timer.at - clock > .seconds(1), clock == machine.clocks.boot(at: now)
            {
                broken("\(machine.id.short) takes its fence for fired")
            }
        case .newBoot, .pause, .standBy, .unstopped: break
        }
    }

    private func examineLastMoment(_ machine: Machine, _ settings: SlotSettings) {
        // By a clock that is astray it is where that clock says.
        guard !world.faults.wrongClocks, world.faults.coordinatorClockJumps == 0, world.faults.clockJumps == 0,
            let end = machine.announcedEnd
        else { return }
        let last = end - .seconds(settings.drainBudgetSeconds) - .seconds(5)
        let early = last - world.agenda.now
        // The coordinator's clock is known to within half of what its answers take.
        let arePrompt = world.faults.delay == 0 && world.faults.pauses == 0 && world.faults.coordinatorPauses == 0
        if early > (arePrompt ? .milliseconds(500) : .seconds(4)) {
            broken("\(machine.id.short) stops \(Story.text(early)) before the last moment")
        }
    }
}

extension Order {
    fileprivate var movesTheWorkloadHere: Bool {
        switch self {
        case .promote, .activate, .demote: true
        default: false
        }
    }
}
