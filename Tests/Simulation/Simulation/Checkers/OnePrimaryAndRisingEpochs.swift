import CoordinatorCore
import Wire

/// A slot has at most one primary. Its epoch only rises, and rises with each new primary. What is ended stays so.
final class OnePrimaryAndRisingEpochs: Checker {
    override var promise: String { "One primary, and an epoch that rises with each" }

    private var primaries: [SlotID: (instance: InstanceID, epoch: Epoch)] = [:]

    override func committed(_ slot: Slot, _ before: Slot?) {
        let serving = slot.hosts.filter { $0.role == .primary }
        if serving.count > 1 { broken("\(slot.id.short) has \(serving.count) primaries") }
        guard let before else { return }
        if slot.epoch < before.epoch { broken("\(slot.id.short) went from epoch \(before.epoch) to \(slot.epoch)") }
        if before.deletedAt != nil, slot.deletedAt == nil { broken("\(slot.id.short) was deleted and is back") }
        guard let primary = slot.primary?.instance else { return }
        if let last = primaries[slot.id], last.instance != primary, last.epoch >= slot.epoch {
            broken("\(primary.short) serves in place of \(last.instance.short), and the epoch is still \(slot.epoch)")
        }
        // The old one still serves when the epoch rises for its successor, as it may in the commit that made it the primary.
        let epoch = slot.promoting == nil ? slot.epoch : before.epoch
        if primaries[slot.id]?.instance != primary { primaries[slot.id] = (primary, epoch) }
    }
}
