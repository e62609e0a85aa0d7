package import JSON
package import Wire

extension Slot {
    /// Queues an order for one host.
    @discardableResult
    mutating func queue(
        _ order: Order, to instance: InstanceID, priority: Int, life: Duration, incident: IncidentID? = nil,
        notBefore: Timestamp? = nil, _ turn: inout Turn
    ) -> CommandID {
        let command = CommandRecord(
            id: turn.makeID(), instance: instance, order: order, priority: priority, createdAt: turn.now,
            notBefore: notBefore, expiresAt: (notBefore ?? turn.now) + life,
            leaseSeconds: host(instance)?.lease(for: order) ?? Rules.leaseSeconds, epoch: epoch,
            incident: incident)
        commands.append(command)
        turn.note(
            .commandQueued, "\(order.sentence) on \(instance)", instance: instance, incident: incident,
            command: command.id)
        return command.id
    }

    /// Hands the host its due commands, those that ask for one of `abilities`: higher priority first, then older first.
    package mutating func deliver(
        to instance: InstanceID, for abilities: Abilities = .all, upTo most: Int = Limits.commandsMax, at now: Timestamp
    ) -> [Command] {
        // Those of one moment in the order in which they were decided: names of one millisecond do not tell.
        let due = commands.enumerated().filter {
            $1.instance == instance && $1.isDue(at: now) && abilities.contains($1.order.asksFor)
        }
        .sorted { ($1.1.priority, $0.1.createdAt, $0.0) < ($0.1.priority, $1.1.createdAt, $1.0) }.map(\.element)
        for command in due.prefix(most) {
            changeCommand(command.id) { command in
                command.state = .delivered
                command.attempt += 1
                command.deliveredAt = command.deliveredAt ?? now
                command.leaseUntil = now + .seconds(command.leaseSeconds)
            }
            // From here on it may serve, whatever becomes of its answer.
            if command.order.letsServe, host(instance)?.mayServe == false { change(instance) { $0.service = .told } }
            lookAgain(by: now + .seconds(command.leaseSeconds))
            if settings.leaseSeconds > 0, let host = host(instance), host.mayServe, let end = host.leaseEndsAt,
                end > now
            {
                lookAgain(by: end)
            }
        }
        return due.prefix(most).compactMap { self.command($0.id)?.onTheWire }
    }

    private mutating func lookAgain(by moment: Timestamp) { dueAt = min(dueAt ?? moment, moment) }

    /// How many wait for the host beyond what it was handed.
    package func waiting(for instance: InstanceID, at now: Timestamp) -> Int {
        commands.count { $0.instance == instance && $0.isDue(at: now) }
    }

    /// The host told what it works on: those leases begin anew. What was delivered and is not among them never reached it,
    /// or its result is on the way and it answers the repeat by the command's id: so it is due again at once.
    mutating func renewLeases(of instance: InstanceID, running: [CommandID], at now: Timestamp) {
        for command in commands
        where command.instance == instance && command.state == .delivered
            && (mayDeliverAgain(command) || running.contains(command.id))
        {
            changeCommand(command.id) { command in
                if running.contains(command.id) {
                    command.leaseUntil = now + .seconds(command.leaseSeconds)
                } else {
                    command.state = .pending
                    command.leaseUntil = nil
                }
            }
        }
    }

    /// Of a slot that was deleted nobody begins another launch; the answer to one that was begun is waited for.
    func mayDeliverAgain(_ command: CommandRecord) -> Bool { deletedAt == nil || !command.order.launchesReplica }

    mutating func finish(
        _ id: CommandID, as state: CommandState, with result: CommandResult? = nil, _ turn: inout Turn
    ) {
        changeCommand(id) { command in
            command.state = state
            command.finishedAt = turn.now
            command.leaseUntil = nil
            command.result = result ?? command.result
        }
        guard let command = command(id) else { return }
        let (kind, word): (EventKind, String) =
            switch state {
            case .done: (.commandDone, "done")
            case .failed: (.commandFailed, "failed")
            case .refused: (.commandFailed, "refused")
            case .expired: (.commandExpired, "not taken up in time")
            case .cancelled: (.commandCancelled, "no longer wanted")
            case .pending, .delivered: preconditionFailure("a command does not end as \(state)")
            }
        let message = result.map { ": \($0.message)" } ?? ""
        turn.note(
            kind, "\(command.order.sentence) on \(command.instance): \(word)\(message)", instance: command.instance,
            incident: command.incident, command: id)
        if case .createReplica(let order) = command.order, state == .expired || state == .cancelled {
            failOrder(of: order.replica, "its order was \(word)", &turn)
        }
    }

    func openCommand(to instance: InstanceID? = nil, where matches: (Order) -> Bool) -> CommandRecord? {
        commands.first { $0.state.isOpen && (instance == nil || $0.instance == instance) && matches($0.order) }
    }

    mutating func cancel(where matches: (CommandRecord) -> Bool, _ turn: inout Turn) {
        for command in commands where command.state.isOpen && matches(command) {
            finish(command.id, as: .cancelled, &turn)
        }
    }

    func requireRoomForCommands() throws(Refusal) {
        guard commands.count(where: \.state.isOpen) < Rules.openCommandsMax else {
            throw Refusal(
                .conflict, "agent \(id) has \(Rules.openCommandsMax) open commands: wait until some are done or expired"
            )
        }
    }
}

extension Order {
    var launchesReplica: Bool { if case .createReplica = self { true } else { false } }

    /// What it asks for, for a person.
    package var sentence: String {
        switch self {
        case .switch(let order): "switch to \(order.pool?.text ?? order.mode.rawValue)"
        case .createReplica(let order): "create replica \(order.replica)"
        case .terminateInstance(let order): "terminate \(order.target)"
        case .promote(let order): order.awaitsFence ? "prepare to become primary" : "become primary"
        case .activate: "activate"
        case .demote(let order): "hand over to \(order.successor)"
        case .inspectInstance(let target): "look what became of \(target)"
        case .applyConfig(let version): "apply configuration \(version)"
        case .cleanup: "clean up images and snapshots"
        case .unknown(let type), .malformed(let type, _): type
        }
    }
}
