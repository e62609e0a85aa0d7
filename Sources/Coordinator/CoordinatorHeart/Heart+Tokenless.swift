import CoordinatorCore
import CoordinatorStore
package import JSON
import Platform
package import Wire

// Hosts that speak with their client's token. Which of a slot's hosts speaks follows from what it calls itself, else from where
// it speaks; who cannot be told from another is answered, and changes nothing.
extension Heart {
    /// Whether the slot is this client's, and has a host that speaks with the client's token.
    package func hasTokenlessHost(_ slot: SlotID, of client: ClientID) -> Bool {
        switchboard.lines(of: slot).contains { $0.client == client && $0.isTokenless }
    }

    /// Whether the slot was deleted, as far as its hosts are still known.
    package func isDeleted(_ slot: SlotID) -> Bool {
        switchboard.lines(of: slot).allSatisfy { $0.state.withLock { $0.view.isEnded } }
    }

    /// Whether it was, and none of them has anything left to do for it.
    package func isOver(_ slot: SlotID) -> Bool { switchboard.lines(of: slot).allSatisfy(\.isOver) }

    /// `fromKnownAddress`: it says that it stops, or begins anew. Of one that is only guessed that is not believed: a machine that was
    /// replaced says the one from an address that nobody knows any more, and about another the time-out decides as well; and what was
    /// made from an image says the other.
    package func speaker(
        in slot: SlotID, named name: InstanceID?, from address: String, fromKnownAddress: Bool = false
    ) -> Line? {
        let now = surroundings.monotonic()
        let lines = switchboard.lines(of: slot).filter(\.isTokenless)
        let found =
            if let name { lines.first { $0.instance == name } } else {
                guess(lines, address, now, amongKnown: fromKnownAddress)
            }
        guard let line = found else { return nil }
        line.state.withLock { $0.address = (address, now) }
        return line
    }

    /// One that was heard lately from elsewhere, or is at work there, does not speak from here: this is another host under the
    /// same name.
    private func guess(_ lines: [Line], _ address: String, _ now: Duration, amongKnown: Bool) -> Line? {
        let running = lines.filter { line in line.state.withLock { $0.view.role != .terminated && !$0.view.isOver } }
        let here = running.filter { line in line.state.withLock { $0.address?.text == address } }
        if here.count == 1 { return here[0] }
        if amongKnown { return nil }
        var live = running.count == 1 ? running : running.filter { $0.hostPresence != .offline }
        if live.isEmpty { live = here.filter { $0.role == .primary } }
        guard live.count == 1, let line = live.first else { return nil }
        let isElsewhere = line.state.withLock { state in
            state.address.map { $0.text != address && (state.view.isAtWork || now - $0.at < Self.addressAge) } ?? false
        }
        return isElsewhere ? nil : line
    }

    /// Of hosts that share an address and name nothing, as behind one translator of addresses, the one that serves: for what any of
    /// them does as well, as launching a replica or ending a machine.
    package func spokesman(in slot: SlotID, from address: String) -> Line? {
        speaker(in: slot, named: nil, from: address)
            ?? switchboard.lines(of: slot).first { line in
                line.isTokenless && line.role == .primary && line.state.withLock { $0.address?.text == address }
            } ?? onlyHost(in: slot)
    }

    /// Whether another of the slot's hosts may have said what names none: it speaks from the same address.
    package func isMistakable(_ line: Line) -> Bool {
        let address = line.state.withLock { $0.address?.text }
        return switchboard.lines(of: line.slot).contains { other in
            guard other !== line, other.isTokenless else { return false }
            return other.state.withLock {
                $0.view.role != .terminated && !$0.view.isOver && $0.address?.text == address
            }
        }
    }

    /// The slot's only host that may still run, from wherever it speaks: some have more than one address.
    package func onlyHost(in slot: SlotID) -> Line? {
        let running = switchboard.lines(of: slot).filter { $0.isTokenless && $0.role != .terminated }
        return running.count == 1 ? running[0] : nil
    }

    /// Three of its heartbeats.
    private static let addressAge = Duration.seconds(Rules.tokenlessHeartbeatSeconds * 3)

    // MARK: A host's life

