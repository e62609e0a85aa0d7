import CoordinatorCore
import CoordinatorStore
import JSON
import SQLite
import Testing
import Wire

/// What changes, and the rows that are written for it.
private let cases: [(String, [String], @Sendable (inout Slot) -> Void)] = [
    ("a host", ["update host"], { $0.hosts[1].isBlind = true }),
    ("a new host", ["insert host"], { $0.hosts.append(makeHost(9, .launching)) }),
    ("the settings", ["update slot"], { $0.settings.replicaCount = 3 }),
    ("when it is due", ["update slot"], { $0.dueAt = .at(5) }),
    ("a command", ["update command"], { $0.commands[0].attempt = 1 }),
    ("a new command", ["insert command"], { $0.commands.append(makeCommand(9, to: 1)) }),
    ("a replica", ["update replica"], { $0.replicas[0].status = .ready }),
    ("an incident", ["update incident"], { $0.incidents[0].isLate = true }),
    (
        "two of many", ["update command", "update host"],
        { slot in
            slot.hosts[0].isOffline = true
            slot.commands[1].attempt = 4
        }
    ),
]

/// A slot is loaded whole and saved by its differences.
struct SlotTests {
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `what was saved is loaded, field by field, through every change`(seed: UInt64) throws {
        var generator = SlotGenerator(seed: seed)
        try withStore { (store) throws in
            var saved = generator.slot(1)
            try store.save(saved)
            for _ in 0..<5 {
                #expect(try store.load(1, of: saved) == saved)
                var changed = saved
                generator.change(&changed)
                try store.save(changed, replacing: saved)
                saved = changed
            }
            #expect(try store.load(1, of: saved) == saved)
        }
    }

    @Test func `what only the switchboard knows is not stored`() throws {
        try withStore { (store) throws in
            let before = makeServing(1)
            try store.save(before)
            try audit(store.path)
            var after = before
            after.hosts[0].isFresh = true
            after.hosts[0].leaseEndsAt = newYear
            try store.save(after, replacing: before)
            #expect(try changes(store.path) == [])
            #expect(try store.load(1) == before)
        }
    }

    @Test func `a slot that did not change is not written`() throws {
        try withStore { (store) throws in
            let slot = makeFull()
            try store.save(slot)
            try audit(store.path)
            try store.save(slot, replacing: slot)
            #expect(try changes(store.path) == [])
        }
    }

    @Test(arguments: cases.indices)
    func `only what changed is written`(index: Int) throws {
        let (_, expected, change) = cases[index]
        try withStore { (store) throws in
            let before = makeFull()
            try store.save(before)
            try audit(store.path)
            var after = before
            change(&after)
            try store.save(after, replacing: before)
            #expect(try changes(store.path).sorted() == expected)
        }
    }

    @Test func `primary and successor change places in one save`() throws {
        try withStore { (store) throws in
            var before = makeServing(1)
            before.hosts.append(makeHost(2, .promoting))
            before.hosts.append(makeHost(3, .replica))
            // The later rows take the roles of earlier ones, and the other way round.
            for order in [[0, 1, 2], [2, 1, 0]] {
                var slot = Slot(
                    id: slotID(10 + order[0]), client: before.client, logicalAgent: order == [0, 1, 2] ? "a" : "b",
                    createdAt: newYear, settings: SlotSettings())
                slot.hosts = order.map { before.hosts[$0] }
                try store.save(slot)
                var after = slot
                for index in after.hosts.indices {
                    after.hosts[index].role =
                        switch after.hosts[index].role {
                        case .primary: .zombie
                        case .promoting: .primary
                        default: .promoting
                        }
                }
                try store.save(after, replacing: slot)
                #expect(try store.load(10 + order[0])?.hosts == after.hosts)
            }
        }
    }

