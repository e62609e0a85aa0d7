import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
package import Wire

// What hosts ask and report.
extension Heart {
    // MARK: Who calls

    /// The host that an agent's token belongs to, by the token's SHA-256.
    package func line(forToken hash: SIMD4<UInt64>) -> Line? { switchboard.line(for: TokenHash(hash)) }

    /// The tenant that a client's token belongs to.
    package func tenant(forToken hash: SIMD4<UInt64>) -> (client: ClientID, isActive: Bool)? {
        switchboard.tenant(for: TokenHash(hash)).map { ($0.id, $0.isActive) }
    }

    // MARK: A host's life

    /// Enrols a host. `token` is new and becomes the host's own, in place of an older one.
    package func register(
        _ registration: Registration, of client: ClientID, token: Token, hash: [UInt8],
        answer: @escaping @Sendable (Outcome<RegistrationReply>) -> Void
    ) {
        let now = surroundings.monotonic()
        if let refusal = enrolments.withLock({ $0.refusal(registration, of: client, at: now) }) {
            return answer(.refused(ErrorReply(.tooManyRequests, refusal)))
        }
        submit(
            RegistrationWork(
                registration, of: client, as: .token(hash), newSlot: settings.newSlot
            ) { outcome in answer(outcome.map { RegistrationReply($0, token: token) }) })
    }

    /// What a heartbeat comes to, looked at without waiting for anything.
    package enum Hearing {
        /// Nothing is new: answer, or park.
        case quiet
        /// It says something that is to be decided: call `decide`.
        case news
    }

    /// A host is alive and says what it said last, when nothing was new. Gives the configuration that it has; nil when its
    /// words are to be read.
    package func hear(again text: [UInt8], on line: Line, wait: Duration, at now: Duration) -> ConfigVersion? {
        let version: ConfigVersion? = line.state.withLock { state in
            guard let echo = state.echo, state.presence == .fresh, !state.view.hasOrders, !state.view.isEnded,
                echo.isRepeated(by: text)
            else { return nil }
            state.heardAt = now
            state.wait = wait
            return echo.configVersion ?? state.view.configVersion
        }
        if version != nil { counts.heartbeats.increment() }
        return version
    }

    /// What it said now brought nothing new.
    package func remember(_ echo: HeartbeatEcho, on line: Line) { line.state.withLock { $0.echo = echo } }

    /// A host is alive. Called on the server's threads for each heartbeat that is not the last one over again: memory only.
    package func hear(_ heartbeat: Heartbeat, on line: Line, wait: Duration) -> Hearing {
        let now = surroundings.monotonic()
        counts.heartbeats.increment()
        return line.state.withLock { state in
            state.heardAt = now
            state.wait = wait
            let isKnown = state.presence == .fresh || (state.presence == .starting && !state.view.isInTrouble)
            let bringsLease = state.view.awaitsLease && heartbeat.configVersion == state.view.configVersion
            // Its host counts it from when it learned of it, which was before this.
            if bringsLease { state.answeredAt = now }
            guard isKnown, !bringsLease, heartbeat.status != .offline, !state.view.hasOrders, heartbeat.running.isEmpty,
                state.saying == Line.Saying(heartbeat), (heartbeat.epoch ?? .zero) <= state.view.epoch,
                !Slot.isContrary(heartbeat, to: state.view.role, state.view.epoch)
            else { return .news }
            state.presence = .fresh
            return .quiet
        }
    }

    /// Decides about a heartbeat with news, and gives what its host is to obey.
    package func decide(
        _ heartbeat: Heartbeat, on line: Line,
        answer: @escaping @Sendable (Outcome<Orders>) -> Void
    ) {
        counts.heartbeatsDecided.increment()
        let isLeaving = heartbeat.status == .offline
        let wasMissed = line.state.withLock { state in
            state.saying = isLeaving ? nil : Line.Saying(heartbeat)
            state.echo = nil
            defer { if isLeaving { state.presence = .leaving } }
            return state.presence == .unknown || state.presence == .leaving
        }
        submit(
            SlotWork(
                on: line.slot, naming: { Focus(now: $0, instance: heartbeat.instance) }, alsoWhenEnded: true
            ) { slot, turn in
                // Not before: what is decided first knows only what it said before it was away.
                line.state.withLock { $0.presence = isLeaving ? .leaving : .fresh }
                if wasMissed, slot.host(heartbeat.instance)?.isOffline == false, !isLeaving {
                    turn.note(.hostBack, "\(heartbeat.instance) is heard again", instance: heartbeat.instance)
                }
                let commands = slot.hear(heartbeat, &turn)
                return Orders(commands: commands, waiting: slot.waiting(for: heartbeat.instance, at: turn.now))
            } answer: { outcome in
                // What was not stored is to be decided again.
                if case .unavailable = outcome { line.state.withLock { $0.saying = nil } }
                answer(outcome)
            })
    }

