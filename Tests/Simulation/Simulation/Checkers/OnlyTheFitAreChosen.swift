import CoordinatorCore
import CoordinatorHeart
import JSON
import Wire

/// Whoever is chosen to serve next is a replica that was heard a moment ago, and is ready by its own word, unless a person asked
/// for it, the old one has no time left, or it was started to be the next.
final class OnlyTheFitAreChosen: Checker {
    override var promise: String { "Only who is fit is chosen to serve" }

    override func committed(_ slot: Slot, _ before: Slot?) {
        guard let chosen = slot.promoting, let before, before.promoting?.instance != chosen.instance else { return }
        if slot.deletedAt != nil { broken("\(chosen.instance.short) is chosen, and its agent was deleted") }
        if chosen.isProvenDead { broken("\(chosen.instance.short) is chosen, and was proven dead") }
        guard let earlier = before.host(chosen.instance) else { return }
        guard [.replica, .launching].contains(earlier.role) else {
            return broken("\(chosen.instance.short) is chosen, and was \(earlier.role.rawValue)")
        }
        guard isReadinessAsked(of: chosen, slot, before), let lacks = lacks(chosen.instance), !lacks.isEmpty else {
            return
        }
        broken("\(chosen.instance.short) is chosen for being ready, and lacks: \(lacks.joined(separator: "; "))")
    }

    private func isReadinessAsked(of chosen: Host, _ slot: Slot, _ before: Slot) -> Bool {
        let incident = slot.incidents.filter { $0.isOpen && $0.incident.successor == chosen.instance }
            .min { $0.lastMoment < $1.lastMoment }
        // Without one a person asked, or a switch has come to its end, as it may have while its host was being lost.
        guard let incident, incident.incident.kind != .silence, !world.promotionsAsked.contains(chosen.instance),
            !before.commands.contains(where: { $0.state.isOpen && $0.order.type == "switch" })
        else { return false }
        let lastChoice = incident.lastMoment - .seconds(45)
        return slot.contestedBy != chosen.instance && (world.coordinator.heart?.wall ?? .latest) < lastChoice
    }

    private func lacks(_ instance: InstanceID) -> [String]? { world.machine(instance)?.lacksByItsWord }
}
