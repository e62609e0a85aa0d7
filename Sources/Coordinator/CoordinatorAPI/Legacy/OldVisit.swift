import CoordinatorHeart
import HTTPServer
import JSON
import Wire

/// One request of an old host, or of a page beside it: whose slot it names, and what it sent.
struct OldVisit: Sendable {
    let visit: Visit
    let heart: Heart
    let slot: SlotID
    let body: OldBody

    /// Nil: it was refused. A heartbeat that cannot be read is one all the same.
    init?(_ visit: Visit, _ heart: Heart) {
        guard let slot = visit.value(0, of: SlotKind.self) else { return nil }
        do throws(JSONError) { body = try OldBody(visit.request.body) } catch {
            guard visit.route == .heartbeat, visit.old == nil else {
                visit.refuse(.validation, "\(error)")
                return nil
            }
            body = OldBody(nil)
        }
        self.visit = visit
        self.heart = heart
        self.slot = slot
    }

    /// Which of the slot's hosts speaks; nil when that cannot be told, and then nothing may follow from its words.
    var speaker: Line? { speaker(named: named) }

    /// What it calls itself.
    var named: InstanceID? { body.name("instance_id", "cloud_instance_id") }

    func speaker(named instance: InstanceID?, fromKnownAddress: Bool = false) -> Line? {
        heart.speaker(in: slot, named: instance, from: visit.request.peer.text, fromKnownAddress: fromKnownAddress)
    }

    /// The same of who announces its end: to pass over a true announcement costs more than to heed a wrong one.
    var announcer: Line? { speaker ?? (named == nil ? heart.onlyHost(in: slot) : nil) }

    /// The same where it does not matter which of the slot's hosts does it.
    var spokesman: Line? { heart.spokesman(in: slot, from: visit.request.peer.text) }

    /// Whoever asks in a circle is told to come later. `isNameless`: the call cannot name its host.
    func isSlowed(_ line: Line?, isNotice: Bool = false, isNameless: Bool = false) -> Bool {
        guard let line else { return false }
        let isHeard = !isNameless || !heart.isMistakable(line)
        guard !line.admits(aNotice: isNotice, isHeard: isHeard, at: visit.arrivedAt) else { return false }
        visit.refuse(.tooManyRequests, "this host asks too often: slow down")
        return true
    }

    func answer(_ write: @escaping OldReply.Write = { _ in }) { visit.answer(.old(write)) }

    func later<Reply: Sendable>(
        _ ask: (@escaping @Sendable (Outcome<Reply>) -> Void) -> Void,
        _ respond: @escaping @Sendable (Reply) -> Response
    ) {
        visit.later(ask, respond)
    }

    /// A report was taken, or changed nothing: old hosts only ask whether it arrived.
    func report(_ ask: (@escaping @Sendable (Outcome<ReportReply>) -> Void) -> Void) {
        visit.later(ask) { reply in .old { $0.field("outcome", reply.outcome) } }
    }

    /// For what no host of the slot can be said to have sent.
    func answerStale() { answer { $0.field("outcome", ReportReply.Outcome.stale) } }

    /// One more of the names in the path. Nil: it was refused.
    func name<Kind: IdentifierKind>(_ place: Int, of kind: Kind.Type = Kind.self) -> Identifier<Kind>? {
        visit.value(place, of: kind)
    }
}
