import AgentCore
import CoordinatorCore
import OldAgents
import Wire

// What everything comes to once nothing goes wrong any more.
extension World {
    /// What is not at rest yet, each in a sentence; nothing when all is.
    var unrest: [String] {
        if !coordinator.isUp { return ["the coordinator is not up"] }
        return places.flatMap(unrest(of:))
    }

    private func unrest(of place: Place) -> [String] {
        guard let slot = slot(of: place), slot.deletedAt == nil else { return ["\(place.name) has no agent"] }
        var unrest: [String] = []
        if let promoting = slot.promoting { unrest.append("\(promoting.instance.short) is still to take over") }
        unrest += slot.commands.filter(\.state.isOpen).map { "\($0.order.type) \($0.id.short) is still open" }
        unrest += slot.incidents.filter { $0.isOpen && (waitsForRecommendations || $0.incident.kind != .rebalance) }.map
        {
            "incident \($0.id.short) (\($0.incident.kind.rawValue)) of \($0.incident.instance.short) is still open"
        }
        if slot.contestedBy != nil { unrest.append("it is contested who serves in \(slot.id.short)") }
        guard let primary = slot.primary, let machine = machine(primary.instance), machine.isRunning else {
            return unrest + ["nobody serves in \(slot.id.short)"]
        }
        unrest += self.unrest(of: machine, primary, slot)
        for other in machines where other.place === place && other.isRunning {
            let waiting = other.agent?.memory.reports.count ?? 0
            let isAway = other.agent?.memory.enrolment.map { $0.slot != slot.id } ?? false
            if waiting > 0, !isAway { unrest.append("\(other.id.short) has \(waiting) reports in its outbox") }
        }
        unrest += checks.unrest(in: place)
        return unrest.map { "\(place.name): \($0)" }
    }

    private func unrest(of machine: Machine, _ primary: Host, _ slot: Slot) -> [String] {
        if let old = machine.old { return unrest(of: old, primary, slot) }
        guard let memory = machine.agent?.memory else { return ["\(machine.id.short) has no agent running"] }
        var unrest: [String] = []
        if !coordinator.hears(primary, of: slot) { unrest.append("\(machine.id.short), which serves, is not heard") }
        if memory.role != .primary || memory.epoch != slot.epoch {
            unrest.append("\(machine.id.short) serves, and does not know it")
        }
        if memory.configuration?.version != slot.configVersion {
            unrest.append(
                "\(machine.id.short) has configuration \(memory.configuration?.version.number ?? 0), not \(slot.configVersion)"
            )
        }
        return unrest
    }

    private func unrest(of old: OldProgram, _ primary: Host, _ slot: Slot) -> [String] {
        let name = primary.instance.short
        guard let player = old.player, player.life == .running else { return ["\(name) has no program running"] }
        var unrest: [String] = []
        if !coordinator.hears(primary, of: slot) { unrest.append("\(name), which serves, is not heard") }
        if old.slot != slot.id { unrest.append("\(name) serves, and takes itself for another's") }
        if player.readiness != .ready { unrest.append("\(name) serves, and is not ready") }
        return unrest
    }
}
