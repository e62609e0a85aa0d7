import JSON
package import Wire

// What hosts know of the epoch. They learn it from the record, so one that knows a newer one has seen more than the record: it
// was restored from an older copy, and what it says of who serves may be over.
extension Slot {
    /// A host told the newest epoch that it knows. Without catching up, its orders would be refused as old for ever.
    mutating func learn(_ heard: Epoch?, from instance: InstanceID, _ turn: inout Turn) {
        guard let heard, heard > epoch, heard.number - epoch.number <= Rules.epochsAheadMax, deletedAt == nil,
            let host = host(instance), host.role != .terminated
        else { return }
        turn.note(
            .recordOutdated,
            "\(instance) knows epoch \(heard), and the record only \(epoch): it was older than the fleet (restored?)",
            instance: instance)
        raiseEpoch(to: heard, &turn)
    }

    /// Whether a heartbeat says that its host serves where the record has it stand by, under the newest epoch or one that is
    /// news: of an older epoch that would be a matter of the past.
    package static func isContrary(_ heartbeat: Heartbeat, to role: Role, _ epoch: Epoch) -> Bool {
        guard let heard = heartbeat.epoch, heartbeat.role == .primary, role != .primary else { return false }
        return heard > epoch || (heard == epoch && role == .replica)
    }

    /// Two may serve, or the record names the wrong one. Which machine to end only a person can tell.
    mutating func contest(by instance: InstanceID, _ turn: inout Turn) {
        guard deletedAt == nil, let host = host(instance) else { return }
        // Where two must never serve, nobody else may before it has stopped.
        if !host.mayServe { change(instance) { $0.service = .told } }
        guard contestedBy == nil else { return }
        contestedBy = instance
        turn.note(
            .primaryContested,
            "\(instance) says that it serves, and the record has \(primary?.instance.text ?? "nobody") serve: no machine of this "
                + "agent is ended until you promote the one that is to serve, or end \(instance)",
            instance: instance)
    }
}
