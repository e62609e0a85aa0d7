import CoordinatorHeart
import HTTPServer
import JSON
import Platform
import Wire

// One slot, for its own hosts and for administrators.
extension API {
    func serveSlot(_ visit: Visit) {
        guard let slot = visit.value(0, of: SlotKind.self) else { return }
        switch visit.route {
        case .agent: visit.later { heart.agent(slot, answer: $0) }
        case .emergencyStatus: visit.later { heart.emergencyStatus(of: slot, answer: $0) }
        case .readiness: visit.later { heart.readiness(of: slot, answer: $0) }
        case .replicas: replicas(visit, of: slot)
        default:
            guard let creation = visit.body(ReplicaCreation.self) else { return }
            visit.later { heart.createReplica(creation, of: slot, answer: $0) }
        }
    }

    private func replicas(_ visit: Visit, of slot: SlotID) {
        guard let text = visit.request.parameter("status") else {
            return visit.later { heart.replicas(of: slot, with: nil, answer: $0) }
        }
        guard let status = ReplicaStatus(rawValue: text) else {
            let words = ReplicaStatus.allCases.map(\.rawValue).joined(separator: ", ")
            return visit.refuse(.validation, "status: expected one of \(words)")
        }
        visit.later { heart.replicas(of: slot, with: status, answer: $0) }
    }

    // MARK: What an administrator orders

    func serveOrder(_ visit: Visit) {
        if visit.route == .forceSwitch { return forceSwitch(visit) }
        guard let slot = visit.value(0, of: SlotKind.self) else { return }
        switch visit.route {
        case .toggleEnabled:
            guard let change = visit.body(EnabledChange.self) else { return }
            visit.later({ heart.toggle(change.enabled, slot, answer: $0) }) {
                .json(EnabledChange(enabled: $0.settings.enabled))
            }
        case .changeSettings:
            guard let change = visit.body(SlotSettingsChange.self) else { return }
            visit.later { heart.change(change, of: slot, answer: $0) }
        case .deleteSlot: visit.later { heart.delete(slot, answer: $0) }
        case .switchSlot:
            guard let order = visit.body(ForceSwitch.self) else { return }
            visit.later { heart.askSwitch(of: slot, to: order.target, answer: $0) }
        case .promoteInstance:
            guard let instance = visit.value(1, of: InstanceKind.self) else { return }
            visit.later { heart.promote(instance, of: slot, answer: $0) }
        default:
            guard let replica = visit.value(1, of: ReplicaKind.self) else { return }
            if visit.route == .promoteReplica {
                visit.later { heart.promote(replica, of: slot, answer: $0) }
            } else {
                visit.later { heart.deleteReplica(replica, of: slot, answer: $0) }
            }
        }
    }

    /// By the machine's name, as the original's page asks: its slot is looked up first.
    private func forceSwitch(_ visit: Visit) {
        guard let instance = visit.value(0, of: InstanceKind.self), let order = visit.body(ForceSwitch.self) else {
            return
        }
        visit.later { answer in
            heart.slot(holding: instance) { [heart] outcome in
                switch outcome {
                case .done(let slot): heart.askSwitch(of: slot, to: order.target, answer: answer)
                case .refused(let reply): answer(.refused(reply))
                case .unavailable(let reason): answer(.unavailable(reason))
                }
            }
        }
    }
}
