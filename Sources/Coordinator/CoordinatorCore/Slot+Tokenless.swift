import JSON
package import Wire

// Hosts without a token of their own. Nothing that they do can be proven and none of them can be fenced: the record says who
// serves, and who is heard serves. They are asked for what they have asked for themselves, and for nothing else.
extension Slot {
    /// Such a host has asked for something, and so shows that it can do it. Returns what it is to do now. `isItself`: no other host of
    /// the slot can have asked in its place.
    package mutating func hearQuestion(
        for abilities: Abilities, by instance: InstanceID, isItself: Bool = true, _ turn: inout Turn
    ) -> [Command] {
        learn(abilities, of: instance)
        if isItself { noteHeardBesides(instance, &turn) }
        settle(&turn)
        // Whoever does them one after the other says nothing meanwhile, and is missed before the second is done. That it asks for the
        // next says that the one before, or what became of it, was lost on the way.
        let isBusyWithEach = abilities.contains(.knowsRepeats)
        if isBusyWithEach, isItself { renewUnanswered(of: instance) }
        return deliver(to: instance, for: abilities, upTo: isBusyWithEach ? 1 : Limits.commandsMax, at: turn.now)
    }

    private mutating func renewUnanswered(of instance: InstanceID) {
        for command in commands
        where command.instance == instance && command.state == .delivered && command.result == nil
            && mayDeliverAgain(command)
        {
            changeCommand(command.id) { ($0.state, $0.leaseUntil) = (.pending, nil) }
        }
    }

    mutating func learn(_ abilities: Abilities, of instance: InstanceID) {
        guard let host = host(instance), host.isTokenless else { return }
        change(instance) { $0.abilities.formUnion(abilities.subtracting(.handsOver)) }
        // What nobody could end, it can.
        if abilities.contains(.terminates), !host.abilities.contains(.terminates) { resumeTerminations() }
    }

    /// A machine that is new here. Nobody has seen that an agent with a token runs on what such a host started.
    func machine(_ instance: InstanceID, _ facts: HostFacts, of maker: Host?, at now: Timestamp) -> Host {
        var host = Host(instance: instance, role: .launching, facts: facts, at: now)
        if maker?.isTokenless == true, settings.handOver == .overlap { host.abilities = [] }
        return host
    }

    // MARK: Where two must never serve

    func requireNoFence(of instance: InstanceID) throws(Refusal) {
        guard settings.handOver == .exclusive else { return }
        throw Refusal(
            .conflict,
            "in agent \(id) two must never serve, and \(instance) has no token of its own and could not prove that it "
                + "stopped: install the agent there, or set hand_over to overlap")
    }

    func requireFences() throws(Refusal) {
        guard let host = hosts.first(where: { $0.isTokenless && $0.role != .terminated }) else { return }
        throw Refusal(
            .conflict,
            "\(host.instance) has no token of its own and could not prove that it stopped: install the agent there, or "
                + "terminate it, before hand_over is exclusive")
    }

    // MARK: Who takes over

    /// Of a host that cannot say whether it is ready the word of its maker counts, or that it is heard; only in place of one that
    /// proves no more.
    func isTakenForReady(_ host: Host) -> Bool {
        guard host.isTokenless, !host.isOffline, primary?.isTokenless ?? true else { return false }
        switch host.role {
        case .replica: return host.isFresh
        case .launching: return replica(of: host.instance)?.status == .ready
        default: return false
        }
    }

    /// Such a successor gets no order that it could answer: what is decided is done.
    mutating func concludeUnproven(_ successor: InstanceID, incident: IncidentID?, _ turn: inout Turn) {
        guard host(successor)?.isTokenless == true,
            let order = openCommand(to: successor, where: \.movesTheWorkload)
        else { return }
        let message = "it has no token of its own, and is taken to serve"
        finish(order.id, as: .done, with: order.answer(.done, message, at: turn.now), &turn)
        completeHandOver(to: successor, incident: incident, isProven: false, &turn)
        change(successor) { if $0.isFresh { $0.service = .proven } }
    }

    /// It was told to switch and can tell nobody how that went: whoever comes up now is the machine that it launched.
    func isSwitchedAway(_ host: Host) -> Bool {
        host.isTokenless && openSwitch.map { $0.instance == host.instance && $0.attempt > 0 } ?? false
    }

