import DroppingVFS
import SQLite
import Testing

struct StatementTests {
    private let disk = DroppingDisk(seed: 3)

    @Test(
        arguments: [
            .null, .integer(.min), .integer(0), .integer(.max), .real(-0.5), .real(.greatestFiniteMagnitude), .text(""),
            .text("a\0b"), .text("naïve 🚀'; DROP TABLE entry; --"), .blob([]), .blob([0, 255, 0]),
        ] as [SQLiteValue])
    func `a value comes back as it was bound`(_ value: SQLiteValue) throws {
        let database = try makeStore(on: disk)
        let stored = try database.write { transaction in
            try transaction.first("INSERT INTO entry VALUES (1, ?) RETURNING content", value) {
                try $0.value(0, as: SQLiteValue.self)
            }
        }
        #expect(stored == value)
    }

    @Test func `typed values come back, optionals with and without one`() throws {
        let database = try makeStore(on: disk)
        try database.read { transaction in
            try transaction.forEach("SELECT ?, ?, ?, ?, ?, ?", 7, true, 2.5, "text", [1, 2] as [UInt8], nil as Int64?) {
                row throws in
                #expect(try row.value(0) == 7)
                #expect(try row.value(1) == true)
                #expect(try row.value(2) == 2.5)
                #expect(try row.value(3) == "text")
                #expect(try row.value(4) == [1, 2] as [UInt8])
                #expect(try row.value(5) == nil as Int64?)
                #expect(try row.value(0) == 7 as Int64?)
            }
        }
    }

    @Test func `a column of another type is a mismatch, not a zero`() throws {
        let database = try makeStore(on: disk)
        try database.read { transaction in
            try transaction.forEach("SELECT 'text', NULL, 2, x'ff', CAST(x'ff' AS TEXT)") { row in
                #expect(failureCode { try row.value(0, as: Int.self) } == .mismatch)
                #expect(failureCode { try row.value(1, as: Int.self) } == .mismatch)
                #expect(failureCode { try row.value(1, as: String.self) } == .mismatch)
                #expect(failureCode { try row.value(2, as: Bool.self) } == .mismatch)
                #expect(failureCode { try row.value(2, as: Double.self) } == .mismatch)
                #expect(failureCode { try row.value(3, as: String?.self) } == .mismatch)
                #expect(failureCode { try row.value(4, as: String.self) } == .mismatch)
            }
        }
    }

    @Test func `a mismatch names the column and what it holds`() throws {
        let database = try makeStore(on: disk)
        let error = #expect(throws: SQLiteError.self) {
            try database.read { try $0.first("SELECT 'x' AS name") { try $0.value(0, as: Int.self) } }
        }
        #expect(error?.description == "read column 0 (name) as Int: it holds text")
    }

    @Test func `execute tells how many rows it changed, and first is nil without a row`() throws {
        let database = try makeStore(on: disk)
        try database.write { transaction in
            for id in 1...5 { try transaction.execute("INSERT INTO entry VALUES (?, NULL)", id) }
            #expect(try transaction.execute("DELETE FROM entry WHERE id > ?", 2) == 3)
            #expect(try transaction.first("SELECT id FROM entry WHERE id = 9") { try $0.value(0, as: Int.self) } == nil)
        }
    }

    @Test func `a statement is prepared once and its values are forgotten`() throws {
        let database = try makeStore(on: disk)
        for id in 1...3 { try database.write { try $0.execute("INSERT INTO entry VALUES (?, NULL)", id) } }
        let before = database.statementCounts.prepared
        for id in 4...50 { try database.write { try insert(id, $0) } }
        // One text, met for the first time.
        #expect(database.statementCounts.prepared == before + 1)
    }

    @Test func `the cache keeps the statements used last and no more than it may`() throws {
        var options = DatabaseOptions()
        options.vfs = disk.name
        options.statementCacheCapacity = 4
        let database = try Database(path: "/few", options: options)
        func runAll() throws {
            try database.read { transaction in
                let texts: [StaticString] = ["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5", "SELECT 6"]
                for text in texts { _ = try transaction.first(text) { try $0.value(0, as: Int.self) } }
            }
        }
        try runAll()
        let first = database.statementCounts
        try runAll()
        #expect(first.kept == 4 && database.statementCounts.kept == 4)
        #expect(database.statementCounts.prepared > first.prepared)
    }

    @Test func `a statement may run inside itself`() throws {
        let database = try makeStore(on: disk)
        try database.write { transaction in
            for id in 1...3 { try insert(id, transaction) }
            let ids: StaticString = "SELECT id FROM entry"
            var pairs = 0
            try transaction.forEach(ids) { _ in
                try transaction.forEach(ids) { _ in pairs += 1 }
            }
            #expect(pairs == 9)
        }
    }

    @Test func `a wrong number of values traps`() async {
        await #expect(processExitsWith: .failure) {
            let database = try makeStore(on: DroppingDisk(seed: 1))
            _ = try database.read { try $0.execute("SELECT ?", 1, 2) }
        }
    }
}

private func insert(_ id: Int, _ transaction: borrowing Transaction) throws {
    try transaction.execute("INSERT INTO entry VALUES (?, 'content')", id)
}
