import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
package import Wire

// What operators ask for. Lists are read beside the writer; presence comes from the switchboard, which knows it better.
extension Heart {
    // MARK: Clients

    /// `token` is new; `sealed` is how it is kept for an administrator who wants to see it.
    package func createClient(
        _ creation: ClientCreation, token: Token, hash: [UInt8], seal: @escaping @Sendable (ClientID) throws -> [UInt8],
        answer: @escaping @Sendable (Outcome<CreatedClient>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, batch in
                var turn = batch.turn()
                let id: ClientID = turn.makeID()
                let record = ClientRecord(
                    id: id, name: creation.name, email: creation.email, tokenHash: hash,
                    sealedToken: try seal(id), isActive: true, createdAt: batch.now)
                guard try isNew(record, transaction) else {
                    return .refused(
                        ErrorReply(.conflict, "a client named \(creation.name), or with its e-mail, is there already"))
                }
                turn.client = id
                turn.note(.clientCreated, "client \(creation.name) was created")
                try batch.log(turn, transaction)
                return .done(CreatedClient(id: id, name: creation.name, token: token))
            } after: { [self] created in
                admit(created.id, under: hash)
            })
    }

    package func replaceToken(
        of client: ClientID, token: Token, hash: [UInt8], sealed: [UInt8],
        answer: @escaping @Sendable (Outcome<ClientToken>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, batch in
                guard let record = try transaction.client(client) else { return .refused(.noClient(client)) }
                try transaction.replaceToken(of: client, hash: hash, sealed: sealed)
                var turn = batch.turn(client: client)
                turn.note(.tokenRegenerated, "the token of client \(record.name) was replaced")
                try batch.log(turn, transaction)
                return .done(ClientToken(token: token, clientName: record.name))
            } after: { [self] _ in
                admit(client, under: hash)
            })
    }

    package func deleteClient(_ client: ClientID, answer: @escaping @Sendable (Outcome<Nothing>) -> Void) {
        submit(
            ClientWork(answer) { transaction, batch in
                guard let record = try transaction.client(client), try transaction.deleteClient(client) else {
                    return .refused(.noClient(client))
                }
                var turn = batch.turn()
                turn.note(.clientDeleted, "client \(record.name) was deleted with all that belonged to it")
                try batch.log(turn, transaction)
                return .done(Nothing())
            } after: { [switchboard] _ in
                switchboard.dismiss(client)
                switchboard.unseatAll(of: client)
            })
    }

    private func admit(_ client: ClientID, under hash: [UInt8]) {
        guard let key = TokenHash(hash) else { preconditionFailure("a token's hash has 32 bytes") }
        switchboard.admit(Switchboard.Tenant(id: client, isActive: true), under: key)
    }

    /// The record with the sealed token in it.
    package func client(
        _ id: ClientID, answer: @escaping @Sendable (Outcome<(name: String, sealedToken: [UInt8])>) -> Void
    ) {
        submit(
            ClientWork(answer) { transaction, _ in
                guard let record = try transaction.client(id) else { return .refused(.noClient(id)) }
                return .done((record.name, record.sealedToken))
            })
    }

    // MARK: Slots

    package func change(
        _ change: SlotSettingsChange, of slot: SlotID, answer: @escaping @Sendable (Outcome<Configuration>) -> Void
    ) {
        submit(
            SlotWork(on: slot) { slot, turn throws(Refusal) in
                try slot.change(change, &turn)
            } answer: {
                answer($0)
            })
    }

    package func toggle(
        _ enabled: Bool?, _ slot: SlotID, answer: @escaping @Sendable (Outcome<Configuration>) -> Void
    ) {
        submit(
            SlotWork(on: slot) { slot, turn throws(Refusal) in
                try slot.toggle(enabled, &turn)
            } answer: {
                answer($0)
            })
    }

    package func delete(_ slot: SlotID, answer: @escaping @Sendable (Outcome<Nothing>) -> Void) {
        submit(
            SlotWork(on: slot) { slot, turn in
                slot.delete(&turn)
                return Nothing()
            } answer: {
                answer($0)
            })
    }

    package func askSwitch(
        of slot: SlotID, to target: ForceSwitch.Target, answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void
    ) {
        submit(
            SlotWork(on: slot) { slot, turn throws(Refusal) in
                let command = try slot.askSwitch(to: target, &turn)
                return QueuedCommand(command: command.id, message: "\(command.order.sentence) on \(command.instance)")
            } answer: {
                answer($0)
            })
    }

    /// The slot in which a machine lives, when there is exactly one.
    package func slot(holding instance: InstanceID, answer: @escaping @Sendable (Outcome<SlotID>) -> Void) {
        submit(
            ClientWork(answer) { transaction, _ in
                let slots = try transaction.slotsHolding(instance)
                switch slots.count {
                case 0: return .refused(ErrorReply(.notFound, "no agent has an instance \(instance)"))
                case 1: return .done(slots[0])
                default:
                    return .refused(
                        ErrorReply(.conflict, "several agents have an instance \(instance): name the agent"))
                }
            })
    }

    package func promote(
        _ replica: ReplicaID, of slot: SlotID, answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void
    ) {
        promote(slot, Focus(now: .earliest, replica: replica), answer) { slot, turn throws(Refusal) in
            try slot.promote(replica, &turn)
        }
    }

    package func promote(
        _ instance: InstanceID, of slot: SlotID, answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void
    ) {
        promote(slot, Focus(now: .earliest, instance: instance), answer) { slot, turn throws(Refusal) in
            try slot.promote(instance: instance, &turn)
        }
    }

    private func promote(
        _ slot: SlotID, _ focus: Focus, _ answer: @escaping @Sendable (Outcome<QueuedCommand>) -> Void,
        _ decide: @escaping @Sendable (inout Slot, inout Turn) throws(Refusal) -> CommandRecord
    ) {
        submit(
            SlotWork(
                on: slot, naming: { Focus(now: $0, instance: focus.instance, replica: focus.replica) },
                lastMoment: .latest
            ) { slot, turn throws(Refusal) in
                let command = try decide(&slot, &turn)
                return QueuedCommand(
                    command: command.id, message: "\(command.instance) is to \(command.order.sentence)")
            } answer: {
                answer($0)
            })
    }

    package func deleteReplica(
        _ replica: ReplicaID, of slot: SlotID, answer: @escaping @Sendable (Outcome<ReplicaReply>) -> Void
    ) {
        submit(
            SlotWork(on: slot, naming: { Focus(now: $0, replica: replica) }) {
                slot, turn throws(Refusal) in
                try slot.deleteReplica(replica, &turn)
            } answer: {
                answer($0)
            })
    }

    // MARK: Looking

    package func clientSummaries(answer: @escaping @Sendable (Outcome<[ClientSummary]>) -> Void) {
        read(answer) { [self] reader in .done(try reader.clientSummaries(isFresh: isFresh)) }
    }

    package func agents(_ query: AgentQuery, answer: @escaping @Sendable (Outcome<AgentList>) -> Void) {
        read(answer) { [self] reader in
            var filter = AgentFilter()
            filter.client = query.client
            filter.status = query.status
            filter.search = query.search
            var list = try reader.agents(
                filter, after: query.part.after, limit: query.part.limit, isFresh: isFresh)
            for index in list.agents.indices { noteContact(&list.agents[index]) }
            return .done(list)
        }
    }

    package func instances(_ query: InstanceQuery, answer: @escaping @Sendable (Outcome<InstanceList>) -> Void) {
        read(answer) { [self] reader in
            var filter = InstanceFilter()
            filter.client = query.client
            filter.role = query.role
            filter.isTerminated = query.isTerminated
            filter.mode = query.mode
            filter.search = query.search
            var list = try reader.instances(
                filter, after: query.part.after, limit: query.part.limit, isFresh: isFresh)
            for index in list.instances.indices { noteContact(&list.instances[index]) }
            return .done(list)
        }
    }

    package func agent(_ slot: SlotID, answer: @escaping @Sendable (Outcome<AgentDetail>) -> Void) {
        read(answer) { [self] reader in
            guard var detail = try reader.agentDetail(slot, isFresh: isFresh) else { return .refused(.noAgent(slot)) }
            noteContact(&detail.agent)
            for index in detail.hosts.indices { noteContact(&detail.hosts[index]) }
            return .done(detail)
        }
    }

    package func replicas(
        of slot: SlotID, with status: ReplicaStatus?, answer: @escaping @Sendable (Outcome<ReplicaList>) -> Void
    ) {
        read(answer) { reader in
            guard try reader.slot(slot, naming: Focus(now: .latest)) != nil else { return .refused(.noAgent(slot)) }
            return .done(ReplicaList(replicas: try reader.replicas(of: slot, status: status)))
        }
    }

    package func commands(_ query: CommandQuery, answer: @escaping @Sendable (Outcome<CommandList>) -> Void) {
        read(answer) { reader in
            .done(
                try reader.commands(
                    of: query.slot, state: query.state, onlyOpen: query.isOpen, after: query.part.after,
                    limit: query.part.limit))
        }
    }

    package func incidents(_ query: IncidentQuery, answer: @escaping @Sendable (Outcome<IncidentList>) -> Void) {
        read(answer) { reader in
            .done(
                try reader.incidents(
                    of: query.slot, state: query.state, after: query.part.after, limit: query.part.limit))
        }
    }

    package func incident(_ id: IncidentID, answer: @escaping @Sendable (Outcome<Incident>) -> Void) {
        read(answer) { reader in
            guard let incident = try reader.incident(id) else {
                return .refused(ErrorReply(.notFound, "no such incident: \(id)"))
            }
            return .done(incident)
        }
    }

    package func logLines(_ query: EventQuery, answer: @escaping @Sendable (Outcome<LogLines>) -> Void) {
        read(answer) { reader in
            let (client, slot, limit) = (query.client, query.slot, query.part.limit)
            guard let after = query.part.after else {
                return .done(try reader.latestEvents(client: client, slot: slot, limit: limit))
            }
            return .done(try reader.events(after: after, client: client, slot: slot, limit: limit))
        }
    }

    package func totals(answer: @escaping @Sendable (Outcome<Totals>) -> Void) {
        read(answer) { reader in .done(Totals(try reader.counts())) }
    }

    /// Enrolled hosts by whether they are heard.
    package var presences: [String: Int] {
        var counts: [String: Int] = [:]
        for line in switchboard.all { counts[line.hostPresence.rawValue, default: 0] += 1 }
        return counts
    }

    /// Lines of the log by kind, since the start.
    package var eventCounts: [String: Int] {
        Dictionary(uniqueKeysWithValues: events.kinds.map { ($0.key.rawValue, $0.value) })
    }

    private func isFresh(_ slot: SlotID, _ instance: InstanceID) -> Bool {
        switchboard.line(of: slot, instance)?.hostPresence == .fresh
    }

    private func noteContact(_ agent: inout AgentSummary) {
        guard let instance = agent.instance else { return }
        agent.lastHeartbeatAt = lastHeard(agent.id, instance) ?? agent.lastHeartbeatAt
    }

    private func noteContact(_ instance: inout InstanceSummary) {
        instance.lastHeartbeatAt = lastHeard(instance.slot, instance.instance) ?? instance.lastHeartbeatAt
    }

    private func lastHeard(_ slot: SlotID, _ instance: InstanceID) -> Timestamp? {
        guard let heard = switchboard.line(of: slot, instance)?.state.withLock({ $0.heardAt }), heard != .zero else {
            return nil
        }
        return surroundings.wall() - (surroundings.monotonic() - heard)
    }
}

