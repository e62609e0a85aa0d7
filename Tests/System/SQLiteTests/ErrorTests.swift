import DroppingVFS
import Glibc
import SQLite
import TestSupport
import Testing

struct ErrorTests {
    private let disk = DroppingDisk(seed: 5)

    static let violations: [(StaticString, SQLiteError.ConstraintKind)] = [
        ("INSERT INTO rule (id, name) VALUES (1, 'b')", .primaryKey),
        ("INSERT INTO rule (id, name) VALUES (2, 'a')", .unique),
        ("INSERT INTO rule (id, name) VALUES (2, NULL)", .notNull),
        ("INSERT INTO rule (id, name, size) VALUES (2, 'b', -1)", .check),
        ("INSERT INTO rule (id, name, size) VALUES (2, 'b', 'x')", .datatype),
        ("INSERT INTO rule (id, name, parent) VALUES (2, 'b', 77)", .foreignKey),
    ]

    @Test(arguments: 0..<violations.count)
    func `a violated constraint tells its kind`(_ index: Int) throws {
        let (sql, kind) = Self.violations[index]
        let database = try makeStore(on: disk)
        try database.write {
            try $0.execute(
                script: """
                    CREATE TABLE rule (
                        id INT PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INT CHECK (size >= 0),
                        parent INT REFERENCES rule (id)
                    ) STRICT;
                    INSERT INTO rule (id, name) VALUES (1, 'a');
                    """)
        }
        #expect(failureCode { try database.write { try $0.execute(sql) } } == .constraint(kind))
    }

    @Test func `an error says what was run and why it was refused`() throws {
        let database = try makeStore(on: disk)
        try database.write { try $0.execute("INSERT INTO entry VALUES (1, NULL)") }
        let error = #expect(throws: SQLiteError.self) {
            try database.write { try $0.execute("INSERT INTO entry VALUES (?, ?)", 1, "secret") }
        }
        #expect(
            error?.description
                == "run \"INSERT INTO entry VALUES (?, ?)\": UNIQUE constraint failed: entry.id (sqlite 1555)")
    }

    @Test func `SQL that does not parse fails with the reason`() throws {
        let database = try makeStore(on: disk)
        let error = #expect(throws: SQLiteError.self) { try database.read { try $0.execute("SELEKT 1") } }
        #expect(error?.code == .failed)
        #expect(error?.description.contains("syntax error") == true)
    }

    @Test func `a file that is no database is refused at open`() throws {
        disk.put(Array(repeating: 0x41, count: 8192), at: "/store")
        #expect(failureCode { _ = try makeStore(on: disk) } == .notADatabase)
    }

    @Test func `a damaged page is told as corruption, and a check finds it`() throws {
        do {
            let database = try makeStore(on: disk)
            try database.write { transaction in
                for id in 1...500 { try transaction.execute("INSERT INTO entry VALUES (?, zeroblob(500))", id) }
            }
            _ = try database.checkpoint(.truncate)
        }
        var content = try #require(disk.content(of: "/store"))
        // Every page but those of the schema and of the tables' roots.
        for index in (4096 * 4)..<content.count { content[index] = 0xA5 }
        disk.put(content, at: "/store")
        let database = try makeStore(on: disk)
        #expect(
            failureCode {
                try database.read { try $0.all("SELECT content FROM entry") { try $0.value(0, as: [UInt8].self) } }
            } == .corrupt)
        #expect(try !database.quickCheck().isEmpty)
        #expect(try !database.integrityCheck().isEmpty)
    }

    @Test func `a value beyond SQLite's limit is too big`() throws {
        let database = try makeStore(on: disk)
        #expect(failureCode { try database.write { try $0.execute("SELECT zeroblob(2000000000)") } } == .tooBig)
    }

    @Test func `a folder that is not there is named`() throws {
        try withTemporaryFolder { folder in
            let error = #expect(throws: SQLiteError.self) { _ = try Database(path: "\(folder)/none/store") }
            #expect(error?.code == .cannotOpen)
            #expect(
                error?.description == "make database \(folder)/none/store: no such file or directory (errno 2)")
        }
    }

    @Test func `a database opened for reading refuses to write`() throws {
        try withTemporaryFolder { folder in
            _ = try makeStore(at: "\(folder)/store")
            var options = DatabaseOptions()
            options.access = .readOnly
            let database = try Database(path: "\(folder)/store", options: options)
            #expect(failureCode { try database.write { try $0.execute("DELETE FROM entry") } } == .readOnly)
            #expect(try database.read { try $0.all("SELECT id FROM entry") { try $0.value(0, as: Int.self) } } == [])
        }
    }

    @Test func `a file that must exist is not made`() throws {
        try withTemporaryFolder { folder in
            var options = DatabaseOptions()
            options.access = .readWrite
            #expect(failureCode { _ = try Database(path: "\(folder)/store", options: options) } == .cannotOpen)
            #expect(unsafe access("\(folder)/store", F_OK) != 0)
        }
    }

    @Test func `an interrupt from another thread ends a statement`() throws {
        let database = try makeStore(on: disk)
        let interrupter = database.interrupter
        var thread = pthread_t()
        let code = failureCode {
            try database.read { transaction in
                // Begins while rows flow, so that the interrupt meets a running statement.
                try transaction.forEach(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
                ) { row in
                    guard try row.value(0, as: Int.self) == 10 else { return }
                    thread = startInterrupting(interrupter)
                }
            }
        }
        pthread_join(thread, nil)
        #expect(code == .interrupted)
        #expect(try database.quickCheck() == [])
    }

    @Test func `an interrupter outlives its database`() throws {
        var database: Database? = try makeStore(on: disk)
        let interrupter = database?.interrupter
        database = nil
        interrupter?.interrupt()
        #expect(interrupter != nil)
    }
}

private func startInterrupting(_ interrupter: Interrupter) -> pthread_t {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(interrupter).toOpaque()
    unsafe pthread_create(
        &thread, nil,
        { context in
            if let context = unsafe context {
                unsafe Unmanaged<Interrupter>.fromOpaque(context).takeRetainedValue().interrupt()
            }
            return nil
        }, context)
    return thread
}
