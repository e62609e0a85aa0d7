package import JSON
package import Wire

/// What a host says of a command when it names neither itself nor an epoch.
package struct PlainResult: Equatable, Sendable {
    package var isSuccess: Bool
    package var message: String
    /// The machine that it launched.
    package var launched: InstanceID?
    /// It saw that machine running.
    package var isSeenRunning = false

    package init(isSuccess: Bool, message: String) {
        self.isSuccess = isSuccess
        self.message = message
    }
}

/// What a host announces of its own end when it names no time, or not what the time is of.
package struct PlainNotice: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// Nil: within EC2's two minutes.
        case interruption(Notice.InterruptionAction, at: Timestamp?)
        case rebalance
    }
    package var kind: Kind
    /// By its own clock; nil when it does not say.
    package var detectedAt: Timestamp?

    package init(_ kind: Kind, detectedAt: Timestamp? = nil) {
        self.kind = kind
        self.detectedAt = detectedAt
    }
}

// What hosts without a token of their own report, made whole: they name no epoch, and some not even themselves.
extension Slot {
    package mutating func take(
        _ plain: PlainResult, of id: CommandID, _ turn: inout Turn
    ) throws(Refusal) -> ReportReply.Outcome {
        guard let command = command(id) else { throw Refusal(.notFound, "agent \(self.id) has no command \(id)") }
        guard let host = host(command.instance), host.isTokenless else {
            throw Refusal(.forbidden, "\(command.instance) has a token of its own, which answers command \(id)")
        }
        noteHeardBesides(host.instance, &turn)
        var result = command.answer(plain.isSuccess ? .done : .failed, plain.message, at: turn.now)
        if let launched = plain.launched, command.order.asksFor == .switches, isOnlyElsewhere(launched) {
            result = command.answer(.failed, "\(launched) is a host of another agent", at: turn.now)
        } else {
            result.facts = plain.launched.flatMap { facts($0, launchedFor: command, by: host) }
        }
        let isSeen = plain.isSeenRunning && result.facts != nil
        if result.outcome == .done, !isSeen, command.order.asksFor == .switches, command.state.isOpen {
            // Else it says so again, and no more.
            let isNews = command.result == nil || command.result?.facts != result.facts
            if isNews { awaitMachine(of: command, result, &turn) }
            settle(&turn)
            return isNews ? .accepted : .duplicate
        }
        // Its report has ended it, and says more.
        guard command.state.isOpen || result.facts != nil else {
            settle(&turn)
            return .stale
        }
        // It said so before, without the machine, or without having seen it run.
        if command.result?.facts == nil || command.state.isOpen, result.facts != nil {
            changeCommand(id) { $0.result = nil }
        }
        let outcome = try take(result, of: id, &turn)
        if plain.isSeenRunning, case .createReplica(let order) = command.order {
            vouch(for: order.replica, at: turn.now)
        }
        // Also where it says nothing new: it was heard.
        settle(&turn)
        return outcome
    }

    private func facts(
        _ launched: InstanceID, launchedFor command: CommandRecord, by host: Host
    ) -> CommandResult.Facts? {
        let (mode, pool): (Mode, PoolID?) =
            switch command.order {
            case .switch(let order): (order.mode, order.pool)
            case .createReplica(let order): (order.mode, order.pool)
            default: (.ondemand, nil)
            }
        guard command.order.asksFor != .terminates, let place = pool ?? host.facts.place else { return nil }
        return .launched(
            CommandResult.LaunchedInstance(
                instance: launched, instanceType: place.instanceType, zone: place.zone, mode: mode))
    }

    /// The answer to a termination that was asked of such a host comes as a report.
    mutating func answerTermination(_ report: TerminationReport, _ turn: inout Turn) {
        let order = openCommand(to: report.stamp.instance) { order in
            if case .terminateInstance(let end) = order { end.target == report.target } else { false }
        }
        guard let order, host(order.instance)?.isTokenless == true else { return }
        let outcome: CommandResult.Outcome = report.success ? .done : .failed
        let message = report.error ?? (report.success ? "terminated" : "no reason given")
        finish(order.id, as: CommandState(outcome), with: order.answer(outcome, message, at: turn.now), &turn)
    }

