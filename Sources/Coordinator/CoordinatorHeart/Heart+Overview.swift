import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
package import Wire

// What operators look at. Lists are read beside the writer; who is heard the switchboard knows.
extension Heart {
    package func clientSummaries(answer: @escaping @Sendable (Outcome<[ClientSummary]>) -> Void) {
        read(answer) { [self] reader in .done(try reader.clientSummaries(isFresh: isFresh)) }
    }

    package func agents(_ query: AgentQuery, answer: @escaping @Sendable (Outcome<AgentList>) -> Void) {
        read(answer) { [self] reader in
            var list = try reader.agents(
                AgentFilter(query), after: query.part.after, limit: query.part.limit, isFresh: isFresh)
            for index in list.agents.indices { noteContact(&list.agents[index]) }
            return .done(list)
        }
    }

    /// Whether each of those agents would survive an interruption now.
    package func readiness(_ query: AgentQuery, answer: @escaping @Sendable (Outcome<SlotReadinessList>) -> Void) {
        read(answer) { [self] reader in
            let page = try reader.agents(
                AgentFilter(query), after: query.part.after, limit: min(query.part.limit, Limits.readinessMax),
                isFresh: isFresh)
            let now = surroundings.wall()
            let found = try page.agents.compactMap { try slot($0.id, at: now, reader)?.readiness(at: now).inShort }
            return .done(SlotReadinessList(agents: found, next: page.next))
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

    package func switchCounts(of slot: SlotID, answer: @escaping @Sendable (Outcome<[Trigger: Int]>) -> Void) {
        read(answer) { reader in .done(try reader.switchCounts(of: slot)) }
    }

    package func incidents(_ query: IncidentQuery, answer: @escaping @Sendable (Outcome<IncidentList>) -> Void) {
        read(answer) { reader in
            .done(
                try reader.incidents(
                    of: query.slot, state: query.state, after: query.part.after, limit: query.part.limit))
        }
    }

    /// `asker` is the slot whose host asks: of others it is told no more than of what was never there.
    package func incident(
        _ id: IncidentID, of asker: SlotID? = nil, answer: @escaping @Sendable (Outcome<Incident>) -> Void
    ) {
        read(answer) { reader in
            let incident = try reader.incident(id)
            if let asker, incident?.slot != asker {
                return .refused(ErrorReply(.forbidden, "agent \(asker) has no incident \(id)"))
            }
            guard let incident else { return .refused(ErrorReply(.notFound, "no such incident: \(id)")) }
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

    /// Lines after a place in the log, for who goes back further than memory does, and where to go on.
    package func lines(
        after place: Int64, client: ClientID?, slot: SlotID?, limit: Int,
        answer: @escaping @Sendable (Outcome<(lines: [PlacedLine], next: Int64)>) -> Void
    ) {
        let log = events.log
        read(answer) { reader in
            let found = try reader.events(
                after: EventCursor(after: place, in: log), client: client, slot: slot, limit: limit)
            let lines = try found.events.map { line in
                PlacedLine(try line.cursor.sequence(in: log, endingAt: .max), line)
            }
            return .done((lines, try found.next.sequence(in: log, endingAt: .max)))
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

    package var drillEventCounts: [String: Int] {
        Dictionary(uniqueKeysWithValues: events.drillKinds.map { ($0.key.rawValue, $0.value) })
    }

    package func isFresh(_ slot: SlotID, _ instance: InstanceID) -> Bool {
        switchboard.line(of: slot, instance)?.hostPresence == .fresh
    }

    /// Slots that would survive an interruption now, as far as memory tells.
    package var survivingAgents: Int { switchboard.linesBySlot.count { $0.survive } }

    private func noteContact(_ agent: inout AgentSummary) {
        if agent.status != .deleted { agent.survives = switchboard.lines(of: agent.id).survive }
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

extension AgentFilter {
    init(_ query: AgentQuery) {
        self.init()
        client = query.client
        status = query.status
        search = query.search
    }
}

extension [Line] {
    /// Whether these, the hosts of one slot, would survive an interruption of the one that serves. The same as an empty
    /// `Slot.readiness(at:)`, without loading the slot: all are asked about at once.
    var survive: Bool {
        var (serves, standsBy) = (false, false)
        for line in self {
            switch line.state.withLock({ $0.standing }) {
            case .hindered: return false
            case .serves: serves = true
            case .standsBy: standsBy = true
            case .none: break
            }
        }
        return serves && standsBy
    }
}

extension Line.State {
    fileprivate enum Standing { case none, serves, standsBy, hindered }

    /// What its host is good for when the primary is interrupted.
    fileprivate var standing: Standing {
        if view.isHindered || view.role == .promoting { return .hindered }
        guard presence == .fresh else { return .none }
        switch view.role {
        case .primary: return saying?.isBlind == true || view.isFailing ? .none : .serves
        case .replica: return saying?.lacking == [] && !view.isGoing ? .standsBy : .none
        case .launching, .promoting, .zombie, .terminating, .terminated: return .none
        }
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

/// What the store holds, counted.
package struct Totals: Sendable {
    package let agents: [String: Int]
    package let hosts: [String: Int]
    package let openCommands: [String: Int]
    package let openIncidents: Int
    package let openDrills: Int
    package let databaseBytes: Int

    init(_ counts: StoreCounts) {
        agents = Dictionary(uniqueKeysWithValues: counts.slots.map { ($0.key.rawValue, $0.value) })
        hosts = Dictionary(uniqueKeysWithValues: counts.hosts.map { ($0.key.rawValue, $0.value) })
        openCommands = Dictionary(uniqueKeysWithValues: counts.openCommands.map { ($0.key.rawValue, $0.value) })
        openIncidents = counts.openIncidents
        openDrills = counts.openDrills
        databaseBytes = Int(counts.databaseBytes)
    }
}
