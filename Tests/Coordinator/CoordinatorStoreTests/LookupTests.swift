import CoordinatorCore
import CoordinatorStore
import JSON
import SQLite
import Testing
import Wire

/// What is asked and noted of clients and slots without loading one.
struct LookupTests {
    @Test func `a client is found, gets another token, and goes`() throws {
        try withStore { (store) throws in
            #expect(try store.write { try $0.client(clientID(1)) } == makeClient(1))
            #expect(try store.write { try $0.client(clientID(2)) } == nil)
            var renewed = makeClient(1)
            (renewed.tokenHash, renewed.sealedToken) = (hash(99), [9, 9])
            #expect(try store.write { try $0.replaceToken(of: clientID(1), hash: hash(99), sealed: [9, 9]) })
            #expect(try store.write { try $0.client(clientID(1)) } == renewed)
            #expect(try store.write { try $0.replaceToken(of: clientID(2), hash: hash(98), sealed: []) } == false)
            #expect(try store.write { try $0.deleteClient(clientID(1)) })
            #expect(try store.write { try $0.deleteClient(clientID(1)) } == false)
        }
    }

    @Test func `with a client goes all that it had, and its log stays without its name`() throws {
        try withStore { (store) throws in
            try store.write { try $0.insert(makeClient(2)) }
            for number in 1...2 {
                var slot = makeServing(number, client: number)
                slot.replicas = [
                    Replica(id: name("replica", number), type: .manual, status: .ready, createdAt: newYear)
                ]
                slot.commands = [makeCommand(number, to: number)]
                slot.incidents = [makeIncident(number, of: number, on: number)]
                try store.save(slot)
                try store.write { transaction in
                    try transaction.note(reportKey("r-1", "switch"), of: slot.id, at: newYear)
                    try transaction.append([makeSwitch(number)], of: slot.id)
                    _ = try transaction.append([
                        Event(
                            kind: .agentRegistered, sentence: "\(number)", at: newYear, client: slot.client,
                            slot: slot.id)
                    ])
                }
            }
            _ = try store.write { try $0.deleteClient(clientID(1)) }
            for table: StaticString in [
                "SELECT count(*) FROM slot", "SELECT count(*) FROM host", "SELECT count(*) FROM replica",
                "SELECT count(*) FROM command", "SELECT count(*) FROM incident", "SELECT count(*) FROM report",
                "SELECT count(*) FROM switch",
            ] {
                #expect(try number(at: store.path, table) == 1, "\(table)")
            }
            let lines = try TestReader(at: store.path).reader.events().events
            #expect(lines.map(\.message) == ["1", "2"])
            #expect(lines.map(\.client) == [nil, clientID(2)])
        }
    }

    @Test func `a machine is found where it may still run`() throws {
        try withStore { (store) throws in
            #expect(try store.write { try $0.slotsHolding(instance(1)) } == [])
            try store.save(makeServing(1))
            #expect(try store.write { try $0.slotsHolding(instance(1)) } == [slotID(1)])

            var terminated = makeSlot(2)
            terminated.hosts = [makeHost(1, .terminated)]
            try store.save(terminated)
            var ended = makeSlot(3)
            ended.hosts = [makeHost(1, .replica)]
            ended.deletedAt = newYear
            try store.save(ended)
            #expect(try store.write { try $0.slotsHolding(instance(1)) } == [slotID(1)])

            for number in 4...6 {
                var slot = makeSlot(number)
                slot.hosts = [makeHost(1, .zombie)]
                try store.save(slot)
            }
            #expect(try store.write { try $0.slotsHolding(instance(1)) } == [slotID(1), slotID(4)])
        }
    }

