import CoordinatorCore
import JSON
import Wire

/// What is true of the hosts of a walk, whatever the coordinator makes of it: who may serve by what it was told and has
/// answered, who was proven to. It counts time by a clock that nobody sets.
struct Truth {
    private struct Right {
        /// When it began, and when the lease ends that it is under; without one it has no end.
        let since: Timestamp
        var end: Timestamp?
    }

    private var rights: [InstanceID: Right] = [:]
    /// When the last answer to each left the coordinator.
    private var answeredAt: [InstanceID: Timestamp] = [:]
    /// What each host learned from the last answer that reached it.
    private var versions: [InstanceID: ConfigVersion] = [:]
    private var leases: [InstanceID: Timestamp] = [:]
    /// Since when those had the right whose lease ended: until it is another's they have it back when they are heard.
    private var lapsed: [InstanceID: Timestamp] = [:]
    /// Somebody has served.
    private var hasServed = false
    /// Proven to serve once, by a probe or by the word of who started it.
    private var proven: Set<InstanceID> = []
    /// Whose replicas a person deleted.
    var unwanted: Set<InstanceID> = []
    /// The primary, and since when it is.
    private var serving: (instance: InstanceID, since: Timestamp)?
    /// Who might serve beside the primary when `hand_over` became exclusive: that it goes on is no new order.
    private var beside: Set<InstanceID> = []
    /// When each ceased to be the primary, by the coordinator's clock and by ours.
    private var replacedAt: [InstanceID: (told: Timestamp, ours: Timestamp)] = [:]
    /// Since when each was waited for, or the coordinator is back.
    private var launchingSince: [InstanceID: Timestamp] = [:]
    /// The coordinator's clock is ahead by this.
    private var skew = Duration.zero
    private(set) var broken: [String] = []

    private func world(_ scene: Scene) -> Timestamp { scene.now - skew }
    func version(knownTo instance: InstanceID) -> ConfigVersion? { versions[instance] }

    // MARK: The coordinator

    /// What the switchboard adds to a slot that is loaded; whether that changed anything.
    @discardableResult
    func overlay(_ scene: inout Scene) -> Bool {
        let before = scene.slot
        for index in scene.slot.hosts.indices {
            let host = scene.slot.hosts[index]
            scene.slot.hosts[index].leaseEndsAt = nil
            guard let lease = host.leaseSeconds, let answered = answeredAt[host.instance] else { continue }
            scene.slot.hosts[index].leaseEndsAt = answered + .seconds(lease) + Rules.leaseMargin + skew
        }
        return scene.slot != before
    }

    /// It was away: nobody was heard, and all that are known to be enrolled count from now.
    mutating func restart(_ scene: inout Scene, away: Duration, set: Duration) {
        scene.now = scene.now + away + set
        skew = skew + set
        for instance in answeredAt.keys { answeredAt[instance] = world(scene) }
        for instance in launchingSince.keys { launchingSince[instance] = scene.now }
        for index in scene.slot.hosts.indices { scene.slot.hosts[index].isFresh = false }
        forgetSilence(&scene.slot, at: scene.now)
        overlay(&scene)
        scene.look()
    }

    // MARK: The hosts

    mutating func answered(_ instance: InstanceID, _ scene: Scene, isLost: Bool) {
        guard let host = scene.slot.host(instance) else { return }
        answeredAt[instance] = world(scene)
        guard !isLost else { return }
        versions[instance] = scene.slot.configVersion
        // It has stopped when its lease ended, and needs to be told anew.
        if let right = rights[instance], let end = right.end, end <= world(scene) {
            lapsed[instance] = right.since
            rights[instance] = nil
        }
        guard host.role.isInUse else { return }
        let lease = scene.slot.settings.leaseSeconds
        leases[instance] = lease > 0 ? world(scene) + .seconds(lease) : nil
        rights[instance]?.end = leases[instance]
    }

    mutating func obey(_ commands: [Command], _ instance: InstanceID, in scene: Scene) {
        if commands.contains(where: \.order.letsServe) { grant(instance, in: scene) }
    }

