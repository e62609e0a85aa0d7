import CSQLite

/// The handle of one connection, its statements and what every caller of it shares. `Database`, `Transaction` and `Backup`
/// are the faces of it.
///
/// A class because SQLite keeps a pointer to it for the WAL hook, and because a backup must keep its source open.
@safe final class Connection {
    let path: String
    let statements: StatementCache
    let interrupter: Interrupter
    fileprivate(set) var framesInWAL = 0
    /// A sync failed: see `renewWAL`.
    private(set) var hasFailedSync = false
    private let handle: OpaquePointer

    init(path: String, flags: Int32, options: DatabaseOptions) throws(SQLiteError) {
        _ = withoutMemoryCounts
        var handle: OpaquePointer?
        let all = flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE
        let code = unsafe sqlite3_open_v2(path, &handle, all, options.vfs)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            let error = unsafe SQLiteError(extendedCode: code, of: handle, doing: "open database \(path)")
            unsafe sqlite3_close_v2(handle)
            throw error
        }
        self.path = path
        statements = StatementCache(capacity: options.statementCacheCapacity)
        interrupter = unsafe Interrupter(handle)
        unsafe self.handle = handle
        let (seconds, attoseconds) = options.busyTimeout.components
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        _ = unsafe sqlite3_busy_timeout(handle, Int32(clamping: milliseconds))
        unsafe installWALHook(on: handle, for: self)
        try harden()
    }

    deinit {
        interrupter.detach()
        statements.removeAll()
        unsafe sqlite3_close_v2(handle)
    }

    /// Nothing in a file, not even a hostile one, may reach beyond it or undo what SQLite relies on.
    private func harden() throws(SQLiteError) {
        for (flag, value) in [(SQLITE_DBCONFIG_DEFENSIVE, Int32(1)), (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)] {
            let code = unsafe csqlite_set_flag(handle, flag, value)
            guard code == SQLITE_OK else { throw failure(code, "harden database \(path)") }
        }
    }

    // MARK: Running

    /// Runs `sql`, giving `body` each row until it returns false.
    func run(
        _ sql: StaticString, _ values: [any SQLiteConvertible] = [], onlyReading: Bool = false,
        _ body: (borrowing Row) throws -> Bool
    ) throws {
        let statement = try begin(sql, values, onlyReading)
        defer { statements.giveBack(statement) }
        while try step(statement) {
            guard try body(statement.row) else { return }
        }
    }

    /// Runs `sql` to its end, whatever rows it has.
    func run(
        _ sql: StaticString, _ values: [any SQLiteConvertible] = [], onlyReading: Bool = false
    ) throws(SQLiteError) {
        let statement = try begin(sql, values, onlyReading)
        defer { statements.giveBack(statement) }
        while try step(statement) {}
    }

    /// The first column of the first row.
    func answer<Value: SQLiteConvertible>(_ sql: StaticString, as type: Value.Type) throws(SQLiteError) -> Value {
        let statement = try begin(sql, [], false)
        defer { statements.giveBack(statement) }
        guard try step(statement) else { throw SQLiteError(.failed, "run \(quoted(sql)): no row") }
        return try statement.row.value(0)
    }

    private func step(_ statement: Statement) throws(SQLiteError) -> Bool {
        do throws(SQLiteError) {
            return try statement.step()
        } catch {
            hasFailedSync = hasFailedSync || error.isFailedSync
            throw error
        }
    }

    private func begin(
        _ sql: StaticString, _ values: [any SQLiteConvertible], _ onlyReading: Bool
    ) throws(SQLiteError) -> Statement {
        let statement = try unsafe statements.take(sql, on: handle)
        precondition(!onlyReading || statement.onlyReads, "\(quoted(sql)) writes, but runs in a read transaction")
        do throws(SQLiteError) {
            try statement.bind(values)
        } catch {
            statements.giveBack(statement)
            throw error
        }
        return statement
    }

    /// Runs text that is not kept: scripts, and pragmas, whose values cannot be bound. `text` is made by this module or
    /// static, never by a caller.
    func runOnce(_ text: String, doing operation: String) throws(SQLiteError) {
        let code = unsafe sqlite3_exec(handle, text, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, operation) }
    }

    /// No transaction is open.
    var isIdle: Bool { unsafe sqlite3_get_autocommit(handle) != 0 }
    var changes: Int { unsafe Int(sqlite3_changes64(handle)) }
    var lastInsertRowID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

    // MARK: Whole file

    func checkpoint(_ mode: CheckpointMode) throws(SQLiteError) -> CheckpointResult {
        var (frames, moved): (Int32, Int32) = (0, 0)
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, nil, mode.code, &frames, &moved)
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY else {
            let error = failure(code, "checkpoint database \(path)")
            hasFailedSync = hasFailedSync || error.isFailedSync
            throw error
        }
        return CheckpointResult(framesInWAL: Int(frames), framesMoved: Int(moved), isBlocked: code != SQLITE_OK)
    }

    /// Moves everything into the file and begins the WAL anew.
    ///
    /// After a failed sync Linux takes what it could not write for clean, and a later sync that succeeds does not write it:
    /// a hole may stay in the WAL, and a recovery would stop there and lose every commit behind it. What is read still
    /// comes from memory, whole; so it is copied away before anything else is acknowledged.
    func renewWAL() throws(SQLiteError) {
        guard try !checkpoint(.truncate).isBlocked else {
            throw SQLiteError(.busy, "renew the wal of \(path) after a failed sync: others are reading it")
        }
        hasFailedSync = false
    }

    /// A copy of the main database of `source` into this one. The caller finishes it before either connection goes.
    func startBackup(from source: Connection) throws(SQLiteError) -> OpaquePointer {
        guard let backup = unsafe sqlite3_backup_init(handle, "main", source.handle, "main") else {
            throw unsafe failure(sqlite3_extended_errcode(handle), "start backup to \(path)")
        }
        return unsafe backup
    }

    func failure(_ code: Int32, _ operation: String) -> SQLiteError {
        unsafe SQLiteError(extendedCode: code, of: handle, doing: operation)
    }
}

/// Before the first connection.
private let withoutMemoryCounts = csqlite_count_no_memory()

// A function of its own, so that the callback belongs to no actor.
private func installWALHook(on handle: OpaquePointer, for connection: Connection) {
    // The hook replaces SQLite's automatic checkpoints, which would run in the middle of some commit.
    unsafe sqlite3_wal_hook(
        handle,
        { context, _, _, frames in
            guard let context = unsafe context else { return SQLITE_OK }
            unsafe Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue().framesInWAL = Int(frames)
            return SQLITE_OK
        }, Unmanaged.passUnretained(connection).toOpaque())
}