    /// Nobody here can ask EC2 what became of the primary. Where two may serve, one that is heard is better than one that was
    /// not for the whole time-out; also one that is heard only later.
    mutating func replaceUnproven(_ turn: inout Turn) {
        guard let gone = primary, gone.isOffline, gone.isTokenless, promoting == nil,
            settings.handOver == .overlap, !hosts.contains(where: { $0.isFresh && !$0.isTokenless }),
            let heard = successor(of: gone.instance, at: turn.now, where: { $0.isFresh && isTakenForReady($0) })
        else { return }
        let incident = openSilence(of: gone.instance, &turn)
        beginHandOver(to: heard, incident: incident, because: "\(gone.instance) is not heard any more", &turn)
    }

    // MARK: Launches

    /// Whether it could launch a replica if it were told now. One that asks needs a place to be named.
    func canLaunch(_ host: Host, at now: Timestamp) -> Bool {
        guard host.isTokenless else { return true }
        if host.abilities.contains(.launches) { return host.facts.place != nil }
        return host.abilities.contains(.launchesAtItsEnd) && announced(at: now).contains(host.instance)
    }

    /// What such a host was ordered to launch, and has not told of yet.
    func openLaunch(of replica: ReplicaID) -> CommandRecord? {
        let order = openCommand { order in
            if case .createReplica(let launch) = order { launch.replica == replica } else { false }
        }
        return order.flatMap { host($0.instance)?.isTokenless == true ? $0 : nil }
    }

    /// How its maker's words of a replica end the order for it.
    mutating func finishLaunch(
        of replica: ReplicaID, _ outcome: CommandResult.Outcome, _ message: String, _ turn: inout Turn
    ) {
        guard let order = openLaunch(of: replica) else { return }
        finish(order.id, as: CommandState(outcome), with: order.answer(outcome, message, at: turn.now), &turn)
    }

    /// The maker tells of a machine that it launched because it was told to. Nil: it was not.
    mutating func answerLaunch(
        by maker: InstanceID?, _ instance: InstanceID, _ status: ReplicaStatus?, _ turn: inout Turn
    ) throws(Refusal) -> ReplicaID? {
        guard let maker, host(maker)?.isTokenless == true,
            let order = commands.first(where: {
                $0.instance == maker && $0.state == .delivered && $0.order.launchesReplica
            }), case .createReplica(let launch) = order.order
        else { return nil }
        // What another replica is was told before.
        if let known = replica(of: instance), known.id != launch.replica { return nil }
        try requireNotElsewhere(instance)
        bind(launch.replica, to: instance, facts(in: launch.pool), &turn)
        finishLaunch(of: launch.replica, .done, "\(instance) was launched", &turn)
        let replica = replica(of: instance)?.id ?? launch.replica
        if status == .ready { vouch(for: replica, at: turn.now) }
        return replica
    }

    /// Its maker saw it running, which is all that can be known.
    mutating func vouch(for id: ReplicaID, at now: Timestamp) {
        guard let replica = replicas.first(where: { $0.id == id }), replica.instance != nil, replica.status.isActive
        else { return }
        changeReplica(id) { replica in
            replica.status = .ready
            replica.readyAt = replica.readyAt ?? now
        }
    }

    /// Those that have ended, and whose machines have not.
    package var unendedReplicas: [Replica] {
        replicas.filter { replica in
            replica.status == .terminated
                && hosts.contains {
                    $0.instance == replica.instance && $0.role == .terminating && terminationDue($0) != nil
                }
        }
    }

    /// What was launched for us, failed and never spoke is of no use to anybody.
    mutating func endUnheard(_ replica: Replica, _ turn: inout Turn) {
        guard replica.parent != nil, let instance = replica.instance, let host = host(instance),
            host.role == .zombie, host.lastHeardAt == nil
        else { return }
        change(instance) { $0.become(.terminating, at: turn.now) }
    }
}

extension Host {
    /// What it does when the answer to a notice says so.
    var launchesInAnswers: Abilities {
        abilities.contains(.launchesAtItsEnd) && !abilities.contains(.launches) ? .launches : []
    }

    /// How long a command of that sort belongs to it once it was handed out.
    func lease(for order: Order) -> Int {
        guard isTokenless else { return Rules.leaseSeconds }
        if abilities.contains(.knowsRepeats) { return Rules.blindLease }
        // One of the builds waits so long before it ends itself, and reports after that or never.
        guard case .switch(let order) = order else { return Int(Rules.replicaLaunchTime.components.seconds) }
        return max(Rules.blindSwitchLease, order.terminateWaitSeconds + Rules.blindSwitchWork)
    }
}

extension HostFacts {
    /// Its type in its zone, however it is paid for.
    package var place: PoolID? {
        guard let instanceType, let zone else { return nil }
        return PoolID(instanceType, zone)
    }
}
