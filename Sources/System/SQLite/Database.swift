import CSQLite
import Glibc
import Platform

/// One connection to one file in WAL mode. Not copyable: exactly one owner, and it closes when that goes. It belongs to one
/// thread at a time; a program has one for its writer and one for each reader.
///
/// SQL runs inside `write` or `read` only, so no statement and no transaction outlives the closure it was made for.
package struct Database: ~Copyable {
    let connection: Connection

    /// Opens `path`. The folder must exist; the file is made with mode 0600 unless the options say otherwise.
    package init(path: String, options: DatabaseOptions = DatabaseOptions()) throws(SQLiteError) {
        var flags = SQLITE_OPEN_READWRITE
        switch options.access {
        case .readOnly: flags = SQLITE_OPEN_READONLY
        case .readWrite: break
        case .readWriteCreate:
            if options.vfs == nil { try makePrivateFile(path) }
            flags |= SQLITE_OPEN_CREATE
        }
        let connection = try Connection(path: path, flags: flags, options: options)
        try configure(connection, options)
        self.connection = connection
    }

    /// Ends what this connection is doing, from any thread.
    package var interrupter: Interrupter { connection.interrupter }

    /// Pages in the WAL after this connection's last commit. Checkpoints are the owner's: without them the WAL grows
    /// without end. Run them on a connection of another thread, so that no commit waits for one.
    package var framesInWAL: Int { connection.framesInWAL }

    // MARK: Transactions

    /// Runs `body` in a transaction that holds the write lock from its beginning, and returns after the commit: what it
    /// returned is then as durable as `synchronous` promises. Whatever is thrown, by `body` or by the commit, nothing of it
    /// stays and no transaction is left open. One inside another traps; use a savepoint.
    @discardableResult
    package borrowing func write<Value>(_ body: (borrowing Transaction) throws -> Value) throws -> Value {
        try transact("BEGIN IMMEDIATE", mayWrite: true, body)
    }

    /// Runs `body` on one unchanging state of the database. A statement that writes traps.
    package borrowing func read<Value>(_ body: (borrowing Transaction) throws -> Value) throws -> Value {
        try transact("BEGIN", mayWrite: false, body)
    }

    private borrowing func transact<Value>(
        _ begin: StaticString, mayWrite: Bool, _ body: (borrowing Transaction) throws -> Value
    ) throws -> Value {
        precondition(connection.isIdle, "a transaction inside a transaction; use a savepoint")
        if mayWrite && connection.hasFailedSync { try connection.renewWAL() }
        try connection.run(begin)
        let value: Value
        do {
            let transaction = Transaction(connection: connection, mayWrite: mayWrite)
            value = try body(transaction)
            try transaction.requireOpen()
            try connection.run("COMMIT")
        } catch {
            // Already rolled back by SQLite after a full disk and the like. The error worth knowing is the first one.
            if !connection.isIdle { try? connection.run("ROLLBACK") }
            precondition(connection.isIdle, "a transaction was left open: \(error)")
            throw error
        }
        precondition(connection.isIdle, "a commit left its transaction open")
        return value
    }

    // MARK: Upkeep

    /// Moves the WAL's pages into the file. After one that threw `.ioFailed`, commits of other connections are not safe
    /// until a `truncate` succeeded: see `Connection.renewWAL`.
    package borrowing func checkpoint(_ mode: CheckpointMode) throws(SQLiteError) -> CheckpointResult {
        precondition(connection.isIdle, "a checkpoint inside a transaction")
        return try connection.checkpoint(mode)
    }

    /// What is wrong with the file, at most 100 findings; empty when it is sound. Skips the match of indexes and tables,
    /// and so takes a fraction of `integrityCheck`'s time.
    package borrowing func quickCheck() throws -> [String] { try findings("PRAGMA quick_check(100)") }

    /// As `quickCheck`, and compares every index with its table and every foreign key with its target.
    package borrowing func integrityCheck() throws -> [String] {
        var all = try findings("PRAGMA integrity_check(100)")
        try connection.run("PRAGMA foreign_key_check") { row in
            all.append("foreign key of table \(try row.value(0, as: String.self)) without its target")
            return all.count < 100
        }
        return all
    }

    private borrowing func findings(_ pragma: StaticString) throws -> [String] {
        var findings: [String] = []
        do {
            try connection.run(pragma) { row in
                findings.append(try row.value(0))
                return true
            }
        } catch let error as SQLiteError where error.code == .corrupt {
            // Damage that the check itself stumbled over.
            findings.append(error.description)
        }
        return findings == ["ok"] ? [] : findings
    }

    /// Statements prepared since the connection was opened, and kept now.
    package var statementCounts: (prepared: Int, kept: Int) {
        (connection.statements.prepared, connection.statements.count)
    }
}

/// Makes the file with the wanted mode, whatever the umask allows beyond it; SQLite gives the WAL the same.
///
/// `mknod` because it opens nothing: closing a descriptor of a file drops every lock this process holds on it, those of
/// other connections too (https://sqlite.org/howtocorrupt.html).
func makePrivateFile(_ path: String) throws(SQLiteError) {
    // Without a type in its mode it is a regular file.
    guard unsafe mknod(path, 0o600, 0) != 0 else { return }
    let code = lastErrno
    guard code != EEXIST else { return }
    throw SQLiteError(.cannotOpen, "make database \(path): \(describe(errno: code))")
}

private func configure(_ connection: Connection, _ options: DatabaseOptions) throws(SQLiteError) {
    let opening = "open database \(connection.path)"
    // First, because it is the first to read the file: something else than a database is told here.
    if options.access != .readOnly {
        let mode = try connection.answer("PRAGMA journal_mode = WAL", as: String.self)
        guard mode == "wal" else { throw SQLiteError(.failed, "\(opening): journal mode is \(mode), not wal") }
    }
    let pragmas = [
        "synchronous = \(options.synchronous.rawValue)",
        "foreign_keys = ON",
        "cache_size = -\(options.cacheKibibytes)",
        "temp_store = MEMORY",
        // A read error under a memory map is a signal, not an error code.
        "mmap_size = 0",
        // What must not be readable is encrypted before it gets here; wiping every freed page is not worth its writes.
        "secure_delete = OFF",
        // After a burst the WAL shrinks to this at its next start from the beginning.
        "journal_size_limit = \(64 << 20)",
    ]
    for pragma in pragmas { try connection.runOnce("PRAGMA \(pragma)", doing: opening) }
    if options.access == .readOnly { _ = try connection.answer("PRAGMA schema_version", as: Int.self) }
}