    package mutating func take(
        _ announcement: PlainNotice, by instance: InstanceID, showing shown: Abilities, _ turn: inout Turn
    ) throws(Refusal) -> NoticeReply {
        learn(shown, of: instance)
        let signal: Notice.Signal =
            switch announcement.kind {
            case .rebalance: .rebalance
            case .interruption(let action, let time):
                .interruption(action, at: time ?? knownEnd(of: instance) ?? turn.now + .seconds(120))
            }
        // On any other path an order would stand in an answer that nobody reads for it.
        let isObeyed = shown.contains(.launchesAtItsEnd)
        return try take(
            Notice(instance: instance, signal: signal, detectedAt: announcement.detectedAt ?? turn.now),
            handing: isObeyed ? host(instance)?.launchesInAnswers ?? [] : [], &turn)
    }

    /// When the machine is to go by what was announced of it, also when that is over for us: a host repeats it to the last.
    private func knownEnd(of instance: InstanceID) -> Timestamp? {
        let ends = incidents.filter { $0.incident.instance == instance && $0.incident.kind == .interruption }
        return (ends.last(where: \.isOpen) ?? ends.last)?.incident.interruptionTime
    }

    // MARK: Leases that nobody renews

    /// Whether the command may be handed out again when its lease has run out.
    func canRepeat(_ command: CommandRecord) -> Bool {
        command.result == nil && host(command.instance)?.abilities.contains(.knowsRepeats) ?? true
    }

    /// It was handed out, and what became of it nobody will say any more.
    mutating func endUnanswered(_ command: CommandRecord, _ turn: inout Turn) {
        let awaited = command.awaitedMachine
        let reason =
            awaited.map { "nothing was heard of \($0), which it launched" }
            ?? "nothing was heard of it, and it may have been done"
        let said = awaited == nil ? command.result : nil
        let result = said ?? command.answer(.failed, reason, at: turn.now)
        finish(command.id, as: CommandState(result.outcome), with: result, &turn)
        if case .createReplica(let order) = command.order, result.outcome != .done {
            failOrder(of: order.replica, result.message, &turn)
        }
        if let awaited, let replica = replica(of: awaited) {
            failReplica(replica.id, result.message, &turn)
            endUnheard(replica, &turn)
        }
    }

    /// A host says by its agent's name alone that it is the one that it was, and was started anew. So does a machine that was made from
    /// its image, with the name in it.
    package mutating func noteReturn(of instance: InstanceID, _ turn: inout Turn) throws(Refusal) {
        let others = hosts.contains { $0.instance != instance && $0.role != .terminated }
        guard !others, host(instance)?.isOffline == false else {
            throw Refusal(.forbidden, "this may be another machine than \(instance): register anew")
        }
        noteRestart(of: instance, &turn)
    }

    /// Such a host was started anew: what it had begun it does not know any more, and would do again if it was handed it again. Of
    /// one that is not, a switch may still be told by the machine that came of it.
    mutating func noteRestart(of instance: InstanceID, _ turn: inout Turn) {
        guard let host = host(instance), host.isTokenless else { return }
        endBegun(by: instance, of: host.abilities.contains(.knowsRepeats) ? [.switches, .launches] : .launches, &turn)
        settle(&turn)
    }

    /// Another program has taken its place, or it has forgotten: what it was handed and has not answered nobody will answer.
    mutating func endBegun(
        by instance: InstanceID, of abilities: Abilities = [.switches, .launches], _ turn: inout Turn
    ) {
        for command in commands
        where command.instance == instance && command.state.isOpen && command.attempt > 0 && command.result == nil
            && abilities.contains(command.order.asksFor)
        {
            endUnanswered(command, &turn)
        }
    }
}

extension CommandRecord {
    /// What its host says of it, in full.
    func answer(_ outcome: CommandResult.Outcome, _ message: String, at now: Timestamp) -> CommandResult {
        CommandResult(
            outcome, message: message, instance: instance, attempt: max(1, attempt), epoch: epoch, finishedAt: now)
    }
}
