import CSQLite

/// The one error of this module: what a caller can do something about, and a sentence for people.
package struct SQLiteError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// Another connection holds the lock and the busy timeout ran out; try again later.
        case busy
        /// No space left, or a size limit of the file was reached. The transaction is rolled back; the database is usable.
        case full
        /// The file is damaged; restore a backup.
        case corrupt
        /// The file is something else, or encrypted.
        case notADatabase
        case constraint(ConstraintKind)
        /// The connection or the file does not allow writing.
        case readOnly
        /// The disk refused to read, write or sync. A commit that failed so is not acknowledged, but a crash may still
        /// bring it back whole.
        case ioFailed
        /// A value or a row exceeds SQLite's limits.
        case tooBig
        /// An `Interrupter` ended the statement.
        case interrupted
        /// The file or its folder cannot be opened or made.
        case cannotOpen
        /// A column does not hold the type that was asked for.
        case mismatch
        /// SQLite ended the transaction at an earlier failure; nothing further may be written in it.
        case rolledBack
        /// Anything else: a mistake in the SQL, memory, a lock inside the connection.
        case failed
    }

    package enum ConstraintKind: Equatable, Sendable {
        case unique, primaryKey, foreignKey, notNull, check, datatype, other
    }

    package let code: Code
    /// SQLite's extended result code, 0 where the failure is not SQLite's.
    package let extendedCode: Int32
    package let description: String

    init(_ code: Code, extendedCode: Int32 = 0, _ description: String) {
        self.code = code
        self.extendedCode = extendedCode
        self.description = description
    }

    /// Takes the message of the last call on `connection`; to be made before any other call on it.
    init(extendedCode: Int32, of connection: OpaquePointer? = nil, doing operation: String) {
        let reason = unsafe connection.flatMap { unsafe sqlite3_errmsg($0) } ?? sqlite3_errstr(extendedCode)
        let text = unsafe reason.map { unsafe String(cString: $0) } ?? "unknown"
        self.init(
            Code(extendedCode: extendedCode), extendedCode: extendedCode,
            "\(operation): \(text) (sqlite \(extendedCode))")
    }
}

extension SQLiteError {
    /// SQLITE_IOERR_FSYNC, another macro that does not import.
    var isFailedSync: Bool { extendedCode == SQLITE_IOERR | 4 << 8 }
}

extension SQLiteError.Code {
    init(extendedCode: Int32) {
        // The low byte is the primary code (https://sqlite.org/rescode.html).
        switch extendedCode & 0xFF {
        case SQLITE_BUSY: self = .busy
        case SQLITE_FULL: self = .full
        case SQLITE_CORRUPT: self = .corrupt
        case SQLITE_NOTADB: self = .notADatabase
        case SQLITE_CONSTRAINT: self = .constraint(SQLiteError.ConstraintKind(extendedCode: extendedCode))
        case SQLITE_READONLY: self = .readOnly
        case SQLITE_IOERR: self = .ioFailed
        case SQLITE_TOOBIG: self = .tooBig
        case SQLITE_INTERRUPT: self = .interrupted
        case SQLITE_CANTOPEN, SQLITE_PERM: self = .cannotOpen
        default: self = .failed
        }
    }
}

extension SQLiteError.ConstraintKind {
    // The extended codes are C macros with arithmetic, which Swift does not import: primary | kind << 8.
    init(extendedCode: Int32) {
        switch extendedCode >> 8 {
        case 1: self = .check
        case 3: self = .foreignKey
        case 5: self = .notNull
        case 6: self = .primaryKey
        case 8, 10: self = .unique
        case 12: self = .datatype
        default: self = .other
        }
    }
}
