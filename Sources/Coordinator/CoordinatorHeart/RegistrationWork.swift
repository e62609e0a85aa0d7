import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
import Wire

/// A host enrols: its slot is found or made, it gets its place there, and as a rule a token of its own.
final class RegistrationWork: Work, @unchecked Sendable {
    // Unchecked: after it was made, only the writer's thread touches it.

    let lastMoment: Timestamp? = nil
    private let registration: Registration
    private let client: ClientID
    private let identity: Identity
    private let newSlot: SlotSettings
    private let answer: @Sendable (Outcome<Enrolment>) -> Void
    private var outcome: Outcome<Enrolment>?
    private var calls: [PendingAnswer] = []
    private var seat: () -> Void = {}

    /// By what it is known from now on.
    enum Identity {
        /// A token of its own, by its hash.
        case token([UInt8])
        /// Nothing but what it says, and from where.
        case unnamed(from: String)

        var hash: [UInt8]? { if case .token(let hash) = self { hash } else { nil } }
        var address: String? { if case .unnamed(let address) = self { address } else { nil } }
    }

    init(
        _ registration: Registration, of client: ClientID, as identity: Identity, newSlot: SlotSettings,
        answer: @escaping @Sendable (Outcome<Enrolment>) -> Void
    ) {
        self.registration = registration
        self.client = client
        self.identity = identity
        self.newSlot = newSlot
        self.answer = answer
    }

    func run(_ transaction: borrowing StoreTransaction, _ batch: inout Batch) throws {
        guard try transaction.client(client)?.isActive == true else {
            outcome = .refused(ErrorReply(.invalidToken, "the client of this token was deleted"))
            return
        }
        guard batch.switchboard.hosts(of: client) < Self.hostsMax else {
            outcome = .refused(
                ErrorReply(.tooManyRequests, "this client has \(Self.hostsMax) hosts: end some before more can enrol"))
            return
        }
        if let renewed = registration.renews, try transaction.isDeleted(renewed, of: client) {
            // As its heartbeat would have heard, had its token still been good.
            outcome = .refused(ErrorReply(.notFound, "agent \(renewed) was deleted"))
            return
        }
        let before = try known(transaction, batch)
        if before?.host(registration.instance) == nil,
            try transaction.isBeingEnded(
                registration.instance, of: client, named: registration.logicalAgent, since: batch.now - Self.endingTime)
        {
            outcome = .refused(
                ErrorReply(
                    .conflict,
                    "\(registration.instance) is being ended with its agent, which was deleted: enrol another machine"))
            return
        }
        var turn = batch.turn(slot: before?.id, client: client)
        if let before { noteReturn(in: before, batch.switchboard, &turn) }
        let decided: (slot: Slot, host: Host)
        do throws(Refusal) { decided = try decide(before, &turn) } catch {
            outcome = .refused(ErrorReply(error.code, error.sentence))
            return
        }
        var slot = decided.slot
        if before == nil, identity.hash != nil, let region = decided.host.facts.region,
            let type = decided.host.facts.instanceType
        {
            slot.reportsPrices = try !transaction.hasPriceReporter(
                client: client, region: region, type: type, besides: slot.id)
        }
        calls = deliverToParked(&slot, batch)
        try batch.save(slot, replacing: before, turn, transaction)
        try transaction.setToken(
            identity.hash, of: registration.instance, in: slot.id, registeredFrom: identity.address)
        outcome = .done(enrolment(slot, decided.host, batch.now))
        seat = { [self, switchboard = batch.switchboard, monotonic = batch.monotonic, wall = batch.now] in
            takeSeat(slot, decided.host, switchboard, monotonic, wall)
        }
    }

    func finish(_ end: WorkEnd) {
        // It holds on to the work, and the work to it.
        defer { seat = {} }
        switch end {
        case .committed:
            // Before the answer: the host may use its token at once.
            seat()
            for call in calls { call.give() }
            guard let outcome else { preconditionFailure("a work that was committed has run") }
            answer(outcome)
        case .failed(let reason):
            for call in calls { call.giveNothing() }
            answer(.unavailable(reason))
        }
    }

    /// Of one tenant. Who has its token could otherwise fill the disk with hosts that do not exist.
    private static let hostsMax = 200_000

    /// A replica that was launched for an agent must not make that agent anew when it comes up after the deletion, nor join the one
    /// that was made since. By then a launch is over and its machine ended; what still runs, its owner wants.
    private static let endingTime = Duration.seconds(3600)

    private func known(_ transaction: borrowing StoreTransaction, _ batch: Batch) throws -> Slot? {
        guard let id = try slotID(transaction, batch),
            var slot = try transaction.slot(id, naming: Focus(now: batch.now, instance: registration.instance))
        else { return nil }
        batch.switchboard.overlay(&slot, now: batch.monotonic, wall: batch.now)
        return slot
    }

    /// A host that has no name for its agent gives its machine's, which a slot may have already by another host's word.
    private func slotID(_ transaction: borrowing StoreTransaction, _ batch: Batch) throws -> SlotID? {
        let instance = registration.instance
        if let id = try transaction.slotID(of: client, named: registration.logicalAgent) { return id }
        guard identity.hash == nil, registration.logicalAgent.text == instance.text else { return nil }
        return try transaction.slotsHolding(instance).first {
            try transaction.slot($0, naming: Focus(now: batch.now))?.client == client
        }
    }

    /// It was missed, and says so in no other way.
    private func noteReturn(in slot: Slot, _ switchboard: Switchboard, _ turn: inout Turn) {
        guard slot.host(registration.instance)?.isOffline == false,
            let line = switchboard.line(of: slot.id, registration.instance),
            line.state.withLock({ $0.presence == .unknown || $0.presence == .leaving })
        else { return }
        turn.note(.hostBack, "\(registration.instance) is heard again", instance: registration.instance)
    }

    private func decide(_ before: Slot?, _ turn: inout Turn) throws(Refusal) -> (Slot, Host) {
        var slot: Slot
        if let before {
            slot = before
        } else {
            let settings = try Slot.settings(newSlot, changedBy: registration.proposed ?? SlotSettingsChange())
            slot = Slot(
                id: turn.makeID(), client: client, logicalAgent: registration.logicalAgent, createdAt: turn.now,
                settings: settings)
            turn.slot = slot.id
        }
        let host = try slot.register(registration, withToken: identity.hash != nil, &turn)
        return (slot, host)
    }

    private func enrolment(_ slot: Slot, _ host: Host, _ now: Timestamp) -> Enrolment {
        let lease = slot.settings.leaseSeconds
        return Enrolment(
            slot: slot.id, client: client, role: host.role, epoch: slot.epoch, configuration: slot.configuration,
            serverTime: now, leaseSeconds: lease > 0 && host.role.isInUse ? lease : nil)
    }

    private func takeSeat(_ slot: Slot, _ host: Host, _ switchboard: Switchboard, _ now: Duration, _ wall: Timestamp) {
        let key = identity.hash.map { hash in
            guard let key = TokenHash(hash) else { preconditionFailure("a token's hash has 32 bytes") }
            return key
        }
        let line = Line(
            slot: slot.id, instance: host.instance, client: client,
            Line.State(
                view: Line.View(slot, host, at: wall), presence: .fresh, heardAt: now, answeredAt: now, saying: nil,
                flushedAt: .zero, allowance: .ofHost(at: now), noticeAllowance: .ofNotices(at: now),
                address: identity.address.map { ($0, now) }))
        switchboard.seat(line, under: key)
    }
}
