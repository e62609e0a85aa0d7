import CoordinatorCore
import CoordinatorStore
import Glibc
import SQLite
import TestSupport
import Testing
import Wire

private let fixtures = String(#filePath.dropLast("SchemaTests.swift".count)) + "Fixtures"

/// One of each version.
private let versions = (1...9).map { "schema-000\($0)" }

/// What the tables themselves refuse, and how older files become today's.
struct SchemaTests {
    // MARK: Migration

    @Test(arguments: versions)
    func `a file of an older program becomes today's, and keeps its name`(fixture: String) throws {
        try withCopy(of: fixture) { (path) throws in
            let installation = try installation(at: path)
            let store = try TestStore(at: path)
            #expect(try self.installation(at: path) == installation)
            let version = try Database(path: path).read { try $0.userVersion() }
            #expect(version == 9)
            // It does all that a new one does.
            try store.write { try $0.insert(makeClient(77)) }
            try store.save(makeServing(77, client: 77))
            #expect(try store.load(77) == makeServing(77, client: 77))
            #expect(try Database(path: path).integrityCheck() == [])
        }
    }

    @Test func `a migrated file and a new one have the same tables`() throws {
        try withDatabase { (new) throws in
            _ = try Store(path: new)
            for fixture in versions {
                try withCopy(of: fixture) { (old) throws in
                    _ = try Store(path: old)
                    #expect(try tables(at: old) == tables(at: new))
                }
            }
        }
    }

    @Test(arguments: versions.dropFirst())
    func `the rows of an older version are there as they were`(fixture: String) throws {
        try withCopy(of: fixture) { (path) throws in
            let store = try TestStore(at: path)
            #expect(try store.write { try $0.client(clientID(1)) } == makeClient(1))
            #expect(try store.load(1) == fixtureSlot())
            let reader = try TestReader(at: path)
            #expect(try reader.reader.events().events.map(\.message) == ["the first", "the second"])
        }
    }

    @Test func `a migration that fails leaves the old file`() throws {
        try withCopy(of: "schema-0001") { (path) throws in
            try tamper(path, "CREATE TABLE price (in_the_way INTEGER)")
            #expect(storeFailure { _ = try Store(path: path) } == .failed)
            #expect(try Database(path: path).read { try $0.userVersion() } == 1)
            try tamper(path, "DROP TABLE price")
            try Store(path: path).probe()
        }
    }

    // MARK: Invariants

    private static let twins: [(String, @Sendable (borrowing StoreTransaction) throws -> Void)] = [
        (
            "two primaries in a slot",
            { store in
                var slot = makeServing(10)
                slot.hosts.append(makeHost(11, .primary))
                try store.save(slot, replacing: nil)
            }
        ),
        (
            "two successors in a slot",
            { store in
                var slot = makeServing(10)
                slot.hosts += [makeHost(11, .promoting), makeHost(12, .promoting)]
                try store.save(slot, replacing: nil)
            }
        ),
        (
            "one machine twice in a slot",
            { store in
                var slot = makeServing(10)
                slot.hosts.append(makeHost(10, .zombie))
                try store.save(slot, replacing: nil)
            }
        ),
        (
            "one machine as two replicas",
            { store in
                var slot = makeServing(10)
                for id: ReplicaID in ["r-1", "r-2"] {
                    var replica = Replica(id: id, type: .manual, status: .syncing, createdAt: newYear)
                    replica.instance = instance(10)
                    slot.replicas.append(replica)
                }
                try store.save(slot, replacing: nil)
            }
        ),
        (
            "one name for two slots",
            { store in
                let first = makeServing(1)
                let second = Slot(
                    id: slotID(10), client: first.client, logicalAgent: first.logicalAgent, createdAt: newYear,
                    settings: SlotSettings())
                try store.save(second, replacing: nil)
            }
        ),
        ("one token for two hosts", { try $0.setToken(hash(1), of: instance(2), in: slotID(2)) }),
        (
            "one client's name for two",
            { store in
                var twin = makeClient(10)
                twin.name = makeClient(1).name
                try store.insert(twin)
            }
        ),
        (
            "one client's e-mail for two",
            { store in
                var twin = makeClient(10)
                twin.email = makeClient(1).email
                try store.insert(twin)
            }
        ),
        (
            "one client's token for two",
            { store in
                var twin = makeClient(10)
                twin.tokenHash = makeClient(1).tokenHash
                try store.insert(twin)
            }
        ),
    ]

    @Test(arguments: 0..<9)
    func `what may be there once is refused twice, and nothing else is lost`(index: Int) throws {
        let (what, violate) = Self.twins[index]
        try withStore { (store) throws in
            try store.save(makeServing(1))
            try store.save(makeServing(2))
            try store.write { try $0.setToken(hash(1), of: instance(1), in: slotID(1)) }
            #expect(storeFailure { try store.write { try violate($0) } } == .duplicate, "\(what)")
            #expect(try store.load(1) == makeServing(1))
        }
    }

    @Test func `an e-mail is optional, and nobody's more than once`() throws {
        try withStore { (store) throws in
            for number in 2...3 {
                var client = makeClient(number)
                client.email = nil
                try store.write { try $0.insert(client) }
                #expect(try store.write { try $0.client(client.id) } == client)
            }
        }
    }

    @Test func `the name of a slot that ended is free again`() throws {
        try withStore { (store) throws in
            let first = makeServing(1)
            try store.save(first)
            var ended = first
            ended.deletedAt = .at(1)
            try store.save(ended, replacing: first)
            #expect(try store.write { try $0.slotID(of: first.client, named: first.logicalAgent) } == nil)
            let second = Slot(
                id: slotID(2), client: first.client, logicalAgent: first.logicalAgent, createdAt: .at(1),
                settings: SlotSettings())
            try store.save(second)
            #expect(try store.write { try $0.slotID(of: first.client, named: first.logicalAgent) } == second.id)
        }
    }

    private static let falls: [@Sendable (inout Slot) -> Void] = [{ $0.epoch = 4 }, { $0.configVersion = 4 }]

    @Test(arguments: 0..<2)
    func `a counter never falls`(index: Int) throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            (slot.epoch, slot.configVersion) = (5, 5)
            try store.save(slot)
            var fallen = slot
            Self.falls[index](&fallen)
            #expect(storeFailure { try store.save(fallen, replacing: slot) } == .failed)
            #expect(try store.load(1) == slot)
        }
    }

    private static let nonsense: [StaticString] = [
        "UPDATE host SET role = 'king'", "UPDATE host SET mode = 'lease'", "UPDATE host SET is_offline = 2",
        "UPDATE host SET token_hash = x'01'", "UPDATE host SET slot_id = 'nobody'", "UPDATE slot SET epoch = -1",
        "UPDATE slot SET client_id = 'nobody'", "UPDATE client SET token_hash = x'01'",
        "UPDATE command SET state = 'done'", "UPDATE command SET state = 'lost'",
        "UPDATE incident SET state = 'met'", "UPDATE incident SET kind = 'boredom'", "UPDATE slot SET due_at = 'soon'",
    ]

    @Test(arguments: nonsense.indices)
    func `the tables refuse what makes no sense`(index: Int) throws {
        try withStore { (store) throws in
            var slot = makeServing(1)
            slot.commands = [makeCommand(1, to: 1)]
            slot.incidents = [makeIncident(1, of: 1, on: 1)]
            try store.save(slot)
            #expect(throws: SQLiteError.self) { try tamper(store.path, Self.nonsense[index]) }
        }
    }

    // MARK: Support

    private func withCopy(of fixture: String, _ body: (String) throws -> Void) throws {
        try withDatabase { (path) throws in
            try copyFile("\(fixtures)/\(fixture).sqlite", to: path)
            try body(path)
        }
    }

    private func installation(at path: String) throws -> [UInt8] {
        try Database(path: path).read { try $0.first("SELECT id FROM installation") { try $0.value(0) } } ?? []
    }

    private func tables(at path: String) throws -> [String] {
        try Database(path: path).read { transaction in
            try transaction.all("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name") { try $0.value(0) }
        }
    }

    /// Writes the fixture of today's version, on the day that it is released: set SPOT_WRITE_FIXTURE to its path.
    @Test(.enabled(if: environment("SPOT_WRITE_FIXTURE") != nil))
    func `the fixture of this version is written`() throws {
        let path = try #require(environment("SPOT_WRITE_FIXTURE"))
        let store = try TestStore(at: path)
        try store.write { try $0.insert(makeClient(1)) }
        try store.save(fixtureSlot())
        try store.write { store in
            _ = try store.append(
                ["the first", "the second"].map {
                    Event(kind: .agentRegistered, sentence: $0, at: newYear, client: clientID(1), slot: slotID(1))
                })
        }
    }
}

/// Something of everything, as it stands in the fixtures.
private func fixtureSlot() -> Slot {
    var slot = makeServing(1)
    slot.hosts.append(makeHost(2, .replica))
    slot.hosts[0].service = .proven
    slot.hosts[1].lacking = ["state folder"]
    var replica = Replica(id: "r-1", type: .manual, status: .syncing, createdAt: newYear)
    replica.instance = instance(2)
    slot.replicas = [replica]
    slot.commands = [makeCommand(1, to: 1)]
    slot.incidents = [makeIncident(1, of: 1, on: 1)]
    slot.incidents[0].incident.ledger = [
        LedgerStep(name: "drain", budgetMilliseconds: 5000, tookMilliseconds: 12, outcome: .done)
    ]
    return slot
}

private func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }
