import CoordinatorCore
import CoordinatorStore
import DroppingVFS
import JSON
import Platform
import SQLite
import Testing
import Wire

/// A file that is not as it should be is told with a sentence, and does not take the rest with it.
struct DamageTests {
    private static let rows: [(StaticString, String)] = [
        ("UPDATE slot SET settings = '{}}'", "read slot slot-000000001: settings: "),
        (
            "UPDATE slot SET settings = replace(settings, '\"replica_count\":0', '\"replica_count\":-1')",
            "read slot slot-000000001: settings: replica_count"
        ),
        ("UPDATE host SET lacking = '{'", "read host i-00000000000000001: lacking: "),
        ("UPDATE host SET zone = 'nowhere'", "read host i-00000000000000001: read column 7 (zone)"),
        ("UPDATE replica SET pool_id = '?'", "read replica r-1: read column 5 (pool_id)"),
        ("UPDATE command SET asks = '[]'", "read command command-000000001: asks: "),
        ("UPDATE command SET result = '1'", "read command command-000000001: result: "),
        ("UPDATE incident SET ledger = '{}'", "read incident incident-000000001: ledger: "),
        ("UPDATE incident SET successor_id = 'i-'", "read incident incident-000000001: read column 9"),
    ]

    @Test(arguments: 0..<9)
    func `a damaged row is told with its table and its name`(index: Int) throws {
        let (damage, words) = Self.rows[index]
        try withStore { (store) throws in
            try store.save(makeFull(1))
            try store.save(makeServing(2))
            try tamper(store.path, damage)
            let error = #expect(throws: StoreError.self) { _ = try store.load(1) }
            #expect(error?.code == .damaged)
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            #expect(error?.description.hasPrefix("read ") == true)
        }
    }

    @Test func `a start leaves damaged hosts out and names them`() throws {
        try withStore { (store) throws in
            for number in 1...3 { try store.save(makeServing(number)) }
            try tamper(store.path, "UPDATE host SET lacking = '?' WHERE slot_id = 'slot-000000002'")
            var read: [SlotID] = []
            let damaged = try TestReader(at: store.path).reader.forEachHost { read.append($0.slot) }
            #expect(read == [slotID(1), slotID(3)])
            #expect(damaged.map(\.code) == [.damaged])
            #expect(damaged.first?.description.contains(instance(2).text) == true)
        }
    }

    @Test func `a file that is no database is refused and left alone`() throws {
        try withDatabase { (path) throws in
            let content = [UInt8]("not a database at all, only words".utf8) + [UInt8](repeating: 1, count: 4096)
            try writeFile(path, content)
            let error = #expect(throws: StoreError.self) { _ = try Store(path: path) }
            #expect(error?.code == .foreign)
            #expect(try readFile(path) == content)
        }
    }

    private static let marks: [StaticString] = [
        "CREATE TABLE letter (text)", "PRAGMA application_id = 42", "PRAGMA user_version = 7",
    ]

    @Test(arguments: 0..<3)
    func `another program's database is refused and left alone`(index: Int) throws {
        try withDatabase { (path) throws in
            try tamper(path, Self.marks[index])
            var content = try readFile(path)
            // As most programs have theirs: not in WAL mode (https://sqlite.org/fileformat.html).
            content.replaceSubrange(18..<20, with: [1, 1])
            try writeFile(path, content)
            #expect(storeFailure { _ = try Store(path: path) } == .foreign)
            #expect(try readFile(path) == content)
            #expect(!fileExists(path + "-wal"))
        }
    }

    @Test func `a file whose pages are damaged is told as such, at the latest by its check`() throws {
        try withStore { (store) throws in try store.save(makeFull(1)) }
        try withDatabase { (path) throws in
            do {
                let store = try TestStore(at: path)
                try store.write { try $0.insert(makeClient(1)) }
                try store.write { transaction in
                    for number in 1...50 { try transaction.save(makeFull(number), replacing: nil) }
                }
            }
            var content = try readFile(path)
            // Not the first page: that one tells what kind of file it is.
            for offset in stride(from: 4096, to: content.count - 64, by: 97) { content[offset] ^= 0x55 }
            try writeFile(path, content)
            let code = storeFailure {
                let store = try TestStore(at: path)
                #expect(try TestReader(at: path).reader.quickCheck().isEmpty == false)
                for number in 1...50 { _ = try store.load(number) }
            }
            #expect(code == .damaged)
        }
    }

    @Test func `a sound file has no findings`() throws {
        try withStore { (store) throws in
            try store.save(makeFull(1))
            let findings = try TestReader(at: store.path).reader.quickCheck()
            #expect(findings == [])
        }
    }

    @Test func `a full disk is told, and the store goes on when there is room again`() throws {
        let disk = DroppingDisk(seed: 1)
        let store = try Store(path: "/store", vfs: disk.name)
        try store.write { try $0.insert(makeClient(1)) }
        disk.limitSpace(to: disk.usedSpace + 8192)
        var saved = 0
        let code = storeFailure {
            while true {
                try store.write { try $0.save(makeServing(saved + 1), replacing: nil) }
                saved += 1
            }
        }
        #expect(code == .full)
        disk.limitSpace(to: nil)
        try store.write { try $0.save(makeServing(saved + 1), replacing: nil) }
        let last = try store.write { try $0.slot(slotID(saved + 1), naming: Focus(now: newYear)) }
        #expect(last == makeServing(saved + 1))
    }

    @Test func `an event that fills the disk fails alone or with its batch, and is never acknowledged`() throws {
        let disk = DroppingDisk(seed: 1)
        let store = try Store(path: "/store", vfs: disk.name)
        try store.write { try $0.insert(makeClient(1)) }
        disk.limitSpace(to: disk.usedSpace + 8192)
        var failures: [StoreError.Code] = []
        let code = storeFailure {
            try store.write { store in
                for number in 1...500 {
                    do { try store.savepoint { try store.save(makeServing(number), replacing: nil) } } catch {
                        failures.append((error as? StoreError)?.code ?? .busy)
                    }
                }
            }
        }
        #expect(code != nil)
        disk.limitSpace(to: nil)
        let left = try store.write { try $0.slot(slotID(1), naming: Focus(now: newYear)) }
        #expect(left == nil)
    }

    @Test func `a folder that may not be written is named`() {
        // Root may write everywhere but here.
        let error = #expect(throws: StoreError.self) { _ = try Store(path: "/sys/coordinator.sqlite") }
        #expect(error?.code == .inaccessible)
        #expect(error?.description.contains("/sys/coordinator.sqlite") == true)
    }

    private func makeFull(_ number: Int) -> Slot {
        var slot = makeServing(number)
        slot.hosts[0].lacking = []
        slot.replicas = [
            Replica(id: number == 1 ? "r-1" : name("r", number), type: .manual, status: .syncing, createdAt: newYear)
        ]
        slot.commands = [makeCommand(number, to: number)]
        slot.incidents = [makeIncident(number, of: number, on: number)]
        return slot
    }
}
