import CoordinatorCore
import CoordinatorStore
import JSON
import SQLite
import Testing
import Wire

/// What an operator sees, page by page.
struct ListTests {
    // MARK: Agents

    @Test func `agents come by client and name, in pages that miss none and repeat none`() throws {
        try withFleet { (store, reader) throws in
            let all = try reader.reader.agents(isFresh: nobody)
            #expect(all.next == nil)
            let names = all.agents.map { "\($0.clientName)/\($0.logicalAgent)" }
            #expect(names == names.sorted() && names.count == 30)
            for limit in [1, 7, 30] {
                var seen: [SlotID] = []
                var cursor: EventCursor?
                repeat {
                    let page = try reader.reader.agents(after: cursor, limit: limit, isFresh: nobody)
                    #expect(page.agents.count <= limit)
                    seen += page.agents.map(\.id)
                    cursor = page.next
                } while cursor != nil
                #expect(seen == all.agents.map(\.id))
            }
        }
    }

    @Test func `a page begins behind an agent that has ended meanwhile`() throws {
        try withFleet { (store, reader) throws in
            let first = try reader.reader.agents(limit: 3, isFresh: nobody)
            let last = try #require(first.agents.last)
            try tamper(store.path, "UPDATE slot SET deleted_at = 1")
            _ = try reader.reader.agents(after: first.next, isFresh: nobody)
            #expect(last.status != .deleted)
        }
    }

    @Test func `agents are found by client, status and parts of their names`() throws {
        try withFleet { (store, reader) throws in
            func agents(_ change: (inout AgentFilter) -> Void) throws -> [SlotID] {
                var filter = AgentFilter()
                change(&filter)
                return try reader.reader.agents(filter, isFresh: { slot, _ in slot == slotID(1) }).agents.map(\.id)
                    .sorted()
            }
            #expect(try agents { $0.client = clientID(2) } == (11...20).map(slotID))
            #expect(try agents { $0.status = .online } == [slotID(1)])
            #expect(try agents { $0.status = .offline } == [slotID(2), slotID(3)])
            #expect(try agents { $0.status = .switching } == [slotID(4)])
            #expect(try agents { $0.status = .disabled } == [slotID(5)])
            #expect(try agents { $0.status = .deleted } == [slotID(31)])
            #expect(try agents { $0.status = .unknown }.count == 25)
            #expect(try agents { $0.search = "AGENT 27" } == [slotID(27)])
            #expect(try agents { $0.search = "client 3" } == (21...30).map(slotID))
            #expect(try agents { $0.search = instance(14).text } == [slotID(14)])
            #expect(try agents { $0.search = "host-15" } == [slotID(15)])
            #expect(try agents { $0.search = "%" } == [])
        }
    }