/// Inserts the client; false when its name or e-mail is taken. A function of its own: in the closure that it is called from the
/// compiler (6.3.1) does not survive a typed catch.
private func isNew(_ record: ClientRecord, _ transaction: borrowing StoreTransaction) throws(StoreError) -> Bool {
    do throws(StoreError) {
        try transaction.insert(record)
        return true
    } catch {
        guard error.code == .duplicate else { throw error }
        return false
    }
}

extension Line {
    var hostPresence: HostPresence {
        switch state.withLock({ $0.presence }) {
        case .fresh: .fresh
        case .starting, .leaving, .unknown: .unknown
        case .offline: .offline
        }
    }
}

extension ErrorReply {
    static func noClient(_ client: ClientID) -> ErrorReply { ErrorReply(.notFound, "no such client: \(client)") }
}

/// A change that is about a tenant, not about a slot.
final class ClientWork<Reply: Sendable>: Work, @unchecked Sendable {
    // Unchecked: after it was made, only the writer's thread touches it.

    typealias Body = @Sendable (borrowing StoreTransaction, inout Batch) throws -> Outcome<Reply>

    let lastMoment: Timestamp? = nil
    private let body: Body
    private let after: @Sendable (Reply) -> Void
    private let answer: @Sendable (Outcome<Reply>) -> Void
    private var outcome: Outcome<Reply>?