    /// It may serve from now on. Where two must never, nobody else may.
    mutating func grant(_ instance: InstanceID, in scene: Scene) {
        let now = world(scene)
        if scene.slot.settings.handOver == .exclusive {
            for (other, right) in rights where other != instance && right.end.map({ $0 > now }) ?? true {
                guard right.since > lapsed[instance] ?? .earliest else { continue }
                if instance == serving?.instance, rights[instance] != nil, beside.contains(other) { continue }
                broken.append("\(instance) was told to serve while \(other) may")
            }
        }
        if rights[instance] == nil { rights[instance] = Right(since: now, end: leases[instance]) }
        lapsed[instance] = nil
    }

    mutating func answer(
        _ command: CommandRecord, _ outcome: CommandResult.Outcome, _ facts: CommandResult.Facts?, isOld: Bool,
        before: Slot, in scene: Scene
    ) {
        let instance = command.instance
        switch (command.order, outcome) {
        case (.demote, .fenced): rights[instance] = nil
        case (.demote(let order), .done), (.demote(let order), .refused):
            if order.handOver == .overlap { rights[instance] = nil }
        case (.promote, .failed), (.promote, .refused), (.promote, .expired), (.promote, .fenced),
            (.activate, .failed), (.activate, .refused), (.activate, .expired), (.activate, .fenced):
            let isToldAgain = before.commands.contains {
                $0.id != command.id && $0.instance == instance && $0.state == .delivered && $0.order.letsServe
            }
            if !isToldAgain { rights[instance] = nil }
        case (.promote, .done), (.activate, .done):
            if case .activated(_, .some)? = facts, scene.primary == instance { proven.insert(instance) }
        default: break
        }
        // EC2's word, of a machine that is not heard.
        guard case .inspected(let found)? = facts, case .inspectInstance = command.order else { return }
        for machine in found where before.host(machine.instance)?.isFresh == false {
            if scene.slot.host(machine.instance).map({ $0.isProvenDead || $0.role == .terminated }) ?? false {
                rights[machine.instance] = nil
            }
        }
    }

    // MARK: After each step

    mutating func look(at scene: Scene, after before: Slot) {
        let slot = scene.slot
        if let old = before.primary?.instance, slot.primary?.instance != old {
            let since = slot.host(old)?.roleSince ?? scene.now
            replacedAt[old] = (since, since - skew)
        }
        if slot.primary?.instance != serving?.instance {
            serving = slot.primary.map { ($0.instance, world(scene)) }
            beside = []
        }
        if slot.settings.handOver == .exclusive, before.settings.handOver == .overlap { beside = Set(rights.keys) }
        hasServed = hasServed || slot.primary != nil
        for host in slot.hosts {
            // Where two may serve, the word of who ended it is enough.
            if host.role == .terminated, slot.settings.handOver == .overlap { rights[host.instance] = nil }
            if host.role != .launching { launchingSince[host.instance] = nil }
            if host.role == .launching, launchingSince[host.instance] == nil {
                launchingSince[host.instance] = scene.now
            }
        }
        if let primary = slot.primary, !primary.isProvenDead {
            // By its own word, or of who started it.
            if primary.service == .proven { proven.insert(primary.instance) }
            if rights[primary.instance] == nil { grant(primary.instance, in: scene) }
        }
        if let primary = slot.primary, primary.isFresh, slot.deletedAt == nil,
            primary.failingSince.map({ scene.now - $0 >= .seconds(10) }) ?? false,
            !slot.announced(at: scene.now).contains(primary.instance)
        {
            broken.append("\(primary.instance) does not serve, and no incident says so")
        }
        if isSilentlyVacant(slot, at: scene.now) { broken.append("nobody serves, and no incident says so") }
        for command in slot.commands where command.state.isOpen && before.command(command.id) == nil {
            guard case .terminateInstance(let order) = command.order else { continue }
            if let reason = whyNotEnded(order.target, before, scene) {
                broken.append("\(order.target) is ended though \(reason)")
            }
        }
    }

