import CSQLite

/// A transaction that is open, lent to the closure it was opened for. Everything that runs SQL is here.
///
/// SQL is static text and values are bound, so no value can become SQL. After a failure that made SQLite roll back (a full
/// disk, a failed write) every further call throws `.rolledBack`: the next statement must not run outside a transaction.
package struct Transaction: ~Copyable {
    let connection: Connection
    let mayWrite: Bool

    /// The same transaction once more, for a face of another module that is lent as this one is.
    package borrowing func again() -> Transaction { Transaction(connection: connection, mayWrite: mayWrite) }

    /// Runs a statement whose rows, if any, are not wanted. Returns how many rows it changed.
    @discardableResult
    package borrowing func execute(
        _ sql: StaticString, _ values: any SQLiteConvertible...
    ) throws(SQLiteError) -> Int {
        try requireOpen()
        try connection.run(sql, values, onlyReading: !mayWrite)
        precondition(!connection.isIdle, "\(quoted(sql)) ended the transaction it ran in")
        return connection.changes
    }

    /// What `body` makes of the first row, `nil` without one. Serves `INSERT … RETURNING` too: SQLite changes all rows
    /// before it returns the first.
    package borrowing func first<Value>(
        _ sql: StaticString, _ values: any SQLiteConvertible...,
        body: (borrowing Row) throws -> Value
    ) throws -> Value? {
        var found: Value?
        try run(sql, values) { row in
            found = try body(row)
            return false
        }
        return found
    }

    /// What `body` makes of each row. The statement's LIMIT bounds it.
    package borrowing func all<Value>(
        _ sql: StaticString, _ values: any SQLiteConvertible...,
        body: (borrowing Row) throws -> Value
    ) throws -> [Value] {
        var all: [Value] = []
        try run(sql, values) { row in
            all.append(try body(row))
            return true
        }
        return all
    }

    /// Gives `body` each row. It may run other statements, and the same one again.
    package borrowing func forEach(
        _ sql: StaticString, _ values: any SQLiteConvertible...,
        body: (borrowing Row) throws -> Void
    ) throws {
        try run(sql, values) { row in
            try body(row)
            return true
        }
    }

    /// Gives `body` each row until it returns false.
    package borrowing func walk(
        _ sql: StaticString, _ values: any SQLiteConvertible...,
        body: (borrowing Row) throws -> Bool
    ) throws {
        try run(sql, values, body)
    }

    /// The id of the last row this connection inserted.
    package var lastInsertRowID: Int64 { connection.lastInsertRowID }

    /// Runs several statements without values, for schemas and migrations.
    package borrowing func execute(script: StaticString) throws(SQLiteError) {
        precondition(mayWrite, "a script in a read transaction")
        try requireOpen()
        try connection.runOnce(script.description, doing: "run script \(quoted(script))")
        precondition(!connection.isIdle, "\(quoted(script)) ended the transaction it ran in")
    }

    /// Runs `body` so that, if it throws, only its own changes are undone and the transaction goes on. They nest.
    @discardableResult
    package borrowing func savepoint<Value>(_ body: () throws -> Value) throws -> Value {
        try requireOpen()
        try connection.run("SAVEPOINT inner")
        do {
            let value = try body()
            try requireOpen()
            try connection.run("RELEASE inner")
            return value
        } catch {
            // Idle: SQLite has rolled everything back, the savepoint is gone with it.
            if !connection.isIdle {
                try connection.run("ROLLBACK TO inner")
                try connection.run("RELEASE inner")
            }
            throw error
        }
    }

    /// A number for the owner's use, 0 in a new file: the version of its schema.
    package borrowing func userVersion() throws(SQLiteError) -> Int32 {
        try requireOpen()
        return Int32(truncatingIfNeeded: try connection.answer("PRAGMA user_version", as: Int.self))
    }

    package borrowing func setUserVersion(_ version: Int32) throws(SQLiteError) {
        try setHeader("user_version", version)
    }

    /// A number that tells whose file this is, 0 in a new one.
    package borrowing func applicationID() throws(SQLiteError) -> Int32 {
        try requireOpen()
        return Int32(truncatingIfNeeded: try connection.answer("PRAGMA application_id", as: Int.self))
    }

    package borrowing func setApplicationID(_ id: Int32) throws(SQLiteError) {
        try setHeader("application_id", id)
    }

    private borrowing func setHeader(_ name: StaticString, _ value: Int32) throws(SQLiteError) {
        precondition(mayWrite, "\(name) set in a read transaction")
        try requireOpen()
        try connection.runOnce("PRAGMA \(name) = \(value)", doing: "set \(name)")
    }

    private borrowing func run(
        _ sql: StaticString, _ values: [any SQLiteConvertible], _ body: (borrowing Row) throws -> Bool
    ) throws {
        try requireOpen()
        try connection.run(sql, values, onlyReading: !mayWrite, body)
        precondition(!connection.isIdle, "\(quoted(sql)) ended the transaction it ran in")
    }

    borrowing func requireOpen() throws(SQLiteError) {
        guard !connection.isIdle else {
            throw SQLiteError(.rolledBack, "transaction on \(connection.path): rolled back at an earlier failure")
        }
    }
}
