package import JSON
package import Wire

/// One completed move of a workload, for the history that savings are counted from.
package struct SwitchRecord: Equatable, Sendable {
    package var at: Timestamp
    package var trigger: Trigger
    package var old: SwitchedInstance?
    package var new: SwitchedInstance
    package var onDemandPrice: JSONNumber?
    package var oldSpotPrice: JSONNumber?
    package var newSpotPrice: JSONNumber?
    package var timing: SwitchTiming?

    package init(at: Timestamp, trigger: Trigger, old: SwitchedInstance?, new: SwitchedInstance) {
        self.at = at
        self.trigger = trigger
        self.old = old
        self.new = new
    }
}

extension SwitchRecord {
    /// What the move saves in its first day, in billionths of a dollar; a move to a dearer machine takes nothing from what
    /// others saved. Where there is no spot price the one on demand counts, and without that nothing is known.
    package var saved: Int64 {
        let (old, new) = (hourly(oldSpotPrice), hourly(newSpotPrice))
        guard let old, let new else { return 0 }
        return max(0, old - new) * 24
    }

    private func hourly(_ spot: JSONNumber?) -> Int64? {
        let onDemand = onDemandPrice?.whole(shiftedBy: 9)
        guard let spot = spot?.whole(shiftedBy: 9), spot > 0 else { return onDemand }
        return spot
    }
}

extension Slot {
    /// A person, or a decision, wants the workload on another machine.
    package mutating func askSwitch(
        to target: ForceSwitch.Target, _ turn: inout Turn
    ) throws(Refusal) -> CommandRecord {
        guard let primary else {
            throw Refusal(.conflict, "agent \(id) has no primary to switch from")
        }
        guard primary.presence != .offline else {
            throw Refusal(.conflict, "\(primary.instance) is offline and could not obey: promote a replica instead")
        }
        guard primary.abilities.contains(.switches) else {
            throw Refusal(
                .conflict,
                "\(primary.instance) has not asked for switches yet, and may never: promote a replica instead")
        }
        if let promoting {
            throw Refusal(.conflict, "\(promoting.instance) is taking over just now: wait for its outcome")
        }
        if let open = openSwitch {
            throw Refusal(.conflict, "command \(open.id) is a switch under way: wait for its outcome")
        }
        try requireRoomForCommands()
        let (mode, pool): (Mode, PoolID?) =
            switch target {
            case .onDemand: (.ondemand, nil)
            case .pool(let pool): (.spot, pool)
            }
        if mode == primary.facts.mode, pool == nil || pool == primary.facts.pool {
            throw Refusal(.conflict, "\(primary.instance) is there already (\(pool?.text ?? mode.rawValue))")
        }
        tryAgain()
        let wait = settings.autoTerminateEnabled ? settings.terminateWaitSeconds : 0
        turn.note(
            .switchRequested, "a switch to \(pool?.text ?? mode.rawValue) was asked for", instance: primary.instance)
        let id = queue(
            .switch(Order.Switch(mode: mode, pool: pool, terminateWaitSeconds: wait)), to: primary.instance,
            priority: Rules.manualPriority, life: Rules.commandLife, &turn)
        settle(&turn)
        guard let command = command(id) else { preconditionFailure("a command that was queued is there") }
        return command
    }

    var openSwitch: CommandRecord? { openCommand { if case .switch = $0 { true } else { false } } }

    /// The host that switched reports; the new machine serves.
    package mutating func take(_ report: SwitchReport, _ turn: inout Turn) -> ReportReply.Outcome {
        if turn.isRepeat { return .duplicate }
        let (old, new) = (report.oldInstance.instance, report.newInstance.instance)
        guard old != new, isOf(old, new, report.stamp) else {
            claimLate(report.newInstance, by: report.stamp.instance, &turn)
            return .stale
        }
        var record = SwitchRecord(
            at: turn.now, trigger: report.trigger, old: report.oldInstance, new: report.newInstance)
        record.onDemandPrice = report.onDemandPrice
        record.oldSpotPrice = report.oldSpotPrice
        record.newSpotPrice = report.newSpotPrice
        record.timing = report.timing
        // What is handed over in order the history has when that is done.
        if promoting?.instance == new { return .accepted }
        guard primary?.instance == new || concludeSwitch(to: report.newInstance, &turn) else {
            giveUpSwitch(of: old, to: new, &turn)
            return .stale
        }
        if primary?.instance == new { turn.note(record) }
        if report.timing.oldTerminatedAt != nil {
            noteTermination(of: old, by: report.stamp.instance, &turn)
        }
        settle(&turn)
        return .accepted
    }

