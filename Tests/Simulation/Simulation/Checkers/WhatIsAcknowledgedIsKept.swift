import CoordinatorCore
import CoordinatorStore
import JSON
import Wire

/// What the coordinator told somebody is stored is there after every crash: hosts, reports, results, incidents, orders,
/// settings, and each slot no older than it was committed.
final class WhatIsAcknowledgedIsKept: Checker {
    override var promise: String { "What is acknowledged survives every crash" }

    /// Since the last look: what a look has found is not looked for again.
    private var facts: [(slot: SlotID, fact: Acknowledged)] = []
    private var versions: [SlotID: (epoch: Epoch, configuration: ConfigVersion)] = [:]

    override func acknowledged(_ fact: Acknowledged, in slot: SlotID) { facts.append((slot, fact)) }

    override func committed(_ slot: Slot, _ before: Slot?) { versions[slot.id] = (slot.epoch, slot.configVersion) }

    override func storeOpened(_ store: borrowing StoreTransaction) throws {
        for (slot, fact) in facts where try !isKept(fact, of: slot, store) {
            broken("\(fact) of \(slot.short) was acknowledged and is lost")
        }
        facts = []
        for (id, known) in versions.sorted(by: { $0.key < $1.key }) {
            guard let slot = try store.slot(id, naming: Focus(now: .latest)) else {
                broken("\(id.short) was committed and is lost")
                continue
            }
            if slot.epoch < known.epoch || slot.configVersion < known.configuration {
                broken("\(id.short) is older than it was committed")
            }
        }
    }

    private func isKept(_ fact: Acknowledged, of slot: SlotID, _ store: borrowing StoreTransaction) throws -> Bool {
        func load(_ change: (inout Focus) -> Void = { _ in }) throws -> Slot? {
            var focus = Focus(now: .latest)
            change(&focus)
            return try store.slot(slot, naming: focus)
        }
        switch fact {
        case .host(let instance): return try load { $0.instance = instance }?.host(instance) != nil
        // Of results the command holds what came.
        case .report(let stamp, let kind, _, _): return try store.isKnown(ReportKey(stamp, kind), of: slot)
        case .result(let command, _, _, _): return try load { $0.command = command }?.command(command)?.result != nil
        case .incident(let incident): return try load { $0.incident = incident }?.incident(incident) != nil
        case .command(let command): return try load { $0.command = command }?.command(command) != nil
        case .configuration(let version): return try load().map { $0.configVersion >= version } ?? false
        case .deletion: return try load()?.deletedAt != nil
        }
    }
}