    /// `after` is called once what `body` did is on the disk, before the answer.
    init(
        _ answer: @escaping @Sendable (Outcome<Reply>) -> Void, _ body: @escaping Body,
        after: @escaping @Sendable (Reply) -> Void = { _ in }
    ) {
        self.answer = answer
        self.body = body
        self.after = after
    }

    func run(_ transaction: borrowing StoreTransaction, _ batch: inout Batch) throws {
        outcome = try body(transaction, &batch)
    }

    func finish(_ end: WorkEnd) {
        switch end {
        case .committed:
            guard let outcome else { preconditionFailure("a work that was committed has run") }
            if case .done(let reply) = outcome { after(reply) }
            answer(outcome)
        case .failed(let reason): answer(.unavailable(reason))
        }
    }
}

/// What the store holds, counted.
package struct Totals: Sendable {
    package let agents: [String: Int]
    package let hosts: [String: Int]
    package let openCommands: [String: Int]
    package let openIncidents: Int
    package let databaseBytes: Int

    init(_ counts: StoreCounts) {
        agents = Dictionary(uniqueKeysWithValues: counts.slots.map { ($0.key.rawValue, $0.value) })
        hosts = Dictionary(uniqueKeysWithValues: counts.hosts.map { ($0.key.rawValue, $0.value) })
        openCommands = Dictionary(uniqueKeysWithValues: counts.openCommands.map { ($0.key.rawValue, $0.value) })
        openIncidents = counts.openIncidents
        databaseBytes = Int(counts.databaseBytes)
    }
}
