import AgentCore
import Wire

/// A host that has begun to move the workload comes to an end of it, also when its agent is killed in between, and says so. Only a
/// crash that took the memory of it lets it be begun again.
final class WhatIsBegunIsEnded: Checker {
    override var promise: String { "What is begun is ended" }

    private var begun: [InstanceID: [CommandID: String]] = [:]

    override func announced(_ machine: Machine, _ announcement: Announcement) {
        switch announcement {
        case .commandTaken(let id, let type, _, _) where ["promote", "activate", "demote"].contains(type):
            begun[machine.id, default: [:]][id] = type
        case .commandEnded(let id, _, _, _, _): begun[machine.id]?[id] = nil
        case .registered, .cloned: begun[machine.id] = nil
        default: break
        }
    }

    override func remembers(_ machine: Machine, _ memory: Memory) {
        let known = Set(memory.open.map(\.command.id))
        begun[machine.id] = begun[machine.id]?.filter { known.contains($0.key) }
    }

    override func unrest(in place: Place) -> [String] {
        world.machines.filter { $0.place === place && $0.isRunning && !$0.isAway }.flatMap { machine in
            (begun[machine.id] ?? [:]).sorted { $0.key < $1.key }.map { id, type in
                "\(machine.id.short) has begun \(type) \(id.short), and not ended it"
            }
        }
    }
}
