import JSON
import Wire

extension Command {
    /// Higher goes first, then older.
    static func goesFirst(_ left: Command, _ right: Command) -> Bool {
        (right.priority, left.createdAt, left.id) < (left.priority, right.createdAt, right.id)
    }

    /// Why it is not begun, now or ever.
    func refusal(_ standing: Standing, at time: Timestamp) -> ErrandEnd? {
        switch order {
        case .unknown(let type): return .refused("this agent does not know the command \(type)")
        case .malformed(let type, let why): return .refused("the parameters of \(type) cannot be read: \(why)")
        case .switch, .createReplica, .terminateInstance, .inspectInstance, .applyConfig, .cleanup, .promote, .activate,
            .demote:
            break
        }
        if epoch < standing.epoch { return .refused("it is of epoch \(epoch), and this host knows \(standing.epoch)") }
        if time > expiresAt { return ErrandEnd(outcome: .expired, message: "not begun before \(expiresAt)") }
        return nil
    }

    /// Whether the workload comes up here by it, and not only by what follows it.
    var brings: Bool {
        switch order {
        case .promote(let order): !order.awaitsFence
        case .activate: true
        default: false
        }
    }

    var isDemotion: Bool { if case .demote = order { true } else { false } }

    /// Whether so much time has passed since it should have been begun that the coordinator has long decided otherwise; a
    /// machine that was switched off in the middle of it would otherwise launch another days later. After a start the
    /// coordinator's clock is not known yet, and ours may be an hour off.
    func isLate(_ standing: Standing, _ turn: Turn) -> Bool {
        standing.coordinatorTime(at: turn.wall) > expiresAt + .seconds(3600)
    }

    /// Nil for what is refused.
    func errand(takenAt: Timestamp, _ takeOver: TakeOver) -> (any Errand)? {
        switch order {
        case .switch(let order): SwitchErrand(self, order, takenAt: takenAt)
        case .createReplica(let order): ReplicaErrand(self, order)
        case .terminateInstance(let order): TerminateErrand(self, order)
        case .inspectInstance(let target): InspectErrand(target)
        case .applyConfig(let version): ConfigurationErrand(version)
        case .cleanup(let order): CleanupErrand(id, order)
        case .promote(let order) where order.awaitsFence: PrepareErrand(takeOver: takeOver)
        case .promote(let order):
            Activation(
                takeOver, order.handOver, incident: incident, deadline: order.deadline, predecessor: order.predecessor)
        // Only a slot that never has two waits for it.
        case .activate: Activation(takeOver, .exclusive, incident: incident, deadline: nil)
        case .demote(let order): StandDown(takeOver, .demote(order, takenAt: takenAt), incident: incident)
        case .unknown, .malformed: nil
        }
    }
}

extension Order {
    /// Two side by side would get into each other's way.
    var goesAlone: Bool {
        switch self {
        case .switch, .createReplica, .cleanup: true
        case .terminateInstance, .inspectInstance, .applyConfig, .promote, .activate, .demote, .unknown, .malformed:
            false
        }
    }

    /// Whether the workload comes up or stops here by it.
    var movesTheWorkload: Bool {
        switch self {
        case .promote, .activate, .demote: true
        case .switch, .createReplica, .terminateInstance, .inspectInstance, .applyConfig, .cleanup, .unknown,
            .malformed:
            false
        }
    }
}
