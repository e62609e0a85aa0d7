import Platform
import SQLite

/// What a caller of the store can act on; the database's own errors stop here.
package struct StoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        /// Another process holds the file.
        case busy
        /// What must be unique is there already.
        case duplicate
        /// Not a place in this list, or in no list of this database.
        case badCursor
        /// A place in a log that is no more.
        case cursorGone
        /// No space left.
        case full
        /// Damaged: restore a backup.
        case damaged
        /// Written by a newer version of this program.
        case tooNew
        /// Not a database, or another program's.
        case foreign
        /// The file or its folder cannot be opened, made or written.
        case inaccessible
        case failed
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ cause: any Error, while operation: String? = nil) {
        if let cause = cause as? StoreError {
            self = cause
            return
        }
        code =
            (cause as? SQLiteError).map { Code($0.code) } ?? (cause as? PlatformError).map { Code($0.code) } ?? .failed
        description = operation.map { "\($0): \(cause)" } ?? "\(cause)"
    }
}

extension StoreError.Code {
    init(_ code: SQLiteError.Code) {
        self =
            switch code {
            case .busy, .interrupted: .busy
            case .full: .full
            case .corrupt, .mismatch: .damaged
            case .notADatabase: .foreign
            case .readOnly, .cannotOpen: .inaccessible
            case .constraint(.unique), .constraint(.primaryKey): .duplicate
            case .ioFailed, .constraint, .tooBig, .rolledBack, .failed: .failed
            }
    }

    init(_ code: PlatformError.Code) {
        self =
            switch code {
            case .notFound, .denied: .inaccessible
            case .full: .full
            case .tooLarge, .addressInUse, .failed: .failed
            }
    }
}