    /// What a host is to obey now, and how much more waits.
    package struct Orders: Sendable {
        package let commands: [Command]
        package let waiting: Int
    }

    package func configuration(
        of slot: SlotID, answer: @escaping @Sendable (Outcome<Configuration>) -> Void
    ) {
        read(answer) { reader in
            // The writer may have committed more since; then the next heartbeat says so.
            guard let found = try reader.slot(slot, naming: Focus(now: .latest)) else {
                return .refused(.noAgent(slot))
            }
            return .done(found.configuration)
        }
    }

    package func take(
        _ result: CommandResult, of command: CommandID, on line: Line,
        answer: @escaping @Sendable (Outcome<ReportReply>) -> Void
    ) {
        let named = result.facts?.machines ?? []
        submit(
            SlotWork(
                on: line.slot,
                naming: { now in
                    var focus = Focus(now: now, instance: line.instance, command: command)
                    focus.otherInstances = named
                    return focus
                },
                alsoWhenEnded: true,
                // Its outcome may be what a whole hand-over waits for.
                lastMoment: result.ledger.isEmpty && result.facts == nil ? nil : .earliest
            ) { slot, turn throws(Refusal) in
                ReportReply(try slot.take(result, of: command, &turn))
            } answer: {
                answer($0)
            })
    }

    // MARK: Interruptions

    package func take(
        _ notice: Notice, on line: Line, answer: @escaping @Sendable (Outcome<NoticeReply>) -> Void
    ) {
        let now = surroundings.wall()
        let moment = notice.end(at: now) ?? now + .seconds(120)
        submit(
            SlotWork(
                on: line.slot, naming: { Focus(now: $0, instance: notice.instance) }, lastMoment: moment
            ) { slot, turn throws(Refusal) in
                try slot.take(notice, &turn)
            } answer: {
                answer($0)
            })
    }

    // MARK: Reports

    package func take(
        _ report: PricingReport, on line: Line, answer: @escaping @Sendable (Outcome<ReportReply>) -> Void
    ) {
        submit(
            SlotWork(
                on: line.slot, report: ReportKey(report.stamp, "pricing"),
                also: { reply, now, transaction in
                    guard reply.outcome == .accepted else { return }
                    try transaction.insert(report, of: line.slot, at: now)
                }
            ) { slot, turn in
                ReportReply(turn.isRepeat ? .duplicate : slot.isStale(report.stamp) ? .stale : .accepted)
            } answer: {
                answer($0)
            })
    }

    package func take(
        _ report: SwitchReport, on line: Line, answer: @escaping @Sendable (Outcome<ReportReply>) -> Void
    ) {
        submit(
            SlotWork(
                on: line.slot,
                naming: { now in
                    var focus = Focus(now: now, instance: report.newInstance.instance)
                    focus.otherInstances = [report.oldInstance.instance]
                    return focus
                },
                report: ReportKey(report.stamp, "switch")
            ) { slot, turn in
                ReportReply(slot.take(report, &turn))
            } answer: {
                answer($0)
            })
    }

    package func take(
        _ report: TerminationReport, on line: Line, answer: @escaping @Sendable (Outcome<ReportReply>) -> Void
    ) {
        submit(
            SlotWork(
                on: line.slot, naming: { Focus(now: $0, instance: report.target) },
                report: ReportKey(report.stamp, "termination"), alsoWhenEnded: true
            ) { slot, turn in
                ReportReply(slot.take(report, &turn))
            } answer: {
                answer($0)
            })
    }

