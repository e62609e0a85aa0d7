import CSQLite

/// One row of a running statement, lent to a closure; it cannot be kept.
@safe package struct Row: ~Copyable {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { unsafe self.handle = handle }

    /// The value of a column, counted from 0. Throws `.mismatch` if the column holds something else: nothing is coerced,
    /// and NULL is read only into an optional.
    package borrowing func value<Value: SQLiteConvertible>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws(SQLiteError) -> Value {
        let stored = try stored(column)
        guard let value = Value(stored) else { throw mismatch(column, stored, Value.self) }
        return value
    }

    /// That the column holds something else than the type that is wanted of it.
    package borrowing func mismatch(_ column: Int, _ stored: SQLiteValue, _ type: Any.Type) -> SQLiteError {
        SQLiteError(.mismatch, "read \(name(column)) as \(type): it holds \(stored.kind)")
    }

    /// What the column holds, of whatever kind.
    package borrowing func stored(_ column: Int) throws(SQLiteError) -> SQLiteValue {
        let count = unsafe Int(sqlite3_data_count(handle))
        precondition(column >= 0 && column < count, "column \(column) of a row of \(count)")
        let index = Int32(column)
        switch unsafe sqlite3_column_type(handle, index) {
        case SQLITE_INTEGER: return unsafe .integer(sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: return unsafe .real(sqlite3_column_double(handle, index))
        case SQLITE_TEXT:
            // The pointer before the count, as the manual asks.
            let start = unsafe sqlite3_column_text(handle, index)
            let bytes = unsafe UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, index)))
            guard let text = unsafe try? UTF8Span(validating: bytes.span) else {
                throw SQLiteError(.mismatch, "read \(name(column)): the text is not UTF-8")
            }
            return .text(String(copying: text))
        case SQLITE_BLOB:
            let start = unsafe sqlite3_column_blob(handle, index)
            let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, index)))
            return unsafe .blob(Array(bytes))
        default: return .null
        }
    }

    private borrowing func name(_ column: Int) -> String {
        let name = unsafe sqlite3_column_name(handle, Int32(column)).map { unsafe String(cString: $0) }
        return "column \(column) (\(name ?? "unnamed"))"
    }
}