    @Test func `a slot knows which of its machines, and of those that are named, other agents have`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.hosts += [makeHost(2, .zombie), makeHost(3, .zombie), makeHost(4, .zombie), makeHost(7, .terminated)]
            try store.save(slot)
            var (offline, ended) = (makeServing(3), makeServing(4))
            offline.hosts[0].isOffline = true
            ended.deletedAt = newYear
            try store.write { try $0.insert(makeClient(2)) }
            let others = [makeServing(2), offline, ended, makeServing(5, client: 2), makeServing(6), makeServing(7)]
            for other in others { try store.save(other) }
            #expect(try store.load(1)?.liveElsewhere == [instance(2): .own])
            var focus = Focus(now: newYear, instance: instance(5))
            focus.otherInstances = [instance(7), instance(8)]
            #expect(
                try store.load(1, naming: focus)?.liveElsewhere
                    == [instance(2): .own, instance(5): .foreign, instance(7): .own])
        }
    }

    @Test func `a machine that was replaced in two agents is the one's that heard it last`() throws {
        try withStore { (store) throws in
            for number in 1...2 {
                var slot = makeServing(number)
                slot.hosts.append(makeHost(9, .zombie))
                slot.hosts[1].lastHeardAt = .at(number)
                try store.save(slot)
            }
            #expect(try store.load(1)?.liveElsewhere == [instance(9): .own])
            #expect(try store.load(2)?.liveElsewhere == [:])
        }
    }

    @Test func `a report is known once it was noted, for its slot, kind and machine alone`() throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            try store.save(makeServing(2))
            let key = reportKey("r-1", "pricing")
            #expect(try store.write { try $0.isKnown(key, of: slotID(1)) } == false)
            for at in [0, 9] { try store.write { try $0.note(key, of: slotID(1), at: .at(at)) } }
            #expect(try store.write { try $0.isKnown(key, of: slotID(1)) })
            #expect(try store.write { try $0.isKnown(key, of: slotID(2)) } == false)
            #expect(try store.write { try $0.isKnown(reportKey("r-1", "switch"), of: slotID(1)) } == false)
            #expect(try store.write { try $0.isKnown(reportKey("r-1", "pricing", from: 2), of: slotID(1)) } == false)
            #expect(try number(at: store.path, "SELECT count(*) FROM report") == 1)
        }
    }

    @Test func `a report that was taken before its machine was kept is known from any`() throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            try tamper(store.path, "INSERT INTO report VALUES ('slot-000000001', 'r-1', 'pricing', '', 1)")
            #expect(try store.write { try $0.isKnown(reportKey("r-1", "pricing", from: 2), of: slotID(1)) })
        }
    }

    @Test func `slots come when they are due, the longest due first`() throws {
        try withStore { (store) throws in
            #expect(try store.write { try $0.nextDue() } == nil)
            for (number, due) in [(1, 30), (2, 10), (3, 20)] {
                var slot = makeServing(number)
                slot.dueAt = .at(due)
                try store.save(slot)
            }
            try store.save(makeServing(4))
            #expect(try store.write { try $0.nextDue() } == .at(10))
            #expect(try store.write { try $0.slotsDue(at: .at(9), limit: 9) } == [])
            #expect(try store.write { try $0.slotsDue(at: .at(20), limit: 9) } == [slotID(2), slotID(3)])
            #expect(try store.write { try $0.slotsDue(at: .at(99), limit: 2) } == [slotID(2), slotID(3)])
        }
    }

    @Test func `a host's token is replaced, and a save leaves it alone`() throws {
        try withStore { (store) throws in
            let slot = makeServing(1)
            try store.save(slot)
            try store.write { try $0.setToken(hash(5), of: instance(1), in: slotID(1)) }
            try store.write { try $0.setToken(hash(6), of: instance(1), in: slotID(1)) }
            var changed = slot
            changed.hosts[0].isBlind = true
            try store.save(changed, replacing: slot)
            #expect(try hosts(store.path).map(\.tokenHash) == [hash(6)])
            #expect(
                storeFailure { try store.write { try $0.setToken(hash(7), of: instance(9), in: slotID(1)) } } == .failed
            )
        }
    }

    @Test func `when a host was heard only rises, and who is gone is passed over`() throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            for second in [5, 9, 7] {
                try store.write { store in
                    try store.noteHeard([
                        (slotID(1), instance(1), .at(second)), (slotID(1), instance(2), .at(second)),
                    ])
                }
            }
            #expect(try store.load(1)?.hosts.map(\.lastHeardAt) == [.at(9)])
        }
    }

    @Test(arguments: 1...5) func `those who share the reading of a start get each host once`(shares: Int) throws {
        try withStore { (store) throws in
            for number in 1...9 { try store.save(makeServing(number)) }
            try tamper(store.path, "UPDATE host SET number = number * 1000 WHERE slot_id > 'slot-000000007'")
            let test = try TestReader(at: store.path)
            var read: [InstanceID] = []
            for share in 0..<shares {
                let damaged = try test.reader.forEachHost(share: share, of: shares) { read.append($0.instance) }
                #expect(damaged == [])
            }
            #expect(read == (1...9).map(instance))
            let count = try test.reader.hostCount()
            #expect(count == 9)
        }
    }

    @Test func `a start knows whose slot is in trouble: an incident, nobody serves, or one that must not may`() throws {
        try withStore { (store) throws in
            try store.save(makeServing(1))
            var unserved = makeSlot(2)
            unserved.hosts = [makeHost(2, .replica), makeHost(3, .zombie)]
            try store.save(unserved)
            var interrupted = makeServing(4)
            interrupted.hosts.append(makeHost(5, .replica))
            interrupted.incidents = [makeIncident(1, of: 4, on: 4)]
            try store.save(interrupted)
            var served = makeServing(6)
            served.hosts += [makeHost(7, .replica), makeHost(8, .zombie)]
            try store.save(served)
            var replaced = makeServing(9)
            replaced.hosts.append(makeHost(10, .zombie))
            replaced.hosts[1].service = .told
            try store.save(replaced)
            #expect(try hosts(store.path).filter(\.isInTrouble).map(\.instance) == [2, 3, 4, 5, 9, 10].map(instance))
        }
    }

    @Test func `a start reads every host that may still run, with what its slot says`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.epoch = 7
            slot.configVersion = 3
            slot.settings.heartbeatSeconds = 11
            slot.settings.leaseSeconds = 22
            slot.settings.handOver = .exclusive
            slot.hosts[0].isBlind = true
            slot.hosts.append(makeHost(2, .replica))
            slot.hosts[1].isOffline = true
            slot.hosts[1].lacking = ["units"]
            slot.hosts.append(makeHost(3, .terminated))
            slot.commands = [makeCommand(1, to: 2)]
            try store.save(slot)
            try store.write { try $0.setToken(hash(1), of: instance(1), in: slotID(1)) }
            var ended = makeServing(4)
            ended.deletedAt = newYear
            try store.save(ended)

            for (number, role) in [(5, Role.terminating), (6, .zombie)] {
                var busy = makeServing(number)
                busy.hosts.append(makeHost(number + 10, role))
                busy.deletedAt = newYear
                try store.save(busy)
            }

            let all = try hosts(store.path)
            #expect(Set(all.filter(\.isEnded).map(\.instance)) == Set([4, 5, 15, 6, 16].map(instance)))
            #expect(all.filter(\.isOver).map(\.instance) == [instance(4)])
            let rows = all.filter { !$0.isEnded }
            #expect(rows.map(\.instance) == [instance(1), instance(2)])
            #expect(rows.allSatisfy { $0.slot == slotID(1) && $0.client == clientID(1) })
            #expect(rows.allSatisfy { $0.epoch == 7 && $0.configVersion == 3 })
            #expect(rows.allSatisfy { $0.heartbeatSeconds == 11 && $0.leaseSeconds == 22 })
            #expect(rows.map(\.role) == [.primary, .replica])
            #expect(rows.map(\.isBlind) == [true, false])
            #expect(rows.map(\.isOffline) == [false, true])
            #expect(rows.map(\.lacking) == [nil, ["units"]])
            #expect(rows.map(\.facts) == slot.hosts.prefix(2).map { repeated($0.facts) })
            #expect(rows.map(\.tokenHash) == [hash(1), nil])
            #expect(rows.map(\.hasOpenCommands) == [false, true])
        }
    }

    @Test func `a start reads the clients`() throws {
        try withStore { (store) throws in
            try store.write { try $0.insert(makeClient(2)) }
            #expect(try TestReader(at: store.path).reader.clients() == [makeClient(1), makeClient(2)])
        }
    }

    // MARK: Prices

    @Test func `each price of a report is kept once, exact`() throws {
        try withStore { (store) throws in
            var report = PricingReport(
                stamp: ReportStamp(report: "r-1", instance: instance(1)),
                instance: PricedInstance(
                    instance: instance(1), instanceType: "m5.large", region: "us-east-1", zone: "us-east-1b",
                    mode: .spot, pool: "m5.large.us-east-1b"),
                pools: [PoolPrice(pool: "m5.large.us-east-1a", price: try #require(JSONNumber("0.04160")))],
                collectedAt: .at(-60))
            report.currentSpotPrice = JSONNumber("0.05")
            report.onDemandPrice = JSONNumber("0.0960")
            report.cheapestPool = report.pools[0]
            try store.write { try $0.insert(report, of: slotID(1), at: newYear) }
            let lines: [String] = try Database(path: store.path).read { transaction in
                try transaction.all(
                    """
                    SELECT format('%s %s %s %s', instance_type, coalesce(pool_id, 'on demand'), price,
                        (received_at - observed_at) / 1000000000) FROM price ORDER BY number
                    """
                ) { try $0.value(0) }
            }
            #expect(
                lines == [
                    "m5.large m5.large.us-east-1a 0.04160 60", "m5.large m5.large.us-east-1b 0.05 60",
                    "m5.large on demand 0.0960 60",
                ])
        }
    }

    private static let reporters: [(String, Bool, @Sendable (inout Slot) -> Void)] = [
        ("a reporter", true, { _ in }), ("none that reports", false, { $0.reportsPrices = false }),
        ("an ended one", false, { $0.deletedAt = newYear }),
        ("an offline one", false, { $0.hosts[0].isOffline = true }),
        ("one without a primary", false, { $0.hosts[0].role = .zombie }),
        ("one of another type", false, { $0.hosts[0].facts.instanceType = "m5.xlarge" }),
        ("one of another region", false, { $0.hosts[0].facts.region = "us-east-2" }),
    ]

    @Test(arguments: 0..<7)
    func `a kind has its reporter, or a vacancy`(index: Int) throws {
        let (what, isThere, change) = Self.reporters[index]
        try withStore { (store) throws in
            var reporter = makeServing(1)
            reporter.reportsPrices = true
            change(&reporter)
            try store.save(reporter)
            try store.save(makeServing(2))
            try store.save(makeServing(3))
            let found = try store.write { store in
                try store.hasPriceReporter(client: clientID(1), region: "us-east-1", type: "m5.large", besides: nil)
            }
            #expect(found == isThere, "\(what)")
            #expect(
                try store.write { store in
                    try store.hasPriceReporter(
                        client: clientID(1), region: "us-east-1", type: "m5.large", besides: slotID(1))
                } == false)
            let vacancies = try TestReader(at: store.path).reader.priceReporterVacancies(limit: 9)
            // The smallest that could report; a slot of another kind that does report has no vacancy.
            #expect(vacancies == (isThere ? [] : [what == "none that reports" ? slotID(1) : slotID(2)]), "\(what)")
        }
    }

    @Test func `each client has its own reporter`() throws {
        try withStore { (store) throws in
            try store.write { try $0.insert(makeClient(2)) }
            var reporter = makeServing(1)
            reporter.reportsPrices = true
            try store.save(reporter)
            try store.save(makeServing(2, client: 2))
            #expect(try TestReader(at: store.path).reader.priceReporterVacancies(limit: 9) == [slotID(2)])
        }
    }

    @Test func `of several reporters of a kind all but one are too many`() throws {
        try withStore { (store) throws in
            try store.write { try $0.insert(makeClient(2)) }
            for number in 1...8 {
                var slot = makeServing(number, client: number == 4 ? 2 : 1)
                slot.reportsPrices = number != 2
                if number == 5 { slot.hosts[0].facts.instanceType = "m5.xlarge" }
                if number == 6 { slot.hosts[0].isOffline = true }
                if number == 7 { slot.deletedAt = newYear }
                try store.save(slot)
            }
            let reader = try TestReader(at: store.path)
            #expect(try reader.reader.priceReporterSurplus(limit: 9) == [slotID(3), slotID(8)])
            #expect(try reader.reader.priceReporterSurplus(limit: 1) == [slotID(3)])
        }
    }

    // MARK: One event of a batch

    @Test func `a failed event of a batch takes nothing of the others with it`() throws {
        struct Refused: Error {}
        try withStore { (store) throws in
            try store.write { store in
                try store.savepoint { try store.save(makeServing(1), replacing: nil) }
                #expect(throws: Refused.self) {
                    try store.savepoint {
                        try store.save(makeServing(2), replacing: nil)
                        _ = try store.append([Event(kind: .fenced, sentence: "", at: newYear)])
                        throw Refused()
                    }
                }
                try store.savepoint { try store.save(makeServing(3), replacing: nil) }
                let places = try store.append([
                    Event(kind: .fenced, sentence: "", at: newYear), Event(kind: .fenced, sentence: "", at: newYear),
                ])
                #expect(places == 1...2)
            }
            #expect(try store.load(1) != nil)
            #expect(try store.load(2) == nil)
            #expect(try store.load(3) != nil)
        }
    }

    @Test func `a transaction whose body throws leaves nothing`() throws {
        struct Stop: Error {}
        try withStore { (store) throws in
            let code = storeFailure {
                try store.write { store in
                    try store.save(makeServing(1), replacing: nil)
                    throw Stop()
                }
            }
            #expect(code == .failed)
            #expect(try store.load(1) == nil)
        }
    }

    @Test func `no event has no place in the log`() throws {
        try withStore { (store) throws in
            let places = try store.write { try $0.append([]) }
            #expect(places == nil)
        }
    }

    /// Without what no heartbeat says.
    private func repeated(_ facts: HostFacts) -> HostFacts {
        var facts = facts
        (facts.hostname, facts.image, facts.privateAddress, facts.publicAddress) = (nil, nil, nil, nil)
        return facts
    }

    private func hosts(_ path: String) throws -> [HostRow] {
        var rows: [HostRow] = []
        let damaged = try TestReader(at: path).reader.forEachHost { rows.append($0) }
        #expect(damaged == [])
        return rows.sorted { $0.instance < $1.instance }
    }
}

func makeSwitch(_ number: Int) -> SwitchRecord {
    SwitchRecord(
        at: newYear, trigger: .manual, old: nil, new: SwitchedInstance(instance: instance(number)))
}