    package func take(
        _ report: CleanupReport, on line: Line, answer: @escaping @Sendable (Outcome<ReportReply>) -> Void
    ) {
        submit(
            SlotWork(on: line.slot, report: ReportKey(report.stamp, "cleanup")) { slot, turn in
                ReportReply(slot.take(report, &turn))
            } answer: {
                answer($0)
            })
    }

    // MARK: Replicas and machines

    package func createReplica(
        _ creation: ReplicaCreation, of slot: SlotID, by maker: InstanceID? = nil,
        answer: @escaping @Sendable (Outcome<ReplicaReply>) -> Void
    ) {
        submit(
            SlotWork(on: slot, naming: { Focus(now: $0, instance: creation.instance) }, alsoWhenEnded: true) {
                slot, turn throws(Refusal) in
                try slot.take(creation, by: maker, &turn)
            } answer: {
                answer($0)
            })
    }

    package func take(
        _ launch: ReplicaLaunch, for replica: ReplicaID, of slot: SlotID,
        answer: @escaping @Sendable (Outcome<ReplicaReply>) -> Void
    ) {
        submit(
            SlotWork(
                on: slot, naming: { Focus(now: $0, instance: launch.instance, replica: replica) }, alsoWhenEnded: true
            ) { slot, turn throws(Refusal) in
                try slot.take(launch, for: replica, &turn)
            } answer: {
                answer($0)
            })
    }

    package func take(
        _ progress: ReplicaProgress, of replica: ReplicaID, of slot: SlotID,
        answer: @escaping @Sendable (Outcome<ReplicaReply>) -> Void
    ) {
        submit(
            SlotWork(on: slot, naming: { Focus(now: $0, replica: replica) }, alsoWhenEnded: true) {
                slot, turn throws(Refusal) in
                try slot.take(progress, of: replica, &turn)
            } answer: {
                answer($0)
            })
    }

    // MARK: Looking at one slot

    package func emergencyStatus(
        of slot: SlotID, answer: @escaping @Sendable (Outcome<EmergencyStatus>) -> Void
    ) {
        look(at: slot, answer) { slot, _ in slot.emergencyStatus }
    }

    package func terminationList(
        of slot: SlotID, answer: @escaping @Sendable (Outcome<TerminationList>) -> Void
    ) {
        look(at: slot, answer) { slot, now in slot.terminationList(at: now) }
    }

    package func readiness(of slot: SlotID, answer: @escaping @Sendable (Outcome<SlotReadiness>) -> Void) {
        look(at: slot, answer) { slot, now in slot.readiness(at: now) }
    }

    private func look<Reply: Sendable>(
        at id: SlotID, _ answer: @escaping @Sendable (Outcome<Reply>) -> Void,
        _ view: @escaping @Sendable (Slot, Timestamp) -> Reply
    ) {
        read(answer) { [self] reader in
            let now = surroundings.wall()
            guard let slot = try slot(id, at: now, reader) else { return .refused(.noAgent(id)) }
            return .done(view(slot, now))
        }
    }

    /// As the writer would see it.
    func slot(_ id: SlotID, at now: Timestamp, _ reader: borrowing StoreReader) throws -> Slot? {
        guard var slot = try reader.slot(id, naming: Focus(now: now)) else { return nil }
        switchboard.overlay(&slot, now: surroundings.monotonic(), wall: now)
        return slot
    }
}

extension RegistrationReply {
    fileprivate init(_ enrolment: Enrolment, token: Token) {
        self.init(
            slot: enrolment.slot, client: enrolment.client, token: token, role: enrolment.role,
            epoch: enrolment.epoch, configuration: enrolment.configuration, serverTime: enrolment.serverTime)
        leaseSeconds = enrolment.leaseSeconds
    }
}

extension CommandResult.Facts {
    /// The machines that a result names.
    fileprivate var machines: [InstanceID] {
        switch self {
        case .launched(let launched): [launched.instance]
        case .terminated(let instance): [instance]
        case .inspected(let instances): instances.map(\.instance)
        case .fenced, .activated, .configured: []
        }
    }
}

extension ErrorReply {
    static func noAgent(_ slot: SlotID) -> ErrorReply { ErrorReply(.notFound, "no such agent: \(slot)") }
}
