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
        case .promote, .activate, .demote: return .refused("this agent cannot take over yet")
        case .switch, .createReplica, .terminateInstance, .inspectInstance, .applyConfig, .cleanup: break
        }
        if epoch < standing.epoch { return .refused("it is of epoch \(epoch), and this host knows \(standing.epoch)") }
        if time > expiresAt { return ErrandEnd(outcome: .expired, message: "not begun before \(expiresAt)") }
        return nil
    }

    /// Whether so much time has passed since it should have been begun that the coordinator has long decided otherwise; a
    /// machine that was switched off in the middle of it would otherwise launch another days later. After a start the
    /// coordinator's clock is not known yet, and ours may be an hour off.
    func isLate(_ standing: Standing, _ turn: Turn) -> Bool {
        standing.coordinatorTime(at: turn.wall) > expiresAt + .seconds(3600)
    }

    /// Nil for what is refused.
    func errand(takenAt: Timestamp) -> (any Errand)? {
        switch order {
        case .switch(let order): SwitchErrand(self, order, takenAt: takenAt)
        case .createReplica(let order): ReplicaErrand(self, order)
        case .terminateInstance(let order): TerminateErrand(self, order)
        case .inspectInstance(let target): InspectErrand(target)
        case .applyConfig(let version): ConfigurationErrand(version)
        case .cleanup(let order): CleanupErrand(id, order)
        case .promote, .activate, .demote, .unknown, .malformed: nil
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
}