    @Test func `what is over is loaded only where it is named`() throws {
        try withStore { (store) throws in
            let whole = makeFull()
            var past = whole
            past.hosts.append(makeHost(7, .terminated))
            past.hosts.append(makeHost(8, .terminated))
            past.replicas.append(Replica(id: "gone", type: .manual, status: .terminated, createdAt: newYear))
            past.replicas.append(Replica(id: "used", type: .manual, status: .promoted, createdAt: newYear))
            past.replicas.append(Replica(id: "broken", type: .manual, status: .failed, createdAt: newYear))
            var command = makeCommand(7, to: 1)
            command.state = .done
            command.finishedAt = newYear
            past.commands.append(command)
            var incident = makeIncident(7, of: 1, on: 1)
            incident.incident.state = .met
            incident.incident.closedAt = newYear
            past.incidents.append(incident)
            try store.save(past)

            let later = newYear + Rules.foldingTime + .seconds(1)
            #expect(try store.load(1, naming: Focus(now: later)) == whole)

            var focus = Focus(
                now: later, instance: instance(7), command: command.id, replica: "used", incident: incident.id)
            let named = try #require(try store.load(1, naming: focus))
            #expect(named.hosts.count == whole.hosts.count + 1)
            #expect(named.host(instance(7)) != nil)
            #expect(named.replicas.map(\.id) == whole.replicas.map(\.id) + ["used"])
            #expect(named.command(command.id) == command)
            #expect(named.incident(incident.id) == incident)
            focus.otherInstances = [instance(8), instance(99)]
            #expect(try store.load(1, naming: focus)?.hosts == past.hosts)
        }
    }

