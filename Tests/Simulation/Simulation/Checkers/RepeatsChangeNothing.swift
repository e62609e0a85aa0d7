import Wire

/// A report counts once, however often it comes.
final class RepeatsChangeNothing: Checker {
    override var promise: String { "A report counts once" }

    private var accepted: Set<Said> = []

    override func acknowledged(_ fact: Acknowledged, in slot: SlotID) {
        guard case .report(let stamp, _, .accepted, let said?) = fact else { return }
        if !accepted.insert(said).inserted {
            broken("report \(said.report) of \(stamp.instance.short) was accepted twice")
        }
    }
}
