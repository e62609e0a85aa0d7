import JSON
import OldAgents
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

    private var acceptedOfOld: Set<[UInt8]> = []

    /// Old programs give their reports no names: the same word for word is the same. v3.2 puts no time into its prices, and what came
    /// of ending a machine has its name from the time at which it comes: of these nobody can tell.
    override func told(_ machine: Machine, _ call: OldCall, _ reply: OldValue) {
        guard reply["outcome"]?.text == "accepted", let body = call.body, !call.path.hasSuffix("/termination-report"),
            machine.old?.build != .v3 || !call.path.hasSuffix("/pricing-report")
        else { return }
        if !acceptedOfOld.insert(Array(call.path.utf8) + encodeJSON(body)).inserted {
            broken("what \(machine.id.short) sent to \(call.path) was accepted twice")
        }
    }
}
