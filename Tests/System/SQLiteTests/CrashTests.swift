import DroppingVFS
import SQLite
import Testing

/// A store that acknowledges after its commit returned, on a disk that loses what was not synced.
struct CrashTests {
    @Test func `an acknowledged transaction is there after each of 1000 crashes`() throws {
        for seed in 1...1000 as ClosedRange<UInt64> {
            // As databases are opened when nobody says otherwise: weakening that must fail here.
            var trial = CrashTrial(seed: seed, synchronous: DatabaseOptions().synchronous)
            try trial.run()
            try #require(trial.lost.isEmpty, "seed \(seed) lost \(trial.lost) of \(trial.acknowledged.count)")
            try #require(trial.damage.isEmpty, "seed \(seed): \(trial.damage)")
        }
    }

    @Test(arguments: [DatabaseOptions.Synchronous.normal, .off])
    func `with a weaker synchronous the same trials lose something`(_ weakened: DatabaseOptions.Synchronous) throws {
        var trialsWithLoss = 0
        for seed in 1...100 as ClosedRange<UInt64> {
            var trial = CrashTrial(seed: seed, synchronous: weakened)
            try trial.run()
            if !trial.lost.isEmpty || !trial.damage.isEmpty { trialsWithLoss += 1 }
        }
        // Most of them, not one by luck: only so does the test above say something.
        #expect(trialsWithLoss > 50)
    }

    @Test func `with synchronous NORMAL a crash loses commits but damages nothing`() throws {
        for seed in 1...100 as ClosedRange<UInt64> {
            var trial = CrashTrial(seed: seed, synchronous: .normal)
            try trial.run()
            try #require(trial.damage.isEmpty, "seed \(seed): \(trial.damage)")
        }
    }

    @Test func `a commit whose sync failed throws, and the ones after it are durable`() throws {
        let disk = DroppingDisk(seed: 1)
        let database = try makeStore(on: disk)
        try database.write { try $0.execute("INSERT INTO entry VALUES (1, x'01')") }
        disk.fail(.sync)
        let code = failureCode { try database.write { try $0.execute("INSERT INTO entry VALUES (2, x'02')") } }
        #expect(code == .ioFailed)
        try database.write { try $0.execute("INSERT INTO entry VALUES (3, x'03')") }
        disk.crash(keeping: .onlySynced)
        let reopened = try makeStore(on: disk)
        let ids = try reopened.read { try $0.all("SELECT id FROM entry ORDER BY id") { try $0.value(0, as: Int.self) } }
        #expect(ids == [1, 3])
    }

    @Test func `after a failed sync a reader in the way keeps writes out, and they go on when it has left`() throws {
        let disk = DroppingDisk(seed: 1)
        let database = try makeStore(on: disk)
        let reader = try makeStore(on: disk)
        disk.fail(.sync)
        #expect(
            failureCode { try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") } } == .ioFailed)
        try reader.read { transaction in
            _ = try transaction.first("SELECT id FROM entry") { try $0.value(0, as: Int.self) }
            #expect(
                failureCode { try database.write { try $0.execute("INSERT INTO entry VALUES (2, NULL)") } } == .busy)
        }
        try database.write { try $0.execute("INSERT INTO entry VALUES (3, NULL)") }
    }
}

/// One run of a random workload to a crash at a random operation, and the look at what survived.
///
/// Each transaction writes a group of entries, rows of equal `batch`; a group that is there in part is damage.
private struct CrashTrial {
    private(set) var acknowledged: Set<Int> = []
    private(set) var lost: Set<Int> = []
    private(set) var damage: [String] = []
    private let disk: DroppingDisk
    private let synchronous: DatabaseOptions.Synchronous
    private var chance: SeededGenerator

    init(seed: UInt64, synchronous: DatabaseOptions.Synchronous) {
        disk = DroppingDisk(seed: seed)
        chance = SeededGenerator(seed: seed &* 7919)
        self.synchronous = synchronous
    }

    mutating func run() throws {
        // Two crashes: the second meets what the recovery from the first left.
        for firstBatch in [0, 1000] {
            disk.cutPower(after: Int.random(in: 0..<300, using: &chance))
            try? work(from: firstBatch)
            disk.crash(keeping: chance.chance(oneIn: 3) ? .onlySynced : .someUnsynced)
            try inspect()
            if !damage.isEmpty { return }
        }
    }

    /// Ends by throwing when the power goes, or after enough.
    private mutating func work(from firstBatch: Int) throws {
        let writer = try makeStore(on: disk, synchronous: synchronous)
        let checkpointer = try makeStore(on: disk, synchronous: synchronous)
        for batch in firstBatch..<(firstBatch + 60) {
            let rows = Int.random(in: 1...6, using: &chance)
            let size = Int.random(in: 0...3000, using: &chance)
            try writer.write { transaction in
                for row in 0..<rows {
                    try transaction.execute(
                        "INSERT INTO batch (batch, row, rows, filler) VALUES (?, ?, ?, ?)", batch, row, rows,
                        [UInt8](repeating: UInt8(truncatingIfNeeded: batch), count: size))
                }
                if chance.chance(oneIn: 4) {
                    let victim = Int.random(in: 0...batch, using: &chance)
                    try transaction.execute("UPDATE batch SET filler = zeroblob(10) WHERE batch = ?", victim)
                }
            }
            acknowledged.insert(batch)
            if chance.chance(oneIn: 6) {
                let mode = [CheckpointMode.passive, .full, .truncate].randomElement(using: &chance) ?? .passive
                _ = try checkpointer.checkpoint(mode)
            }
        }
    }

    private mutating func inspect() throws {
        do {
            let database = try makeStore(on: disk, synchronous: synchronous)
            damage += try database.integrityCheck()
            var found: Set<Int> = []
            try database.read { transaction in
                try transaction.forEach("SELECT batch, count(*), max(rows) FROM batch GROUP BY batch") { row in
                    found.insert(try row.value(0))
                    if try row.value(1, as: Int.self) != row.value(2, as: Int.self) {
                        damage.append("batch \(try row.value(0, as: Int.self)) is there in part")
                    }
                }
            }
            lost.formUnion(acknowledged.subtracting(found))
        } catch let error as SQLiteError {
            damage.append(error.description)
        }
    }
}