    /// Enrols a host without a token of its own.
    package func register(
        _ registration: Registration, of client: ClientID, from address: String,
        answer: @escaping @Sendable (Outcome<Enrolment>) -> Void
    ) {
        let now = surroundings.monotonic()
        if let refusal = enrolments.withLock({ $0.refusal(registration, of: client, at: now) }) {
            return answer(.refused(ErrorReply(.tooManyRequests, refusal)))
        }
        submit(
            RegistrationWork(
                registration, of: client, as: .unnamed(from: address), newSlot: settings.newSlot, answer: answer))
    }

    /// A host says that it was started anew, and that it is the one that it was. Refused where it may be another one.
    package func noteReturn(of line: Line, answer: @escaping @Sendable (Outcome<Standing>) -> Void) {
        submit(
            SlotWork(
                on: line.slot, naming: { Focus(now: $0, instance: line.instance) }, alsoWhenEnded: true
            ) { slot, turn throws(Refusal) in
                try slot.noteReturn(of: line.instance, &turn)
                return Standing(of: slot, for: line.instance, at: turn.now)
            } answer: {
                answer($0)
            })
    }

    /// How a slot is set up, and how much waits there for one of its hosts.
    package struct Standing: Sendable {
        package let configuration: Configuration
        package let waiting: Int

        fileprivate init(of slot: Slot, for instance: InstanceID?, at now: Timestamp) {
            configuration = slot.configuration
            waiting = instance.map { slot.waiting(for: $0, at: now) } ?? 0
        }
    }

    /// `instance` is nil where it cannot be told which of the hosts asks.
    package func standing(
        of slot: SlotID, for instance: InstanceID?, answer: @escaping @Sendable (Outcome<Standing>) -> Void
    ) {
        let now = surroundings.wall()
        read(answer) { reader in
            guard let found = try reader.slot(slot, naming: Focus(now: .latest)) else {
                return .refused(.noAgent(slot))
            }
            return .done(Standing(of: found, for: instance, at: now))
        }
    }

    /// What a host asks for, which shows what it can do.
    package enum Question: Sendable {
        case switches, launches, terminations
        /// All of them; and it does nothing a second time.
        case everything

        fileprivate var abilities: Abilities {
            switch self {
            case .switches: .switches
            case .launches: .launches
            case .terminations: .terminates
            case .everything: [.switches, .launches, .terminates, .knowsRepeats]
            }
        }
    }

    /// What a host is to do, and what of itself it may need for that.
    package struct Errand: Sendable {
        package let commands: [Command]
        /// Its type in its zone.
        package let place: PoolID?
        /// What it was started from.
        package let image: ResourceID?

        package init(commands: [Command], place: PoolID?, image: ResourceID?) {
            self.commands = commands
            self.place = place
            self.image = image
        }
    }

    /// A host asks what there is to do.
    package func errand(
        for line: Line, about question: Question, answer: @escaping @Sendable (Outcome<Errand>) -> Void
    ) {
        let abilities = question.abilities
        let isQuiet = line.state.withLock { state in
            state.presence == .fresh && !state.view.hasDue && state.view.abilities.isSuperset(of: abilities)
                && !(abilities.contains(.knowsRepeats) && state.view.isAtWork)
        }
        if isQuiet { return answer(.done(Errand(commands: [], place: nil, image: nil))) }
        // What is asked for is done for it all the same, but does not show that it lives, nor that it is done with what it had.
        let isItself = !isMistakable(line)
        let askedAt = surroundings.monotonic()
        submit(
            SlotWork(
                on: line.slot, naming: { Focus(now: $0, instance: line.instance) }, alsoWhenEnded: true
            ) { [self] slot, turn in
                if isItself { line.isHeard(in: &turn, slot) }
                let handed = isAwaited(since: askedAt) ? abilities : []
                let commands = slot.hearQuestion(for: handed, by: line.instance, isItself: isItself, &turn)
                let facts = slot.host(line.instance)?.facts
                return Errand(commands: commands, place: facts?.place, image: facts?.image)
            } answer: {
                answer($0)
            })
    }

