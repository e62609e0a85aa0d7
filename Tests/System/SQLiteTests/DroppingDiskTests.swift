import DroppingVFS
import SQLite
import Synchronization
import Testing

/// The disk must be as cruel as it says, or the crash tests prove nothing.
struct DroppingDiskTests {
    @Test func `what was not synced is gone after a crash`() throws {
        let disk = DroppingDisk(seed: 1)
        let database = try makeStore(on: disk, synchronous: .off)
        try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") }
        #expect(disk.content(of: "/store-wal")?.isEmpty == false)
        disk.crash(keeping: .onlySynced)
        #expect(disk.content(of: "/store-wal") == nil)
    }

    @Test func `a connection from before a crash gets nothing but failures`() throws {
        let disk = DroppingDisk(seed: 1)
        let database = try makeStore(on: disk)
        disk.crash(keeping: .onlySynced)
        #expect(
            failureCode { try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") } } == .ioFailed)
        let reopened = try makeStore(on: disk)
        try reopened.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") }
    }

    @Test func `once the power is off everything fails until the crash`() throws {
        let disk = DroppingDisk(seed: 1)
        let database = try makeStore(on: disk)
        disk.cutPower(after: 1)
        #expect(failureCode { try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") } } != nil)
        #expect(disk.isPowerOff)
        #expect(failureCode { _ = try makeStore(on: disk) } != nil)
    }

    @Test func `equal seeds leave equal disks`() throws {
        func run(seed: UInt64) throws -> [UInt8]? {
            let disk = DroppingDisk(seed: seed)
            let database = try makeStore(on: disk, synchronous: .normal)
            for id in 1...20 {
                try database.write { try $0.execute("INSERT INTO entry VALUES (?, randomblob(900))", id) }
            }
            disk.crash(keeping: .someUnsynced)
            return disk.content(of: "/store-wal")
        }
        // SQLite's own generator is seeded once per process, so only what the disk decides can repeat: its sizes.
        #expect(try run(seed: 4)?.count == run(seed: 4)?.count)
    }

    @Test func `operations are counted and observed`() throws {
        let disk = DroppingDisk(seed: 1)
        let database = try makeStore(on: disk)
        let before = disk.count(of: .sync)
        let seen = Seen()
        disk.observe { if $0 == .sync { seen.count.add(1, ordering: .relaxed) } }
        for id in 1...5 { try database.write { try $0.execute("INSERT INTO entry VALUES (?, NULL)", id) } }
        // One sync for each commit is what FULL means.
        #expect(disk.count(of: .sync) - before >= 5)
        #expect(seen.count.load(ordering: .relaxed) == disk.count(of: .sync) - before)
    }
}

private final class Seen: Sendable { let count = Atomic(0) }
