import CSQLite

/// A prepared statement in the cache of its connection, or beside it while the cached one is in use.
///
/// A class because a dictionary holds only copyable values; its one owner is the cache or the call that runs it.
@safe final class Statement {
    let sql: StaticString
    let onlyReads: Bool
    fileprivate(set) var isInUse = false
    fileprivate(set) var lastUse: UInt64 = 0
    private let connection: OpaquePointer
    private let handle: OpaquePointer

    fileprivate init(_ sql: StaticString, on connection: OpaquePointer) throws(SQLiteError) {
        var handle: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let text = unsafe UnsafeRawPointer(sql.utf8Start).assumingMemoryBound(to: CChar.self)
        // One more byte than the text: a length that includes the terminator saves SQLite a copy.
        let code = unsafe sqlite3_prepare_v3(connection, text, Int32(sql.utf8CodeUnitCount + 1), flags, &handle, nil)
        guard code == SQLITE_OK, let handle = unsafe handle else {
            throw unsafe SQLiteError(extendedCode: code, of: connection, doing: "prepare \(quoted(sql))")
        }
        self.sql = sql
        onlyReads = unsafe sqlite3_stmt_readonly(handle) != 0
        unsafe self.connection = connection
        unsafe self.handle = handle
    }

    deinit { unsafe sqlite3_finalize(handle) }

    func bind(_ values: [any SQLiteConvertible]) throws(SQLiteError) {
        let wanted = unsafe Int(sqlite3_bind_parameter_count(handle))
        precondition(values.count == wanted, "\(quoted(sql)) takes \(wanted) values, not \(values.count)")
        for (offset, value) in values.enumerated() {
            let code = bind(value.sqliteValue, at: Int32(offset + 1))
            guard code == SQLITE_OK else { throw failure(code, "bind value \(offset + 1) of") }
        }
    }

    private func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .null: return unsafe sqlite3_bind_null(handle, index)
        case .integer(let integer): return unsafe sqlite3_bind_int64(handle, index, integer)
        case .real(let real): return unsafe sqlite3_bind_double(handle, index, real)
        case .text(var text):
            return text.withUTF8 { bytes in
                unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                    unsafe csqlite_bind_text_copy(handle, index, characters.baseAddress, UInt64(bytes.count))
                }
            }
        case .blob(let blob):
            guard !blob.isEmpty else { return unsafe sqlite3_bind_zeroblob(handle, index, 0) }
            return unsafe blob.withUnsafeBytes { bytes in
                unsafe csqlite_bind_blob_copy(handle, index, bytes.baseAddress, UInt64(bytes.count))
            }
        }
    }

    /// Whether there is a row.
    func step() throws(SQLiteError) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code, "run")
        }
    }

    var row: Row { unsafe Row(handle) }

    /// Ends the run: without it the statement would keep its read transaction open and its values in memory.
    fileprivate func reset() {
        // The code repeats the failure of `step`, which was thrown.
        _ = unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
    }

    private func failure(_ code: Int32, _ verb: String) -> SQLiteError {
        unsafe SQLiteError(extendedCode: code, of: connection, doing: "\(verb) \(quoted(sql))")
    }
}

/// The prepared statements of one connection by the address of their text, which is static and so never moves.
///
/// At most `capacity`, the longest unused goes first: a program has a fixed number of texts, the bound only keeps a mistake
/// from growing without end. A text that is run again while it runs gets an instance of its own for that time.
@safe final class StatementCache {
    private var statements: [UnsafePointer<UInt8>: Statement] = unsafe [:]
    private let capacity: Int
    private var uses: UInt64 = 0
    private(set) var prepared = 0

    init(capacity: Int) {
        precondition(capacity > 0, "a statement cache holds at least one statement")
        self.capacity = capacity
    }

    func take(_ sql: StaticString, on connection: OpaquePointer) throws(SQLiteError) -> Statement {
        precondition(sql.hasPointerRepresentation, "a statement is longer than one character")
        uses += 1
        let statement: Statement
        if let known = unsafe statements[sql.utf8Start], !known.isInUse {
            statement = known
        } else {
            statement = try unsafe Statement(sql, on: connection)
            prepared += 1
            if unsafe statements[sql.utf8Start] == nil { keep(statement) }
        }
        statement.isInUse = true
        statement.lastUse = uses
        return statement
    }

    func giveBack(_ statement: Statement) {
        statement.reset()
        statement.isInUse = false
    }

    func removeAll() { unsafe statements.removeAll() }

    var count: Int { unsafe statements.count }

    private func keep(_ statement: Statement) {
        if unsafe statements.count >= capacity {
            // A walk over all of them, but only while a program still meets new texts.
            let idle = unsafe statements.filter { unsafe !$0.value.isInUse }
            guard let oldest = unsafe idle.min(by: { unsafe $0.value.lastUse < $1.value.lastUse }) else { return }
            unsafe statements[oldest.key] = nil
        }
        unsafe statements[statement.sql.utf8Start] = statement
    }
}

/// SQL for an error: its beginning on one line. It is static text, so it cannot hold a secret.
func quoted(_ sql: StaticString) -> String {
    let line = sql.description.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > 100 ? "\"\(line.prefix(100))…\"" : "\"\(line)\""
}
