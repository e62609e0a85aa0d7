import JSON
package import Wire

extension Slot {
    /// Changes some settings. The two ways of choosing where to run exclude each other: switching one on switches the other
    /// off, and both in one request mean nothing.
    package mutating func change(
        _ change: SlotSettingsChange, _ turn: inout Turn
    ) throws(Refusal) -> Configuration {
        try requireInUse()
        let next = try Self.settings(settings, changedBy: change)
        guard next != settings else { return configuration }
        if next.handOver != settings.handOver, let promoting {
            throw Refusal(
                .conflict, "\(promoting.instance) is taking over just now: change hand_over when that is done")
        }
        let before = settings
        settings = next
        if next.handOver == .exclusive, before.handOver == .overlap {
            try requireFences()
            try requireOneToServe(at: turn.now)
        }
        configVersion = configVersion.next
        changeLeases()
        tryAgain()
        let isToggle = before.enabled != next.enabled
        turn.note(
            isToggle ? .agentToggled : .settingsChanged,
            "settings changed: \(Self.difference(from: before, to: next)); version \(configVersion)")
        if before.manualReplicaEnabled && !next.manualReplicaEnabled { endKeptReplicas(&turn) }
        settle(&turn)
        return configuration
    }

    /// Where two may serve nobody sees to it that a replaced host stops; where two must never, that comes first.
    private func requireOneToServe(at now: Timestamp) throws(Refusal) {
        guard let other = unfenced(besides: primary?.instance, at: now).first else { return }
        throw Refusal(
            .conflict,
            "\(other.instance) was replaced and may still serve: terminate it, or wait until it has said that it stopped"
        )
    }

    /// From now on the answers grant another lease, or none. Who holds one may get them, or may not.
    private mutating func changeLeases() {
        let granted = settings.leaseSeconds
        for index in hosts.indices {
            hosts[index].leaseSeconds = granted > 0 ? hosts[index].leaseSeconds.map { max($0, granted) } : nil
        }
    }

    /// The settings of a new slot, with what its first host proposes.
    package static func settings(
        _ settings: SlotSettings, changedBy change: SlotSettingsChange
    ) throws(Refusal) -> SlotSettings {
        if change[.autoSwitchEnabled] == .flag(true), change[.manualReplicaEnabled] == .flag(true) {
            throw Refusal(
                .configuration, "auto_switch_enabled and manual_replica_enabled exclude each other: set one of them")
        }
        var next = change.applied(to: settings)
        if change[.manualReplicaEnabled] == .flag(true) { next.autoSwitchEnabled = false }
        if change[.autoSwitchEnabled] == .flag(true) { next.manualReplicaEnabled = false }
        if next.autoSwitchEnabled && next.manualReplicaEnabled { next.autoSwitchEnabled = false }
        if next.leaseSeconds > 0 && next.handOver != .exclusive {
            throw Refusal(
                .configuration,
                "lease_seconds needs hand_over exclusive: where two may serve for a moment a lease stops the workload for nothing"
            )
        }
        let shortest = Rules.shortestLease(heartbeatSeconds: next.heartbeatSeconds)
        if next.leaseSeconds > 0 && next.leaseSeconds < shortest {
            throw Refusal(
                .configuration,
                "lease_seconds \(next.leaseSeconds) is too short for heartbeat_seconds \(next.heartbeatSeconds): a late "
                    + "heartbeat would stop the workload; at least \(shortest) is needed")
        }
        return next
    }

    package mutating func toggle(_ enabled: Bool?, _ turn: inout Turn) throws(Refusal) -> Configuration {
        var change = SlotSettingsChange()
        change[.enabled] = .flag(enabled ?? !settings.enabled)
        return try self.change(change, &turn)
    }

    /// Whether this slot is the one of its kind that asks EC2 for prices.
    package mutating func reportPrices(_ reports: Bool) {
        guard reports != reportsPrices else { return }
        reportsPrices = reports
        configVersion = configVersion.next
    }

    /// Those that an interruption needs stay.
    private mutating func endKeptReplicas(_ turn: inout Turn) {
        guard !incidents.contains(where: { $0.isOpen && $0.incident.isUrgent(at: turn.now) }) else { return }
        let needed = incidents.filter(\.isOpen).compactMap(\.ordered)
        for replica in activeReplicas where replica.parent != nil && !needed.contains(replica.id) {
            if let instance = replica.instance, host(instance)?.role == .promoting { continue }
            dismiss(replica, "replicas were switched off", &turn)
        }
    }

    private static func difference(from old: SlotSettings, to new: SlotSettings) -> String {
        let (old, new) = (SlotSettingsChange(to: old), SlotSettingsChange(to: new))
        return SlotSetting.allCases.filter { old[$0] != new[$0] }
            .map { "\($0.rawValue) \(text(old[$0])) → \(text(new[$0]))" }.joined(separator: ", ")
    }

    private static func text(_ value: SlotSettingValue?) -> String {
        switch value {
        case .flag(let flag): "\(flag)"
        case .whole(let number): "\(number)"
        case .decimal(let number): number.text
        case .handOver(let handOver): handOver.rawValue
        case nil: ""
        }
    }

    /// Ends the slot: its replicas go, its history stays, and a host that comes back under the same name gets a new slot.
    /// What it still does is to end the machines that are no longer wanted.
    package mutating func delete(_ turn: inout Turn) {
        guard deletedAt == nil else { return }
        for replica in activeReplicas { removeReplica(replica.id, "the agent was deleted", &turn) }
        // A launch that is under way brings a machine, whose name only its host's answer tells.
        cancel(where: { !($0.state == .delivered && $0.order.launchesReplica) }, &turn)
        for incident in incidents where incident.isOpen {
            close(incident.id, as: .averted, "the agent was deleted", &turn)
        }
        deletedAt = turn.now
        turn.note(.agentDeleted, "agent \(logicalAgent) was deleted")
        for host in hosts where host.role == .terminating && !canTerminate {
            noteFailedTermination(
                of: host.instance, "nobody in the deleted agent ends machines: end it by hand", &turn)
        }
        settle(&turn)
    }

    /// A machine is there that ends others.
    private var canTerminate: Bool { primary.map { !$0.isOffline && $0.endsOthers } ?? false }

    /// It was deleted, and its hosts have nothing left to do for it: no launch whose machine is to be told, and none to end.
    package var isOver: Bool {
        deletedAt != nil && !commands.contains(where: \.state.isOpen)
            && !(canTerminate && hosts.contains { terminationDue($0) != nil })
    }
}