    @Test func `where nobody serves the last that ended is loaded, too`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.hosts = [makeHost(1, .terminated, at: .at(2)), makeHost(2, .terminated), makeHost(3, .replica)]
            try store.save(slot)
            #expect(try store.load(1)?.hosts == [slot.hosts[0], slot.hosts[2]])
            var served = slot
            served.hosts[2].role = .primary
            try store.save(served, replacing: slot)
            #expect(try store.load(1)?.hosts == [served.hosts[2]])
        }
    }

    @Test func `with a command comes the incident that it belongs to, however long that is closed`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.incidents = [makeIncident(1, of: 1, on: 1), makeIncident(2, of: 1, on: 1)]
            for index in slot.incidents.indices {
                slot.incidents[index].incident.state = .met
                slot.incidents[index].incident.closedAt = newYear
            }
            var command = CommandRecord(
                id: "late", instance: instance(1), order: .activate, priority: 100, createdAt: newYear, notBefore: nil,
                expiresAt: newYear, leaseSeconds: 10, epoch: 1, incident: slot.incidents[1].id)
            (command.state, command.finishedAt, command.deliveredAt) = (.expired, newYear, .at(1))
            slot.commands = [command]
            try store.save(slot)
            let focus = Focus(now: newYear + Rules.foldingTime + .seconds(1), command: "late")
            let loaded = try store.load(1, naming: focus)
            #expect(loaded?.incidents == [slot.incidents[1]])
            #expect(loaded?.command("late") == command)
        }
    }

    @Test func `what ended lately still counts`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.replicas = [Replica(id: "broken", type: .manual, status: .failed, createdAt: newYear)]
            slot.incidents = [makeIncident(1, of: 1, on: 1)]
            slot.incidents[0].incident.state = .averted
            slot.incidents[0].incident.closedAt = newYear
            try store.save(slot)
            #expect(try store.load(1, naming: Focus(now: newYear + Rules.foldingTime)) == slot)
            let later = try store.load(1, naming: Focus(now: newYear + Rules.foldingTime + .seconds(1)))
            #expect(later?.incidents == [])
            #expect(later?.replicas == [])
        }
    }

    @Test func `the replica record of a machine that runs is there, however it ended`() throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            var replica = Replica(id: "used", type: .manual, status: .promoted, createdAt: newYear)
            replica.instance = instance(1)
            slot.replicas = [replica]
            try store.save(slot)
            #expect(try store.load(1, naming: Focus(now: .at(1_000_000)))?.replicas == [replica])
        }
    }

    @Test func `another slot's parts are not loaded, even when named`() throws {
        try withStore { (store) throws in
            try store.save(makeFull())
            try store.save(makeServing(2))
            let focus = Focus(
                now: newYear, instance: instance(1), command: name("command", 1), replica: "r-1",
                incident: name("incident", 1))
            var loaded = try #require(try store.load(2, naming: focus))
            loaded.liveElsewhere = [:]
            #expect(loaded == makeServing(2))
        }
    }

    @Test func `no slot of that id is nil`() throws {
        try withStore { (store) throws in
            let found = try store.load(1)
            #expect(found == nil)
        }
    }

    @Test func `what vanished meanwhile is an error, not a silent loss`() throws {
        try withStore { (store) throws in
            let before = makeFull()
            try store.save(before)
            try tamper(store.path, "DELETE FROM host WHERE role = 'primary'")
            var after = before
            after.hosts[0].isOffline = true
            #expect(storeFailure { try store.save(after, replacing: before) } == .failed)
        }
    }

    // MARK: Support

    /// Two hosts, and something open of each kind.
    private func makeFull() -> Slot {
        var slot = makeServing(1)
        slot.hosts.append(makeHost(2, .replica))
        var replica = Replica(id: "r-1", type: .manual, status: .syncing, createdAt: newYear)
        replica.instance = instance(2)
        slot.replicas = [replica]
        slot.commands = [makeCommand(1, to: 1), makeCommand(2, to: 2)]
        slot.incidents = [makeIncident(1, of: 1, on: 1)]
        return slot
    }

    /// From here on the file itself notes each row that is written.
    private func audit(_ path: String) throws {
        try tamper(
            path,
            """
            CREATE TABLE audit (line TEXT NOT NULL);
            CREATE TRIGGER a AFTER UPDATE ON slot BEGIN INSERT INTO audit VALUES ('update slot'); END;
            CREATE TRIGGER b AFTER INSERT ON host BEGIN INSERT INTO audit VALUES ('insert host'); END;
            CREATE TRIGGER c AFTER UPDATE ON host BEGIN INSERT INTO audit VALUES ('update host'); END;
            CREATE TRIGGER d AFTER INSERT ON replica BEGIN INSERT INTO audit VALUES ('insert replica'); END;
            CREATE TRIGGER e AFTER UPDATE ON replica BEGIN INSERT INTO audit VALUES ('update replica'); END;
            CREATE TRIGGER f AFTER INSERT ON command BEGIN INSERT INTO audit VALUES ('insert command'); END;
            CREATE TRIGGER g AFTER UPDATE ON command BEGIN INSERT INTO audit VALUES ('update command'); END;
            CREATE TRIGGER h AFTER INSERT ON incident BEGIN INSERT INTO audit VALUES ('insert incident'); END;
            CREATE TRIGGER i AFTER UPDATE ON incident BEGIN INSERT INTO audit VALUES ('update incident'); END;
            """)
    }

    private func changes(_ path: String) throws -> [String] {
        try Database(path: path).read { transaction in
            try transaction.all("SELECT line FROM audit") { try $0.value(0) }
        }
    }
}

extension TestStore {
    /// Loads with everything named that `slot` has; of what ended in it, that is all.
    fileprivate func load(_ number: Int, of slot: Slot) throws -> Slot? {
        var loaded: Slot?
        // Only one command, replica and incident can be named at once, so those that ended are asked for one by one.
        let commands = slot.commands.filter { !$0.state.isOpen }.map(\.id)
        let rounds = max(commands.count, 1)
        for round in 0..<rounds {
            var focus = Focus(now: newYear)
            focus.otherInstances = slot.hosts.map(\.instance)
            focus.command = round < commands.count ? commands[round] : nil
            guard let part = try load(number, naming: focus) else { return nil }
            guard var whole = loaded else {
                loaded = part
                continue
            }
            whole.commands += part.commands.filter { whole.command($0.id) == nil }
            loaded = whole
        }
        loaded?.commands.sort { $0.id < $1.id }
        return loaded
    }
}
