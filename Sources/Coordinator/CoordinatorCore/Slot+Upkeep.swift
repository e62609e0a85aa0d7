import JSON
import Wire

// The replicas that a person wants to be kept.
extension Slot {
    var activeReplicas: [Replica] { replicas.filter(\.status.isActive) }

    /// How many replicas a person wants to be kept.
    var replicasWanted: Int {
        deletedAt == nil && settings.manualReplicaEnabled ? max(1, settings.replicaCount) : 0
    }

    /// The missing are ordered; of too many, those go that are not ready, and the youngest.
    mutating func keepReplicas(_ turn: inout Turn) {
        guard settings.enabled, promoting == nil, let primary, primary.isFresh else { return }
        orderMissing(&turn)
        let isSwitching = openSwitch != nil
        guard !isSwitching, !incidents.contains(where: \.isOpen) else { return }
        endSurplus(&turn)
    }

    private mutating func orderMissing(_ turn: inout Turn) {
        let isPressed = incidents.contains { $0.isOpen && $0.incident.isUrgent(at: turn.now) }
        guard !isPressed, activeReplicas.count < replicasWanted, !isLaunchPutOff(launchPause, &turn) else { return }
        for _ in activeReplicas.count..<replicasWanted { orderReplica(.manual, &turn) }
    }

    /// Those that joined by themselves (no parent) somebody else started, and somebody else ends. Those that an interruption
    /// needed end with it.
    private mutating func endSurplus(_ turn: inout Turn) {
        let surplus = activeReplicas.count - replicasWanted
        guard surplus > 0 else { return }
        var ready = activeReplicas.count { $0.status == .ready }
        let ours = activeReplicas.filter { $0.type == .manual && $0.parent != nil && !mayBeAnothers($0) }
            .sorted { left, right in
                (left.status == .ready) == (right.status == .ready)
                    ? Slot.isOlder(right, left) : right.status == .ready
            }
        for replica in ours.prefix(surplus) {
            // One that is ready does not go for the sake of others that may never be.
            if replica.status == .ready {
                guard ready > replicasWanted else { return }
                ready -= 1
            }
            removeReplica(replica.id, "there are more than are wanted", &turn)
        }
    }

    /// Orders that never became a replica. A machine that was launched and never spoke is of no use to anybody.
    mutating func giveUpLaunches(_ turn: inout Turn) {
        for replica in activeReplicas {
            guard let due = givenUpAt(replica), due <= turn.now else { continue }
            failReplica(
                replica.id, "nothing was heard of it for \(Rules.replicaLaunchTime.components.seconds) s", &turn)
            if let instance = replica.instance, replica.parent != nil {
                change(instance) { $0.become(.terminating, at: turn.now) }
            }
        }
    }

    /// When a replica has failed to come; nil for one that came.
    func givenUpAt(_ replica: Replica) -> Timestamp? {
        guard replica.status.isActive else { return nil }
        guard let instance = replica.instance else { return replica.createdAt + Rules.replicaLaunchTime }
        guard let host = host(instance), host.role == .launching, !isTakenForReady(host) else { return nil }
        return host.roleSince + Rules.replicaLaunchTime
    }
}