    private func isSilentlyVacant(_ slot: Slot, at now: Timestamp) -> Bool {
        // One that was only not heard since the coordinator is back has not missed anything.
        let isComing = slot.promoting.map { promoting in
            promoting.isFresh
                || (promoting.inspectedAt == nil && promoting.presence != .offline && promoting.lastHeardAt != nil)
        }
        guard slot.deletedAt == nil, hasServed, isComing != true else { return false }
        if let primary = slot.primary, !primary.isProvenDead {
            guard slot.settings.leaseSeconds > 0, !primary.isFresh, let end = primary.leaseEndsAt, end <= now else {
                return false
            }
        }
        return !slot.incidents.contains { record in
            record.isOpen
                && (record.incident.kind != .rebalance
                    && (record.incident.kind != .maintenance
                        || record.incident.interruptionTime.map { $0 - now <= .seconds(900) } ?? false))
        }
    }

    /// A machine that served is ended after its wait, when another one was proven to serve in its place; one that may serve, or
    /// was proven to, never because it is silent.
    private func whyNotEnded(_ target: InstanceID, _ before: Slot, _ scene: Scene) -> String? {
        guard let primary = scene.slot.primary, primary.instance != target else { return "no other one serves" }
        if let replaced = replacedAt[target] {
            let wait = Duration.seconds(scene.slot.settings.terminateWaitSeconds)
            // A clock that was set while the coordinator was away ends waits, which nobody can tell.
            if max(scene.now - replaced.told, world(scene) - replaced.ours) < wait { return "its wait is not over" }
        }
        if proven.contains(target), !proven.contains(primary.instance) {
            return "\(primary.instance) is not proven to serve in its place"
        }
        if let right = rights[target], let serving, serving.since < right.since, !unwanted.contains(target) {
            return "it may serve, was told to after \(primary.instance), and is only silent"
        }
        if let since = launchingSince[target], scene.now - since < .seconds(600) {
            return "it was waited for no longer than \(scene.now - since)"
        }
        return nil
    }
}

/// As the store does it for all slots at once.
private func forgetSilence(_ slot: inout Slot, at now: Timestamp) {
    var since = slot.hosts.map(\.roleSince)
    for index in slot.hosts.indices {
        let host = slot.hosts[index]
        if host.role != .terminated && !host.isProvenDead {
            slot.hosts[index].isOffline = false
            slot.hosts[index].inspectedAt = nil
        }
        let isFollowed = slot.hosts.contains { $0.service != .idle && $0.roleSince > host.roleSince }
        if [.launching, .promoting].contains(host.role)
            || (host.role == .primary && host.lastHeardAt == nil && !isFollowed)
        {
            since[index] = now
        }
    }
    for index in slot.hosts.indices {
        let isPrimary = slot.hosts[index].role == .primary
        slot.hosts[index].roleSince = since[index] > now ? now - .nanoseconds(isPrimary ? 1 : 0) : since[index]
    }
    slot.replicas = slot.replicas.map { replica in
        guard replica.status == .launching, replica.instance == nil, replica.createdAt > now else { return replica }
        var copy = Replica(id: replica.id, type: replica.type, status: replica.status, createdAt: now)
        (copy.parent, copy.pool) = (replica.parent, replica.pool)
        return copy
    }
    let tokenless = Set(slot.hosts.filter(\.isTokenless).map(\.instance))
    slot.commands = slot.commands.map { command in
        guard command.state.isOpen else { return command }
        var copy = prolonged(command, at: now)
        if tokenless.contains(command.instance), let end = copy.leaseUntil {
            copy.leaseUntil = max(end, now + Rules.graceAfterAbsence)
        }
        return copy
    }
}

private func prolonged(_ command: CommandRecord, at now: Timestamp) -> CommandRecord {
    var copy = CommandRecord(
        id: command.id, instance: command.instance, order: command.order, priority: command.priority,
        createdAt: command.createdAt, notBefore: command.createdAt > now ? nil : command.notBefore,
        expiresAt: command.state == .delivered || ["promote", "activate", "demote"].contains(command.order.type)
            ? max(command.expiresAt, now + Rules.graceAfterAbsence) : command.expiresAt,
        leaseSeconds: command.leaseSeconds,
        epoch: command.epoch, incident: command.incident)
    (copy.state, copy.attempt, copy.leaseUntil) = (command.state, command.attempt, command.leaseUntil)
    return copy
}