    /// Whether whoever asked then is sure to hear the answer. The door waits twice as long, and the commit takes time, too; what is
    /// handed out later would be begun by nobody.
    private func isAwaited(since askedAt: Duration) -> Bool { surroundings.monotonic() - askedAt < .seconds(5) }

    /// The replicas that have ended, and whose machines have not.
    package func unendedReplicas(of id: SlotID, answer: @escaping @Sendable (Outcome<ReplicaList>) -> Void) {
        read(answer) { [self] reader in
            guard let slot = try slot(id, at: surroundings.wall(), reader) else { return .refused(.noAgent(id)) }
            return .done(ReplicaList(replicas: slot.unendedReplicas))
        }
    }

    // MARK: What it reports

    /// A host announces that EC2 will take it back, or with no `action` that it may. `time` is nil where it names none;
    /// `launches` when it would launch a replica if the answer told it to.
    package func announce(
        _ action: Notice.InterruptionAction?, at time: Timestamp? = nil, detectedAt: Timestamp? = nil, on line: Line,
        launches: Heart.Launching = .never, answer: @escaping @Sendable (Outcome<NoticeReply>) -> Void
    ) {
        let announcement = PlainNotice(action.map { .interruption($0, at: time) } ?? .rebalance, detectedAt: detectedAt)
        let end = time ?? surroundings.wall() + .seconds(120)
        let askedAt = surroundings.monotonic()
        submit(
            SlotWork(
                on: line.slot, naming: { Focus(now: $0, instance: line.instance) }, lastMoment: end
            ) { [self] slot, turn throws(Refusal) in
                line.isHeard(in: &turn, slot)
                let shown =
                    isAwaited(since: askedAt) ? launches.abilities : launches.abilities.subtracting(.launchesAtItsEnd)
                return try slot.take(announcement, by: line.instance, showing: shown, &turn)
            } answer: {
                answer($0)
            })
    }

    /// How a host that announces its end launches a replica.
    package enum Launching: Sendable {
        case never
        /// When the answer tells it to.
        case whenTold
        /// When it finds an order as it asks for them.
        case whenAsking

        fileprivate var abilities: Abilities {
            switch self {
            case .never: []
            case .whenTold: .launchesAtItsEnd
            case .whenAsking: .launches
            }
        }
    }

    /// What became of a command, in the words of a host that names neither itself nor an epoch.
    package func take(
        isSuccess: Bool, message: String, launched: InstanceID? = nil, isSeenRunning: Bool = false,
        of command: CommandID, in slot: SlotID, answer: @escaping @Sendable (Outcome<ReportReply>) -> Void
    ) {
        var result = PlainResult(isSuccess: isSuccess, message: message)
        result.launched = launched
        result.isSeenRunning = isSeenRunning
        submit(
            SlotWork(
                on: slot,
                naming: { now in
                    var focus = Focus(now: now, command: command)
                    focus.otherInstances = launched.map { [$0] } ?? []
                    return focus
                }, alsoWhenEnded: true
            ) { [self, result] slot, turn throws(Refusal) in
                let outcome = ReportReply(try slot.take(result, of: command, &turn))
                // It says so in a call that names no machine, after minutes of work, and maybe from another address than before.
                if let maker = slot.command(command)?.instance, let line = switchboard.line(of: slot.id, maker) {
                    line.state.withLock { $0.heardAt = surroundings.monotonic() }
                    line.isHeard(in: &turn, slot)
                }
                return outcome
            } answer: {
                answer($0)
            })
    }
}

extension Line {
    /// By something else than a heartbeat, in the decision that follows from it.
    fileprivate func isHeard(in turn: inout Turn, _ slot: Slot) {
        let wasMissed = state.withLock { state in
            defer { state.presence = .fresh }
            return state.presence == .unknown || state.presence == .leaving
        }
        if wasMissed, slot.host(instance)?.isOffline == false {
            turn.note(.hostBack, "\(instance) is heard again", instance: instance)
        }
    }
}

/// How a host that registered stands.
package struct Enrolment: Sendable {
    package let slot: SlotID
    package let client: ClientID
    package let role: Role
    package let epoch: Epoch
    package let configuration: Configuration
    package let serverTime: Timestamp
    package let leaseSeconds: Int?
}
