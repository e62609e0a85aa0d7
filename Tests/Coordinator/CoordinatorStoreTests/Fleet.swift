import CoordinatorCore
import CoordinatorStore
import JSON
import Platform
import SQLite
import TestSupport
import Wire

/// A moment that tests count from: 2026-01-01.
let newYear = Timestamp(nanosecondsSinceEpoch: 1_767_225_600_000_000_000)

extension Timestamp {
    static func at(_ seconds: Int) -> Timestamp { newYear + .seconds(seconds) }
}

/// Runs `body` with the path of a database that is not there yet.
func withDatabase<Value>(_ body: (String) throws -> Value) throws -> Value {
    try withTemporaryFolder { try body("\($0)/coordinator.sqlite") }
}

/// A store and its file, which expectations can look at.
final class TestStore {
    let store: Store
    let path: String

    init(at path: String) throws {
        store = try Store(path: path)
        self.path = path
    }

    @discardableResult
    func write<Value>(_ body: (borrowing StoreTransaction) throws -> Value) throws -> Value { try store.write(body) }

    /// Saves in one transaction of its own.
    func save(_ slot: Slot, replacing before: Slot? = nil) throws {
        try write { try $0.save(slot, replacing: before) }
    }

    func load(_ number: Int, naming focus: Focus = Focus(now: newYear)) throws -> Slot? {
        try write { try $0.slot(slotID(number), naming: focus) }
    }
}

/// A connection that reads, for expectations.
final class TestReader {
    let reader: StoreReader
    init(at path: String) throws { reader = try StoreReader(path: path) }
}

/// Runs `body` with a store that has a client.
func withStore<Value>(_ body: (TestStore) throws -> Value) throws -> Value {
    try withDatabase { path in
        let store = try TestStore(at: path)
        try store.write { try $0.insert(makeClient(1)) }
        return try body(store)
    }
}

/// Runs `body` and returns the code of its failure.
func storeFailure<Value>(_ body: () throws -> Value) -> StoreError.Code? {
    do {
        _ = try body()
        return nil
    } catch { return (error as? StoreError)?.code }
}

func name<Kind: ServerMade>(_ letter: String, _ number: Int) -> Identifier<Kind> {
    // As wide as the number can be, so that names sort as they were made, like the coordinator's own.
    let digits = String(number)
    do { return try Identifier("\(letter)-\(String(repeating: "0", count: 9 - digits.count))\(digits)") } catch {
        preconditionFailure("\(error)")
    }
}

func clientID(_ number: Int) -> ClientID { name("client", number) }
func slotID(_ number: Int) -> SlotID { name("slot", number) }

func instance(_ number: Int) -> InstanceID {
    let digits = String(number, radix: 16)
    do { return try InstanceID("i-\(String(repeating: "0", count: 17 - digits.count))\(digits)") } catch {
        preconditionFailure("\(error)")
    }
}

func makeClient(_ number: Int) -> ClientRecord {
    ClientRecord(
        id: clientID(number), name: "client \(number)", email: "\(number)@example.com", tokenHash: hash(number),
        sealedToken: [1, 2, 3, UInt8(truncatingIfNeeded: number)], createdAt: newYear)
}

/// Thirty-two bytes that differ from number to number.
func hash(_ number: Int) -> [UInt8] {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    return bytes + [UInt8](repeating: 7, count: 24)
}

func makeSlot(_ number: Int, client: Int = 1, at now: Timestamp = newYear) -> Slot {
    let agent: LogicalAgentID
    do { agent = try LogicalAgentID("agent \(number)") } catch { preconditionFailure("\(error)") }
    return Slot(
        id: slotID(number), client: clientID(client), logicalAgent: agent, createdAt: now, settings: SlotSettings())
}

func makeHost(_ number: Int, _ role: Role, at now: Timestamp = newYear) -> Host {
    var facts = HostFacts()
    facts.hostname = "host-\(number)"
    facts.agentVersion = "1.0.0"
    facts.region = "us-east-1"
    facts.zone = "us-east-1b"
    facts.instanceType = "m5.large"
    facts.mode = .spot
    return Host(instance: instance(number), role: role, facts: facts, at: now)
}

/// A slot whose primary has the slot's number.
func makeServing(_ number: Int, client: Int = 1, at now: Timestamp = newYear) -> Slot {
    var slot = makeSlot(number, client: client, at: now)
    slot.hosts = [makeHost(number, .primary, at: now)]
    return slot
}

func makeCommand(_ number: Int, to host: Int, at now: Timestamp = newYear) -> CommandRecord {
    CommandRecord(
        id: name("command", number), instance: instance(host), order: .activate, priority: 100, createdAt: now,
        notBefore: nil, expiresAt: now + .seconds(180), leaseSeconds: 10, epoch: 1, incident: nil)
}

func makeIncident(_ number: Int, of slot: Int, on host: Int, at now: Timestamp = newYear) -> IncidentRecord {
    IncidentRecord(
        Incident(
            id: name("incident", number), slot: slotID(slot), instance: instance(host), kind: .interruption,
            state: .open, detectedAt: now, epoch: 1))
}

/// Runs SQL on the file behind the store's back.
func tamper(_ path: String, _ script: StaticString) throws {
    try Database(path: path).write { try $0.execute(script: script) }
}

func number(at path: String, _ sql: StaticString) throws -> Int {
    try Database(path: path).read { try $0.first(sql) { try $0.value(0) } } ?? 0
}

func readFile(_ path: String) throws -> [UInt8] { try readSmallFile(path, limit: 64 << 20) }

func writeFile(_ path: String, _ content: [UInt8]) throws { try replaceFile(path, with: content) }

func copyFile(_ path: String, to other: String) throws { try writeFile(other, try readFile(path)) }

func reportKey(_ id: ReportID, _ kind: StaticString, from host: Int = 1) -> ReportKey {
    ReportKey(ReportStamp(report: id, instance: instance(host)), kind)
}
