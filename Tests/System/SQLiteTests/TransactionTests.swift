import DroppingVFS
import SQLite
import TestSupport
import Testing

struct TransactionTests {
    private let disk = DroppingDisk(seed: 7)
    private struct Refused: Error {}

    @Test func `what throws inside a transaction leaves nothing behind`() throws {
        let database = try makeStore(on: disk)
        #expect(throws: Refused.self) {
            try database.write { transaction in
                try transaction.execute("INSERT INTO entry VALUES (1, 'gone')")
                throw Refused()
            }
        }
        #expect(try count(database) == 0)
        try database.write { try $0.execute("INSERT INTO entry VALUES (1, 'there')") }
        #expect(try count(database) == 1)
    }

    @Test func `a savepoint that throws undoes only itself`() throws {
        let database = try makeStore(on: disk)
        try database.write { transaction in
            try transaction.savepoint { try transaction.execute("INSERT INTO entry VALUES (1, 'first')") }
            try? transaction.savepoint {
                try transaction.execute("INSERT INTO entry VALUES (2, 'second')")
                try transaction.savepoint { try transaction.execute("INSERT INTO entry VALUES (3, 'inner')") }
                throw Refused()
            }
            try transaction.savepoint { try transaction.execute("INSERT INTO entry VALUES (4, 'fourth')") }
        }
        let ids = try database.read { try $0.all("SELECT id FROM entry ORDER BY id") { try $0.value(0, as: Int.self) } }
        #expect(ids == [1, 4])
    }

    @Test func `a savepoint returns what its body does`() throws {
        let database = try makeStore(on: disk)
        let id = try database.write { transaction in
            try transaction.savepoint {
                try transaction.execute("INSERT INTO entry (content) VALUES ('x')")
                return transaction.lastInsertRowID
            }
        }
        #expect(id == 1)
    }

    @Test func `a full disk rolls back, stops the transaction, and the database works once there is room`() throws {
        let database = try makeStore(on: disk)
        try database.write { try $0.execute("INSERT INTO entry VALUES (1, 'kept')") }
        disk.limitSpace(to: disk.usedSpace + 20_000)
        let code = failureCode {
            try database.write { transaction in
                try transaction.execute("INSERT INTO entry VALUES (2, zeroblob(100000))")
                try transaction.execute("INSERT INTO entry VALUES (3, 'after')")
            }
        }
        #expect(code == .full)
        disk.limitSpace(to: nil)
        #expect(try count(database) == 1)
        try database.write { try $0.execute("INSERT INTO entry VALUES (2, zeroblob(100000))") }
        #expect(try count(database) == 2)
        #expect(try database.integrityCheck() == [])
    }

    @Test func `after SQLite rolled back, nothing more runs in the transaction and it does not commit`() throws {
        // A cache of a few pages, so that the transaction spills to the full disk before its commit.
        var options = DatabaseOptions()
        options.vfs = disk.name
        options.cacheKibibytes = 40
        let database = try Database(path: "/small", options: options)
        try database.write { try $0.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, content ANY) STRICT") }
        disk.limitSpace(to: disk.usedSpace + 50_000)
        let code = failureCode {
            try database.write { transaction in
                let first = failureCode {
                    try transaction.savepoint {
                        for _ in 0..<100 {
                            try transaction.execute("INSERT INTO entry (content) VALUES (zeroblob(4000))")
                        }
                    }
                }
                #expect(first == .full)
                let second = failureCode { try transaction.execute("INSERT INTO entry (content) VALUES ('stray')") }
                #expect(second == .rolledBack)
            }
        }
        #expect(code == .rolledBack)
        disk.limitSpace(to: nil)
        #expect(try count(database) == 0)
    }

    @Test func `a failed write is told as such and leaves a usable database`() throws {
        let database = try makeStore(on: disk)
        disk.fail(.write, after: 1)
        #expect(failureCode { try insert(1, into: database) } == .ioFailed)
        try insert(2, into: database)
        #expect(try count(database) == 1)
    }

    @Test func `a second writer is told that the database is busy and succeeds later`() throws {
        let first = try makeStore(on: disk)
        let second = try makeStore(on: disk)
        try first.write { transaction in
            try transaction.execute("INSERT INTO entry VALUES (1, 'first')")
            #expect(failureCode { try insert(2, into: second) } == .busy)
        }
        try insert(2, into: second)
        #expect(try count(first) == 2)
    }

    @Test func `a reader keeps its state while a writer commits`() throws {
        let writer = try makeStore(on: disk)
        let reader = try makeStore(on: disk)
        try insert(1, into: writer)
        try reader.read { transaction in
            let before = try transaction.first("SELECT count(*) FROM entry") { try $0.value(0, as: Int.self) }
            try insert(2, into: writer)
            let after = try transaction.first("SELECT count(*) FROM entry") { try $0.value(0, as: Int.self) }
            #expect(before == 1 && after == 1)
        }
        #expect(try count(reader) == 2)
    }

    @Test func `a row that is not read to the end holds no read transaction open`() throws {
        let writer = try makeStore(on: disk)
        let reader = try makeStore(on: disk)
        for id in 1...3 { try insert(id, into: writer) }
        _ = try reader.read { try $0.first("SELECT id FROM entry") { try $0.value(0, as: Int.self) } }
        // A truncating checkpoint needs every reader to be gone.
        let result = try writer.checkpoint(.truncate)
        #expect(!result.isBlocked)
        #expect(disk.content(of: "/store-wal")?.isEmpty == true)
    }

    @Test func `a checkpoint that a reader blocks says so and moves what it can`() throws {
        let writer = try makeStore(on: disk)
        let reader = try makeStore(on: disk)
        try reader.read { transaction in
            _ = try transaction.first("SELECT id FROM entry") { try $0.value(0, as: Int.self) }
            try insert(1, into: writer)
            let result = try writer.checkpoint(.truncate)
            #expect(result.isBlocked)
        }
        let result = try writer.checkpoint(.passive)
        #expect(result.framesInWAL > 0 && result.framesMoved == result.framesInWAL)
    }

    @Test func `no commit checkpoints on its own, and the WAL's length is known`() throws {
        let database = try makeStore(on: disk)
        for id in 1...1500 { try insert(id, into: database) }
        #expect(database.framesInWAL >= 1500)
    }

    @Test func `a transaction inside a transaction traps`() async {
        await #expect(processExitsWith: .failure) {
            let database = try makeStore(on: DroppingDisk(seed: 1))
            try database.write { _ in try database.write { _ in } }
        }
    }

    @Test func `a statement that writes traps in a read transaction`() async {
        await #expect(processExitsWith: .failure) {
            let database = try makeStore(on: DroppingDisk(seed: 1))
            _ = try database.read { try $0.execute("DELETE FROM entry") }
        }
    }

    @Test func `SQL that ends its transaction traps`() async {
        await #expect(processExitsWith: .failure) {
            let database = try makeStore(on: DroppingDisk(seed: 1))
            try database.write { try $0.execute("COMMIT") }
        }
    }
}

private func insert(_ id: Int, into database: borrowing Database) throws {
    try database.write { try $0.execute("INSERT INTO entry VALUES (?, 'content')", id) }
}

private func count(_ database: borrowing Database) throws -> Int? {
    try database.read { try $0.first("SELECT count(*) FROM entry") { try $0.value(0, as: Int.self) } }
}