    @Test func `an agent's line has its primary, its numbers and its settings`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.settings.autoSwitchEnabled = false
            (slot.epoch, slot.configVersion) = (4, 5)
            slot.hosts[0].lastHeardAt = .at(7)
            slot.hosts += [makeHost(2, .replica), makeHost(3, .terminated)]
            slot.replicas = [Replica(id: "r-1", type: .manual, status: .ready, createdAt: newYear)]
            slot.incidents = [makeIncident(1, of: 1, on: 1)]
            try store.save(slot)
            let agent = try #require(try TestReader(at: store.path).reader.agents(isFresh: nobody).agents.first)
            var expected = AgentSummary(
                id: slotID(1), logicalAgent: slot.logicalAgent, client: clientID(1), clientName: "client 1",
                status: .unknown, settings: slot.settings, createdAt: newYear, epoch: 4, configVersion: 5)
            expected.instance = instance(1)
            expected.hostname = "host-1"
            expected.instanceType = "m5.large"
            expected.region = "us-east-1"
            expected.zone = "us-east-1b"
            expected.mode = .spot
            expected.pool = "m5.large.us-east-1b"
            expected.version = "1.0.0"
            expected.lastHeartbeatAt = .at(7)
            (expected.hosts, expected.readyReplicas, expected.openIncidents) = (2, 1, 1)
            #expect(agent == expected)
        }
    }

    @Test func `one agent is told whole`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.reportsPrices = true
            slot.hosts += [makeHost(2, .terminated), makeHost(3, .replica)]
            slot.replicas = [Replica(id: "r-1", type: .manual, status: .ready, createdAt: newYear)]
            slot.commands = [makeCommand(1, to: 1), makeCommand(2, to: 1)]
            slot.commands[1].state = .done
            slot.commands[1].finishedAt = newYear
            slot.incidents = [makeIncident(1, of: 1, on: 1), makeIncident(2, of: 1, on: 3)]
            try store.save(slot)
            let reader = try TestReader(at: store.path)
            #expect(try reader.reader.agentDetail(slotID(2), isFresh: nobody) == nil)
            let detail = try #require(
                try reader.reader.agentDetail(slotID(1)) { _, host in host == instance(1) })
            #expect(detail.agent.status == .online)
            #expect(detail.configuration == slot.configuration)
            #expect(detail.hosts.map(\.instance) == [instance(3), instance(1), instance(2)])
            #expect(detail.hosts.map(\.presence) == [.unknown, .fresh, .unknown])
            #expect(detail.replicas == slot.replicas)
            #expect(detail.commands.map(\.id) == [slot.commands[0].id])
            #expect(detail.incidents.map(\.id) == slot.incidents.map(\.id).reversed())
        }
    }

    // MARK: Instances

    @Test func `instances come newest first, and are found by client, end, mode and name`() throws {
        try withFleet { (store, reader) throws in
            func instances(_ change: (inout InstanceFilter) -> Void) throws -> [Int] {
                var filter = InstanceFilter()
                change(&filter)
                return try reader.reader.instances(filter, isFresh: nobody).instances.compactMap {
                    Int($0.instance.text.dropFirst(2), radix: 16)
                }
            }
            #expect(try instances { _ in }.count == 33)
            #expect(try instances { _ in }.first == 31)
            #expect(try instances { $0.client = clientID(2) } == (11...20).reversed())
            #expect(try instances { $0.isTerminated = true } == [102])
            #expect(try instances { $0.isTerminated = false }.count == 32)
            #expect(try instances { $0.mode = .ondemand } == [6])
            #expect(try instances { $0.search = "agent 28" } == [28])
            #expect(
                try instances { filter in
                    filter.client = clientID(1)
                    filter.isTerminated = true
                } == [102])
            for client in [nil, clientID(1)] {
                var filter = InstanceFilter()
                filter.client = client
                var seen: [InstanceID] = []
                var cursor: EventCursor?
                repeat {
                    let page = try reader.reader.instances(filter, after: cursor, limit: 4, isFresh: nobody)
                    seen += page.instances.map(\.instance)
                    cursor = page.next
                } while cursor != nil
                let all = try reader.reader.instances(filter, isFresh: nobody).instances
                #expect(seen == all.map(\.instance))
            }
        }
    }

    // MARK: Commands, incidents, replicas

    @Test func `commands come newest first, by slot and state`() throws {
        try withHistory { (reader) throws in
            func commands(_ slot: Int? = nil, _ state: CommandState? = nil) throws -> [Int] {
                var numbers: [Int] = []
                var cursor: EventCursor?
                repeat {
                    let page = try reader.reader.commands(of: slot.map(slotID), state: state, after: cursor, limit: 3)
                    #expect(page.commands.count <= 3)
                    numbers += page.commands.compactMap { Int($0.id.text.suffix(9)) }
                    cursor = page.next
                } while cursor != nil
                return numbers
            }
            #expect(try commands() == (1...20).reversed())
            #expect(try commands(1) == (1...10).reversed())
            #expect(try commands(nil, .pending) == stride(from: 2, through: 20, by: 2).reversed())
            #expect(try commands(nil, .done) == stride(from: 1, through: 19, by: 2).reversed())
            #expect(try commands(2, .done) == stride(from: 11, through: 19, by: 2).reversed())
            #expect(try commands(2, .pending) == stride(from: 12, through: 20, by: 2).reversed())
            #expect(try commands(3) == [])
            let line = try #require(try reader.reader.commands(state: .done).commands.first)
            #expect(line.type == "activate")
            #expect(line.summary == "activate")
            #expect(line.message == "it serves")
            #expect(line.slot == slotID(2))
        }
    }

    @Test func `incidents come newest first, by slot and openness`() throws {
        try withHistory { (reader) throws in
            func incidents(_ slot: Int? = nil, onlyOpen: Bool = false) throws -> [Int] {
                var numbers: [Int] = []
                var cursor: EventCursor?
                repeat {
                    let page = try reader.reader.incidents(
                        of: slot.map(slotID), state: onlyOpen ? .open : nil, after: cursor, limit: 3)
                    numbers += page.incidents.compactMap { Int($0.id.text.suffix(9)) }
                    #expect(page.incidents.allSatisfy { $0.ledger.isEmpty && $0.timeline.isEmpty })
                    cursor = page.next
                } while cursor != nil
                return numbers
            }
            #expect(try incidents() == (1...20).reversed())
            #expect(try incidents(1) == (1...10).reversed())
            #expect(try incidents(onlyOpen: true) == stride(from: 2, through: 20, by: 2).reversed())
            #expect(try incidents(1, onlyOpen: true) == stride(from: 2, through: 10, by: 2).reversed())
        }
    }

    @Test func `an incident has its ledger, and its timeline out of the log`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.incidents = [makeIncident(1, of: 1, on: 1)]
            slot.incidents[0].incident.ledger = [
                LedgerStep(name: "drain", budgetMilliseconds: 5, tookMilliseconds: 4, outcome: .done)
            ]
            try store.save(slot)
            let incident = slot.incidents[0].id
            try store.write { store in
                _ = try store.append(
                    (0..<300).flatMap { second in
                        [
                            Event(
                                kind: .fenced, sentence: "step \(second)", at: .at(second), instance: instance(1),
                                incident: incident),
                            Event(kind: .fenced, sentence: "other", at: .at(second)),
                        ]
                    })
            }
            let reader = try TestReader(at: store.path)
            #expect(try reader.reader.incident(name("incident", 2)) == nil)
            let found = try #require(try reader.reader.incident(incident))
            #expect(found.ledger == slot.incidents[0].incident.ledger)
            #expect(found.timeline.count == Limits.timelineMax)
            #expect(found.timeline[1] == Incident.Moment(at: .at(1), instance: instance(1), what: "step 1"))
        }
    }

    @Test func `replicas come newest first, by status`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.replicas = (1...4).map { number in
                Replica(
                    id: name("replica", number), type: .manual, status: number % 2 == 0 ? .ready : .failed,
                    createdAt: .at(number))
            }
            try store.save(slot)
            let reader = try TestReader(at: store.path)
            #expect(try reader.reader.replicas(of: slotID(1)) == slot.replicas.reversed())
            #expect(
                try reader.reader.replicas(of: slotID(1), status: .ready).map(\.id) == [
                    name("replica", 4), name("replica", 2),
                ])
            #expect(try reader.reader.replicas(of: slotID(2)) == [])
        }
    }

    // MARK: The log

    @Test func `the log is read from any place on, once and whole`() throws {
        try withLog(lines: 20) { (store, reader) throws in
            var seen: [String] = []
            var cursor: EventCursor?
            for _ in 0..<4 {
                let page = try reader.reader.events(after: cursor, limit: 6)
                seen += page.events.map(\.message)
                cursor = page.next
            }
            #expect(seen == (1...20).map { "line \($0)" })
            #expect(try reader.reader.events(after: cursor).events == [])
            _ = try store.write { try $0.append([Event(kind: .fenced, sentence: "line 21", at: newYear)]) }
            #expect(try reader.reader.events(after: cursor).events.map(\.message) == ["line 21"])
        }
    }

    @Test func `a part of the log is read without missing what comes`() throws {
        try withLog(lines: 20) { (store, reader) throws in
            let odd = try reader.reader.events(client: clientID(1), limit: 4)
            #expect(odd.events.map(\.message) == ["line 1", "line 3", "line 5", "line 7"])
            let rest = try reader.reader.events(after: odd.next, client: clientID(1), limit: 100)
            #expect(rest.events.count == 6)
            // All was seen, so the next place is the end of the log, not the last line of the client.
            #expect(try rest.next == reader.reader.endOfLog())
            #expect(try reader.reader.events(client: clientID(1), slot: slotID(3)).events.map(\.message) == ["line 3"])
            #expect(try reader.reader.events(slot: slotID(4)).events.map(\.message) == ["line 4"])
            #expect(try reader.reader.events(client: clientID(1), slot: slotID(4)).events == [])
        }
    }

    @Test func `the newest lines are told oldest first, and where to go on`() throws {
        try withLog(lines: 20) { (store, reader) throws in
            #expect(
                try reader.reader.latestEvents(limit: 3).events.map(\.message) == ["line 18", "line 19", "line 20"])
            #expect(
                try reader.reader.latestEvents(client: clientID(1), limit: 2).events.map(\.message) == [
                    "line 17", "line 19",
                ])
            #expect(try reader.reader.latestEvents(slot: slotID(4)).events.map(\.message) == ["line 4"])
            #expect(try reader.reader.latestEvents(limit: 3).next == reader.reader.endOfLog())
        }
    }

    @Test func `places in the log are never given again`() throws {
        try withLog(lines: 5) { (store, reader) throws in
            let end = try reader.reader.endOfLog()
            try tamper(store.path, "DELETE FROM event")
            #expect(try reader.reader.endOfLog() == end)
            #expect(try reader.reader.events().next == end)
            #expect(try store.write { try $0.append([Event(kind: .fenced, sentence: "", at: newYear)]) } == 6...6)
        }
    }

    @Test func `an empty log has an end`() throws {
        try withLog(lines: 0) { (_, reader) throws in
            let lines = try reader.reader.events()
            #expect(lines.events == [])
            #expect(try lines.next == reader.reader.endOfLog())
        }
    }

    // MARK: Cursors

    @Test(arguments: ["", "e1-5", "a1-slot-999999999", "x", "a1-", "e2-1"] as [String])
    func `a cursor of another list, or of none, is told apart`(text: String) throws {
        guard let cursor = try? EventCursor(text) else { return }
        try withFleet { (_, reader) throws in
            #expect(storeFailure { try reader.reader.agents(after: cursor, isFresh: nobody) } == .badCursor)
        }
    }

    @Test(arguments: [
        "a1-5", "e2-", "e2-1", "e2--1", "e2-!-1", "e2-0-!", "e2-0-zzzzzzzzzzzzzzzzzz", "e2-0--1", "e2-0-1-1",
    ])
    func `what names no place in a log is told apart`(text: String) throws {
        let cursor = try EventCursor(text)
        try withLog(lines: 5) { (_, reader) throws in
            #expect(storeFailure { try reader.reader.events(after: cursor) } == .badCursor)
        }
    }

    @Test func `a place in another log, or ahead of this one, or of the first form is gone`() throws {
        try withLog(lines: 5) { (_, reader) throws in
            let end = try reader.reader.endOfLog()
            for text in ["e1-5", "e1-", "e2-0-1", "e2-zzz-5", "\(end.text)0"] {
                let cursor = try EventCursor(text)
                #expect(storeFailure { try reader.reader.events(after: cursor) } == .cursorGone, "\(text)")
            }
        }
    }

    @Test func `lists of one kind refuse the cursors of the others`() throws {
        try withFleet { (_, reader) throws in
            let agents = try reader.reader.agents(limit: 1, isFresh: nobody).next
            let instances = try reader.reader.instances(limit: 1, isFresh: nobody).next
            #expect(storeFailure { try reader.reader.instances(after: agents, isFresh: nobody) } == .badCursor)
            #expect(storeFailure { try reader.reader.agents(after: instances, isFresh: nobody) } == .badCursor)
            #expect(storeFailure { try reader.reader.commands(after: agents) } == .badCursor)
            #expect(storeFailure { try reader.reader.incidents(after: instances) } == .badCursor)
        }
    }

    @Test func `a limit beyond what a reader takes is cut`() throws {
        try withLog(lines: Limits.overviewMax + 1) { (_, reader) throws in
            #expect(try reader.reader.events(limit: .max).events.count == Limits.overviewMax)
            #expect(try reader.reader.events(limit: -1).events.count == 1)
        }
    }

    // MARK: Numbers

    @Test func `everything is counted`() throws {
        try withFleet { (store, reader) throws in
            let counts = try reader.reader.counts()
            #expect(counts.clients == 3)
            #expect(
                counts.slots == [.unknown: 26, .offline: 2, .switching: 1, .disabled: 1, .deleted: 1])
            #expect(counts.hosts == [.primary: 30, .promoting: 1, .terminated: 1, .zombie: 1])
            #expect(counts.openCommands == [.pending: 1])
            #expect(counts.openIncidents == 1)
            #expect(counts.events == 0)
            #expect(counts.databaseBytes > 4096)
        }
    }

    @Test func `clients are told with how many of their agents are online`() throws {
        try withFleet { (store, reader) throws in
            try store.write {
                try $0.noteHeard([(slotID(12), instance(12), .at(5)), (slotID(13), instance(13), .at(4))])
            }
            let clients = try reader.reader.clientSummaries { slot, _ in slot <= slotID(12) }
            #expect(clients.map(\.name) == ["client 1", "client 2", "client 3"])
            #expect(clients.map(\.agentsTotal) == [10, 10, 10])
            // Of the first client, two are offline and one is disabled; the one that is switching is heard.
            #expect(clients.map(\.agentsOnline) == [7, 2, 0])
            #expect(clients.map(\.instances) == [11, 10, 10])
            #expect(clients.map(\.lastSync) == [nil, .at(5), nil])
        }
    }

    /// On demand, spot before, spot after.
    @Test(
        arguments: [
            (["0.10", "0.05", "0.03"], "0.4800"), (["0.10", nil, "0.03"], "1.6800"), (["0.10", "0", "0.03"], "1.6800"),
            (["0.10", "0.05", nil], "0.0000"), ([nil, "0.05", nil], "0.0000"), ([nil, nil, nil], "0.0000"),
            ([nil, "0.0500001", "0.05"], "0.0000"), (["1000", "1000", "0.0001"], "23999.9976"),
        ] as [([String?], String)])
    func `a client's switches to cheaper machines add up to what it saved`(prices: [String?], dollars: String) throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            var record = makeSwitch(2)
            record.onDemandPrice = prices[0].flatMap { JSONNumber($0) }
            record.oldSpotPrice = prices[1].flatMap { JSONNumber($0) }
            record.newSpotPrice = prices[2].flatMap { JSONNumber($0) }
            try store.write { try $0.append([record], of: slotID(1)) }
            let reader = try TestReader(at: store.path)
            #expect(try reader.reader.clientSummaries(isFresh: nobody).map(\.totalSavings.text) == [dollars])
            try store.write { try $0.append([record, record], of: slotID(1)) }
            let thrice = try #require(JSONNumber(dollars)?.whole(shiftedBy: 4)) * 3
            let saved = try reader.reader.clientSummaries(isFresh: nobody)[0].totalSavings
            // A third of the last digit may have been hidden.
            #expect((0...2).contains(try #require(saved.whole(shiftedBy: 4)) - thrice))
        }
    }

    @Test func `what is reported of a move that was seen before completes it, and is no other one`() throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            var seen = makeSwitch(2)
            seen.old = SwitchedInstance(instance: instance(1))
            var told = seen
            (told.onDemandPrice, told.oldSpotPrice) = (JSONNumber("0.10"), JSONNumber("0.05"))
            (told.newSpotPrice, told.timing) = (JSONNumber("0.03"), SwitchTiming(initiatedAt: newYear))
            let (first, report) = (seen, told)
            func count() throws -> [Int64] {
                try Database(path: store.path).read { transaction in
                    try transaction.all("SELECT timing IS NOT NULL FROM switch ORDER BY number") { try $0.value(0) }
                }
            }
            try store.write { try $0.append([first], of: slotID(1)) }
            try store.write { try $0.append([report], of: slotID(1)) }
            #expect(try count() == [1])
            let reader = try TestReader(at: store.path)
            #expect(try reader.reader.clientSummaries(isFresh: nobody).map(\.totalSavings.text) == ["0.4800"])
            // What was seen again is another move, and so is what is reported of others.
            try store.write { try $0.append([first], of: slotID(1)) }
            #expect(try count() == [1, 0])
            var other = report
            other.new = SwitchedInstance(instance: instance(3))
            let unseen = other
            try store.write { try $0.append([unseen], of: slotID(1)) }
            #expect(try count() == [1, 0, 1])
        }
    }

    // MARK: Support

    private func nobody(_ slot: SlotID, _ instance: InstanceID) -> Bool { false }

    /// Three clients with ten agents each, some of which are special, and one that ended.
    private func withFleet(_ body: (TestStore, TestReader) throws -> Void) throws {
        try withStore { (store) throws in
            for number in 2...3 { try store.write { try $0.insert(makeClient(number)) } }
            try store.write { transaction in
                for number in 1...31 {
                    var slot = makeServing(number, client: number == 31 ? 1 : (number - 1) / 10 + 1)
                    switch number {
                    case 2:
                        slot.hosts[0].isOffline = true
                        slot.hosts.append(makeHost(102, .terminated))
                    case 3: slot.hosts[0].role = .zombie
                    case 4:
                        slot.hosts.append(makeHost(104, .promoting))
                        slot.incidents = [makeIncident(1, of: 4, on: 4)]
                        slot.commands = [makeCommand(1, to: 104)]
                    case 5: slot.settings.enabled = false
                    case 6: slot.hosts[0].facts.mode = .ondemand
                    case 31: slot.deletedAt = newYear
                    default: break
                    }
                    try transaction.save(slot, replacing: nil)
                }
            }
            try body(store, TestReader(at: store.path))
        }
    }

    /// Two slots with ten commands and ten incidents each; the odd ones are done.
    private func withHistory(_ body: (TestReader) throws -> Void) throws {
        try withStore { (store) throws in
            for number in 1...2 {
                var slot = makeServing(number)
                for part in (number * 10 - 9)...(number * 10) {
                    var command = makeCommand(part, to: number)
                    var incident = makeIncident(part, of: number, on: number)
                    if part % 2 == 1 {
                        command.state = .done
                        command.finishedAt = .at(1)
                        command.result = CommandResult(
                            .done, message: "it serves", instance: instance(number), attempt: 1, epoch: 1,
                            finishedAt: .at(1))
                        incident.incident.state = .met
                        incident.incident.closedAt = .at(1)
                    }
                    slot.commands.append(command)
                    slot.incidents.append(incident)
                }
                try store.save(slot)
            }
            try body(TestReader(at: store.path))
        }
    }

    /// A log in which the odd lines are the client's, each of a slot of its own.
    private func withLog(lines: Int, _ body: (TestStore, TestReader) throws -> Void) throws {
        try withStore { (store) throws in
            _ = try store.write { store in
                try store.append(
                    (0..<lines).map { line in
                        Event(
                            kind: .fenced, sentence: "line \(line + 1)", at: .at(line),
                            client: line % 2 == 0 ? clientID(1) : nil, slot: slotID(line + 1))
                    })
            }
            try body(store, TestReader(at: store.path))
        }
    }
}
