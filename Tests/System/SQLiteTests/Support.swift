import DroppingVFS
import SQLite

/// The code of the failure of `body`; `nil` when it succeeds.
func failureCode<Value>(_ body: () throws -> Value) -> SQLiteError.Code? {
    do {
        _ = try body()
        return nil
    } catch {
        return (error as? SQLiteError)?.code
    }
}

/// A database on `disk` with the tables the tests use.
func makeStore(
    on disk: DroppingDisk, synchronous: DatabaseOptions.Synchronous = .full
) throws -> Database {
    var options = DatabaseOptions()
    options.vfs = disk.name
    options.synchronous = synchronous
    let database = try Database(path: "/store", options: options)
    try database.write { try makeTables(in: $0) }
    return database
}

func makeStore(at path: String, options: DatabaseOptions = DatabaseOptions()) throws -> Database {
    let database = try Database(path: path, options: options)
    try database.write { try makeTables(in: $0) }
    return database
}

private func makeTables(in transaction: borrowing Transaction) throws {
    try transaction.execute(
        script: """
            CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, content ANY) STRICT;
            CREATE TABLE IF NOT EXISTS batch (
                batch INTEGER NOT NULL, row INTEGER NOT NULL, rows INTEGER NOT NULL, filler BLOB,
                PRIMARY KEY (batch, row)
            ) STRICT, WITHOUT ROWID;
            """)
}
