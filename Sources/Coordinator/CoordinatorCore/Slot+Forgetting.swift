import JSON
import Wire

// Machines that were replaced and that nobody could end or find. A slot is loaded whole, so they do not stay for ever.
extension Slot {
    mutating func forgetLost(_ turn: inout Turn) {
        for host in hosts {
            guard let due = lostAt(host), due <= turn.now else { continue }
            forget(host.instance, "it was not heard for \(Rules.lostAfter.components.seconds / 86_400) days", &turn)
        }
    }

    func lostAt(_ host: Host) -> Timestamp? {
        guard host.role.isReplaced, host.isOffline else { return nil }
        return max(host.roleSince, host.lastHeardAt ?? host.registeredAt) + Rules.lostAfter
    }

    /// Where there is no room the one goes that has been lost for longest. Returns whether there is room now.
    mutating func makeRoomForHost(_ turn: inout Turn) -> Bool {
        guard hosts.count(where: { $0.role != .terminated }) >= Rules.runningHostsMax else { return true }
        let lost = hosts.compactMap { host in lostAt(host).map { (at: $0, instance: host.instance) } }
        guard let first = lost.min(by: { ($0.at, $0.instance) < ($1.at, $1.instance) }) else { return false }
        forget(first.instance, "there are too many, and it is not heard", &turn)
        return true
    }

    private mutating func forget(_ instance: InstanceID, _ reason: String, _ turn: inout Turn) {
        change(instance) { $0.become(.terminated, at: turn.now) }
        if let replica = replica(of: instance), replica.status.isActive { endReplica(replica.id, at: turn.now) }
        cancel(where: { $0.instance == instance }, &turn)
        turn.note(
            .hostForgotten, "\(instance) is forgotten: \(reason); should it still run, end it by hand",
            instance: instance)
    }
}