    /// Whether a report is of the move that is due, or of the one that the command's result told of a moment ago, and comes
    /// from one of the two machines: nobody speaks for others.
    private func isOf(_ old: InstanceID, _ new: InstanceID, _ stamp: ReportStamp) -> Bool {
        guard stamp.instance == old || stamp.instance == new else { return false }
        // Who knows of no epoch tells of the one switch that it did, also after its successor has enrolled.
        let isOfNow =
            stamp.epoch.map { $0.next >= epoch } ?? (stamp.instance == new || host(old)?.isTokenless == true)
        if promoting?.instance == new { return isOfNow && primary?.instance == old }
        if primary?.instance == new {
            return isOfNow && host(old)?.role.isInUse == false
        }
        return !isStale(stamp) && (primary == nil || primary?.instance == old)
    }

    /// A switch that its command's result tells of. The report with prices and times follows from the host's outbox, and is
    /// what the history takes.
    mutating func followSwitch(_ command: CommandRecord, _ result: CommandResult, _ turn: inout Turn) {
        guard result.outcome == .done, case .launched(let launched)? = result.facts else { return }
        var new = SwitchedInstance(instance: launched.instance)
        new.instanceType = launched.instanceType
        new.zone = launched.zone
        new.mode = launched.mode
        new.image = launched.image
        guard primary?.instance != new.instance, concludeSwitch(to: new, &turn) else { return }
        // It sends no report of it.
        if let old = host(command.instance), old.isTokenless {
            noteSwitch(from: old, to: new.instance, trigger: .manual, &turn)
        }
    }

    /// Makes the machine that a host switched to the primary, unless a hand-over is under way or it was replaced before. Where two
    /// must never serve it is handed the workload in order: nothing says yet that the old one stopped.
    @discardableResult
    private mutating func concludeSwitch(to new: SwitchedInstance, _ turn: inout Turn) -> Bool {
        guard promoting == nil, [nil, .launching, .replica].contains(host(new.instance)?.role),
            !isOnlyElsewhere(new.instance)
        else { return false }
        let unfenced = settings.handOver == .exclusive ? unfenced(at: turn.now) : []
        guard unfenced.allSatisfy({ $0.role == .primary }) else { return false }
        if host(new.instance) == nil {
            hosts.append(machine(new.instance, HostFacts(new), of: primary, at: turn.now))
        }
        let old = primary
        let incident = incidents.first { $0.isOpen && $0.incident.instance == old?.instance }?.id
        if let open = openSwitch { finish(open.id, as: .done, &turn) }
        if let serving = unfenced.first {
            if replica(of: new.instance) == nil { addReplica(for: new.instance, parent: serving.instance, &turn) }
            let isUrgent = incident.flatMap { self.incident($0)?.incident.isUrgent(at: turn.now) } ?? false
            beginHandOver(
                to: new.instance, incident: isUrgent ? incident : nil, because: "\(serving.instance) switches to it",
                &turn)
            return true
        }
        install(new.instance, &turn)
        turn.note(
            .switchCompleted, "\(new.instance) serves in place of \(old?.instance.text ?? "nobody")",
            instance: new.instance, incident: incident)
        if let incident { close(incident, as: .averted, "the workload has moved to \(new.instance)", &turn) }
        return true
    }

    /// The host that was switching died before it could report: the machine that came since is the one that it launched.
    mutating func concludeSwitchOfDeadHost(_ instance: InstanceID, _ turn: inout Turn) {
        guard let host = host(instance), host.role == .primary, promoting == nil,
            let command = openSwitch, command.instance == instance, command.attempt > 0,
            settings.handOver == .overlap || isFenced(host, at: turn.now),
            let newcomer = hosts.filter({ $0.role == .replica && $0.isFresh && $0.registeredAt >= command.createdAt })
                .max(by: { (wasNotOrdered($0) ? 1 : 0, $0.registeredAt) < (wasNotOrdered($1) ? 1 : 0, $1.registeredAt) }
                )
        else { return }
        finish(command.id, as: .done, &turn)
        let incident = openSilence(of: instance, &turn)
        beginHandOver(
            to: newcomer.instance, incident: incident, because: "\(instance) was switching to it and is gone", &turn)
    }

    /// As replica: that is what the machine of a switch is not.
    private func wasNotOrdered(_ host: Host) -> Bool { replica(of: host.instance)?.parent == nil }

    /// For the history, where the prices are not known.
    mutating func noteSwitch(
        from old: Host?, to new: InstanceID, trigger: Trigger, _ turn: inout Turn
    ) {
        guard let new = host(new) else { return }
        turn.note(
            SwitchRecord(
                at: turn.now, trigger: trigger, old: old.map(SwitchedInstance.init), new: SwitchedInstance(new)))
    }
}

extension SwitchedInstance {
    init(_ host: Host) {
        self.init(instance: host.instance)
        instanceType = host.facts.instanceType
        region = host.facts.region
        zone = host.facts.zone
        image = host.facts.image
        mode = host.facts.mode
        pool = host.facts.pool
    }
}

extension HostFacts {
    init(_ switched: SwitchedInstance) {
        self.init()
        region = switched.region
        zone = switched.zone
        instanceType = switched.instanceType
        mode = switched.mode
        image = switched.image
    }
}
